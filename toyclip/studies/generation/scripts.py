"""Counts dealt out to whole scripts: is a script drawn badly because it is rare, or because of what it is (Generation)?

Every script has six letters, all with the script's count, and each letter a caption of one word. Letters are equally
complex from script to script, or, in a corpus of its own, the simplest and the most complex ones that a script has.
"""

from functools import partial

import numpy as np

from toyclip import streams
from toyclip.errors import lookup
from toyclip.lab.study import Study
from toyclip.studies.frequency.corpus import Size
from toyclip.studies.generation.judging import World
from toyclip.studies.generation.letters import alike, draw_letters, unlike
from toyclip.studies.generation.trial import Scope, trial

LADDER = Size(levels=8, per_level=6)  # 8 scripts with 1, 2, 4, ... 128 pictures of each of their 6 letters
WHOLE = Scope(LADDER, drawings=8)
CORPORA = {  # whether the counts are swapped, and which letters there are
    "dealt": (False, alike),
    "swapped": (True, alike),
    "simple and complex": (False, unlike),
}


def deal(swapped: bool, ladder: Size, seed: int) -> np.ndarray:
    """The count of each letter, (K,), that of its script: as the lot has it, or head and tail in each other's place.

    >>> deal(False, Size(levels=3, per_level=2), seed=0), deal(True, Size(levels=3, per_level=2), seed=0)
    (array([4, 4, 1, 1, 2, 2]), array([1, 1, 4, 4, 2, 2]))
    """
    counts = 2 ** streams.rng(seed, "scripts").permutation(ladder.levels)  # (scripts,)
    counts = counts.min() * counts.max() // counts if swapped else counts
    return counts.repeat(ladder.per_level)


def world_of(corpus: str, ladder: Size) -> World:
    """The letters of a corpus, to be drawn.

    Raises:
        InputError: if there is no such corpus.
    """
    _, letters_of = lookup(CORPORA, corpus, "corpus")
    return partial(draw_letters, letters_of(ladder.per_level))


def scripts_run(corpus: str, seed: int, scope: Scope = WHOLE, device: str = "cpu") -> dict:
    """One generator of letters: counts of each letter, and what `trial` says.

    Args:
        corpus: of one of CORPORA.
    """
    swapped, _ = lookup(CORPORA, corpus, "corpus")
    counts, world = deal(swapped, scope.ladder, seed), world_of(corpus, scope.ladder)
    return {"counts": counts.tolist()} | trial(world(counts, seed), world, seed, scope, device)


STUDIES = (Study("generation_scripts", scripts_run, seeds=8, conditions=tuple(CORPORA)),)
