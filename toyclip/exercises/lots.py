"""Checks of the reader's answers to the exercises of the chapter Lots."""

from collections.abc import Callable, Sequence

import numpy as np

from toyclip.lab.answers import answer


@answer
def critical_r(given: float) -> str | None:
    """Smallest |r| over four points that differs from nothing at the 5 % level."""
    a, b = np.random.default_rng(0).standard_normal((2, 200_000, 4))
    a, b = (v - v.mean(axis=1, keepdims=True) for v in (a, b))
    by_chance = np.abs((a * b).sum(axis=1) / np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1)))
    right, one_sided = np.quantile(by_chance, (0.95, 0.90))
    if abs(abs(given) - right) < 0.006:
        return None
    if abs(abs(given) - one_sided) < 0.006:
        return "that is the limit for one side; a correlation may also come out far below zero"
    return f"of 200,000 pairs of four random numbers {np.mean(by_chance > abs(given)):.1%} correlate more than that"


@answer
def zipf_twins(given: float) -> str | None:
    """Mean number of twins of a pair in a batch of 256, 64 words after Zipf's law."""
    rng, weights = np.random.default_rng(0), 1 / np.arange(1, 65)
    batches = rng.multinomial(256, weights / weights.sum(), size=4000)  # (batches, words)
    right = (batches * (batches - 1)).sum(axis=1).mean() / 256
    if abs(given - right) < 0.3:
        return None
    if abs(given - 255 / 64) < 0.1:
        return "that is what equally frequent words would have"
    if given < 1:
        return f"{given:g} is a share of the batch; the question is how many pairs"
    return f"four thousand batches drawn at random have {right:.1f} twins a pair on average"


@answer
def deal_again(given: Callable[[np.ndarray, np.random.Generator], np.ndarray]) -> str | None:
    """(S, K) log counts and a generator -> the same with every seed's counts dealt out again."""
    x = np.random.default_rng(1).random((6, 40)) + np.arange(6)[:, None]
    before = x.copy()
    one, other = (np.asarray(given(x, np.random.default_rng(seed))) for seed in (0, 1))
    if one.shape != x.shape:
        return f"expected the shape {x.shape} back, and got {one.shape}"
    if not np.array_equal(x, before):
        return "your function changes what it is given; work on a copy"
    if not np.array_equal(np.sort(one, axis=1), np.sort(x, axis=1)):
        return "a seed must keep its own counts; only who has them may change"
    if np.array_equal(one, x):
        return "nobody has another count than before"
    if np.array_equal(one, other):
        return "it does the same with every generator; draw from the one that it is given"
    orders = {tuple(np.argsort(np.argsort(row)).tolist()) for row in one - np.floor(one)}
    moved = [tuple(int(np.flatnonzero(b == v)[0]) for v in a) for a, b in zip(one, x, strict=True)]
    if len(set(moved)) < len(moved) or len(orders) < len(moved):
        return "all seeds are shuffled alike, and so would share their luck"
    return None


@answer
def longer(given: Sequence[float]) -> str | None:
    """Points that the last two thirds of the training add: on the two lowest rungs, and from 16 to 64 pictures."""
    low, middle = (float(value) for value in given)
    if max(abs(low), abs(middle)) <= 1 and middle != 0:
        return "these look like shares; give points, from 0 to 100"
    if middle < 0:
        return "less training does not do better in the middle; is it the longer run minus the shorter?"
    if abs(low) > 10:
        return f"{low:.0f} points on the two lowest rungs are more than even the longer run has there"
    if not 10 <= middle <= 60:
        return f"from 16 to 64 pictures the gain is larger than ten points and no miracle, but not {middle:.0f}"
    return None
