"""Leaves and their kinds, from Unicode's groups of emoji, and how a seed deals them out (chapter Taxonomy)."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from toyclip import streams
from toyclip.pictures import Emoji, emoji

KINDS = {  # kind -> the subgroups of Unicode that make it up
    "mammal": ("animal-mammal",),
    "bird": ("animal-bird",),
    "bug": ("animal-bug",),
    "fruit": ("food-fruit",),
    "vegetable": ("food-vegetable",),
    "dish": ("food-prepared", "food-asian"),
    "dessert": ("food-sweet",),
    "drink": ("drink",),
    "garment": ("clothing",),
    "tool": ("tool",),
    "stationery": ("office", "book-paper", "writing"),
    "gadget": ("computer", "light & video", "phone"),
    "vehicle": ("transport-ground", "transport-air", "transport-water"),
    "plant": ("plant-flower", "plant-other"),
    "building": ("place-building", "place-religious"),
    "weather": ("sky & weather",),
}
COARSE = {  # kinds of kinds
    "animal": ("mammal", "bird", "bug"),
    "food": ("fruit", "vegetable", "dish", "dessert", "drink"),
    "artefact": ("garment", "tool", "stationery", "gadget", "vehicle"),
}
INVENTED = ("dax", "wug", "zav")  # kinds of leaves that nothing but a sentence holds together
LEFT_OUT = (  # words, and names, of parts, places and second drawings of one thing
    "face moon oncoming sun-with-face behind closed-umbrella umbrella-with-rain-drops umbrella-on-ground without "
    "paw-prints pig-nose guide-dog feather wing hatching-chick front-facing-baby-chick spider-web microbe wheel light "
    "sign construction oil-drum fuel-pump stop motorway railway-track station departure arrival seat parachute anchor "
    "buoy brick rock wood wedding houses derelict garden love-hotel clinking bottle-with-popping-cork pouring-liquid "
    "low-battery round-pushpin linked-paperclips open-file-folder spiral-calendar tear-off-calendar green-book "
    "blue-book orange-book woman’s-sandal camera-with-flash magnifying-glass-tilted-right motorized-wheelchair "
    "manual-wheelchair white-cane chains hammer-and-pick hammer-and-wrench glowing-star cloud-with-rain "
    "cloud-with-snow cloud-with-lightning cloud-with-lightning-and-rain"
)
SKIPPED = frozenset(LEFT_OUT.split())
ALIGNED, HELD_OUT = 10, 3  # leaves of each kind that pictures are aligned with, and that none ever is
SLOTS = ALIGNED + HELD_OUT


def word(concept: Emoji) -> str:
    """The one token that a leaf is called by: its Unicode name with hyphens."""
    return "-".join(concept.name.lower().split())


@functools.cache
def members() -> dict[str, tuple[Emoji, ...]]:
    """All leaves that a kind may have; none has a name in which its kind's name stands.

    >>> {len(leaves) >= SLOTS for leaves in members().values()}
    {True}
    """
    return {
        kind: tuple(e for e in emoji() if e.subgroup in groups and kind not in word(e) and not _skipped(word(e)))
        for kind, groups in KINDS.items()
    }


def _skipped(name: str) -> bool:
    return bool(SKIPPED & {name, *name.split("-")})


@dataclass(frozen=True)
class Taxonomy:
    """The leaves of a seed, kind by kind: the first ALIGNED of each kind are aligned, the rest are held out."""

    leaves: tuple[Emoji, ...]  # L = SLOTS for each kind, in the order of KINDS
    invented: np.ndarray  # (3, L) bool, which leaves each of INVENTED has

    @property
    def words(self) -> list[str]:
        """The word of each leaf, L of them."""
        return [word(leaf) for leaf in self.leaves]

    @property
    def kind(self) -> np.ndarray:
        """The number of each leaf's kind, (L,)."""
        return np.arange(len(self.leaves)) // SLOTS

    @property
    def held_out(self) -> np.ndarray:
        """Which leaves no picture is ever aligned with, (L,) bool."""
        return np.arange(len(self.leaves)) % SLOTS >= ALIGNED

    def is_a(self) -> dict[str, np.ndarray]:
        """Of every kind, coarse kind and invented kind which leaves it has, (L,) bool each."""
        fine = {kind: self.kind == k for k, kind in enumerate(KINDS)}
        coarse = {name: np.any([fine[kind] for kind in kinds], axis=0) for name, kinds in COARSE.items()}
        return fine | coarse | dict(zip(INVENTED, self.invented, strict=True))


def deal(seed: int) -> Taxonomy:
    """Other leaves for every seed: from each kind SLOTS by lot, and invented kinds of as many leaves as any other.

    An invented kind takes one leaf each from SLOTS different kinds, of which HELD_OUT are held out.

    >>> deal(0).invented.sum(axis=1).tolist()
    [13, 13, 13]
    """
    rng = streams.rng(seed, "leaves")
    leaves = [pool[i] for pool in members().values() for i in rng.permutation(len(pool))[:SLOTS]]
    invented = np.zeros((len(INVENTED), len(leaves)), dtype=bool)
    for row in invented:
        row[SLOTS * rng.permutation(len(KINDS))[:SLOTS] + np.arange(SLOTS)] = True  # slot i of the i-th kind drawn
    return Taxonomy(tuple(leaves), invented)


def rename(how: str, seed: int, share: float = 1.0) -> np.ndarray:
    """Which leaf's word the pictures of each leaf are aligned with, (L,): other words, and the same number of each.

    Args:
        how: "as they are"; "within": every leaf gets another one's word of its kind; "across": words are dealt out to
            all aligned leaves by lot; "wholes": every kind gets another kind's words, leaf by leaf.
        share: of the aligned leaves of each kind whose words are dealt out "across".
    """
    rng, own = streams.rng(seed, "words", how), np.arange(SLOTS * len(KINDS))
    table = own.reshape(len(KINDS), SLOTS).copy()  # (16, 13)
    if how == "within":
        for row in table:
            order = rng.permutation(ALIGNED)
            row[order] = row[np.roll(order, 1)]
    elif how == "across":
        moved = table[:, : round(share * ALIGNED)]
        table[:, : round(share * ALIGNED)] = rng.permutation(moved.ravel()).reshape(moved.shape)
    elif how == "wholes":
        order = rng.permutation(len(KINDS))
        table[order] = table[np.roll(order, 1)]
    return table.ravel()


def coherence(embeddings: np.ndarray, kind: Sequence[int]) -> np.ndarray:
    """How alike the leaves of each kind look, (K,): mean cosine over its pairs of different leaves.

    Args:
        embeddings: (L, D), the mean embedding of each leaf's pictures, from which the mean of all is taken off first.
        kind: (L,), the number of each leaf's kind.
    """
    x = embeddings - embeddings.mean(axis=0)
    x = x / np.linalg.norm(x, axis=1, keepdims=True)
    cosine, found = x @ x.T, []  # (L, L)
    for k in np.unique(kind):
        own = cosine[np.ix_(np.equal(kind, k), np.equal(kind, k))]
        found.append(own[~np.eye(len(own), dtype=bool)].mean())
    return np.array(found)
