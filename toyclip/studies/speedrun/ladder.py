"""Ways to train the same model: a ladder from the reference to fast, and ideas that failed (helper of chapter 6)."""

import itertools
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from toyclip.encoders import ToyCLIP
from toyclip.errors import RecipeError
from toyclip.infonce import info_nce, same
from toyclip.train import RECIPES, Recipe, contrastive

REFERENCE, FAST = RECIPES["reference"], RECIPES["fast"]
Loss = Callable[[ToyCLIP, Tensor, Tensor], Tensor]
Prepare = Callable[[ToyCLIP], Loss]  # may change the new model; returns the loss to train it with


@dataclass(frozen=True)
class Rung:
    """One way to train: a recipe, and what else is changed about the model or the loss."""

    change: str
    recipe: Recipe
    prepare: Prepare = lambda model: contrastive


RUNGS = (  # each but the first keeps what the one before it changed
    Rung("the reference", REFERENCE),
    Rung("one cycle, lr 2e-3, 10 epochs", replace(REFERENCE, epochs=10, lr=2e-3, one_cycle=True)),
    Rung("strides, ReLU, He's weights", replace(REFERENCE, epochs=10, lr=2e-3, one_cycle=True, strided=True)),
    Rung("batches of 32, lr 3e-3", replace(FAST, epochs=10, muon_lr=None)),
    Rung("Muon for the filters", replace(FAST, epochs=10)),
    Rung("3 epochs: fast", FAST),
)


def leave_twins_out(model: ToyCLIP) -> Loss:
    """Pairs with the same caption are no negatives of each other."""
    return lambda model, images, tokens: info_nce(model(images, tokens), same(tokens))


def mirror(model: ToyCLIP) -> Loss:
    """Every other batch is seen in a mirror."""
    number = itertools.count()  # of the batch
    return lambda model, images, tokens: contrastive(model, images.flip(3) if next(number) % 2 else images, tokens)


def start_small(model: ToyCLIP) -> Loss:
    """The first epoch at half the width: a quarter of the arithmetic."""
    number = itertools.count()  # of the batch; 85 are an epoch
    return lambda model, images, tokens: contrastive(
        model, F.avg_pool2d(images, 2) if next(number) < 85 else images, tokens
    )


def sixteen_bits(model: ToyCLIP) -> Loss:
    """Convolutions and matrix products in bfloat16."""

    def loss_of(model: ToyCLIP, images: Tensor, tokens: Tensor) -> Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            pictures, texts = model.image_encoder(images), model.text_encoder(tokens)  # (B, D), (B, D)
        pictures, texts = F.normalize(pictures.float(), dim=-1), F.normalize(texts.float(), dim=-1)
        return info_nce(model.logit_scale * pictures @ texts.T)

    return loss_of


def take_the_maximum(model: ToyCLIP) -> Loss:
    """The largest value over all places instead of the mean."""
    encoder = model.image_encoder
    encoder.forward = lambda images: encoder.projection(encoder.features(images).amax(dim=(2, 3)))
    return contrastive


def stride(*strides: int) -> Prepare:
    """Other strides than (2, 2, 2, 1)."""

    def prepare(model: ToyCLIP) -> Loss:
        for conv, step in zip(model.image_encoder.convs, strides, strict=True):
            conv.stride = (step, step)
        return contrastive

    return prepare


def compiled(model: ToyCLIP) -> Loss:
    """The image encoder through torch.compile; what compiling takes is paid in every run.

    Raises:
        RecipeError: if there is no C++ compiler.
    """
    if not any(map(shutil.which, ("c++", "g++", "clang++"))):
        raise RecipeError("torch.compile needs a C++ compiler and finds none; install one, such as g++")
    torch.compiler.reset()
    torch.compiler.config.force_disable_caches = True
    model.image_encoder.forward = torch.compile(model.image_encoder.forward)
    return contrastive


IDEAS = (  # what did not help, each one change to the fast recipe
    Rung("fast, for comparison", FAST),
    Rung("2 epochs", replace(FAST, epochs=2)),
    Rung("AdamW for the filters", replace(FAST, muon_lr=None)),
    Rung("AdamW, lr 1e-2", replace(FAST, muon_lr=None, lr=1e-2)),
    Rung("AdamW, lr 1e-3", replace(FAST, muon_lr=None, lr=1e-3)),
    Rung("Muon's rate halved", replace(FAST, muon_lr=FAST.muon_lr / 2)),
    Rung("Muon's rate doubled", replace(FAST, muon_lr=FAST.muon_lr * 2)),
    Rung("batches of 64, 4 epochs", replace(FAST, batch_size=64, epochs=4)),
    Rung("batches of 16, 2 epochs", replace(FAST, batch_size=16, epochs=2)),
    Rung("strides 2 1 2 1, 2 epochs", replace(FAST, epochs=2), stride(2, 1, 2, 1)),
    Rung("strides 2 2 1 1, 2 epochs", replace(FAST, epochs=2), stride(2, 2, 1, 1)),
    Rung("twins left out of the loss", FAST, leave_twins_out),
    Rung("every other batch mirrored", FAST, mirror),
    Rung("first epoch at 16 pixels", FAST, start_small),
    Rung("maximum instead of mean", FAST, take_the_maximum),
    Rung("bfloat16", FAST, sixteen_bits),
    Rung("compiled", FAST, compiled),
)
