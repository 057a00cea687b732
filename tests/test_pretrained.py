"""The shipped model is the fast recipe's, trained once more here; it and the emoji are the files that were reviewed."""

import hashlib
import json
import math
from importlib.resources import files

import pytest
import torch

from toyclip import checkpoint
from toyclip.checkpoint import PRETRAINED
from toyclip.data import CAPTIONS, Tokenizer, draw_pairs
from toyclip.encoders import Config, ToyCLIP
from toyclip.loss_floor import epoch_floor
from toyclip.pictures import world_emoji
from toyclip.recipes import RECIPES
from toyclip.train import History, train
from toyclip.zero_shot import accuracy, classifier

# What the package ships and no code makes when it is used. To renew a line: make the file again (the command of the
# model is in shapes.json; the emoji are made by `python -m toyclip.assets.make_emoji`, real.* by `make_real`,
# kinds.* by `make_kinds`), look at
# it, and paste the output of `sha256sum` here. A line that changes without that is a swapped name, sprite or model.
SHIPPED = {
    "assets/emoji.csv": "4d14ea2c0e0732d23044aed7b8b3e694caf91804f5222d5e3b26ebe1fc8bc0c5",
    "assets/emoji.png": "a9afaa1c5c9dc66b9d86ca7cf370fc9d128eadc4d1723c2b084285ac2a50b4ec",
    "assets/kinds.json": "0a1b81b18499514227cce87759292dd6e32a3b28ef0b387bdd35f9921d51fc13",
    "assets/kinds.png": "60a7a5c4b4ad76b65f634d82cbc3551baf838f81d2a9a2cde67ed3fcac9c7beb",
    "assets/kinds.safetensors": "e3489d61895b433472853c997b99671575bd11e9158b4b1dc376cc8722cce6f1",
    "assets/real.json": "8fca7cb47075b692d305afeae7a45720bf81548688d6b2c9049a2f7ac94e7bba",
    "assets/real.png": "dcf50c316c5ac31e390b70538981d9359a2ad11d2ea4007c8c80fb88c4e3f908",
    "assets/real.safetensors": "8d2706732acdf5b39d92cb059c3b82047944d42f1237d6b4300f1bd511c91522",
    "pretrained/shapes.safetensors": "77782414f1d54c25361c3a0b545952c58e9e1c313807b961b90091128efd2f32",
}
TOLD = json.loads(PRETRAINED.with_suffix(".json").read_text(encoding="utf-8"))
RECIPE = RECIPES[TOLD["recipe"]]


@pytest.fixture(scope="module")
def shipped() -> ToyCLIP:
    return checkpoint.load()[0].requires_grad_(False)


@pytest.fixture(scope="module")
def again() -> tuple[ToyCLIP, History]:
    """Two seconds on an idle core."""
    model, history = train(RECIPE, TOLD["seed"])
    return model.requires_grad_(False), history


@pytest.mark.parametrize("name", SHIPPED)
def test_file_is_the_one_that_was_reviewed(name):
    assert hashlib.sha256((files("toyclip") / name).read_bytes()).hexdigest() == SHIPPED[name]


def test_files_are_small():
    assert sum((files("toyclip") / name).stat().st_size for name in SHIPPED if "emoji" in name) <= 2_000_000
    assert PRETRAINED.stat().st_size < 74_913 * 4 + 3_000


# --- the recipe, gone through once more ------------------------------------------------------------------------------


def test_training_the_fast_recipe_goes_as_the_shipped_history_tells(again):
    """Two epochs on another machine: rounding, which Muon makes grow, leaves losses equal to some hundredths.

    Accuracy is steepest at the end of the first epoch: weights that differ by 1e-7 scatter it over more than a tenth.
    """
    _, history = again
    assert len(history.epochs) == len(TOLD["epochs"]) == RECIPE.epochs
    for epoch, told in zip(history.epochs, TOLD["epochs"], strict=True):
        assert epoch.loss == pytest.approx(told["loss"], abs=0.04)
        assert epoch.logit_scale == pytest.approx(told["logit_scale"], abs=0.1)
        assert epoch.accuracy == pytest.approx(told["accuracy"], abs=0.15 if epoch.epoch == 1 else 0.01)
        assert epoch.floor == told["floor"] == pytest.approx(epoch_floor([170] * 16, RECIPE.batch_size))
        assert epoch.loss > epoch.floor - 0.03  # a mean over all batches; 43 of them may lie a little below
    assert history.epochs[1].accuracy > 0.95
    assert history.accuracy >= 0.99
    assert math.log(64) > history.epochs[0].loss > history.epochs[1].loss
    assert history.seconds > 0


def test_every_parameter_moves(again):
    """The temperature too."""
    start = dict(ToyCLIP(Config(image_encoder=RECIPE.image_encoder), seed=TOLD["seed"]).named_parameters())
    still = [name for name, parameter in again[0].named_parameters() if torch.equal(parameter, start[name])]
    assert not still
    assert len({epoch.logit_scale for epoch in again[1].epochs} | {1 / 0.07}) == 3


def test_shipped_model_has_grown_from_the_weights_of_its_seed(shipped):
    """Words move by 0.02 in training; those of two seeds lie 1 apart."""
    for seed in range(4):
        start = ToyCLIP(Config(image_encoder=RECIPE.image_encoder), seed).text_encoder.tokens.weight
        distance = (shipped.text_encoder.tokens.weight - start).abs().mean().item()
        assert distance < 0.04 if seed == TOLD["seed"] else distance > 0.5


def test_shipped_model_is_that_of_the_recipe_up_to_rounding(shipped, again):
    """Bit by bit it is only on the machine it was trained on. Two seeds' embeddings have nothing in common: cosines
    around 0."""
    texts = [classifier(model, CAPTIONS, Tokenizer()) for model in (shipped, again[0])]
    fresh = draw_pairs(per_class=8, seed=5).pixels
    pictures = [model.embed_images(fresh) for model in (shipped, again[0])]
    for (a, b), least in ((texts, 0.9), (pictures, 0.85)):
        assert (a * b).sum(dim=1).mean() > least
    for name, weights in again[0].state_dict().items():
        assert (weights - shipped.state_dict()[name]).abs().mean() < 0.1, name


# --- what the shipped model is and can do ----------------------------------------------------------------------------


def test_shipped_model_says_how_it_was_made(shipped):
    assert f"toyclip train --recipe {TOLD['recipe']} --seed {TOLD['seed']} " in TOLD["command"]
    assert TOLD["parameters"] == sum(p.numel() for p in shipped.parameters()) == 74_913
    assert TOLD["accuracy"] == TOLD["epochs"][-1]["accuracy"] == 1.0
    assert TOLD["epochs"][-1]["logit_scale"] == pytest.approx(shipped.logit_scale.item())
    assert TOLD["machine"]["torch"]
    assert shipped.config == Config(image_encoder="strided")


def test_shipped_model_knows_freshly_drawn_pictures_and_the_emoji(shipped):
    assert accuracy(shipped, draw_pairs(per_class=30, seed=987_654), Tokenizer()) >= 0.98
    assert accuracy(shipped, world_emoji(), Tokenizer()) >= 0.8
