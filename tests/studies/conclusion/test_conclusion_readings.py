"""Shares of variance, against statsmodels' analysis of variance and cases that can be told by eye."""

import itertools

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from statsmodels.formula.api import ols

from toyclip.errors import InputError
from toyclip.studies.conclusion.readings import interval_of_shares, shares

FACTORS = ["data", "encoder", "loss"]


def random_values(seed: int, shape: tuple[int, ...] = (3, 2, 3, 5)) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


@pytest.mark.parametrize("seed", range(3))
def test_shares_are_those_of_statsmodels(seed):
    values = random_values(seed)
    rows = [dict(zip("abcr", index, strict=True)) | {"y": values[index]} for index in np.ndindex(values.shape)]
    table = sm.stats.anova_lm(ols("y ~ C(a) * C(b) * C(c)", pd.DataFrame(rows)).fit(), typ=2)["sum_sq"]
    letters = dict(zip(FACTORS, "abc", strict=True))
    found = shares(values, FACTORS)
    for name, share in found.items():
        term = "Residual" if name == "seed" else ":".join(f"C({letters[f]})" for f in name.split(" x "))
        assert share == pytest.approx(table[term] / table.sum(), abs=1e-9)
    assert len(found) == len(table)
    assert sum(found.values()) == pytest.approx(1)


@pytest.mark.parametrize(("axis", "name"), list(enumerate(FACTORS)))
def test_what_alone_changes_something_has_all_of_it(axis, name):
    values = np.zeros((2, 2, 2, 3))
    np.moveaxis(values, axis, 0)[1] = 5.0
    assert shares(values, FACTORS)[name] == pytest.approx(1)


def test_change_that_needs_two_factors_is_an_interaction():
    values = np.zeros((2, 2, 2, 3))
    for i, j in itertools.product(range(2), repeat=2):
        values[i, j] = (-1) ** (i + j)
    assert shares(values, FACTORS)["data x encoder"] == pytest.approx(1)


def test_shares_do_not_depend_on_unit_and_origin():
    values = random_values(0)
    assert shares(100 * values - 7, FACTORS) == pytest.approx(shares(values, FACTORS))


@pytest.mark.parametrize("shape", [(3, 3, 5), (3, 3, 3, 1), (3, 3, 3, 5, 1)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(InputError, match="an axis for each"):
        shares(random_values(0, shape), FACTORS)


def test_no_variance_is_refused():
    with pytest.raises(InputError, match="all values are equal"):
        shares(np.ones((2, 2, 2, 3)), FACTORS)


def test_interval_holds_the_share_and_shrinks_where_seeds_agree():
    values = random_values(1)
    for name, (low, high) in interval_of_shares(values, FACTORS, draws=200).items():
        assert 0 <= low <= high <= 1, name
    agreeing = np.repeat(values[..., :1], 5, axis=-1)
    for name, (low, high) in interval_of_shares(agreeing, FACTORS, draws=50).items():
        assert high - low == pytest.approx(0, abs=1e-9), name
