"""Slopes, curves and shares against numpy, scipy, textbook formulas, and data whose truth is known."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import minimize

from toyclip import trend
from toyclip.errors import InputError

EDGES = (0, 0.5, 1, 1.5, 2, 2.5, 3.5)


def ladder(seeds: int, levels: int, per_level: int) -> np.ndarray:
    """log10 of counts 1, 2, 4, ..., dealt out anew under each seed, (seeds, levels * per_level)."""
    steps = np.repeat(np.log10(2) * np.arange(levels), per_level)
    return np.array([np.random.default_rng(seed).permutation(steps) for seed in range(seeds)])


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng([99, seed]).standard_normal(shape)


@pytest.fixture
def measured() -> tuple[np.ndarray, np.ndarray]:
    """Accuracies of 44 concepts under 5 seeds: more with the count, by luck, and by the concept."""
    x = ladder(5, 11, 4)
    return x, 0.1 + 0.25 * x + 0.15 * normal(44) + 0.08 * normal(5, 44, seed=1)


def with_gaps(x: np.ndarray) -> np.ndarray:
    """Some concepts without a count, others under each seed."""
    return np.where(np.random.default_rng(5).random(x.shape) < 0.2, np.nan, x)


# --- what was stored -------------------------------------------------------------------------------------------------


def test_table_holds_logarithms_and_shares():
    results = [{"counts": [1, 10, 0, 250], "hits": [0, 5, 1, 20], "loss": 1.0}, {"counts": [8] * 4, "hits": [10] * 4}]
    x, y = trend.table(results, test=20)
    assert x.shape == y.shape == (2, 4)
    assert x[0].tolist() == pytest.approx([0, 1, math.nan, math.log10(250)], nan_ok=True)
    assert x[1].tolist() == pytest.approx([3 * math.log10(2)] * 4)
    assert y.tolist() == [[0, 0.25, 0.05, 1], [0.5] * 4]


# --- intervals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [2, 3, 8, 20])
@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.99])
def test_interval_is_the_textbooks(count, confidence):
    values = (5 + 2 * normal(count)).tolist()
    mean = sum(values) / count
    deviation = math.sqrt(sum((value - mean) ** 2 for value in values) / (count - 1))
    half = stats.t.ppf((1 + confidence) / 2, count - 1) * deviation / math.sqrt(count)
    assert trend.mean_interval(values, confidence) == pytest.approx((mean, mean - half, mean + half))
    assert trend.mean_interval(np.array(values), confidence) == pytest.approx((mean, mean - half, mean + half))
    assert trend.mean_interval(values) == trend.mean_interval(values, 0.95)


def test_interval_of_equal_values_has_no_width():
    assert trend.mean_interval([0.5] * 4) == (0.5, 0.5, 0.5)


@pytest.mark.parametrize(("form", "expected"), [(None, "2.0 (-0.5 to 4.5)"), (".3f", "2.000 (-0.484 to 4.484)")])
def test_interval_in_words(form, expected):
    """By hand: the mean of 1, 2 and 3, and 4.303 / sqrt(3) either way."""
    assert trend.estimate([1, 3, 2], *([form] if form else [])) == expected


@pytest.mark.parametrize("values", [[], [0.5]])
def test_interval_of_fewer_than_two_values_is_refused(values):
    with pytest.raises(InputError, match=rf"{len(values)} values has no width; give at least two seeds"):
        trend.mean_interval(values)


# --- lines -----------------------------------------------------------------------------------------------------------


def test_slopes_and_correlations_are_numpys(measured):
    x, y = measured
    assert trend.slopes(x, y) == pytest.approx([np.polyfit(a, b, 1)[0] for a, b in zip(x, y, strict=True)])
    assert trend.correlations(x, y) == pytest.approx([np.corrcoef(a, b)[0, 1] for a, b in zip(x, y, strict=True)])


def test_concepts_without_a_count_are_left_out(measured):
    x, y = with_gaps(measured[0]), measured[1]
    kept = [([a for a in row if a == a], y[s][row == row]) for s, row in enumerate(x)]
    assert all(0 < len(a) < 44 for a, _ in kept)
    assert trend.slopes(x, y) == pytest.approx([np.polyfit(a, b, 1)[0] for a, b in kept])
    assert trend.correlations(x, y) == pytest.approx([np.corrcoef(a, b)[0, 1] for a, b in kept])
    y = np.where(np.isnan(x), 1e9, y)
    assert trend.slopes(x, y) == pytest.approx([np.polyfit(a, b, 1)[0] for a, b in kept])


def test_measure_is_taken_seed_by_seed(measured):
    x, y = with_gaps(measured[0]), measured[1]
    assert trend.per_seed(lambda a, b: float(len(a)), x, y).tolist() == (~np.isnan(x)).sum(axis=1).tolist()
    found = trend.per_seed(lambda a, b: float(a.sum() - 3 * b.max()), x, y)
    expected = [np.nansum(a) - 3 * max(b[a == a]) for a, b in zip(x, y, strict=True)]
    assert found == pytest.approx(expected)


@pytest.mark.parametrize("seeds", [2, 3, 5, 8])
def test_placebo_gives_each_seed_the_counts_of_another(seeds):
    x = ladder(seeds, 4, 3)
    before = x.copy()
    found = trend.placebo(x)
    owner = [[row.tolist() for row in x].index(row.tolist()) for row in found]
    assert sorted(owner) == list(range(seeds))
    assert all(seed != other for seed, other in enumerate(owner))
    assert owner == [*range(1, seeds), 0]
    assert (x == before).all()


# --- bins ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("gaps", [False, True])
def test_every_concept_is_in_the_one_bin_that_holds_its_count(gaps, measured):
    x, y = with_gaps(measured[0]) if gaps else measured[0], measured[1]
    expected = []
    for low, high in itertools.pairwise(EDGES):
        inside = [(a, b) for a, b in zip(x.ravel(), y.ravel(), strict=True) if low <= a < high]
        expected.append((np.mean([a for a, _ in inside]), len(inside), np.mean([b for _, b in inside])))
    found = trend.bins(x, y, EDGES)
    assert np.array(found) == pytest.approx(np.array(expected))
    assert sum(count for _, count, _ in found) == np.count_nonzero(~np.isnan(x))
    assert all(isinstance(count, int) for _, count, _ in found)


def test_bin_holds_its_lower_edge_and_not_its_upper_one():
    x = np.array([[-0.1, 0, 0.9], [1, 2, 3]])
    y = np.arange(6.0).reshape(2, 3)
    assert trend.bins(x, y, [0, 1, 3]) == [(0.45, 2, 1.5), (1.5, 2, 3.5)]  # -0.1 and 3 lie in none


def test_empty_bins_are_left_out():
    x, y = np.array([[0.2, np.nan, 5.5]]), np.array([[0.1, 0.9, 0.5]])
    assert trend.bins(x, y, range(8)) == [(0.2, 1, 0.1), (5.5, 1, 0.5)]
    assert trend.bins(x, y, [1, 2]) == []


@pytest.mark.parametrize("gaps", [False, True])
def test_correlation_of_bins_is_that_of_their_means_seed_by_seed(gaps, measured):
    x, y = with_gaps(measured[0]) if gaps else measured[0], measured[1]
    expected = []
    for a, b in zip(x, y, strict=True):
        means = [(a[(low <= a) & (a < high)].mean(), b[(low <= a) & (a < high)].mean())
                 for low, high in itertools.pairwise(EDGES)]  # fmt: skip
        expected.append(np.corrcoef(np.array(means).T)[0, 1])
    assert trend.bin_correlation(x, y, EDGES) == pytest.approx(expected)


def test_level_means_are_those_of_the_concepts_that_share_a_count():
    counts = np.array([[4, 1, 2, 1], [1, 2, 4, 4]])
    y = np.array([[0.4, 0.1, 0.2, 0.3], [0.5, 0.6, 0.7, 0.9]])
    levels, means = trend.level_means(counts, y)
    assert levels.tolist() == [1, 2, 4]
    assert means == pytest.approx(np.array([[0.2, 0.2, 0.4], [0.5, 0.6, 0.8]]))


# --- curves ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("top", "middle", "steepness"), [(0.8, 1.5, 3.0), (1.0, 0.0, 0.5)])
def test_logistic_is_an_s_from_0_to_its_top(top, middle, steepness):
    def curve(x):
        return trend.logistic(x, top, middle, steepness)

    assert curve(np.array([-200.0, middle, 200.0])) == pytest.approx([0, top / 2, top], abs=1e-12)
    away = np.linspace(0, 5, 9)
    assert curve(middle + away) + curve(middle - away) == pytest.approx([top] * 9)
    assert (curve(middle + 1e-5) - curve(middle - 1e-5)) / 2e-5 == pytest.approx(top * steepness / 4)
    assert curve(middle + away) == pytest.approx(top * stats.logistic.cdf(away * steepness))


@pytest.mark.parametrize(("error", "exponent"), [(1.0, 0.2), (0.6, 0.5)])
def test_error_of_a_power_law_falls_as_a_power_of_the_count(error, exponent):
    counts = np.array([1, 2, 10, 1000, 1e80])
    found = trend.power_law(np.log10(counts), error, exponent)
    assert found == pytest.approx(1 - error / counts**exponent)
    assert found[[0, -1]] == pytest.approx([1 - error, 1])


TRUTHS = {
    "line": lambda x: 0.1 + 0.25 * x,
    "logistic": lambda x: trend.logistic(x, 0.9, 1.4, 4.0),
    "power law": lambda x: trend.power_law(x, 0.95, 0.35),
}


@pytest.mark.parametrize("truth", TRUTHS)
def test_curve_that_made_the_data_wins(truth):
    x = ladder(6, 11, 4)
    y = TRUTHS[truth](x) + 0.01 * normal(6, 44)
    errors = {name: values.mean() for name, values in trend.held_out_errors(x, y).items()}
    assert errors.keys() == trend.CURVES.keys() == {"line", "logistic", "power law"}
    assert errors[truth] == pytest.approx(0.01, rel=0.15)
    assert all(error > 1.5 * errors[truth] for name, error in errors.items() if name != truth)
    assert errors[truth] < trend.held_out_error_of_means(x, y).mean() < 1.1 * errors[truth]


def test_only_the_curves_that_are_asked_for_are_fitted(measured):
    found, every = trend.held_out_errors(*measured, ["power law", "line"]), trend.held_out_errors(*measured)
    assert list(found) == ["power law", "line"]
    assert all((found[name] == every[name]).all() for name in found)


def test_curves_are_fitted_to_the_other_seeds_and_judged_on_the_one(measured):
    x, y = measured
    y = y + 0.03 * np.arange(5)[:, None] ** 2  # seeds differ: it shows if a fit has seen the one it is judged on
    line, means = trend.held_out_errors(x, y, ["line"])["line"], trend.held_out_error_of_means(x, y)
    for seed in range(5):
        a, b = np.delete(x, seed, axis=0).ravel(), np.delete(y, seed, axis=0).ravel()
        left = np.polyval(np.polyfit(a, b, 1), x[seed]) - y[seed]
        assert line[seed] == pytest.approx(np.sqrt(np.square(left).sum() / 44), rel=1e-5)
        left = np.array([b[a == count].mean() for count in x[seed]]) - y[seed]
        assert means[seed] == pytest.approx(np.sqrt(np.square(left).sum() / 44))


def test_means_of_the_other_seeds_follow_what_no_curve_does():
    """A zigzag."""
    x = ladder(6, 11, 4)
    y = 0.5 + 0.3 * (-1.0) ** np.round(x / np.log10(2)) + 0.02 * normal(6, 44)
    assert trend.held_out_error_of_means(x, y).mean() == pytest.approx(0.02, rel=0.15)
    assert min(values.mean() for values in trend.held_out_errors(x, y).values()) > 0.2


# --- shares of variance ----------------------------------------------------------------------------------------------


def balanced(seeds: int, copies: int) -> np.ndarray:
    """Counts as in Latin squares: every concept gets every count once, (seeds, seeds * copies)."""
    return np.log10(2) * ((np.arange(seeds)[:, None] + np.arange(seeds * copies)) % seeds)


@pytest.mark.parametrize(("concept", "rest"), [(0.15, 0.05), (0.05, 0.05), (0.04, 0.1)])
def test_shares_of_balanced_data_are_those_of_the_analysis_of_variance(concept, rest):
    """There the restricted maximum has a closed form: (mean square of concepts - mean square of the rest) / seeds."""
    x = balanced(6, 4)
    y = 0.2 + 0.3 * x + concept * normal(24) + rest * normal(6, 24, seed=1)
    fitted = np.select([x == level for level in np.unique(x)], [y[x == level].mean() for level in np.unique(x)])
    left = y - fitted
    of_concepts = 6 * np.square(left.mean(axis=0)).sum() / (24 - 1)
    of_rest = np.square(left - left.mean(axis=0)).sum() / ((24 - 1) * (6 - 1))
    parts = np.array([np.var(fitted), (of_concepts - of_rest) / 6, of_rest])
    found = trend.shares_of_variance(x, y)
    assert list(found) == ["count", "concept", "rest"]
    assert list(found.values()) == pytest.approx(parts / parts.sum(), rel=1e-3)


def test_shares_of_any_data_are_those_of_the_greatest_restricted_likelihood():
    """Written out with whole matrices, as in Patterson and Thompson 1971, for counts that chance dealt out."""
    x = ladder(4, 3, 5)
    y = 0.2 + 0.3 * x + 0.15 * normal(15) + 0.07 * normal(4, 15, seed=1)
    fixed = (x.ravel()[:, None] == np.unique(x)).astype(float)
    together = np.tile(np.eye(15), (4, 4))  # 1 where two accuracies are of one concept

    def fit(parts: np.ndarray) -> tuple[np.ndarray, float]:
        concept, rest = np.exp(parts)
        covariance = concept * together + rest * np.eye(60)
        inverse = np.linalg.inv(covariance)
        weights = fixed.T @ inverse @ fixed
        means = np.linalg.solve(weights, fixed.T @ inverse @ y.ravel())
        left = y.ravel() - fixed @ means
        logs = np.linalg.slogdet(covariance)[1] + np.linalg.slogdet(weights)[1]
        return means, logs + left @ inverse @ left

    best = minimize(lambda parts: fit(parts)[1], np.log([0.01, 0.01]), method="Nelder-Mead", tol=1e-8)
    parts = np.array([np.var(fixed @ fit(best.x)[0]), *np.exp(best.x)])
    assert list(trend.shares_of_variance(x, y).values()) == pytest.approx(parts / parts.sum(), rel=1e-3)


def test_concept_that_does_not_matter_has_next_to_no_share():
    x = ladder(8, 11, 10)
    found = trend.shares_of_variance(x, 0.3 * x + 0.2 * normal(8, 110))
    assert -1e-9 < found["concept"] < 0.02


# --- other seeds' counts, own count equal ----------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_added_slope_is_the_coefficient_of_a_regression_with_a_level_for_each_own_count(seed):
    rng = np.random.default_rng(seed)
    own, other = (rng.permutation(np.repeat(np.arange(5.0), 6)) for _ in range(2))  # (30,), (30,)
    y = np.sin(3 * own) + 0.4 * other + rng.normal(0, 0.1, 30)
    design = np.column_stack([own[:, None] == np.arange(5), other]).astype(float)  # (30, 6)
    assert trend.added_slope(other, y, own) == pytest.approx(np.linalg.lstsq(design, y, rcond=None)[0][-1])


def test_counts_that_resemble_ones_own_lend_nothing():
    """Accuracy is a curve of the own count alone; the other's follow it closely."""
    own = np.repeat(np.arange(6.0), 20)
    other = own + np.random.default_rng(0).normal(0, 0.5, 120)
    y = own**2
    assert np.polyfit(other, y, 1)[0] > 3
    assert trend.added_slope(other, y, own) == pytest.approx(0, abs=1e-12)


def test_placebo_slopes_ask_all_other_seeds_and_never_the_own():
    rng = np.random.default_rng(0)
    x = np.stack([rng.permutation(np.repeat(np.arange(4.0), 5)) for _ in range(3)])  # (3, 20)
    y = rng.random((3, 20))
    found = trend.placebo_slopes(x, y)
    for s in range(3):
        others = [trend.added_slope(x[o], y[s], x[s]) for o in range(3) if o != s]
        assert found[s] == pytest.approx(sum(others) / 2)
    assert np.isfinite(found).all()


def test_shares_of_variance_leave_out_what_has_no_count():
    """Values that are left out are absurd; the shares are those of a simulation without them."""
    rng = np.random.default_rng(3)
    x = np.stack([rng.permutation(np.repeat(np.arange(4.0), 30)) for _ in range(8)])  # (8, 120)
    y = 0.1 * x + rng.normal(0, 0.1, 120) + rng.normal(0, 0.1, (8, 120))
    out = x == 3
    found = trend.shares_of_variance(np.where(out, np.nan, x), np.where(out, 1e6, y))
    variances = {"count": 0.01 * 2 / 3, "concept": 0.01, "rest": 0.01}
    for part, variance in variances.items():
        assert found[part] == pytest.approx(variance / sum(variances.values()), abs=0.08)


def test_mean_and_range_in_words():
    assert trend.mean_and_range([3.0, 1.0, 2.3]) == "2.10 (1.00 to 3.00)"
    assert trend.mean_and_range([-0.5, 0.25], "+.1f") == "-0.1 (-0.5 to +0.2)"
