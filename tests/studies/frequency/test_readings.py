"""The study's tables are read as they were written: against loops, and against the counts that the lots give."""

import math

import numpy as np
import pytest

from toyclip.studies.composition import readings as composition_readings
from toyclip.studies.composition import unseen as composition
from toyclip.studies.frequency import corpus as frequency
from toyclip.studies.frequency import readings
from toyclip.studies.frequency.corpus import FULL, assign


def result_of(seed: int) -> dict:
    """A run in which every concept's hits are the exponent of its count."""
    counts = assign(FULL, seed)
    return {"counts": [1] * FULL.concepts, "hits": [int(math.log2(count)) for count in counts]}


def grid_result(seed: int) -> dict:
    """Each pair's hits are its diagonal, and its training pictures its number, 0 to 63."""
    diagonal = composition.latin_square(seed).ravel()
    return {"counts": list(range(64)), "hits": diagonal.tolist(), "diagonal": diagonal.tolist()}


def test_columns_are_stacked_by_key_in_the_order_of_the_seeds():
    found = readings.columns([{"a": 1, "b": [1, 2]}, {"a": 5, "b": [3, 4]}, {"a": 0, "b": [5, 6]}])
    assert found["a"].tolist() == [1, 5, 0]
    assert found["b"].tolist() == [[1, 2], [3, 4], [5, 6]]
    assert found.keys() == {"a", "b"}


def test_rungs_are_those_of_the_lots_whatever_became_of_the_counts():
    levels, means = readings.rungs([result_of(seed) for seed in range(3)])
    assert levels.tolist() == [2**k for k in range(11)]
    assert means == pytest.approx(np.tile(np.arange(11) / FULL.test, (3, 1)))


def test_rungs_of_another_order_of_seeds_are_no_rungs():
    _, means = readings.rungs([result_of(seed) for seed in (1, 0)])
    assert np.ptp(means) < 0.9 * 10 / FULL.test


@pytest.mark.parametrize("seed", range(3))
def test_every_concept_is_in_the_decade_of_its_count(seed):
    rng = np.random.default_rng(seed)
    counts, accuracy = rng.integers(0, 3000, (4, 50)) * rng.integers(0, 2, (4, 50)), rng.random((4, 50))
    counts[0, :8] = (1, 9, 10, 99, 100, 999, 1000, 9999)
    found = readings.by_decade(counts, accuracy)
    assert sum(n for n, _ in found) == counts.size
    kept = {digits: [] for digits in range(5)}
    for count, value in zip(counts.ravel().tolist(), accuracy.ravel().tolist(), strict=True):
        kept[len(str(count)) if count else 0].append(value)
    assert [n for n, _ in found] == [len(values) for values in kept.values()]
    assert [mean for _, mean in found] == pytest.approx([np.mean(values) for values in kept.values()])


def test_decade_without_a_concept_has_no_mean():
    found = readings.by_decade(np.array([[5, 50]]), np.array([[0.2, 0.6]]))
    assert [n for n, _ in found] == [0, 1, 1, 0, 0]
    assert math.isnan(found[0][1])
    assert [mean for _, mean in found[1:3]] == [0.2, 0.6]


def test_squares_have_colours_in_rows_and_shapes_in_columns():
    counts, accuracy, diagonal = composition_readings.squares([grid_result(seed) for seed in range(2)])
    assert counts.shape == accuracy.shape == diagonal.shape == (2, 8, 8)
    assert counts[1].tolist() == np.arange(64).reshape(8, 8).tolist()
    assert accuracy == pytest.approx(diagonal / composition.FULL.test)
    for seed in range(2):
        assert np.array_equal(diagonal[seed], composition.latin_square(seed))


def test_last_diagonal_is_the_one_that_no_number_of_partners_shows():
    found = composition_readings.last_diagonal([grid_result(seed) for seed in range(3)])
    assert found == pytest.approx([7 / composition.FULL.test] * 3)


def test_shares_of_words_are_those_of_rows_and_columns():
    counts = np.random.default_rng(0).integers(1, 50, (3, 8, 8))
    color, shape = composition_readings.shares_of_words(counts)
    assert (color.shape, shape.shape) == ((3, 8, 1), (3, 1, 8))
    for seed, square in enumerate(counts):
        for i in range(8):
            assert color[seed, i, 0] == pytest.approx(sum(square[i, s] for s in range(8)) / square.sum())
            assert shape[seed, 0, i] == pytest.approx(sum(square[c, i] for c in range(8)) / square.sum())


def test_rungs_and_squares_read_runs_of_full_size():
    assert frequency.FULL.concepts == len(result_of(0)["hits"])
    assert len(grid_result(0)["hits"]) == composition.SIDE**2
