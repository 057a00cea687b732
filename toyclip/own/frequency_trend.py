"""Accuracy against the logarithm of a count: slope, correlation, bins, interval and permutation (for trend).

All measures follow from six sums over concepts, so that resampling is a product of matrices. x is log10 of the count, y
the accuracy from 0 to 1, both (N,). "Within sets" means that each set's means are taken off x and y.
"""

from collections import defaultdict
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from toyclip.errors import lookup

RULES = {"one": "zero counts set to 1", "out": "zero counts left out"}
SPREAD = 1e-9  # less variance than this is none
MEMORY = 2**22  # numbers that resampling holds at a time


class Measures(NamedTuple):
    """Slope in accuracy per decade and Pearson's r, over all concepts and within sets; NaN where nothing varies."""

    slope: np.ndarray
    r: np.ndarray
    slope_within: np.ndarray
    r_within: np.ndarray


class Bin(NamedTuple):
    """Concepts between two values of x: the lower and upper one, how many, mean x, mean y."""

    low: float
    high: float
    n: int
    x: float
    y: float


def log_counts(count: np.ndarray, rule: str) -> tuple[np.ndarray, np.ndarray]:
    """x, and which concepts count, (N,) both, by one of the two rules for zero counts (`RULES`).

    Raises:
        InputError: if there is no such rule.

    >>> x, kept = log_counts(np.array([0.0, 1, 100, np.nan]), "one")
    >>> x.tolist(), kept.tolist()
    ([0.0, 0.0, 2.0, 0.0], [True, True, True, False])
    >>> log_counts(np.array([0.0, 1, 100, np.nan]), "out")[1].tolist()
    [False, True, True, False]
    """
    lookup(RULES, rule, "rule for zero counts")
    x = np.log10(np.where(count > 1, count, 1))  # (N,)
    return x, count > 0 if rule == "out" else ~np.isnan(count)


def moments(x: np.ndarray, y: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """What the six sums add up, (N, 6): 1, x, y, x x, x y, y y, all 0 where a concept does not count."""
    w = kept.astype(float)  # (N,)
    middle = max(float(w.sum()), 1.0)
    a, b = (w * (values - (w @ values) / middle) for values in (x, y))  # (N,), (N,): small numbers lose no digits
    return np.stack([w, a, b, a * a, a * b, b * b], axis=1)


def measures(sums: np.ndarray) -> Measures:
    """The measures that follow from the sums of each set.

    Args:
        sums: (..., G, 6) of `moments`, over the concepts of each of G sets.

    >>> table = moments(np.array([0.0, 1, 2, 3]), np.array([0.1, 0.3, 0.5, 0.7]), np.ones(4, dtype=bool))
    >>> [round(float(value), 3) for value in measures(table.sum(axis=0, keepdims=True))[:2]]
    [0.2, 1.0]
    """
    slope, r = _line(_spread(sums.sum(axis=-2)))
    slope_within, r_within = _line(_spread(sums).sum(axis=-2))
    return Measures(slope, r, slope_within, r_within)


def _spread(sums: np.ndarray) -> np.ndarray:
    """Sums of squares and of products about the mean, (..., 3): xx, xy, yy."""
    w, x, y, xx, xy, yy = np.moveaxis(sums, -1, 0)
    n = np.maximum(w, 1)
    return np.stack([xx - x * x / n, xy - x * y / n, yy - y * y / n], axis=-1)


def _line(spread: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    xx, xy, yy = np.moveaxis(spread, -1, 0)
    xx, yy = (np.where(value > SPREAD, value, np.nan) for value in (xx, yy))
    return xy / xx, np.clip(xy / np.sqrt(xx * yy), -1, 1)


def numbered(*labels: np.ndarray) -> np.ndarray:
    """A number from 0 for each different combination of labels, (N,).

    >>> numbered(np.array(["b", "a", "b"]), np.array(["", "", "x"])).tolist()
    [1, 0, 2]
    """
    return np.unique(
        np.stack([np.unique(label, return_inverse=True)[1] for label in labels]), axis=1, return_inverse=True
    )[1].ravel()


def of_sets(values: np.ndarray, sets: np.ndarray) -> np.ndarray:
    """Sums over the rows of each set, (G, M).

    Args:
        values: (N, M).
        sets: (N,) numbers from 0.
    """
    total = np.zeros((int(sets.max()) + 1, values.shape[1]))  # (G, M)
    np.add.at(total, sets, values)
    return total


def resampled(
    values: np.ndarray,
    sets: np.ndarray,
    concepts: np.ndarray,
    measure: Callable[[np.ndarray], np.ndarray],
    resamples: int,
    seed: int,
) -> np.ndarray:
    """A measure of sums over concepts drawn again with replacement, as many from each set as it has, (R, ...).

    Args:
        values: (N, M) what is summed.
        sets: (N,) the set of each row.
        concepts: (N,) the concept of each row, of one set each; the rows of a concept are drawn together.
        measure: takes sums (r, G, M) and returns (r, ...).
    """
    rng = np.random.default_rng(seed)
    whole = of_sets(values, concepts)  # (K, M)
    home = np.zeros(len(whole), dtype=int)  # (K,)
    home[concepts] = sets
    members = [whole[home == g] for g in range(int(sets.max()) + 1)]  # G of (k, M)
    most = max(1, MEMORY // max(max(map(len, members)), len(members) * values.shape[1]))
    parts = []
    for start in range(0, resamples, most):
        size = min(most, resamples - start)
        sums = np.stack([_drawn(size, len(own), rng) @ own for own in members], axis=1)  # (r, G, M)
        parts.append(measure(sums))
    return np.concatenate(parts)


def _drawn(size: int, k: int, rng: np.random.Generator) -> np.ndarray:
    """How often each of k things is drawn in k draws, (size, k)."""
    drawn = rng.integers(k, size=(size, k)) + k * np.arange(size)[:, None]  # (size, k)
    return np.bincount(drawn.ravel(), minlength=size * k).reshape(size, k).astype(float)


def dealt_together(sets: np.ndarray, concepts: np.ndarray, seeds: np.ndarray) -> list[np.ndarray]:
    """Rows of concepts that can change places, those of one set with the same seeds: of each block (S, K).

    Args:
        sets, concepts, seeds: (N,) numbers from 0; a concept is of one set and has a seed once.

    >>> [block.tolist() for block in dealt_together(np.zeros(5), np.array([0, 1, 0, 2, 1]), np.array([0, 0, 1, 0, 1]))]
    [[[3]], [[0, 1], [2, 4]]]
    """
    order, blocks = np.lexsort((seeds, concepts)), defaultdict(list)
    for rows in np.split(order, np.flatnonzero(np.diff(concepts[order])) + 1):  # (S,)
        blocks[sets[rows[0]], *seeds[rows]].append(rows)
    return [np.stack(sorted(blocks[key], key=min), axis=1) for key in sorted(blocks)]


def permutation_p(x: np.ndarray, y: np.ndarray, blocks: list[np.ndarray], permutations: int, seed: int) -> float:
    """How often counts dealt out anew within each block go along with accuracy at least as much as the real ones do.

    Two-sided, of the covariance within blocks and seeds, with the real deal among them (Phipson and Smyth 2010). The
    counts that a concept has under several seeds are dealt together, since they are no more independent than its
    accuracies are. NaN if nothing varies.

    Args:
        blocks: of `dealt_together`, (S, K) each.
    """
    rng, real, dealt = np.random.default_rng(seed), 0.0, np.zeros(permutations)  # (P,)
    scale = 0.0
    for block in blocks:
        a, b = (v[block] - v[block].mean(axis=1, keepdims=True) for v in (x, y))  # (S, K), (S, K)
        real += float((a * b).sum())
        scale += float(np.sqrt((a * a).sum() * (b * b).sum()))
        most = max(1, MEMORY // a.shape[1])
        for start in range(0, permutations, most):
            orders = np.tile(np.arange(a.shape[1]), (min(most, permutations - start), 1))  # (p, K)
            orders = rng.permuted(orders, axis=1)  # (p, K)
            dealt[start : start + most] += sum(counts[orders] @ own for counts, own in zip(a, b, strict=True))
    if scale < SPREAD:
        return float("nan")
    return float((1 + (np.abs(dealt) >= abs(real) - 1e-9 * scale).sum()) / (1 + permutations))


def bins(x: np.ndarray, y: np.ndarray, number: int) -> list[Bin]:
    """Equal steps of x from its smallest to its largest value, those that hold a concept; the last holds its end.

    >>> [tuple(map(float, b)) for b in bins(np.array([0.0, 0.1, 2.0]), np.array([0.0, 0.2, 1.0]), 2)]
    [(0.0, 1.0, 2.0, 0.05, 0.1), (1.0, 2.0, 1.0, 2.0, 1.0)]
    """
    edges = np.linspace(x.min(), x.max(), number + 1)  # (number + 1,)
    which = np.clip(np.searchsorted(edges, x, side="right") - 1, 0, number - 1)  # (N,)
    found = [(i, which == i) for i in range(number) if (which == i).any()]
    return [Bin(edges[i], edges[i + 1], int(own.sum()), x[own].mean(), y[own].mean()) for i, own in found]


def bin_r(found: list[Bin]) -> float:
    """Pearson's r over the means of bins, each bin alike: what Udandarao et al. 2024 report; NaN below three bins."""
    x, y = (np.array([getattr(b, name) for b in found]) for name in ("x", "y"))  # (bins,), (bins,)
    if len(found) < 3:
        return float("nan")
    return float(measures(moments(x, y, np.ones(len(x), dtype=bool)).sum(axis=0, keepdims=True)).r)
