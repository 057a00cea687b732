"""How the chapter Generation reads the tables of its studies."""

from collections.abc import Sequence

import numpy as np
from sklearn.isotonic import IsotonicRegression

from toyclip import streams
from toyclip.errors import InputError
from toyclip.trend import level_means


def marks(results: Sequence[dict], *keys: str, of: float = 1) -> np.ndarray:
    """One number for each concept under each seed, (S, K), divided by `of`.

    Args:
        keys: lead to the list in a result, the outermost first.

    >>> marks([{"counts": [1, 2], "drawn": {"2.0": {"named": [8, 16]}}}], "drawn", "2.0", "named", of=16).tolist()
    [[0.5, 1.0]]
    """
    found = []
    for result in results:
        for key in keys:
            result = result[key]
        found.append(result)
    return np.array(found, dtype=float) / of


def rungs(dealt: np.ndarray, swapped: np.ndarray, counts: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The rungs, (L,), and each seed's mean mark on them, both lots together, (S, L).

    Args:
        dealt: (S, K), under the lots as dealt, and swapped: (S, K).
        counts: (S, K) of each.
    """
    both = np.concatenate([dealt, swapped], axis=1)  # (S, 2 K)
    return level_means(np.concatenate(counts, axis=1), both)


def swap_slopes(dealt: np.ndarray, swapped: np.ndarray, counts: Sequence[np.ndarray]) -> np.ndarray:
    """What ten times as many pictures do for the same concept, a number for each seed, (S,).

    The line through zero of the difference in marks against the difference in log10 count; a concept whose count is the
    same under both lots says nothing.

    Args:
        dealt, swapped: (S, K); counts: (S, K) of each.

    >>> counts = np.array([[1, 100]]), np.array([[100, 1]])
    >>> swap_slopes(np.array([[0.1, 0.8]]), np.array([[0.7, 0.2]]), counts).round(2).tolist()
    [0.3]
    """
    wider = np.log10(counts[0]) - np.log10(counts[1])  # (S, K)
    return ((dealt - swapped) * wider).sum(axis=1) / np.square(wider).sum(axis=1)


def placebo_band(x: np.ndarray, y: np.ndarray, seed: int, deals: int = 1000) -> tuple[float, float]:
    """Between which 95 % of the mean slopes lie when every seed's counts are dealt out again among its concepts.

    Args:
        x: (S, K), log10 counts; y: (S, K), marks.
        seed: of the new deals.

    >>> low, high = placebo_band(np.arange(6.0)[None], np.array([[0, 0, 0, 1, 1, 1]]), seed=0, deals=200)
    >>> low < 0 < high
    True
    """
    a, b = (values - values.mean(axis=1, keepdims=True) for values in (x, y))  # (S, K) each
    again = streams.rng(seed, "placebo").permuted(np.broadcast_to(a, (deals, *a.shape)), axis=2)  # (deals, S, K)
    slopes = (again * b).sum(axis=2) / np.square(a).sum(axis=1)  # (deals, S)
    low, high = np.quantile(slopes.mean(axis=1), (0.025, 0.975))
    return float(low), float(high)


def within(groups: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The slope of y against x among members of one group, whatever the groups bring along; one for each row, (S,).

    Means of groups are taken off both (Frisch and Waugh 1933).

    Args:
        groups: (K,), x: (K,), y: (S, K).

    >>> within(np.array([0, 0, 1, 1]), np.array([1.0, 2.0, 1.0, 2.0]), np.array([[5.0, 7.0, 0.0, 2.0]])).tolist()
    [2.0]
    """
    same = (groups[:, None] == groups).astype(float)  # (K, K)
    same /= same.sum(axis=1, keepdims=True)
    a, b = x - same @ x, y - y @ same.T  # (K,), (S, K)
    return (b @ a) / (a @ a)


def above_others(counts: np.ndarray, y: np.ndarray) -> np.ndarray:
    """How far each mark lies above the mean of the other columns' marks at the same count, (R, G).

    Args:
        counts: (R, G), every count in several columns; y: (R, G).

    >>> above_others(np.array([[1, 2], [2, 1]]), np.array([[0.1, 0.5], [0.8, 0.3]])).round(1).tolist()
    [[-0.2, -0.3], [0.3, 0.2]]
    """
    found = np.empty(y.shape)
    for column in range(y.shape[1]):
        others = np.arange(y.shape[1]) != column  # (G,)
        for row, count in enumerate(counts[:, column]):
            found[row, column] = y[row, column] - y[:, others][counts[:, others] == count].mean()
    return found


def reach(levels: np.ndarray, means: np.ndarray, mark: float) -> np.ndarray:
    """The count at which each seed's curve reaches a mark, (S,).

    The curve is made rising (isotonic regression) and read off between rungs along the logarithm; one that starts above
    the mark reaches it at the first rung, which is then too late rather than too early.

    Args:
        levels: (L,), rising counts.
        means: (S, L), marks from 0 to 1.

    Raises:
        InputError: if a curve does not reach the mark.

    >>> reach(np.array([1, 4, 16]), np.array([[0.0, 0.5, 1.0], [0.6, 0.9, 1.0]]), mark=0.5).tolist()
    [4.0, 1.0]
    """
    log, found = np.log2(levels), []
    for row in means:
        rising = IsotonicRegression().fit_transform(log, row)  # (L,)
        if rising[-1] < mark:
            raise InputError(f"a curve that ends at {rising[-1]:.2f} never reaches {mark}; ask for less")
        after = int(np.argmax(rising >= mark))
        if after == 0:
            found.append(log[0])
            continue
        low, high = rising[after - 1], rising[after]
        found.append(log[after - 1] + (log[after] - log[after - 1]) * (mark - low) / (high - low))
    return 2.0 ** np.array(found)
