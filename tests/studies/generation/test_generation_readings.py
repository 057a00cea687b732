"""The readings: slopes of made-up curves that are known, counts that are read off, and what they must not depend on."""

import numpy as np
import pytest
from scipy.stats import linregress

from toyclip.errors import InputError
from toyclip.studies.generation.readings import above_others, marks, placebo_band, reach, rungs, swap_slopes, within


def lots(seeds: int = 4) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    dealt = np.array([rng.permutation(np.repeat(2 ** np.arange(7), 2)) for _ in range(seeds)])
    return dealt, 64 // dealt


def test_marks_follow_their_keys_in_order():
    results = [{"a": {"b": [1, 2]}, "b": {"a": [5, 6]}}, {"a": {"b": [3, 4]}, "b": {"a": [7, 8]}}]
    assert marks(results, "a", "b", of=2).tolist() == [[0.5, 1.0], [1.5, 2.0]]
    assert marks(results, "b", "a").tolist() == [[5, 6], [7, 8]]


def test_rungs_take_each_concept_at_the_count_of_its_own_lot():
    dealt, swapped = lots()
    levels, means = rungs(np.log2(dealt), np.log2(swapped), (dealt, swapped))
    assert levels.tolist() == [1, 2, 4, 8, 16, 32, 64]
    assert np.allclose(means, np.arange(7))


def test_the_slope_of_a_swap_is_that_of_the_law_whatever_the_concepts_bring_along():
    dealt, swapped = lots()
    own = np.random.default_rng(1).normal(size=dealt.shape)  # easy and hard concepts
    law = [0.2 * np.log10(counts) + own for counts in (dealt, swapped)]
    assert np.allclose(swap_slopes(*law, (dealt, swapped)), 0.2)
    assert np.allclose(swap_slopes(own, own, (dealt, swapped)), 0)


def test_the_slope_of_a_swap_is_the_regression_through_zero():
    dealt, swapped = lots(1)
    rng = np.random.default_rng(2)
    a, b = rng.uniform(size=(2, *dealt.shape))
    x, y = (np.log10(dealt) - np.log10(swapped))[0], (a - b)[0]
    mirrored = linregress(np.concatenate([x, -x]), np.concatenate([y, -y]))  # through zero by symmetry
    assert swap_slopes(a, b, (dealt, swapped))[0] == pytest.approx(mirrored.slope)


@pytest.mark.parametrize("at", [1.5, 3.0, 11.0, 40.0])
def test_a_straight_curve_reaches_its_mark_where_it_is_drawn_to(at):
    levels = 2 ** np.arange(7)
    curve = 0.75 + 0.1 * (np.log2(levels) - np.log2(at))
    assert reach(levels, curve[None], 0.75)[0] == pytest.approx(at)


def test_a_dip_is_evened_out_a_start_above_the_mark_is_the_first_rung_and_a_low_end_refused():
    levels = np.array([1, 2, 4, 8])
    bumpy, even = np.array([[0.0, 0.6, 0.4, 1.0]]), np.array([[0.0, 0.5, 0.5, 1.0]])
    assert reach(levels, bumpy, 0.75) == pytest.approx(reach(levels, even, 0.75))
    assert reach(levels, even + 0.8, 0.75).tolist() == [1.0]
    with pytest.raises(InputError, match=r"ends at 0\.50 never reaches 0\.75"):
        reach(levels, even / 2, 0.75)


def test_the_placebo_band_is_that_of_the_permutation_distribution():
    """A mean slope under random deals has the variance that permutation theory gives it (Pitman 1937)."""
    rng = np.random.default_rng(3)
    x, y = np.log10(lots(6)[0]), rng.uniform(size=(6, 14))
    variances = [row.var() * len(row) / (len(row) - 1) / (len(row) * a.var()) for a, row in zip(x, y, strict=True)]
    wide = 1.96 * np.sqrt(sum(variances)) / 6
    low, high = placebo_band(x, y, seed=0, deals=4000)
    assert low == pytest.approx(-wide, rel=0.12)
    assert high == pytest.approx(wide, rel=0.12)
    assert placebo_band(x, y, seed=0, deals=50) == placebo_band(x, y, seed=0, deals=50)
    assert placebo_band(x, y + 0.5 * x, seed=0, deals=300)[1] < 0.25  # a law that is there stands outside


def test_the_slope_within_groups_is_that_of_a_regression_with_a_level_for_each_group():
    rng = np.random.default_rng(4)
    groups, x = np.repeat(np.arange(4), 5), rng.normal(size=20)
    y = 3 * x + 10 * groups + rng.normal(size=(3, 20))
    columns = np.column_stack([x, *(groups == g for g in range(4))]).astype(float)
    told = [np.linalg.lstsq(columns, row, rcond=None)[0][0] for row in y]
    assert within(groups, x, y) == pytest.approx(told)
    shuffled = rng.permutation(20)
    assert within(groups[shuffled], x[shuffled], y[:, shuffled]) == pytest.approx(told)


def test_what_lies_above_the_others_is_the_columns_own_whatever_the_curve_of_the_counts():
    rng = np.random.default_rng(5)
    counts = np.array([rng.permutation(2 ** np.arange(8)) for _ in range(400)])
    own = np.arange(8) / 10
    found = above_others(counts, np.tanh(np.log2(counts) - 3) + own)
    assert found.mean(axis=0) == pytest.approx([a - np.delete(own, i).mean() for i, a in enumerate(own)], abs=0.01)
    assert above_others(counts, np.tanh(counts.astype(float))) == pytest.approx(0, abs=1e-12)
