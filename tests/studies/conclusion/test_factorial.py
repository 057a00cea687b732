"""All arms are on the same footing: the same pictures, as many seen, one thing changed."""

import itertools
from dataclasses import asdict

import pytest
import torch

from toyclip.studies.conclusion import factorial as f
from toyclip.studies.conclusion.factorial import ARMS, DATA, GRID, KNOBS, Arm, changed, recipe_of


@pytest.fixture(scope="module")
def small():
    """A world of 8 captions with 8 pictures each."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(f, "CAPTIONS", 8)
        patch.setattr(f, "PICTURES", 8)
        f.world.cache_clear()
        yield f.world(0)
    f.world.cache_clear()


def test_grid_holds_every_combination_once_and_the_standard_is_in_it():
    cells = [(arm.data, arm.encoder, arm.loss) for arm in GRID.values()]
    assert sorted(cells) == sorted(itertools.product(DATA, f.ENCODERS, f.LOSSES))
    assert Arm() in GRID.values()


@pytest.mark.parametrize("name", KNOBS)
def test_knob_changes_one_thing(name):
    standard = asdict(Arm())
    changes = {key for key, value in asdict(KNOBS[name]).items() if value != standard[key]}
    assert changes in ({"batch_size", "lr"}, {"batch_size", "lr", "passes"}, {"lr"}, {"scale"})


@pytest.mark.parametrize("data", DATA)
def test_every_arm_sees_as_many_pictures(data, small):
    recipe = recipe_of(Arm(data=data))
    assert recipe.epochs * len(changed(small, data, 0).training) == f.EPOCHS * len(small.training)


def test_as_many_updates_means_four_times_the_pictures_in_batches_four_times_as_large():
    arm = KNOBS["batch of 256, as many updates"]
    assert (arm.batch_size / f.BATCH, recipe_of(arm).epochs / recipe_of(Arm()).epochs) == (4, 4)


def test_a_quarter_keeps_every_caption_and_a_quarter_of_its_pictures(small):
    assert changed(small, "a quarter", 0).training.captions.bincount().tolist() == [2] * 8


def test_some_captions_are_dealt_anew_and_none_is_lost(small):
    before, after = small.training, changed(small, "mislabelled", 0).training
    wrong = (before.captions != after.captions).double().mean().item()
    assert 0.1 < wrong <= f.WRONG
    assert torch.equal(before.captions.bincount(), after.captions.bincount())
    assert torch.equal(before.pixels, after.pixels)


@pytest.mark.parametrize("data", DATA)
def test_the_test_stays_as_it_is(data, small):
    assert changed(small, data, 0).test is small.test


@pytest.mark.parametrize("name", ["all / wide / InfoNCE", "mislabelled / max-pooled / sigmoid", "scale fixed at 1"])
def test_arm_trains_and_is_reproducible(name, small, monkeypatch):
    monkeypatch.setattr(f, "world", lambda seed: small)
    monkeypatch.setattr(f, "EPOCHS", 8)
    monkeypatch.setattr(f, "recipe_of", lambda arm: recipe_of(Arm(**{**asdict(arm), "batch_size": 16})))
    accuracy = f.factorial(name, 0)
    assert accuracy > 2 / 8  # chance is 1 in 8
    assert accuracy == f.factorial(name, 0)


def test_arms_differ_where_they_say_so(small, monkeypatch):
    seen = {}
    monkeypatch.setattr(f, "world", lambda seed: small)
    monkeypatch.setattr(
        f, "learn", lambda world, recipe, seed, **options: seen.update({name: (recipe, options)}) or (None, [])
    )
    for name in ARMS:
        assert f.factorial(name, 0) == 0.0  # no history, as after a loss that is no number
    assert len({repr(arm) for arm in seen.values()}) == len(ARMS) - len(f.ENCODERS) * len(f.LOSSES)  # data differ, too
