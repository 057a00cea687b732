"""Checks of the reader's answers in the chapter on what a frequency is made of (helper, no chapter)."""

from collections.abc import Callable, Sequence

import numpy as np

from toyclip import streams
from toyclip.lab.answers import answer
from toyclip.studies.frequency.corpus import FULL

STEEPNESS = 4.0  # of an S, per decade
NEEDED = 0.5  # how far the average must rise from 1 to 1,024 pictures
EVEN = 0.02  # how far two doublings may differ


@answer
def times_shown(given: float) -> str | None:
    """How often the one picture of a rarest concept comes round where all concepts are shown equally often."""
    exposures = sum(FULL.batch_size for _ in range(FULL.updates))
    right = exposures / FULL.concepts
    if abs(given - right) < 0.01 * right:
        return None
    if abs(given - exposures / (FULL.concepts * 2 ** (FULL.levels - 1))) < 0.1:
        return "that is how often one round through all pairs fits; the single picture stands in 1,024 pairs of a round"
    if abs(given - exposures) < 1:
        return "those are the exposures of all concepts together"
    return (
        f"the model makes {FULL.updates} updates in batches of {FULL.batch_size}; {given:g} does not follow from that"
    )


@answer
def without_leak(given: float) -> str | None:
    """The score in % on the pictures that did not leak: a test reads 70 %, a fifth leaked and is known by heart."""
    pictures = np.zeros(1000, dtype=bool)
    pictures[:700] = True  # 70 % right,
    unseen = pictures[200:]  # of which the first fifth because it leaked
    right = 100 * unseen.mean()
    if abs(given - right) < 0.1:
        return None
    if abs(given - right / 100) < 0.001:
        return "give it in per cent"
    if abs(given - 50) < 0.1:
        return "that is a share of all pictures; only those that did not leak are to be counted"
    if given >= 70:
        return "leaked pictures are all right, so the others must do worse than the whole test"
    return "count a thousand pictures: which are right, and which of these leaked"


@answer
def observed(given: Callable[[float, float, float, float, float], float]) -> str | None:
    """The slope that an observer sees: slope, effect of ease, correlation, spread of ease, spread of the counts."""
    rng = streams.rng(0, "observer")
    first, second = rng.standard_normal((2, 200_000))
    for slope, effect, correlation, ease_spread, count_spread in (
        (30.0, 50.0, 0.5, 0.3, 0.7),
        (30.0, 50.0, 0.0, 0.3, 0.7),
        (10.0, 80.0, -0.6, 0.2, 1.5),
        (0.0, 60.0, 0.9, 0.4, 0.5),
    ):
        count = count_spread * first
        ease = ease_spread * (correlation * first + np.sqrt(1 - correlation**2) * second)
        right = np.polyfit(count, slope * count + effect * ease, 1)[0]
        found = given(slope, effect, correlation, ease_spread, count_spread)
        if abs(found - right) > 0.3:
            return (
                f"with slope {slope:g}, effect {effect:g}, correlation {correlation:g} and spreads {ease_spread:g} and "
                f"{count_spread:g} a simulated observer sees {right:.1f}, yours {found:.1f}"
            )
    return None


@answer
def straight(given: Sequence[float]) -> str | None:
    """Middles of S curves, in log10 of the count, whose average is a line from 1 to 1,024 pictures."""
    middles = np.atleast_1d(np.asarray(given, dtype=float))  # (M,)
    if not middles.size or not np.isfinite(middles).all():
        return "give a list of numbers, one for each S"
    x = np.log10(2.0 ** np.arange(11))  # (11,)
    average = (1 / (1 + np.exp(-STEEPNESS * (x[:, None] - middles)))).mean(axis=1)  # (11,)
    gains = np.diff(average)  # (10,)
    if average[-1] - average[0] < NEEDED:
        return (
            f"the average rises by {100 * (average[-1] - average[0]):.0f} points only; {100 * NEEDED:.0f} are asked for"
        )
    if gains.max() - gains.min() > EVEN:
        return (
            f"one doubling brings {100 * gains.max():.1f} points, another {100 * gains.min():.1f}; "
            f"they may differ by {100 * EVEN:.0f}"
        )
    return None
