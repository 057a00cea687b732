"""Ways to train the same model: a ladder from the reference to fast, and ideas that failed (chapter Speedrun)."""

import itertools
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from toyclip.encoders import Config, ToyCLIP
from toyclip.errors import RecipeError
from toyclip.infonce import info_nce
from toyclip.recipes import FAST, REFERENCE, Recipe
from toyclip.train import Loss, contrastive, twins_masked


@dataclass(frozen=True)
class Rung:
    """One way to train: a recipe, and what else is changed about the model or the loss."""

    change: str
    recipe: Recipe
    config: dict = field(default_factory=dict)  # of the model, where it is not the recipe's
    new_loss: Callable[[int], Loss] = lambda epoch: contrastive  # anew for each run, of so many batches an epoch

    def new_model(self, seed: int) -> ToyCLIP:
        """The model that this rung trains."""
        return ToyCLIP(Config(image_encoder=self.recipe.image_encoder, **self.config), seed)


ONE_CYCLE = replace(REFERENCE, epochs=10, lr=2e-3, one_cycle=True)
RUNGS = (  # each but the first keeps what the one before it changed
    Rung("the reference", REFERENCE),
    Rung("15 epochs, nothing else", replace(REFERENCE, epochs=15)),
    Rung("one cycle, lr 2e-3, 10 epochs", ONE_CYCLE),
    Rung("strides, ReLU, He's weights", replace(ONE_CYCLE, image_encoder="strided")),
    Rung("lr 3e-3", replace(ONE_CYCLE, image_encoder="strided", lr=FAST.lr)),
    Rung("Muon for the filters", replace(FAST, epochs=10)),
    Rung("2 epochs: fast", FAST),
)


def mirror(epoch: int) -> Loss:
    """Every other batch is seen in a mirror."""
    number = itertools.count()  # of the batch
    return lambda model, images, tokens: contrastive(model, images.flip(3) if next(number) % 2 else images, tokens)


def start_small(epoch: int) -> Loss:
    """The first epoch, of so many batches, at half the width: a quarter of the arithmetic."""
    number = itertools.count()  # of the batch
    return lambda model, images, tokens: contrastive(
        model, F.avg_pool2d(images / 255, 2) if next(number) < epoch else images, tokens
    )


def sixteen_bits(epoch: int) -> Loss:
    """Convolutions and matrix products in bfloat16."""

    def loss_of(model: ToyCLIP, images: Tensor, tokens: Tensor) -> Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            embeddings = model.image_encoder(images), model.text_encoder(tokens)  # (B, D) each
        return of_embeddings(model, *embeddings)

    return loss_of


def of_embeddings(model: ToyCLIP, images: Tensor, texts: Tensor) -> Tensor:
    """The loss of CLIP, from embeddings (B, D) that are not yet normalised."""
    images, texts = F.normalize(images.float(), dim=-1), F.normalize(texts.float(), dim=-1)
    return info_nce(model.logit_scale * images @ texts.T)


def compiled(epoch: int) -> Loss:
    """The image encoder through torch.compile; what compiling takes is paid in every run.

    Raises:
        RecipeError: if there is no C++ compiler.
    """
    if not any(map(shutil.which, ("c++", "g++", "clang++"))):
        raise RecipeError("torch.compile needs a C++ compiler and finds none; install one, such as g++")
    torch.compiler.reset()
    torch.compiler.config.force_disable_caches = True
    encoders: dict[ToyCLIP, Callable] = {}

    def loss_of(model: ToyCLIP, images: Tensor, tokens: Tensor) -> Tensor:
        if model not in encoders:
            encoders[model] = torch.compile(model.image_encoder)
        return of_embeddings(model, encoders[model](images), model.text_encoder(tokens))

    return loss_of


IDEAS = (  # what did not help, each one change to the fast recipe
    Rung("fast, for comparison", FAST),
    Rung("AdamW for the filters", replace(FAST, muon_lr=None)),
    Rung("AdamW, lr 1e-2", replace(FAST, muon_lr=None, lr=1e-2)),
    Rung("AdamW, lr 2e-3", replace(FAST, muon_lr=None, lr=2e-3)),
    Rung("Muon's rate halved", replace(FAST, muon_lr=FAST.muon_lr / 2)),
    Rung("Muon's rate doubled", replace(FAST, muon_lr=FAST.muon_lr * 2)),
    Rung("batches of 32, 1 epoch", replace(FAST, batch_size=32, epochs=1)),
    Rung("batches of 128, 4 epochs", replace(FAST, batch_size=128, epochs=4)),
    Rung("3 epochs", replace(FAST, epochs=3)),
    Rung("strides 2 1 2 1, 1 epoch", replace(FAST, epochs=1), {"strides": (2, 1, 2, 1)}),
    Rung("strides 2 2 1 1, 1 epoch", replace(FAST, epochs=1), {"strides": (2, 2, 1, 1)}),
    Rung("twins left out of the loss", FAST, new_loss=lambda epoch: twins_masked),
    Rung("every other batch mirrored", FAST, new_loss=mirror),
    Rung("first epoch at 16 pixels", FAST, new_loss=start_small),
    Rung("maximum instead of mean", FAST, {"pooling": "max"}),
    Rung("bfloat16", FAST, new_loss=sixteen_bits),
    Rung("compiled", FAST, new_loss=compiled),
)
