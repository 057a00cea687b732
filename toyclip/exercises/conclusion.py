"""Checks of answers to the exercises of the closing chapter."""

from collections.abc import Callable

import numpy as np
from scipy import stats

from toyclip.lab.answers import answer
from toyclip.lab.study import stored


def _cell(data: str, encoder: str, loss: str) -> np.ndarray:
    """Accuracies of one way to train, (S,)."""
    return np.array(stored("factorial")["results"][f"{data} / {encoder} / {loss}"])


@answer
def largest_without_data(given: str) -> str | None:
    """ex-conclusion-restrict: the factor with the larger variance of its marginal means."""
    if given not in ("encoder", "loss"):
        return "give 'encoder' or 'loss'"
    encoders, losses = ("wide", "half as wide", "max-pooled"), ("InfoNCE", "one direction", "sigmoid")
    means = np.array([[_cell("all", encoder, loss).mean() for loss in losses] for encoder in encoders])  # (3, 3)
    spread = {"encoder": means.mean(axis=1).var(), "loss": means.mean(axis=0).var()}
    return None if spread[given] == max(spread.values()) else f"the means over {given} differ less than the others"


@answer
def interaction(given: float) -> str | None:
    """ex-conclusion-interaction: a contrast of four cells."""
    contrast = sum(
        sign * _cell(data, "wide", loss)
        for sign, data, loss in (
            (1, "all", "sigmoid"),
            (-1, "a quarter", "sigmoid"),
            (-1, "all", "InfoNCE"),
            (1, "a quarter", "InfoNCE"),
        )
    ).mean()
    if abs(given - 100 * contrast) < 0.06:
        return None
    if abs(given + 100 * contrast) < 0.06:
        return "the sign is the other way round: the cost with the sigmoid comes first"
    return "in points it is another number" + ("; is yours a share?" if abs(given - contrast) < 0.0006 else "")


@answer
def seeds_needed(given: Callable[[float, float], int]) -> str | None:
    """ex-conclusion-seeds: the interval must be narrow enough at the number given, and not yet with one seed less."""
    for gain, sd in ((1.0, 1.0), (1.0, 2.0), (5.0, 1.0), (0.5, 1.0), (10.0, 0.1)):
        n = given(gain, sd)
        if not isinstance(n, int | np.integer) or n < 2:
            return f"for gain={gain}, sd={sd} it gives {n!r}; a number of seeds is a whole number from 2 up"

        def half(seeds: int, sd: float = sd) -> float:
            scatter = stats.t(df=seeds - 1, scale=sd / np.sqrt(seeds))
            return (scatter.interval(0.95)[1] - scatter.interval(0.95)[0]) / 2

        if half(n) >= gain:
            return f"for gain={gain}, sd={sd} the half width with {n} seeds is still {half(n):.2f}"
        if n > 2 and half(n - 1) < gain:
            return f"for gain={gain}, sd={sd} fewer than {n} seeds are enough"
    return None
