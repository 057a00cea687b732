"""What a frequency is made of: different pictures, repetition, likeness, leaked tests (chapter Variety)."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from toyclip import streams
from toyclip.data import Pairs
from toyclip.errors import lookup
from toyclip.lab.study import Study
from toyclip.studies.frequency.corpus import Size, assign, similarity
from toyclip.studies.frequency.ease import AWAY, EQUAL, SMALL, draw_world, grade, known, taught
from toyclip.studies.frequency.interventions import nearest, pixels

DISTINCT = (1, 8, 32, 128, 512)  # different pictures of a concept
EXPOSURES = (32, 128, 512)  # how often it is shown, all its pictures together
CELLS = tuple((distinct, shown) for shown in EXPOSURES for distinct in DISTINCT if distinct <= shown)
GRID = Size(levels=len(CELLS), per_level=5, updates=248, batch_size=64, test=20)  # every exposure once: no round more
TESTS = {"as trained": (0.0, 1.0), "upside down": (180.0, 1.0), "smaller": (0.0, 0.6)}  # turn and scale
LEAKED = 10  # test pictures of each concept that may leak
ROUNDS = 18  # times that a picture is shown
LEAKS = {  # share of the test that leaks, and in how many of the rounds it is shown
    "none": (0.0, ROUNDS),
    "half": (0.5, ROUNDS),
    "all": (1.0, ROUNDS),
    "all, shown once": (1.0, 1),
}
HALF_TURNED = 0.4  # difficulty at which pictures are turned by 72 degrees at most and shrunk to two thirds
GRID_GRADE = 0.3  # difficulty at which a single picture says something


def cells(size: Size, seed: int) -> np.ndarray:
    """Different pictures and exposures of each concept, dealt out by lot, (K, 2)."""
    return streams.rng(seed, "cells").permutation(np.repeat(np.array(CELLS), size.per_level, axis=0))


def shown_again(corpus: Pairs, times: np.ndarray) -> Pairs:
    """Every picture of a concept as often as `times` says, (K,)."""
    return corpus[torch.arange(len(corpus)).repeat_interleave(torch.from_numpy(times)[corpus.classes])]


def grid_run(seed: int, size: Size = GRID, device: str = "cpu") -> dict:
    """One model, whose concepts differ in how many pictures they have and how often they are shown.

    Returns:
        For each concept: distinct, shown, hits (of `size.test`); loss in nats.
    """
    distinct, shown = cells(size, seed).T  # (K,) each
    grades = np.full(size.concepts, GRID_GRADE)
    corpus = shown_again(draw_world(distinct, grades, seed, seed), shown // distinct)
    model, loss = taught(corpus, size, seed, device)
    test = draw_world([size.test] * size.concepts, grades, seed, seed + AWAY["test"])
    return {
        "distinct": distinct.tolist(),
        "shown": shown.tolist(),
        "hits": known(model, test, size),
        "loss": round(loss, 4),
    }


def likeness(corpus: Pairs, test: Pairs, embed: Callable[[Tensor], Tensor]) -> list[float]:
    """How like each test picture is to the nearest training picture of its own concept, (T,).

    Args:
        embed: (n, 3, H, W) float pictures -> (n, D).
        test: all pictures of a concept in a row.
    """
    parts = [[part.pixels[part.classes == c] for part in (test, corpus)] for c in test.classes.unique()]
    return [round(value, 3) for asked, shown in parts for value in nearest(embed, asked, shown).tolist()]


def far_run(seed: int, size: Size = SMALL, device: str = "cpu") -> dict:
    """One model on a ladder of counts, tested on pictures like its own, and on poses and sizes that it never saw.

    Returns:
        counts of each concept; hits of each concept (of `size.test`) in each of TESTS; of each picture of the first
        test, concept by concept, whether it is "right", and how like it is to the nearest training picture of its
        concept in "pixels", and in "features" of a model that saw equally many pictures, its own, of each concept.
    """
    counts, grades, apart = assign(size, seed), np.full(size.concepts, HALF_TURNED), seed + AWAY["ease"]
    corpus = draw_world(counts, grades, seed, seed)
    model, _ = taught(corpus, size, seed, device)
    tests = {
        name: draw_world([size.test] * size.concepts, grades, seed, seed + AWAY["test"], turn, scale)
        for name, (turn, scale) in TESTS.items()
    }
    usual = tests["as trained"]
    judge, _ = taught(draw_world([EQUAL] * size.concepts, grades, seed, apart), size, apart, device)
    answers = similarity(model, usual.pixels, torch.arange(1, size.concepts + 1)[:, None]).argmax(dim=1)  # (T,)
    return {
        "counts": counts.tolist(),
        "hits": {name: known(model, test, size) for name, test in tests.items()},
        "right": (answers == usual.classes).int().tolist(),
        "pixels": likeness(corpus, usual, pixels),
        "features": likeness(corpus, usual, judge.embed_images),
    }


def leaky(share: float, times: int, size: Size, seed: int) -> tuple[Pairs, Pairs, Pairs]:
    """A corpus shown ROUNDS times with a leak in it, the test that leaked, and one that never does.

    Besides the ladder each concept has LEAKED pictures more. A share of its test takes the place of as many of them in
    `times` of the rounds.
    """
    counts, grades = assign(size, seed), grade("alike", size, seed)
    corpus = draw_world(counts, grades, seed, seed)
    more = draw_world([3 * LEAKED] * size.concepts, grades, seed, seed + AWAY["test"])
    place = torch.arange(len(more)) % (3 * LEAKED)  # of each picture among its concept's
    leak = place < round(share * LEAKED)
    spare, held = place >= 2 * LEAKED, place >= 3 * LEAKED - round(share * LEAKED)  # held: gives way to the leak
    often = spare * ROUNDS - held * times + leak * times  # (3 K LEAKED,)
    parts = [corpus[torch.arange(len(corpus)).repeat(ROUNDS)], more[torch.arange(len(more)).repeat_interleave(often)]]
    together = Pairs(*(torch.cat([getattr(p, name) for p in parts]) for name in ("pixels", "classes", "captions")))
    return together, more[place < LEAKED], more[(place >= LEAKED) & (place < 2 * LEAKED)]


def leak_run(name: str, seed: int, size: Size = SMALL, device: str = "cpu") -> dict:
    """One model, into whose corpus a share of the test has leaked; all corpora have the same counts and exposures.

    Args:
        name: of one of LEAKS.

    Returns:
        For each concept: counts on the ladder, "test" and "fresh", hits of LEAKED pictures that leaked or might have,
        and of as many that never can; loss in nats.
    """
    corpus, test, fresh = leaky(*lookup(LEAKS, name, "leak"), size, seed)
    model, loss = taught(corpus, replace(size, updates=-(-len(corpus) // size.batch_size)), seed, device)
    return {
        "counts": assign(size, seed).tolist(),
        "test": known(model, test, size),
        "fresh": known(model, fresh, size),
        "loss": round(loss, 4),
    }


STUDIES = (
    Study("frequency_grid", grid_run, seeds=8),
    Study("frequency_far", far_run, seeds=5),
    Study("frequency_leak", leak_run, seeds=4, conditions=tuple(LEAKS)),
)
