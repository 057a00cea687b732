"""Concepts that are not equally hard, and counts that go with how easy a concept is (chapter Variety)."""

import functools
from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from scipy.stats import norm, rankdata

from toyclip import streams
from toyclip.data import Pairs, render
from toyclip.encoders import Config, ToyCLIP
from toyclip.errors import lookup
from toyclip.lab.study import Study
from toyclip.pictures import Emoji
from toyclip.studies.frequency.concepts import SIZE, choose, turned
from toyclip.studies.frequency.corpus import Size, assign, hits, learn, new_model, similarity

SMALL = Size(levels=8, per_level=5, updates=480, batch_size=64, test=20)  # 40 concepts, other emoji under each seed
NARROW = Config(image_encoder="strided", width=32)  # half as many channels as in the other studies: one core trains it
GRADES = np.array([0.0, 0.25, 0.5, 0.75, 1.0])  # of difficulty
EQUAL = 32  # pictures of each concept for the model that finds out what is easy
CORRELATION = 0.5  # of lots that go with ease
AWAY = {"ease": 3_000_000, "test": 1_000_000}  # is added to a seed, for pictures of their own
WORLDS = ("alike", "scattered")
LOTS = ("by lot", "with ease")
RUNS = {f"{world}, {lots}": (world, lots) for world in WORLDS for lots in LOTS}


def draw_at(
    concept: Emoji, difficulty: float, rng: np.random.Generator, turn: float = 0.0, scale: float = 1.0
) -> np.ndarray:
    """One picture of an emoji: upright, large and clean at difficulty 0; at 1 any size, turned any way, half hidden.

    Args:
        turn: degrees by which every picture is turned further.
        scale: factor on the size of the emoji.

    Returns:
        (32, 32, 3) uint8 RGB.

    >>> draw_at(choose(1, seed=0)[0], 0.5, np.random.default_rng(0)).shape
    (32, 32, 3)
    """
    extent = round(scale * rng.uniform(28 - 18 * difficulty, 30))  # px, longer side
    sprite = turned(concept, turn + difficulty * rng.uniform(-180, 180), extent)
    grey, color = rng.integers(0, 256), rng.integers(0, 256, size=3)
    paper = (grey + difficulty * (color - grey)).round().astype(int).tolist()
    picture = Image.new("RGB", (SIZE, SIZE), tuple(paper))
    picture.paste(sprite, tuple(rng.integers(0, SIZE - np.array(sprite.size), endpoint=True).tolist()), sprite)
    side, (left, top) = round(24 * difficulty * rng.uniform()), rng.integers(0, SIZE // 2, size=2)  # of what hides it
    picture.paste(tuple(rng.integers(0, 256, size=3).tolist()), (left, top, left + side, top + side))
    light = 1 + 0.5 * difficulty * rng.uniform(-1, 1, size=3).astype(np.float32)
    noise = rng.standard_normal((SIZE, SIZE, 3), dtype=np.float32)
    pixels = np.asarray(picture, dtype=np.float32) * light + 255 * (0.02 + 0.1 * difficulty) * noise
    return pixels.round().clip(0, 255).astype(np.uint8)


def grade(world: str, size: Size, seed: int) -> np.ndarray:
    """The difficulty of each concept, (K,): the middle one for all, or every grade equally often on every rung.

    >>> grade("alike", Size(levels=2, per_level=2), seed=0).tolist()
    [0.5, 0.5, 0.5, 0.5]
    """
    if world == "alike":
        return np.full(size.concepts, GRADES[len(GRADES) // 2])
    rng, found = streams.rng(seed, "grades"), np.empty(size.concepts)
    rungs = assign(size, seed)
    for rung in np.unique(rungs):
        found[rungs == rung] = rng.permutation(np.resize(GRADES, size.per_level))
    return found


def draw_world(
    counts: Sequence[int], grades: Sequence[float], seed: int, pictures: int, turn: float = 0.0, scale: float = 1.0
) -> Pairs:
    """So many pictures of each concept of a seed, each as hard as its grade says.

    Args:
        pictures: seed of the pictures; of a concept's first n, none changes when more are drawn.
        turn, scale: as of `draw_at`.
    """
    concepts = choose(len(counts), seed)
    each = [streams.rng(pictures, "pictures", c) for c in range(len(counts))]
    return render(lambda c, rng: draw_at(concepts[c], grades[c], rng, turn, scale), counts, each)


def taught(corpus: Pairs, size: Size, seed: int, device: str = "cpu") -> tuple[ToyCLIP, float]:
    """A new narrow model trained on a corpus, and its mean loss in nats."""
    model = new_model(size, seed, NARROW)
    return model, learn(model, corpus, corpus.captions[:, None] + 1, size, seed, device=device)


def known(model: ToyCLIP, test: Pairs, size: Size) -> list[int]:
    """How many test pictures of each concept have its word nearest."""
    return hits(similarity(model, test.pixels, torch.arange(1, size.concepts + 1)[:, None]), test.classes)


@functools.lru_cache(maxsize=2)  # a seed's corpora, dealt by lot and with ease, share it
def ease(world: str, size: Size, seed: int, device: str = "cpu") -> tuple[int, ...]:
    """How easy each concept is: what a model of its own knows that saw equally many pictures, its own, of each."""
    grades, apart = grade(world, size, seed), seed + AWAY["ease"]
    model, _ = taught(draw_world([EQUAL] * size.concepts, grades, seed, apart), size, apart, device)
    return tuple(known(model, draw_world([size.test] * size.concepts, grades, seed, apart + AWAY["test"]), size))


def with_ease(easy: Sequence[int], size: Size, seed: int, who: str, correlation: float = CORRELATION) -> np.ndarray:
    """The ladder of counts dealt out so that its logarithm correlates with ease about as asked, (K,).

    Ease and luck are both made normal; the ladder goes to the concepts in the order of their weighted sum.

    Args:
        who: whose luck it is; two corpora agree on what is easy and on nothing else.

    >>> with_ease([3, 1, 2], Size(levels=3, per_level=1), seed=0, who="own", correlation=1.0).tolist()
    [4, 1, 2]
    """
    rng = streams.rng(seed, "ease", who)
    order = rankdata(np.asarray(easy) + rng.uniform(0, 1e-6, len(easy)))  # ties broken by chance
    score = correlation * norm.ppf(order / (len(easy) + 1))
    score += (1 - correlation**2) ** 0.5 * rng.standard_normal(len(easy))
    ladder = np.repeat(2 ** np.arange(size.levels), size.per_level)
    return ladder[score.argsort().argsort()]


def ease_run(name: str, seed: int, size: Size = SMALL, device: str = "cpu") -> dict:
    """One corpus, a model trained on it, and what it knows.

    Args:
        name: of one of RUNS: which world, and how its counts were dealt out.

    Returns:
        For each concept: grade (of difficulty), ease (hits of the model that saw equally many of each), counts, other
        (the counts of another corpus, dealt out in the same way), hits (of `size.test`); loss in nats.
    """
    world, lots = lookup(RUNS, name, "run")
    grades, easy = grade(world, size, seed), ease(world, size, seed, device)
    if lots == "by lot":
        counts, other = assign(size, seed), assign(size, seed + AWAY["ease"])
    else:
        counts, other = (with_ease(easy, size, seed, who) for who in ("own", "other"))
    model, loss = taught(draw_world(counts, grades, seed, seed), size, seed, device)
    test = draw_world([size.test] * size.concepts, grades, seed, seed + AWAY["test"])
    return {
        "grade": grades.tolist(),
        "ease": list(easy),
        "counts": counts.tolist(),
        "other": other.tolist(),
        "hits": known(model, test, size),
        "loss": round(loss, 4),
    }


STUDIES = (Study("frequency_ease", ease_run, seeds=8, conditions=tuple(RUNS)),)
