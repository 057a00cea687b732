"""Checks of the exercises on what a frequency is made of: right answers pass, likely wrong ones are told why."""

import numpy as np
from exercises.judge import answers

from toyclip.exercises import variety


def formula(slope, effect, correlation, ease_spread, count_spread):
    return slope + effect * correlation * ease_spread / count_spread


CASES = [
    (variety.times_shown, 640 * 128 / 110, None),
    (variety.times_shown, 745, None),
    (variety.without_leak, 62.5, None),
    (variety.observed, formula, None),
    (variety.straight, np.linspace(-1, 4, 51), None),
    (variety.straight, np.linspace(-0.7, 3.8, 30).tolist(), None),
    (variety.times_shown, 640 * 128 / (110 * 1024), "1,024 pairs"),
    (variety.times_shown, 640 * 128, "all concepts together"),
    (variety.times_shown, 4, "does not follow"),
    (variety.without_leak, 0.625, "per cent"),
    (variety.without_leak, 50, "did not leak"),
    (variety.without_leak, 75, "worse than the whole"),
    (variety.without_leak, 56, "thousand"),
    (variety.observed, lambda slope, effect, r, ease, count: slope + effect * r, "simulated observer"),
    (variety.observed, lambda slope, effect, r, ease, count: slope + effect * r * count / ease, "simulated observer"),
    (variety.observed, lambda slope, *_: slope, "simulated observer"),
    (variety.straight, [1.5], "doubling"),
    (variety.straight, np.linspace(1, 2, 20), "doubling"),
    (variety.straight, [0, 1.5, 3], "doubling"),
    (variety.straight, np.linspace(-10, 13, 200), "rises by"),
    (variety.straight, [], "list of numbers"),
]

test_answer_is_judged = answers(variety, CASES)
