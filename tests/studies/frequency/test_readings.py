"""The study's tables are read as they were written: against loops, and against the counts that the lots give."""

import math

import numpy as np
import pytest

from toyclip.studies.composition import readings as composition_readings
from toyclip.studies.composition import unseen as composition
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
    assert np.isnan(readings.by_decade(counts[:1, :2], accuracy[:1, :2])[4][1])  # a decade without a concept


def test_squares_have_colours_in_rows_and_shapes_in_columns():
    last = composition_readings.last_diagonal([grid_result(seed) for seed in range(3)])
    assert last == pytest.approx([7 / composition.FULL.test] * 3)  # the one that no number of partners shows
    counts, accuracy, diagonal = composition_readings.squares([grid_result(seed) for seed in range(2)])
    assert counts.shape == accuracy.shape == diagonal.shape == (2, 8, 8)
    assert counts[1].tolist() == np.arange(64).reshape(8, 8).tolist()
    assert accuracy == pytest.approx(diagonal / composition.FULL.test)
    for seed in range(2):
        assert np.array_equal(diagonal[seed], composition.latin_square(seed))


def test_shares_of_words_are_those_of_rows_and_columns():
    counts = np.random.default_rng(0).integers(1, 50, (3, 8, 8))
    color, shape = composition_readings.shares_of_words(counts)
    assert (color.shape, shape.shape) == ((3, 8, 1), (3, 1, 8))
    for seed, square in enumerate(counts):
        for i in range(8):
            assert color[seed, i, 0] == pytest.approx(sum(square[i, s] for s in range(8)) / square.sum())
            assert shape[seed, 0, i] == pytest.approx(sum(square[c, i] for c in range(8)) / square.sum())
