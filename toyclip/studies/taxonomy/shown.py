"""Kinds shown for more and more leaves, and leaves drawn by a vendor never trained on (chapter Taxonomy)."""

import functools
import itertools

import numpy as np
import torch
from torch import Tensor

from toyclip import streams
from toyclip.errors import lookup
from toyclip.lab.study import Study
from toyclip.studies.frequency.concepts import draw_concepts
from toyclip.studies.taxonomy import kinds, seeing, text
from toyclip.studies.taxonomy.carried import FIRST, FULL, Amounts, drawings, language, lessons, taxonomy_of
from toyclip.studies.taxonomy.grading import graded, luck
from toyclip.studies.taxonomy.kinds import ALIGNED, KINDS, SLOTS, Taxonomy
from toyclip.studies.taxonomy.mapping import Mapping, align
from toyclip.studies.taxonomy.vendor import redrawn

CONDITIONS = {  # text that was read, renaming, leaves of each kind whose captions name it, kinds of which none is named
    **{f"{n} of 10 leaves": ("true", "as they are", n, 0) for n in (0, 1, 3, 5, 7, 9, 10)},
    **{f"{n} of 10 leaves, random model": ("none", "as they are", n, 0) for n in (0, 5, 10)},
    **{f"{n} kinds out": ("true", "as they are", ALIGNED, n) for n in (4, 12)},
    "across": ("true", "across", 0, 0),
}


@functools.lru_cache(maxsize=1)
def looks(seed: int, amounts: Amounts) -> tuple[Tensor, Tensor, Tensor]:
    """What the encoder of two views makes of drawings to align, to test, and to test by another vendor, (L, n, 64).

    In units of the aligned drawings' standard deviations from their mean.
    """
    taxonomy, model = taxonomy_of(seed), seeing.school(lessons(seed, amounts), "views", seed, amounts.encoder)
    others = redrawn(taxonomy.leaves)
    elsewhere = draw_concepts(others, [amounts.test] * len(others), streams.number(seed, "another vendor")).pixels
    shown = (*drawings(seed, amounts), elsewhere)  # (L n, 3, H, W), two of (L m, 3, H, W)
    used, *tested = (seeing.look(model, part).unflatten(0, (len(others), -1)) for part in shown)
    known = used[torch.from_numpy(~taxonomy.held_out)].flatten(0, 1)
    mean, deviation = known.mean(dim=0), known.std(dim=0) + 1e-6  # (64,) each
    used, seen, other = ((part - mean) / deviation for part in (used, *tested))
    return used, seen, other


def out(seed: int, count: int) -> list[int]:
    """The numbers of so many kinds that are left out altogether, by lot; fewer are among more."""
    return streams.rng(seed, "withheld").permutation(len(KINDS))[:count].tolist()


def captions(taxonomy: Taxonomy, said: np.ndarray, taught: int, shut: list[int]) -> tuple[list[int], list[str]]:
    """Which leaf's drawings each caption goes with, and the caption: names of all, kinds of some.

    Args:
        said: (L,), whose word each leaf's pictures carry.
        taught: leaves of each kind whose kind is named.
        shut: the numbers of the kinds that are named for none.
    """
    leaves, names = np.flatnonzero(~taxonomy.held_out).tolist(), list(KINDS)
    kind = taxonomy.kind[said]  # (L,)
    told = [leaf for leaf in leaves if leaf % SLOTS < taught and kind[leaf] not in shut]
    sentences = [f"{text.NAME} {taxonomy.words[said[leaf]]}" for leaf in leaves]
    return leaves + told, sentences + [f"{text.IS_A} {names[kind[leaf]]}" for leaf in told]


def shown(name: str, seed: int, amounts: Amounts = FULL) -> dict:
    """One mapping, told so many leaves' kinds, and how well it finds kinds in drawings of two vendors.

    Captions that name kinds get updates of their own, so that names are heard as often with them as without.

    Args:
        name: of one of CONDITIONS.

    Returns:
        For "seen" leaves, aligned, none with its kind if any are without, and for "held" out ones, and for both as
        another vendor drew them, "seen elsewhere" and "held elsewhere": ap and f1 of each kind (or of those left out),
        luck, two_ap (picture -> word -> kind in two steps), leaf: share of pictures called by their right word.

    Raises:
        InputError: if there is no such condition.
    """
    read, how, taught, shut = lookup(CONDITIONS, name, "condition")
    seed += FIRST
    taxonomy, model, said = taxonomy_of(seed), language(seed, read, amounts), kinds.rename(how, seed)  # (L,)
    words, aligned = text.tokenizer(taxonomy), ~taxonomy.held_out
    used, *tested = looks(seed, amounts)  # (L, n, 64), two of (L, m, 64)
    whose, sentences = captions(taxonomy, said, taught, out(seed, shut))
    mapping, told = Mapping(seed=seed), np.repeat(sentences, used.shape[1]).tolist()
    updates = amounts.mapping * len(whose) // int(aligned.sum())
    align(mapping, model, words, used[whose].flatten(0, 1), told, seed, updates=updates)
    mapping.requires_grad_(False)
    lore = text.answers(model, text.vectors(model, words, taxonomy.words), words, text.IS_A, list(KINDS))  # (L, 16)
    untold = np.arange(len(said)) % SLOTS >= taught % ALIGNED  # all, if all or none are told
    asked, result = out(seed, shut) or range(len(KINDS)), {}
    parts = {"seen": aligned & untold, "held": ~aligned}
    for (part, mask), (where, drawn) in itertools.product(parts.items(), zip(("", " elsewhere"), tested, strict=True)):
        first = mapping(drawn[np.flatnonzero(mask)].flatten(0, 1))  # (N, W)
        word = np.repeat(said[mask], amounts.test)  # (N,)
        kind, names = taxonomy.kind[word], text.answers(model, first, words, text.NAME, taxonomy.words)  # (N, L)
        scores = text.answers(model, first, words, text.IS_A, list(KINDS))  # (N, 16)
        result[part + where] = graded(scores, kind, asked) | {
            "luck": luck(scores, kind, amounts.test, seed),
            "two_ap": graded(names @ lore, kind, asked)["ap"],
            "leaf": round(float((names.argmax(axis=1) == word).mean()), 4),
        }
    return result


STUDIES = (Study("taxonomy_shown", shown, seeds=5, conditions=tuple(CONDITIONS)),)
