"""Is there a threshold in a cloud of points? Lines and changepoints, judged on other seeds (helper of leak).

Throughout, x and y are (S, n): n points of each seed.
"""

from collections.abc import Callable

import numpy as np

from toyclip.errors import InputError, lookup

Curve = Callable[[np.ndarray], np.ndarray]
LEAST = 0.1  # of the points lie on either side of a changepoint


def line(x: np.ndarray, y: np.ndarray) -> tuple[Curve, float]:
    """The least-squares line of (n,) points; it has no changepoint, NaN."""
    slope, start = np.polyfit(x, y, 1)
    return lambda at: start + slope * at, float("nan")


def places(x: np.ndarray) -> np.ndarray:
    """Where a changepoint of (n,) points may lie: between any two neighbours that leave enough on either side."""
    ordered = np.unique(x)
    between = (ordered[1:] + ordered[:-1]) / 2  # (u - 1,)
    below = (x[:, None] < between).mean(axis=0)  # (u - 1,)
    return between[(below >= LEAST) & (below <= 1 - LEAST)]


def step(x: np.ndarray, y: np.ndarray) -> tuple[Curve, float]:
    """Two levels, and where they best meet.

    >>> curve, at = step(np.arange(10.0), np.array([5.0] * 4 + [1.0] * 6))
    >>> at, curve(np.array([0.0, 9.0])).round(6).tolist()
    (3.5, [5.0, 1.0])
    """
    return _best(x, y, lambda knot: np.stack([x < knot, x >= knot], axis=1), lambda at, knot: [at < knot, at >= knot])


def hinge(x: np.ndarray, y: np.ndarray) -> tuple[Curve, float]:
    """A line that becomes level above a changepoint, as Sun et al. 2025 have it: little priming beyond it."""

    def design(at: np.ndarray, knot: float) -> list[np.ndarray]:
        return [np.ones_like(at), np.minimum(at - knot, 0.0)]

    return _best(x, y, lambda knot: np.stack(design(x, knot), axis=1), design)


def bend(x: np.ndarray, y: np.ndarray) -> tuple[Curve, float]:
    """A line that changes its slope at a changepoint, whichever way."""

    def design(at: np.ndarray, knot: float) -> list[np.ndarray]:
        return [np.ones_like(at), at, np.minimum(at - knot, 0.0)]

    return _best(x, y, lambda knot: np.stack(design(x, knot), axis=1), design)


def _best(x: np.ndarray, y: np.ndarray, columns: Callable, design: Callable) -> tuple[Curve, float]:
    """The changepoint with the least squared error, and its curve."""
    knots = places(x)
    if not len(knots):
        raise InputError(f"{len(x)} points leave no place for a changepoint; give more, at different x")
    fits = [np.linalg.lstsq(columns(knot).astype(float), y, rcond=None)[0] for knot in knots]
    errors = [((columns(knot) @ fit - y) ** 2).sum() for knot, fit in zip(knots, fits, strict=True)]
    knot, fit = knots[int(np.argmin(errors))], fits[int(np.argmin(errors))]
    return lambda at: np.stack(design(at, knot), axis=1).astype(float) @ fit, float(knot)


SHAPES = {"line": line, "step": step, "hinge": hinge, "bend": bend}


def held_out_errors(x: np.ndarray, y: np.ndarray, shape: str) -> np.ndarray:
    """A shape is fitted to all seeds but one and judged on that one: root of the mean squared error, (S,).

    Raises:
        InputError: if there is no such shape, or only one seed.
    """
    fit = lookup(SHAPES, shape, "shape")
    if len(x) < 2:
        raise InputError("one seed leaves nothing to fit; give at least two")
    errors = []
    for seed in range(len(x)):
        others = np.arange(len(x)) != seed  # (S,)
        curve, _ = fit(x[others].ravel(), y[others].ravel())
        errors.append(float(np.sqrt(np.mean((curve(x[seed]) - y[seed]) ** 2))))
    return np.array(errors)
