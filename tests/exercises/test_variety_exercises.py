"""Checks of the exercises on what a frequency is made of: right answers pass, likely wrong ones are told why."""

import numpy as np
import pytest

from toyclip.exercises import variety


def formula(slope, effect, correlation, ease_spread, count_spread):
    return slope + effect * correlation * ease_spread / count_spread


RIGHT = [
    ("times_shown", 640 * 128 / 110),
    ("times_shown", 745),
    ("without_leak", 62.5),
    ("observed", formula),
    ("straight", np.linspace(-1, 4, 51)),
    ("straight", np.linspace(-0.7, 3.8, 30).tolist()),
]
WRONG = [
    ("times_shown", 640 * 128 / (110 * 1024), "1,024 pairs"),
    ("times_shown", 640 * 128, "all concepts together"),
    ("times_shown", 4, "does not follow"),
    ("without_leak", 0.625, "per cent"),
    ("without_leak", 50, "did not leak"),
    ("without_leak", 75, "worse than the whole"),
    ("without_leak", 56, "thousand"),
    ("observed", lambda slope, effect, r, ease, count: slope + effect * r, "simulated observer"),
    ("observed", lambda slope, effect, r, ease, count: slope + effect * r * count / ease, "simulated observer"),
    ("observed", lambda slope, *_: slope, "simulated observer"),
    ("straight", [1.5], "doubling"),
    ("straight", np.linspace(1, 2, 20), "doubling"),
    ("straight", [0, 1.5, 3], "doubling"),
    ("straight", np.linspace(-10, 13, 200), "rises by"),
    ("straight", [], "list of numbers"),
]


@pytest.mark.parametrize(("name", "answer"), RIGHT, ids=[name for name, _ in RIGHT])
def test_right_answer_passes(name, answer):
    assert getattr(variety, name).check(answer) is None


@pytest.mark.parametrize(("name", "answer", "told"), WRONG, ids=[f"{name}: {told}" for name, _, told in WRONG])
def test_wrong_answer_is_told_why(name, answer, told):
    assert told in getattr(variety, name).check(answer)
