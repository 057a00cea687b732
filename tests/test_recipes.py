"""Recipes are those of the book; who moves which weights, and how fast, is as torch and straight lines say."""

import math
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from torch import nn

from toyclip.encoders import Config, ToyCLIP
from toyclip.errors import RecipeError
from toyclip.recipes import FAST, RECIPES, REFERENCE, Recipe, optimizers, schedule

FILTERS = [f"image_encoder.convs.{i}.weight" for i in range(4)]
STRIDED = Config(image_encoder="strided")


def test_recipes_are_those_of_the_book():
    assert {name: tuple(asdict(recipe).values()) for name, recipe in RECIPES.items()} == {
        "reference": ("reference", 30, 64, 5e-4, False, "pooled", None, 0.05, 1.0),
        "fast": ("fast", 2, 64, 3e-3, True, "strided", 0.2, 0.05, 1.0),
    }
    assert list(asdict(FAST)) == ["name", "epochs", "batch_size", "lr", "one_cycle", "image_encoder", "muon_lr",
                                  "weight_decay", "grad_clip"]  # fmt: skip
    assert RECIPES == {"reference": REFERENCE, "fast": FAST}


@pytest.mark.parametrize("change", [{"lr": -1e-3}, {"lr": math.nan}, {"muon_lr": -0.1}, {"muon_lr": math.nan}])
def test_rate_that_is_none_is_refused(change):
    with pytest.raises(RecipeError, match="give rates of 0 or more; without Muon, None"):
        replace(FAST, **change)


def test_muon_rate_of_zero_is_no_adamw():
    """Muon that stands still, not AdamW at its own rate."""
    kinds = [[type(optimizer).__name__, lr] for optimizer, lr in optimizers(ToyCLIP(), replace(FAST, muon_lr=0.0))]
    assert kinds == [["AdamW", FAST.lr], ["Muon", 0.0]]


@pytest.mark.parametrize("change", [{"epochs": 0}, {"epochs": -1}, {"batch_size": 1}, {"batch_size": 0}])
def test_impossible_recipe_is_refused(change):
    with pytest.raises(RecipeError, match="at least 1 epoch, in batches of at least 2"):
        replace(FAST, **change)


def test_two_pairs_and_one_epoch_are_the_least():
    assert replace(FAST, epochs=1, batch_size=2).batch_size == 2


# --- how fast --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("epochs", [1, 2, 7, 30])
@pytest.mark.parametrize("steps_per_epoch", [1, 3, 43])
def test_cosine_falls_epoch_by_epoch_as_torchs_does(epochs, steps_per_epoch):
    recipe = replace(REFERENCE, epochs=epochs)
    theirs = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(theirs, T_max=epochs)
    for epoch in range(epochs):
        found = {schedule(recipe, epoch * steps_per_epoch + step, steps_per_epoch) for step in range(steps_per_epoch)}
        assert len(found) == 1
        assert found.pop() == pytest.approx(theirs.param_groups[0]["lr"], abs=1e-12)
        theirs.step()
        falling.step()


@pytest.mark.parametrize("epochs", [1, 3, 4, 10])
@pytest.mark.parametrize("steps_per_epoch", [1, 2, 3, 5, 85])
def test_one_cycle_is_two_straight_lines(epochs, steps_per_epoch):
    """From 0 a step before the first to 1 after a quarter of all steps, and back to 0 a step after the last."""
    number, recipe = epochs * steps_per_epoch, replace(FAST, epochs=epochs)
    expected = np.interp(np.arange(number + 1), [-1, number / 4, number], [0, 1, 0])
    found = [schedule(recipe, step, steps_per_epoch) for step in range(number + 1)]
    assert found == pytest.approx(expected.tolist(), abs=1e-12)
    assert min(found[:-1]) > 0
    assert found[-1] == 0
    if number % 4 == 0:
        assert found.index(1.0) == number // 4  # exactly


# --- who moves what --------------------------------------------------------------------------------------------------


def moved_by(model: nn.Module, recipe: Recipe) -> dict[str, list[str]]:
    """Names of the parameters that each optimizer has got; those that none has got under "nobody".

    Each is taken off the list: a second optimizer that has got it, too, raises a KeyError.
    """
    name_of = {id(p): name for name, p in model.named_parameters()}
    chosen = {
        type(optimizer).__name__: [name_of.pop(id(p)) for group in optimizer.param_groups for p in group["params"]]
        for optimizer, _ in optimizers(model, recipe)
    }
    return chosen | {"nobody": list(name_of.values())}


@pytest.mark.parametrize("encoder", ["pooled", "strided", "transformer"])
def test_muon_gets_the_filters_and_adamw_everything_else(encoder):
    model = ToyCLIP(Config(image_encoder=encoder))
    filters = ["image_encoder.patches.weight"] if encoder == "transformer" else FILTERS
    moved = moved_by(model, FAST)
    assert moved["Muon"] == filters
    assert set(moved["AdamW"]) == {name for name, _ in model.named_parameters()} - set(filters)
    assert moved["nobody"] == []


@pytest.mark.parametrize("recipe", [REFERENCE, replace(FAST, muon_lr=None)], ids=lambda r: r.name)
def test_without_muon_adamw_gets_everything(recipe):
    moved = moved_by(ToyCLIP(), recipe)
    assert moved == {"AdamW": [name for name, _ in ToyCLIP().named_parameters()], "nobody": []}


def test_model_without_convolutions_has_no_use_for_muon():
    moved = moved_by(nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4)), FAST)
    assert moved.keys() == {"AdamW", "nobody"}
    assert moved["nobody"] == []


@pytest.mark.parametrize("recipe", [FAST, REFERENCE], ids=lambda recipe: recipe.name)
def test_frozen_parameters_are_nobodys(recipe):
    frozen = {"image_encoder.convs.2.weight", "image_encoder.projection.bias", "log_logit_scale"}
    model = ToyCLIP(STRIDED)
    for name in frozen:
        model.get_parameter(name).requires_grad_(False)
    assert set(moved_by(model, recipe)["nobody"]) == frozen


@pytest.mark.parametrize("recipe", [FAST, REFERENCE], ids=lambda recipe: recipe.name)
def test_optimizers_have_the_settings_of_the_recipe_and_torchs_for_the_rest(recipe):
    recipe = replace(recipe, weight_decay=0.07)
    chosen = optimizers(ToyCLIP(), recipe)
    expected = torch.optim.AdamW(ToyCLIP().parameters(), weight_decay=0.07, fused=True).defaults
    assert chosen[0][0].defaults == expected
    assert [len(optimizer.param_groups) for optimizer, _ in chosen] == [1] * len(chosen)
    assert [lr for _, lr in chosen] == [recipe.lr, recipe.muon_lr][: len(chosen)]
    muon = {"lr": 0.2, "momentum": 0.6, "fixed_length": True}
    assert [optimizer.defaults for optimizer, _ in chosen[1:]] == ([muon] if recipe.muon_lr else [])
