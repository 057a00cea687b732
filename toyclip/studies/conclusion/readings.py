"""What a factorial experiment says: the share of each factor in the variance, and what a change costs."""

import itertools
from collections.abc import Sequence

import numpy as np

from toyclip.errors import InputError


def shares(values: np.ndarray, factors: Sequence[str]) -> dict[str, float]:
    """How the variance over all runs divides: factors, their interactions, repetition (balanced analysis of variance).

    Args:
        values: one axis for each factor, and a last one for the seeds, which are repetitions of every cell.

    Returns:
        Share for each factor, for each set of factors together beyond what its parts say ("data x loss"), and for
        "seed", what differs between seeds of one cell; they add up to 1.

    Raises:
        InputError: if the axes are not one for each factor and one of at least two seeds, or all values are equal.

    >>> {name: round(share, 2) for name, share in shares(np.array([[[0., 0.], [1., 1.]], [[0., 0.], [1., 1.]]]),
    ...                                                  ["data", "loss"]).items()}
    {'data': 0.0, 'loss': 1.0, 'data x loss': 0.0, 'seed': 0.0}
    """
    if values.ndim != len(factors) + 1 or values.shape[-1] < 2:
        raise InputError(
            f"expected an axis for each of {list(factors)} and one of two or more seeds, got {values.shape}"
        )
    total = ((values - values.mean()) ** 2).sum()
    if not total > 0:
        raise InputError("all values are equal; there is no variance to divide")
    cells, effects = values.mean(axis=-1), {}
    for size in range(1, len(factors) + 1):
        for chosen in itertools.combinations(range(len(factors)), size):
            others = tuple(axis for axis in range(len(factors)) if axis not in chosen)
            smaller = [part for axes, part in effects.items() if set(axes) < set(chosen)]
            effects[chosen] = cells.mean(axis=others, keepdims=True) - cells.mean() - sum(smaller)
    divided = {
        " x ".join(factors[axis] for axis in chosen): float((effect**2).mean() * values.size / total)
        for chosen, effect in effects.items()
    }
    return divided | {"seed": float(((values - cells[..., None]) ** 2).sum() / total)}


def interval_of_shares(
    values: np.ndarray, factors: Sequence[str], draws: int = 2000, seed: int = 0
) -> dict[str, tuple[float, float]]:
    """The 95 % range of each share when the seeds are drawn again with replacement."""
    rng, seeds = np.random.default_rng(seed), values.shape[-1]
    drawn = [shares(values[..., rng.integers(seeds, size=seeds)], factors) for _ in range(draws)]
    return {name: tuple(np.percentile([d[name] for d in drawn], [2.5, 97.5]).tolist()) for name in drawn[0]}
