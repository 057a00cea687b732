"""Leaves and kinds, from Unicode and from WordNet, with what MiniLM makes of their words (chapter Taxonomy).

The vectors are `python -m toyclip.assets.make_kinds`'s, eight bits a number; kinds.json beside them says from what.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor

from toyclip import streams
from toyclip.errors import InputError, lookup
from toyclip.studies.real_encoders.features import concept_names
from toyclip.studies.taxonomy.kinds import members
from toyclip.studies.taxonomy.vendor import description

TABLES = ("Unicode", "WordNet")
APART = 4  # of so many leaves of a kind one is held out


@dataclass(frozen=True)
class Leaves:
    """Things with a name, and the kinds that each belongs to."""

    names: tuple[str, ...]  # L, Unicode's
    concepts: Tensor  # (L,) whose pictures they are, among those of real.json
    kinds: tuple[str, ...]  # K words
    truth: np.ndarray  # (L, K) bool, which kinds each leaf is of

    @property
    def group(self) -> np.ndarray:
        """The smallest kind of each leaf, (L,): its only one in Unicode, the nearest in WordNet."""
        return np.where(self.truth, self.truth.sum(axis=0), len(self.names) + 1).argmin(axis=1)


@functools.cache
def leaves_of(table: str) -> Leaves:
    """All leaves whose pictures real.safetensors holds, with the kinds of a table.

    Raises:
        InputError: if there is no such table.

    >>> [(len(leaves_of(table).names), len(leaves_of(table).kinds)) for table in TABLES]
    [(339, 16), (268, 39)]
    """
    lookup(dict.fromkeys(TABLES), table, "table")
    place = {name: i for i, name in enumerate(concept_names())}
    kinds_of = description()["wordnet"]
    if table == "Unicode":
        kinds_of = {leaf.name: [kind] for kind, pool in members().items() for leaf in pool if leaf.name in place}
    kinds = tuple(dict.fromkeys(kind for own in kinds_of.values() for kind in own))
    truth = np.array([[kind in own for kind in kinds] for own in kinds_of.values()])
    return Leaves(tuple(kinds_of), torch.tensor([place[name] for name in kinds_of]), kinds, truth)


@functools.cache
def _vectors() -> dict[str, Tensor]:
    rows = load_file(str(files("toyclip.assets") / "kinds.safetensors"))["texts"].float()  # (T, 384)
    return dict(zip(description()["texts"], F.normalize(rows, dim=1), strict=True))


def read(words: Sequence[str]) -> Tensor:
    """What MiniLM makes of names and of kinds' words, (n, 384), each of length 1.

    Raises:
        InputError: if a word is none of those that are stored.

    >>> koala, mammal, tool = read(["koala", "mammal", "tool"])
    >>> bool(koala @ mammal > koala @ tool)
    True
    """
    known = _vectors()
    if unknown := [word for word in words if word not in known]:
        raise InputError(f"no vector is stored of {', '.join(map(repr, unknown))}; make kinds.safetensors again")
    return torch.stack([known[word] for word in words])


def hold_out(leaves: Leaves, seed: int) -> np.ndarray:
    """Which leaves no picture is aligned with, (L,) bool: one in APART of each smallest kind, by lot, at least one.

    >>> bool(hold_out(leaves_of("Unicode"), seed=0).mean() < 0.27)
    True
    """
    rng, out = streams.rng(seed, "held out leaves"), np.zeros(len(leaves.names), dtype=bool)
    for group in np.unique(leaves.group):
        own = rng.permutation(np.flatnonzero(leaves.group == group))
        out[own[: max(1, round(len(own) / APART))]] = True
    return out


def rename(how: str, leaves: Leaves, held_out: np.ndarray, seed: int) -> np.ndarray:
    """Whose word the pictures of each leaf are aligned with, (L,), a leaf's number.

    Args:
        how: "as they are"; "within": of another aligned leaf of the same smallest kind, if there is one; "across": of
            any aligned leaf, by lot; "wholes": every smallest kind gets the words of another one, some of them twice if
            it has fewer; the held out those of its held out.
        held_out: (L,) bool.
    """
    rng, said, group = streams.rng(seed, "words", how), np.arange(len(leaves.names)), leaves.group
    if how == "across":
        said[~held_out] = rng.permutation(said[~held_out])
    elif how == "within":
        for k in np.unique(group):
            circle = rng.permutation(np.flatnonzero((group == k) & ~held_out))
            said[circle] = np.roll(circle, 1)
    elif how == "wholes":
        order = rng.permutation(np.unique(group))
        for k, other in zip(order, np.roll(order, 1), strict=True):
            for part in (held_out, ~held_out):
                own, words = (np.flatnonzero((group == g) & part) for g in (k, other))
                said[own] = np.resize(rng.permutation(words), len(own))
    return said
