"""Difficulty, and lots that go with ease: what varies in the pictures, and how the counts and ease hang together."""

from collections import Counter
from dataclasses import replace
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from studies.samples import contents, made_up

from toyclip.studies.frequency import ease
from toyclip.studies.frequency.corpus import Size, assign
from toyclip.studies.frequency.ease import AWAY, GRADES, RUNS, draw_at, draw_world, ease_run, grade, with_ease

TINY = Size(levels=4, per_level=5, updates=2, batch_size=4, test=2)  # 20 concepts, counts 1 to 8
SEEDS = pytest.mark.parametrize("seed", [0, 1, 7])
RED = made_up("rectangle", "red", box=(0, 0, 63, 63))


def pictures(difficulty: float, **look) -> np.ndarray:
    """Forty pictures of a red square, (40, 32, 32, 3)."""
    rng = np.random.default_rng(0)
    return np.stack([draw_at(RED, difficulty, rng, **look) for _ in range(40)]).astype(float)


def red(images: np.ndarray) -> np.ndarray:
    """How many pixels of each picture are red and not just reddish, (40,)."""
    return ((images[..., 0] > 200) & (images[..., 1] < 80) & (images[..., 2] < 80)).sum(axis=(1, 2))


def test_pictures_differ_the_more_the_harder_they_are():
    spread = [(pictures(g) - pictures(g).mean(axis=(1, 2, 3), keepdims=True)).std(axis=0).mean() for g in GRADES]
    assert (np.diff(spread) > 0).all()
    shown = [red(pictures(g)) for g in GRADES]
    assert shown[0].min() > 700  # 27 px and more of 32, upright, nothing in front of it
    assert shown[-1].min() < 50
    assert (np.diff([s.mean() for s in shown]) < 0).all()


def test_easy_pictures_are_upright_on_grey_and_turn_and_scale_are_as_asked():
    flag = made_up("rectangle", "red")
    flag.sprite.paste("blue", (0, 0, 64, 20))
    upright, turned = (draw_at(flag, 0.0, np.random.default_rng(5), turn=t).astype(float) for t in (0.0, 180.0))
    blue = [(image[:, 16, 2] > 200) & (image[:, 16, 0] < 100) for image in (upright, turned)]  # (32,) each
    assert [side.any() for side in (blue[0][:16], blue[0][16:], blue[1][:16], blue[1][16:])] == [1, 0, 0, 1]
    corners = [pictures(g, scale=0.5)[:, 0, 0] for g in (0.0, 1.0)]  # (40, 3) each
    colour = [np.median(np.ptp(corner, axis=-1)) for corner in corners]  # 0 for grey
    assert colour[0] < 20 < 60 < colour[1]
    half = np.sqrt(red(pictures(0.0, scale=0.5)).mean() / red(pictures(0.0)).mean())
    assert half == pytest.approx(0.5, abs=0.05)


@SEEDS
def test_every_grade_stands_on_every_rung_equally_often(seed):
    found, rungs = grade("scattered", TINY, seed), assign(TINY, seed)
    assert Counter(zip(rungs.tolist(), found.tolist(), strict=True)) == Counter(
        {(rung, g): 1 for rung in (1, 2, 4, 8) for g in GRADES.tolist()}
    )
    assert set(grade("alike", TINY, seed).tolist()) == {GRADES.mean()}
    assert not np.array_equal(found, grade("scattered", TINY, seed + 1))
    assert any((np.diff(found[rungs == rung]) < 0).any() for rung in (1, 2, 4, 8))  # dealt out, not in order


def test_a_concepts_first_pictures_stay_when_more_are_drawn_and_others_follow_from_the_seeds():
    few, many = (draw_world([2, n], [0.5, 1.0], seed=0, pictures=9) for n in (1, 3))
    assert contents(few) == contents(many)[:3]
    assert contents(draw_world([2, 1], [0.5, 1.0], seed=0, pictures=8)) != contents(few)
    assert contents(draw_world([2, 1], [0.5, 1.0], seed=1, pictures=9)) != contents(few)  # other emoji
    assert contents(draw_world([2, 1], [0.5, 0.0], seed=0, pictures=9))[:2] == contents(few)[:2]


@pytest.mark.parametrize("asked", [0.0, 0.5, 0.9])
def test_lots_correlate_with_ease_as_asked_and_keep_the_ladder(asked):
    large, easy = Size(levels=8, per_level=5), np.random.default_rng(0).integers(0, 20, 40)
    own, both = [], []
    for seed in range(200):
        counts, other = (with_ease(easy, large, seed, who, asked) for who in ("own", "other"))
        assert sorted(counts) == sorted(assign(large, seed))
        own.append(np.corrcoef(np.log2(counts), easy)[0, 1])
        both.append(np.corrcoef(np.log2(counts), np.log2(other))[0, 1])
    assert np.mean(own) == pytest.approx(asked, abs=0.06)
    assert np.mean(both) == pytest.approx(asked**2, abs=0.06)  # they agree by way of ease alone


def test_ties_in_ease_are_broken_by_chance():
    first = [with_ease([1] * 8, Size(levels=8, per_level=1), seed, "own", 1.0).argmax() for seed in range(40)]
    assert len(set(first)) > 4


@pytest.fixture
def taught(monkeypatch) -> Mock:
    """Nothing is learned; how much is known of a concept is the number of its pictures modulo 3."""
    ease.ease.cache_clear()
    monkeypatch.setattr(ease, "taught", Mock(side_effect=lambda corpus, *_: (corpus, 1.23456)))
    monkeypatch.setattr(
        ease, "known", lambda model, test, size: (torch.bincount(model.classes, minlength=size.concepts) % 3).tolist()
    )
    yield ease.taught
    ease.ease.cache_clear()


@SEEDS
@pytest.mark.parametrize("name", RUNS)
def test_run_trains_on_what_its_name_says(name, seed, taught):
    world, lots = RUNS[name]
    result = ease_run(name, seed, TINY, "elsewhere")
    first, last = (call.args for call in taught.call_args_list)
    assert torch.bincount(first[0].classes).tolist() == [ease.EQUAL] * 20  # ease is measured at equal counts,
    assert first[2] == seed + AWAY["ease"]  # with other weights
    assert not set(contents(first[0])) & set(contents(last[0]))  # and other pictures
    assert last[2:] == (seed, "elsewhere")
    assert result["counts"] == torch.bincount(last[0].classes).tolist()
    assert result["hits"] == [count % 3 for count in result["counts"]]
    assert result["ease"] == [ease.EQUAL % 3] * 20
    assert result["grade"] == grade(world, TINY, seed).tolist()
    assert sorted(result["other"]) == sorted(result["counts"])
    assert result["other"] != result["counts"]
    assert (result["counts"] == assign(TINY, seed).tolist()) == (lots == "by lot")
    assert result["loss"] == 1.2346
    assert contents(last[0]) == contents(draw_world(result["counts"], grade(world, TINY, seed), seed, seed))


def test_ease_is_found_once_for_both_ways_of_dealing(taught):
    for name in ("scattered, by lot", "scattered, with ease"):
        ease_run(name, 4, TINY)
    assert taught.call_count == 3


def test_a_narrow_model_of_its_own_seed_is_taught():
    corpus = draw_world([3] * 4, [0.0] * 4, seed=0, pictures=0)
    size = replace(TINY, levels=4, per_level=1, updates=12, batch_size=12)
    model, loss = ease.taught(corpus, size, 0)
    assert model.config.width == 32
    assert loss < np.log(12)
    assert sum(ease.known(model, corpus, size)) >= 8  # of 12; by chance 3
