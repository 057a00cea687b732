"""Two recipes for training: which encoder, what moves its weights, and how fast (chapter 4)."""

import math
from dataclasses import dataclass

import torch
from torch import nn

from toyclip.errors import RecipeError
from toyclip.muon import Muon


@dataclass(frozen=True)
class Recipe:
    """How a model is trained; everything else is the same for all recipes."""

    name: str
    epochs: int
    batch_size: int
    lr: float  # the highest learning rate of AdamW
    one_cycle: bool  # straight up for a quarter of the steps, then straight down; otherwise a cosine per epoch
    image_encoder: str  # "pooled" or "strided"
    muon_lr: float | None = None  # the highest learning rate of Muon for the convolutions; None: AdamW for all weights
    weight_decay: float = 0.05
    grad_clip: float = 1.0  # largest norm of the whole gradient

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch_size < 2:
            raise RecipeError(
                f"epochs={self.epochs}, batch_size={self.batch_size}: train at least 1 epoch, in batches of at least 2 "
                "(a pair alone has nothing to be told apart from)"
            )
        if not (self.lr >= 0 and (self.muon_lr is None or self.muon_lr >= 0)):
            raise RecipeError(f"lr={self.lr}, muon_lr={self.muon_lr}: give rates of 0 or more; without Muon, None")


REFERENCE = Recipe("reference", epochs=30, batch_size=64, lr=5e-4, one_cycle=False, image_encoder="pooled")
FAST = Recipe("fast", epochs=2, batch_size=64, lr=3e-3, one_cycle=True, image_encoder="strided", muon_lr=0.2)
#: The two recipes by name: "reference", that of the article series, and "fast".
RECIPES = {recipe.name: recipe for recipe in (REFERENCE, FAST)}


def optimizers(model: nn.Module, recipe: Recipe) -> list[tuple[torch.optim.Optimizer, float]]:
    """What moves the weights, and how fast at most: AdamW, and Muon for the filters if the recipe has a rate for it.

    AdamW decays all its weights alike, as the source does; CLIP spares gains and biases (Radford et al. 2021).
    """
    weights = [p for p in model.parameters() if p.requires_grad]
    filters = [p for p in weights if p.ndim == 4 and recipe.muon_lr is not None]  # (out, in, 3, 3)
    others = [p for p in weights if p.ndim != 4 or recipe.muon_lr is None]
    adamw = torch.optim.AdamW(others, weight_decay=recipe.weight_decay, fused=True)
    return [(adamw, recipe.lr)] + ([(Muon(filters, recipe.muon_lr), recipe.muon_lr)] if filters else [])


def schedule(recipe: Recipe, step: int, steps_per_epoch: int) -> float:
    """What part of the highest learning rate step 0, 1, 2, ... is taken with.

    >>> [round(schedule(FAST, step, steps_per_epoch=6), 2) for step in range(12)]  # up for three, down for nine
    [0.25, 0.5, 0.75, 1.0, 0.89, 0.78, 0.67, 0.56, 0.44, 0.33, 0.22, 0.11]
    """
    steps = recipe.epochs * steps_per_epoch
    if recipe.one_cycle:  # Smith 2018
        return min((step + 1) / (steps / 4 + 1), (steps - step) / (steps - steps / 4))
    return (1 + math.cos(math.pi * (step // steps_per_epoch) / recipe.epochs)) / 2
