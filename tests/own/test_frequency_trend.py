"""The statistics of a trend against scipy, statsmodels, full enumeration, and tables whose truth is known."""

import itertools

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.optimize import curve_fit, minimize

from toyclip.errors import InputError
from toyclip.own import frequency_trend as ft
from toyclip.own import trend_controls as controls

ALL = np.ones(400, dtype=bool)


def drawn(seed: int, n: int = 120, sets: int = 4, slope: float = 0.1, between: float = 0.0):
    """x, y and sets of a table with this slope within sets, whose sets differ in both by `between`."""
    rng = np.random.default_rng([7, seed])
    g = rng.integers(sets, size=n)
    a = rng.uniform(0, 4, n)
    x = a + between * g
    return x, slope * a + 0.1 * between * g + 0.1 * rng.standard_normal(n), g


def measured(x, y, g, kept=None) -> ft.Measures:
    return ft.measures(ft.of_sets(ft.moments(x, y, np.ones(len(x), dtype=bool) if kept is None else kept), g))


@pytest.mark.parametrize("seed", range(3))
def test_slope_and_r_are_scipys_and_within_sets_those_of_dummies(seed):
    x, y, g = drawn(seed, between=1.0)
    found, line = measured(x, y, g), stats.linregress(x, y)
    assert found[:2] == pytest.approx((line.slope, line.rvalue))
    dummies = (g[:, None] == np.arange(4)).astype(float)
    assert found.slope_within == pytest.approx(sm.OLS(y, np.column_stack([x, dummies])).fit().params[0])
    a, b = (sm.OLS(v, dummies).fit().resid for v in (x, y))
    assert found.r_within == pytest.approx(stats.pearsonr(a, b).statistic)


def test_concepts_that_do_not_count_change_nothing():
    x, y, g = drawn(0)
    kept = np.random.default_rng(1).random(len(x)) < 0.6
    assert measured(x, y, g, kept) == pytest.approx(measured(x[kept], y[kept], g[kept]))


@given(st.integers(0, 99), st.floats(-9, 9), st.floats(0.1, 9))
def test_shift_and_scale_of_accuracy_do_to_the_line_what_they_must(seed, shift, scale):
    x, y, g = drawn(seed, n=40)
    one, other = measured(x, y, g), measured(x, shift + scale * y, g)
    assert other.r == pytest.approx(one.r)
    assert other.slope_within == pytest.approx(scale * one.slope_within)


def test_what_does_not_vary_has_no_slope():
    g = np.array([0, 0, 1, 1])
    found = measured(np.array([1.0, 1, 2, 2]), np.array([0.1, 0.2, 0.3, 0.4]), g)
    assert np.isfinite(found[:2]).all()
    assert np.isnan(found[2:]).all()


def test_sets_that_differ_in_both_make_a_trend_that_is_none_within_them():
    x, y, g = drawn(3, n=2000, slope=0.0, between=3.0)
    found = measured(x, y, g)
    assert found.r > 0.8
    assert abs(found.r_within) < 3 / len(x) ** 0.5


# --- resampling ------------------------------------------------------------------------------------------------------


def test_resamples_draw_whole_concepts_as_many_from_each_set_as_it_has(monkeypatch):
    monkeypatch.setattr(ft, "MEMORY", 64)  # several at a time
    g, concept = np.repeat([0, 1, 1], 2), np.repeat([0, 1, 2], 2)
    values = np.eye(3)[concept]  # each row says which concept it is of
    sums = ft.resampled(values, g, concept, lambda sums: sums, 300, 0)
    assert sums.shape == (300, 2, 3)
    assert (sums[:, 0] == [2, 0, 0]).all()
    assert (sums[:, 1].sum(axis=1) == 4).all()
    assert set(sums[:, 1].ravel()) == {0, 2, 4}
    assert sums[:, 1, 1].mean() == pytest.approx(2, abs=0.3)


def test_resampled_slopes_scatter_as_the_textbook_says():
    x, y, g = drawn(5, n=400, slope=0.2)
    values, each = ft.moments(x, y, ALL), np.arange(400)
    slopes = ft.resampled(values, g * 0, each, lambda s: ft.measures(s).slope, 2000, 1)
    assert slopes.std() == pytest.approx(sm.OLS(y, sm.add_constant(x)).fit(cov_type="HC0").bse[1], rel=0.1)
    again = ft.resampled(values, g * 0, each, lambda s: ft.measures(s).slope, 2000, 1)
    assert (slopes == again).all()


def test_interval_covers_a_known_slope_as_often_as_it_says():
    hits = 0
    for seed in range(200):
        x, y, g = drawn(seed, n=200, slope=0.15, between=1.0)
        values = ft.moments(x, y, np.ones(200, dtype=bool))
        slopes = ft.resampled(values, g, np.arange(200), lambda s: ft.measures(s).slope_within, 300, seed)
        low, high = np.quantile(slopes, (0.025, 0.975))
        hits += low <= 0.15 <= high
    assert 181 <= hits <= 199  # 95 % of 200 is 190, give or take 3


# --- permutation -----------------------------------------------------------------------------------------------------


def one_seed(sets) -> list[np.ndarray]:
    return ft.dealt_together(sets, np.arange(len(sets)), np.zeros(len(sets), dtype=int))


def test_permutation_agrees_with_all_permutations_within_blocks():
    """Here there is one seed."""
    x = np.array([0.0, 1.0, 3.0, 0.5, 2.0, 2.5, 4.0])
    y = np.array([0.1, 0.2, 0.9, 0.5, 0.45, 0.4, 0.8])
    blocks = np.array([0, 0, 0, 1, 1, 1, 1])

    def covariance(order) -> float:
        return sum((x[order] - x[b].mean())[b] @ (y - y[b].mean())[b] for b in (blocks == 0, blocks == 1))

    orders = [[*a, *b] for a in itertools.permutations(range(3)) for b in itertools.permutations(range(3, 7))]
    real = abs(covariance(list(range(7))))
    exact = np.mean([abs(covariance(order)) >= real - 1e-12 for order in orders])
    assert ft.permutation_p(x, y, one_seed(blocks), 20_000, 0) == pytest.approx(exact, abs=0.01)


def test_counts_of_a_concept_are_dealt_together_among_concepts_with_the_same_seeds():
    """Four concepts have two seeds, three only the second; the rows stand in any order."""
    rng = np.random.default_rng(0)
    concept, seed = np.array([0, 1, 2, 3, 0, 1, 2, 3, 4, 5, 6]), np.array([0] * 4 + [1] * 7)
    x = rng.standard_normal(7)[concept] + 0.2 * rng.standard_normal(11)
    y = 0.5 * x + rng.standard_normal(7)[concept]
    parts = [(list(range(4)), range(4)), (list(range(4, 8)), range(4)), (list(range(8, 11)), range(4, 7))]

    def covariance(deal) -> float:
        return sum((x[rows] - x[rows].mean())[[deal[k] - own[0] for k in own]] @ y[rows] for rows, own in parts)

    deals = [a + b for a in itertools.permutations(range(4)) for b in itertools.permutations(range(4, 7))]
    real = abs(covariance(range(7)))
    exact = np.mean([abs(covariance(deal)) >= real - 1e-12 for deal in deals])
    mixed = rng.permutation(11)
    blocks = ft.dealt_together(np.zeros(11), concept[mixed], seed[mixed])
    assert ft.permutation_p(x[mixed], y[mixed], blocks, 20_000, 0) == pytest.approx(exact, abs=0.01)


def test_p_of_tables_without_a_trend_is_uniform():
    """Sets differ in both, so that dealing counts out over all concepts would find a trend."""
    found = []
    for seed in range(200):
        x, y, g = drawn(seed, n=40, slope=0.0, between=2.0)
        found.append(ft.permutation_p(x, y, one_seed(g), 199, seed))
    assert stats.kstest(found, "uniform").pvalue > 0.01


def test_smallest_p_counts_the_real_deal_and_no_variance_has_none():
    x = np.linspace(0, 4, 50)
    assert ft.permutation_p(x, x, one_seed(np.zeros(50)), 99, 0) == 0.01
    assert ft.permutation_p(-x, x, one_seed(np.zeros(50)), 99, 0) == 0.01
    assert np.isnan(ft.permutation_p(x, x, one_seed(np.arange(50)), 99, 0))


# --- bins, zero counts -----------------------------------------------------------------------------------------------


@given(st.lists(st.floats(0, 6), min_size=3, max_size=60).filter(lambda v: np.ptp(v) > 0.1), st.integers(3, 12))
def test_bins_are_those_of_scipy(x, number):
    x = np.array(x)
    y = np.cos(x)
    found = ft.bins(x, y, number)
    n, edges, _ = stats.binned_statistic(x, y, "count", bins=number)
    means = stats.binned_statistic(x, y, "mean", bins=number).statistic
    assert sum(b.n for b in found) == len(x)
    if np.abs(x[:, None] - edges[1:-1]).min() > 1e-9:  # on an edge the last bit decides
        assert [b.n for b in found] == n[n > 0].tolist()
        assert [b.y for b in found] == pytest.approx(means[n > 0])


def test_r_over_bins_is_that_of_their_means():
    x, y, _ = drawn(0)
    found = ft.bins(x, y, 6)
    assert ft.bin_r(found) == pytest.approx(stats.pearsonr([b.x for b in found], [b.y for b in found]).statistic)
    assert np.isnan(ft.bin_r(found[:2]))


def test_rules_for_zero_counts():
    count = np.array([0, 1, 10, np.nan])
    assert ft.log_counts(count, "one")[0].tolist() == [0, 0, 1, 0]
    assert ft.log_counts(count, "one")[1].tolist() == [True, True, True, False]
    assert ft.log_counts(count, "out")[1].tolist() == [False, True, True, False]
    with pytest.raises(InputError, match="no rule"):
        ft.log_counts(count, "half")


def test_numbers_tell_every_combination_of_labels_apart():
    a, b = np.array(["x", "x", "y", "x"]), np.array(["1", "2", "1", "1"])
    found = ft.numbered(a, b).tolist()
    assert sorted(set(found)) == [0, 1, 2]
    assert found[0] == found[3]


# --- curves ----------------------------------------------------------------------------------------------------------


def test_line_is_judged_on_what_it_was_not_fitted_to():
    x, y, _ = drawn(2, n=60)
    each = np.arange(60)
    found = controls.held_out(x, y, each, seed=3, folds=60)  # one left out: a formula has it
    hat = sm.OLS(y, sm.add_constant(x)).fit()
    assert found["line"] == pytest.approx(
        np.sqrt(np.mean((hat.resid / (1 - hat.get_influence().hat_matrix_diag)) ** 2))
    )
    assert found["mean"] == pytest.approx(np.sqrt(np.mean(((y - y.mean()) / (1 - 1 / 60)) ** 2)))


def test_concept_under_several_seeds_is_left_out_whole():
    y = np.random.default_rng(1).random(10)
    found = controls.held_out(np.arange(200) / 50, np.repeat(y, 20), np.repeat(np.arange(10), 20), seed=0)
    assert found["mean"] == pytest.approx(np.sqrt(np.mean(((y - y.mean()) / (1 - 1 / 10)) ** 2)))


def test_s_curve_wins_where_there_is_one_and_comes_close_to_the_best_fit():
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 5, 400)
    y = 0.1 + 0.7 / (1 + np.exp(-4 * (x - 2.3))) + 0.05 * rng.standard_normal(400)
    found = controls.held_out(x, y, np.arange(400), seed=0)
    (low, high), gain = found["gain"][1:], found["gain"][0]
    assert 0 < low < gain < high
    assert gain == pytest.approx(1 - (found["s"] / found["line"]) ** 2)

    def curve(x, bottom, height, middle, steepness):
        return bottom + height / (1 + np.exp(-steepness * (x - middle)))

    best, _ = curve_fit(curve, x, y, p0=(0, 1, 2, 3))
    assert found["s"] < 1.1 * np.sqrt(np.mean((curve(x, *best) - y) ** 2))


def test_s_curve_does_not_win_where_there_is_a_line():
    x, y, _ = drawn(1, n=400, slope=0.1)
    low, high = controls.held_out(x, y, np.arange(400), seed=0)["gain"][1:]
    assert low < 0.02
    assert high < 0.05


# --- mixed model -----------------------------------------------------------------------------------------------------


def test_mixed_model_is_the_maximum_of_the_restricted_likelihood():
    """Written down for random intercepts and slopes and maximised by another program."""
    rng = np.random.default_rng(4)
    g = np.repeat(np.arange(12), 30)
    x = rng.uniform(0, 4, 360)
    y = 0.3 + 0.1 * rng.standard_normal(12)[g] + (0.08 + 0.04 * rng.standard_normal(12)[g]) * x
    y = y + 0.1 * rng.standard_normal(360)
    design = np.column_stack([x - x.mean(), np.ones(360)])

    def fit(theta):
        root = np.array([[theta[0], 0], [theta[1], theta[2]]])
        sigma = np.exp(theta[3])
        a, b, c, d = np.zeros((2, 2)), np.zeros(2), 0.0, 0.0
        for k in range(12):
            own, t = design[g == k], y[g == k]
            v = own @ root @ root.T @ own.T + sigma**2 * np.eye(len(t))
            a, b, c = (
                a + own.T @ np.linalg.solve(v, own),
                b + own.T @ np.linalg.solve(v, t),
                c + t @ np.linalg.solve(v, t),
            )
            d += np.linalg.slogdet(v)[1]
        beta = np.linalg.solve(a, b)
        return d + np.linalg.slogdet(a)[1] + c - b @ beta, beta[0], np.sqrt(np.linalg.inv(a)[0, 0])

    start = [0.05, 0, 0.1, np.log(0.1)]
    best = minimize(lambda theta: fit(theta)[0], start, method="Nelder-Mead", options={"maxiter": 1500, "xatol": 1e-5})
    _, slope, error = fit(best.x)
    found = controls.mixed_model(x, y, g, np.arange(360))
    assert found["slope"][0] == pytest.approx(slope, abs=2e-4)
    assert (found["slope"][2] - found["slope"][0]) / 1.96 == pytest.approx(error, rel=0.02)
    assert found["slope_sd"] == pytest.approx(np.hypot(best.x[0], 0), rel=0.05)


def test_mixed_model_of_few_sets_is_left_out_and_of_seeds_is_one_of_concepts():
    x, y, g = drawn(0)
    assert "fewer than 5 sets" in controls.mixed_model(x, y, g, np.arange(120))["left_out"]
    rng = np.random.default_rng(0)
    concept = np.repeat(np.arange(60), 3)
    x = rng.uniform(0, 3, 180)
    y = 0.1 * x + 0.3 * rng.standard_normal(60)[concept] + 0.02 * rng.standard_normal(180)
    found = controls.mixed_model(x, y, concept * 0, concept)
    low, high = found["slope"][1:]
    assert low < 0.1 < high
    assert high - low < 0.02  # of the counts of one concept, not of all
