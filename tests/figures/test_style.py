"""Intervals drawn in figures are those of scipy, and alternative texts do not round a miss away."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from scipy import stats

from toyclip.figures import style


@pytest.mark.parametrize("seeds", [2, 5, 20])
def test_interval_of_a_mean_is_that_of_scipy(seeds):
    values = np.random.default_rng(seeds).normal(0.7, 0.1, seeds)
    low, high = stats.t.interval(0.95, seeds - 1, loc=values.mean(), scale=stats.sem(values))
    assert style.interval(values) == pytest.approx((high - low) / 2)


def test_bars_do_not_call_99_6_a_hundred(monkeypatch):
    told = []
    monkeypatch.setattr(style, "show", lambda figure, alt: told.append(alt) or plt.close(figure))
    style.bars({"one left out": np.array([0.995, 0.997]), "all": np.array([1.0, 1.0])}, "What was left out")
    assert told == [
        "What was left out. Mean held-out accuracy (number of seeds): one left out 99.6 % (2), all 100 % (2)."
    ]
