"""What a frequency is made of: each corpus holds what its cell or leak says, counted picture by picture."""

from collections import Counter
from dataclasses import replace
from unittest.mock import Mock

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from studies.samples import contents

from toyclip.data import Pairs
from toyclip.studies.frequency import looks
from toyclip.studies.frequency.corpus import Size, assign
from toyclip.studies.frequency.ease import AWAY, EQUAL, draw_world
from toyclip.studies.frequency.looks import CELLS, GRID, LEAKED, LEAKS, ROUNDS, cells, far_run, grid_run, leaky

TINY = Size(levels=4, per_level=2, updates=2, batch_size=8, test=2)  # 8 concepts, counts 1 to 8
SEEDS = pytest.mark.parametrize("seed", [0, 3])


@SEEDS
def test_cells_are_dealt_out_by_lot_and_hold_no_more_pictures_than_exposures(seed):
    found = cells(GRID, seed)
    assert Counter(map(tuple, found.tolist())) == Counter(dict.fromkeys(CELLS, GRID.per_level))
    assert all(shown % distinct == 0 for distinct, shown in CELLS)
    assert len(CELLS) == GRID.levels == 12
    assert not np.array_equal(found, cells(GRID, seed + 1))


def test_every_exposure_of_the_grid_fits_into_the_updates_once():
    exposures = GRID.per_level * sum(shown for _, shown in CELLS)
    assert -(-exposures // GRID.batch_size) == GRID.updates


@pytest.fixture
def taught(monkeypatch) -> Mock:
    """Nothing is learned, and of every concept one test picture is known."""
    monkeypatch.setattr(looks, "taught", Mock(side_effect=lambda corpus, *_: (corpus, 1.23456)))
    monkeypatch.setattr(looks, "known", lambda model, test, size: [1] * size.concepts)
    return looks.taught


@SEEDS
def test_model_of_the_grid_sees_each_picture_of_a_concept_equally_often(seed, taught, monkeypatch):
    monkeypatch.setattr(looks, "CELLS", ((1, 4), (2, 4), (4, 4), (2, 8)))
    result = grid_run(seed, TINY, "elsewhere")
    corpus, size, *rest = taught.call_args.args
    assert (size, rest) == (TINY, [seed, "elsewhere"])
    for c in range(8):
        times = Counter(name for name, shown, _ in contents(corpus) if shown == c)
        assert len(times) == result["distinct"][c]
        assert set(times.values()) == {result["shown"][c] // result["distinct"][c]}
    assert result["hits"] == [1] * 8
    assert result["loss"] == 1.2346


@pytest.mark.parametrize(("name", "seed"), list(zip(LEAKS, range(len(LEAKS)), strict=True)))
def test_a_leak_shows_its_share_of_the_test_and_changes_no_count(name, seed):
    share, times = LEAKS[name]
    small = replace(TINY, levels=2)  # 4 concepts, counts 1 and 2
    corpus, test, fresh = leaky(share, times, small, seed)
    seen, counts = Counter(contents(corpus)), assign(small, seed)
    assert torch.bincount(corpus.captions).tolist() == (ROUNDS * (counts + LEAKED)).tolist()
    assert not any(picture in seen for picture in contents(fresh))
    for c in range(4):
        leaked = [seen[p] for p in contents(test) if p[1] == c]
        assert sorted(leaked) == [0] * round(LEAKED * (1 - share)) + [times] * round(LEAKED * share)
        assert len(leaked) == LEAKED == sum(p[1] == c for p in contents(fresh))
    ladder = contents(draw_world(counts, looks.grade("alike", small, seed), seed, seed))
    assert {seen[picture] for picture in ladder} == {ROUNDS}


def test_leak_is_trained_on_to_the_last_exposure(taught):
    small = replace(TINY, levels=2)
    result = looks.leak_run("all, shown once", 1, small)
    corpus, size, *_ = taught.call_args.args
    assert size == replace(small, updates=-(-len(corpus) // 8))
    assert contents(corpus) == contents(leaky(1.0, 1, small, 1)[0])
    assert result == {"counts": assign(small, 1).tolist(), "test": [1] * 4, "fresh": [1] * 4, "loss": 1.2346}


@SEEDS
def test_likeness_is_that_of_the_nearest_of_the_same_concept(seed):
    generator = torch.Generator().manual_seed(seed)

    def some(each: list[int]) -> Pairs:
        classes = torch.arange(len(each)).repeat_interleave(torch.tensor(each))
        return Pairs(torch.randint(256, (len(classes), 3, 4, 4), generator=generator).byte(), classes, classes)

    corpus, test = some([1, 3, 5]), some([4, 4, 4])
    found = looks.likeness(corpus, test, lambda images: images.flatten(1))
    for value, picture, c in zip(found, test.pixels.double(), test.classes, strict=True):
        own = corpus.pixels[corpus.classes == c].double()
        cosines = [F.cosine_similarity(picture.flatten(), other.flatten(), dim=0).item() for other in own]
        assert value == pytest.approx(max(cosines), abs=1e-3)


def test_run_on_poses_never_seen_tests_one_model_on_all_of_them():
    result = far_run(2, TINY)
    assert result["counts"] == assign(TINY, 2).tolist()
    assert result["hits"].keys() == looks.TESTS.keys()
    assert result["hits"]["as trained"] == [sum(result["right"][2 * c : 2 * c + 2]) for c in range(8)]
    grades = np.full(8, looks.HALF_TURNED)
    corpus, usual = draw_world(result["counts"], grades, 2, 2), draw_world([2] * 8, grades, 2, 2 + AWAY["test"])
    assert result["pixels"] == looks.likeness(corpus, usual, looks.pixels)
    assert result["features"] != result["pixels"]


def test_who_judges_likeness_saw_pictures_of_its_own_equally_many_of_each_concept(monkeypatch):
    model = Mock(embed_images=lambda images: images.flatten(1))
    monkeypatch.setattr(looks, "taught", Mock(return_value=(model, 1.0)))
    monkeypatch.setattr(looks, "known", lambda model, test, size: contents(test))
    monkeypatch.setattr(looks, "similarity", lambda model, images, captions: torch.eye(8).repeat(2, 1))
    result = far_run(0, TINY)
    (trained, *_), (lessons, _, seed, _) = (call.args for call in looks.taught.call_args_list)
    assert torch.bincount(lessons.classes).tolist() == [EQUAL] * 8
    assert seed == AWAY["ease"]
    tests = [set(pictures) for pictures in result["hits"].values()]
    every = [set(contents(trained)), set(contents(lessons)), *tests]
    assert sum(map(len, every)) == len(set.union(*every))  # no picture twice
    assert result["right"] == [int(i % 8 == i // 2) for i in range(16)]


def test_poses_and_sizes_of_the_far_tests_do_not_overlap_with_those_trained_on():
    most_turned, smallest = 180 * looks.HALF_TURNED, 28 - 18 * looks.HALF_TURNED
    assert looks.TESTS["upside down"][0] - most_turned > most_turned + 30  # degrees between them
    assert looks.TESTS["smaller"][1] * 30 < smallest
