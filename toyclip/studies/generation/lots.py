"""A generator on a corpus whose counts chance has dealt, and with the lots swapped (chapter Generation)."""

from collections.abc import Sequence
from functools import partial

import numpy as np

from toyclip import streams
from toyclip.errors import lookup
from toyclip.lab.study import Study
from toyclip.pairs import Pairs, render
from toyclip.pictures import Emoji
from toyclip.studies.frequency.concepts import choose, draw_concept
from toyclip.studies.frequency.corpus import Size, assign
from toyclip.studies.generation.judging import World
from toyclip.studies.generation.trial import Scope, trial

LADDER = Size(levels=11, per_level=2)  # 22 emoji, 1 to 1,024 pictures of each; other emoji under each seed
WHOLE = Scope(LADDER)
LOTS = ("dealt", "swapped")


def draw_small(concept: Emoji, rng: np.random.Generator) -> np.ndarray:
    """One picture of an emoji on a random dark grey, half as large as `draw_concept` draws it, (16, 16, 3) uint8.

    >>> draw_small(choose(1, seed=0)[0], np.random.default_rng(0)).shape
    (16, 16, 3)
    """
    large = draw_concept(concept, rng).astype(np.float32)  # (32, 32, 3)
    half = large.reshape(16, 2, 16, 2, 3).mean(axis=(1, 3))  # (16, 16, 3)
    return half.round().astype(np.uint8)


def draw_emoji(concepts: Sequence[Emoji], counts: Sequence[int], seed: int) -> Pairs:
    """So many small pictures of each emoji; of its first n, none changes when more are drawn."""
    each = [streams.rng(seed, "pictures", c) for c in range(len(counts))]
    return render(lambda c, rng: draw_small(concepts[c], rng), counts, each)


def world_of(ladder: Size, seed: int) -> World:
    """The emoji of a seed, to be drawn."""
    return partial(draw_emoji, choose(ladder.concepts, seed))


def deal(lots: str, ladder: Size, seed: int) -> np.ndarray:
    """The count of each concept, (K,): as the lot has it, or with head and tail in each other's place.

    Raises:
        InputError: if the lots are neither "dealt" nor "swapped".

    >>> deal("swapped", Size(levels=3, per_level=1), seed=0) * deal("dealt", Size(levels=3, per_level=1), seed=0)
    array([4, 4, 4])
    """
    counts = assign(ladder, seed)
    return lookup({"dealt": counts, "swapped": counts.min() * counts.max() // counts}, lots, "deal")


def lots_run(lots: str, seed: int, scope: Scope = WHOLE, device: str = "cpu") -> dict:
    """One generator: counts of each concept, and what `trial` says.

    Args:
        lots: "dealt" or "swapped".
    """
    counts, world = deal(lots, scope.ladder, seed), world_of(scope.ladder, seed)
    return {"counts": counts.tolist()} | trial(world(counts, seed), world, seed, scope, device)


STUDIES = (Study("generation_lots", lots_run, seeds=8, conditions=LOTS),)
