"""How many rows of a batch have a twin, and what that costs, for tables of any length (page Your own CLIP).

`toyclip.loss_floor.floor` says the same in five lines, with a column for each possible number of twins. Here only those
numbers are looked at that occur, so that ten million captions and a batch of 32,768 take a second.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from toyclip.errors import InputError

ELEMENTS = 2**20  # probabilities held at a time


@dataclass(frozen=True)
class Twins:
    """What repeats do to a row of a batch, on average over all batches."""

    floor: float  # mean of log k in nats, k rows being alike
    share: float  # of rows that have at least one twin
    expected: float  # twins of a row


def twins(table: Mapping[int, int], batch_size: int) -> Twins:
    """Twins of a row in a batch drawn without replacement.

    The twins of a row whose caption c of N pairs carry are hypergeometric: B - 1 draws from N - 1 pairs, c - 1 of them
    alike. Probabilities come from the ratio of neighbours, within 9 standard deviations and 25 of the mean; by
    Bernstein's inequality less than 1e-15 lies beyond.

    Args:
        table: how many captions occur so often: {1: 500, 3: 2} for 500 captions once and two three times.
        batch_size: B, rows of the similarity matrix, over all processes that share their negatives.

    Raises:
        InputError: if a number is below 1, or the batch is larger than the data.

    >>> round(twins({170: 16}, batch_size=64).floor, 4)  # 16 captions, 2,720 pairs
    1.5085
    >>> twins({1: 100}, batch_size=64)
    Twins(floor=0.0, share=0.0, expected=0.0)
    """
    count = np.array(sorted(table), dtype=np.int64)  # (U,) how often
    weight = np.array([table[c] for c in count.tolist()], dtype=np.int64) * count  # (U,) pairs
    total = int(weight.sum())
    if min(count, default=0) < 1 or weight.min() < 1 or not 1 <= batch_size <= total:
        raise InputError(f"cannot draw {batch_size} of {total} pairs; give a smaller batch, or counts of at least 1")
    if batch_size == 1:
        return Twins(0.0, 0.0, 0.0)
    costs, alone, first = np.zeros(len(count)), np.zeros(len(count)), 0  # (U,), (U,)
    while first < len(count):
        low, high = windows(count[first:], total, batch_size)
        widest = np.maximum.accumulate(high - low + 1)  # (U',)
        rows = max(1, int(np.searchsorted(widest * np.arange(1, len(widest) + 1), ELEMENTS)))
        last = first + rows
        values, pmf = probabilities(count[first:last], total, batch_size, low[:rows], high[:rows])
        costs[first:last] = (pmf * np.log1p(values)).sum(axis=1)
        alone[first:last] = np.where(low[:rows] == 0, pmf[:, 0], 0.0)
        first = last
    mean = (batch_size - 1) * (count - 1) / (total - 1)  # (U,) twins
    share = weight / total  # (U,)
    return Twins(math.fsum(share * costs), math.fsum(share * (1 - alone)), math.fsum(share * mean))


def windows(count: np.ndarray, total: int, batch_size: int) -> tuple[np.ndarray, np.ndarray]:
    """Smallest and largest number of twins worth looking at, (U,) each, for captions of these counts, (U,).

    >>> windows(np.array([1, 3, 500]), total=1000, batch_size=101)
    (array([0, 0, 0]), array([  0,   2, 100]))
    """
    alike, others, draws = count - 1, total - count, batch_size - 1
    mean = draws * (alike / (total - 1))
    reach = 25 + 9 * np.sqrt(mean * (others / (total - 1)))
    low = np.maximum(np.maximum(0, draws - others), np.floor(mean - reach).astype(np.int64))
    high = np.minimum(np.minimum(alike, draws), np.ceil(mean + reach).astype(np.int64))
    return low, high


def probabilities(
    count: np.ndarray, total: int, batch_size: int, low: np.ndarray, high: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of twins, (U, W), and the probability of each, (U, W); 0 beyond the window of a row.

    >>> probabilities(np.array([2]), 4, 2, np.array([0]), np.array([1]))[1].round(4)
    array([[0.6667, 0.3333]])
    """
    alike, others, draws = count[:, None] - 1, total - count[:, None], batch_size - 1
    values = low[:, None] + np.arange(int((high - low).max()) + 1)  # (U, W)
    x, inside = values[:, :-1], values[:, 1:] <= high[:, None]  # (U, W - 1) the step from x to x + 1
    up, down = (alike - x) / (x + 1), (draws - x) / (others - draws + x + 1)
    steps = np.log(np.where(inside, up, 1.0)) + np.log(np.where(inside, down, 1.0))  # (U, W - 1)
    steps[~inside] = -np.inf
    logs = np.concatenate([np.zeros((len(count), 1)), np.cumsum(steps, axis=1)], axis=1)  # (U, W)
    pmf = np.exp(logs - logs.max(axis=1, keepdims=True))
    return values, pmf / pmf.sum(axis=1, keepdims=True)
