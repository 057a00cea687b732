"""Each way to train changes what its text says and nothing else; its losses are tested with all losses."""

import re
from dataclasses import asdict

import pytest
import torch
import torch.nn.functional as F

from toyclip.data import PIXEL_MEAN, PIXEL_STD, draw_pairs
from toyclip.encoders import Config, ToyCLIP
from toyclip.recipes import FAST, RECIPES, REFERENCE
from toyclip.studies.speedrun.ladder import IDEAS, ONE_CYCLE, RUNGS, Rung, compiled, mirror, sixteen_bits, start_small
from toyclip.train import contrastive, twins_masked

LOSSES = {  # of the ideas that change the loss
    "every other batch mirrored": mirror,
    "first epoch at 16 pixels": start_small,
    "bfloat16": sixteen_bits,
    "compiled": compiled,
}
CONFIGS = {  # of the ideas that change the model
    "strides 2 1 2 1, 1 epoch": {"strides": (2, 1, 2, 1)},
    "strides 2 2 1 1, 1 epoch": {"strides": (2, 2, 1, 1)},
    "maximum instead of mean": {"pooling": "max"},
}
SAID = {  # setting -> how a text says it
    "epochs": (r"(\d+) epochs?", int),
    "lr": (r"\blr (\S+?)(?:,|$)", float),
    "batch_size": (r"batches of (\d+)", int),
    "one_cycle": (r"(one cycle)", bool),
    "image_encoder": (r"(strides, ReLU, He's weights)", lambda _: "strided"),
    "muon_lr": (r"(Muon|AdamW)\b", str),
}


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    """32 pictures as floats."""
    return draw_pairs(per_class=2, seed=0).images


def changed(rung: Rung, before: Rung) -> dict[str, object]:
    """Settings of the recipe that differ, but for its name."""
    old = asdict(before.recipe)
    return {key: value for key, value in asdict(rung.recipe).items() if value != old[key] and key != "name"}


def test_ladder_leads_from_the_reference_to_fast_and_ideas_start_there():
    assert RUNGS[0].recipe == REFERENCE == RECIPES["reference"]
    assert RUNGS[-1].recipe == IDEAS[0].recipe == FAST == RECIPES["fast"]
    assert all((rung.config, rung.new_loss(9)) == ({}, contrastive) for rung in (*RUNGS, IDEAS[0]))
    assert RUNGS[2].recipe == ONE_CYCLE
    assert len(RUNGS) == 7
    for table in (RUNGS, IDEAS):
        assert len({rung.change for rung in table}) == len(table)


@pytest.mark.parametrize(
    ("rung", "before"),
    [*zip(RUNGS[1:], RUNGS, strict=False), *((rung, IDEAS[0]) for rung in IDEAS)],
    ids=lambda rung: rung.change,
)
def test_recipe_differs_as_the_text_says_and_in_nothing_else(rung, before):
    found = {key: (re.search(pattern, rung.change), kind) for key, (pattern, kind) in SAID.items()}
    said = {key: kind(match[1]) for key, (match, kind) in found.items() if match}
    if "muon_lr" in said:
        factor = 2 if "doubled" in rung.change else 0.5 if "halved" in rung.change else 1
        said["muon_lr"] = None if said["muon_lr"] == "AdamW" else factor * FAST.muon_lr
    assert changed(rung, before) == said


@pytest.mark.parametrize("rung", IDEAS, ids=lambda rung: rung.change)
def test_idea_changes_its_model_or_its_loss_as_its_name_says(rung):
    assert rung.config == CONFIGS.get(rung.change, {})
    if rung.change in LOSSES:
        assert rung.new_loss is LOSSES[rung.change]
    else:
        assert rung.new_loss(9) is (twins_masked if rung.change == "twins left out of the loss" else contrastive)
    if rung is not IDEAS[0]:
        assert changed(rung, IDEAS[0]) or rung.config or rung.new_loss is not IDEAS[0].new_loss


@pytest.mark.parametrize("rung", [*RUNGS, *IDEAS], ids=lambda rung: rung.change)
def test_model_is_the_recipes_with_the_changes(rung):
    model = rung.new_model(seed=3)
    assert model.config == Config(image_encoder=rung.recipe.image_encoder, **rung.config)
    expected = ToyCLIP(model.config, seed=3).state_dict()
    assert all(torch.equal(expected[name], tensor) for name, tensor in model.state_dict().items())


def test_maximum_is_taken_over_all_places(images):
    encoder = Rung("", FAST, {"pooling": "max"}).new_model(0).image_encoder.requires_grad_(False)
    largest = encoder.features(images).numpy().reshape(32, 64, -1).max(axis=2)  # (B, 64)
    expected = largest @ encoder.projection.weight.numpy().T + encoder.projection.bias.numpy()
    assert encoder(images).numpy() == pytest.approx(expected, abs=1e-5)
    assert not torch.allclose(encoder(images), Rung("", FAST).new_model(0).image_encoder(images), atol=0.1)


@pytest.mark.parametrize("strides", [(2, 1, 2, 1), (2, 2, 1, 1)])
def test_strides_are_those_of_the_text(strides, images):
    (rung,) = [idea for idea in IDEAS if idea.change.startswith(f"strides {' '.join(map(str, strides))},")]
    encoder = rung.new_model(0).image_encoder.requires_grad_(False)
    x = (images - PIXEL_MEAN) / PIXEL_STD
    for conv, step in zip(encoder.convs, strides, strict=True):
        x = F.conv2d(x, conv.weight, conv.bias, stride=step, padding=1).relu()
    assert x.shape == (32, 64, 8, 8)
    assert torch.allclose(encoder.features(images), x, atol=1e-4)
