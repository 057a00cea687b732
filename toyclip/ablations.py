"""What if: the training of CLIP with one thing changed, one function per claim and seed (chapter 3)."""

import math
from collections.abc import Callable
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from toyclip.data import Tokenizer
from toyclip.encoders import ToyCLIP
from toyclip.errors import LossNotFiniteError
from toyclip.infonce import info_nce, same
from toyclip.study import CAPTIONS, world
from toyclip.train import RECIPES, Recipe, contrastive, fit
from toyclip.zero_shot import accuracy

Loss = Callable[[ToyCLIP, Tensor, Tensor], Tensor]


def trained(seed: int, recipe: Recipe, loss_of: Loss = contrastive, fixed_scale: float | None = None) -> list[float]:
    """Held-out accuracy after each epoch of one run; once the loss is no number any more, the accuracy is 0.

    Args:
        fixed_scale: hold the logit scale at this value instead of learning it.
    """
    training, held_out = world(seed)
    tokenizer, scores = Tokenizer(), []
    tokens = tokenizer.encode(CAPTIONS)[training.classes]  # (N, L)
    model = ToyCLIP(strided=recipe.strided, seed=seed)
    if fixed_scale:
        model.log_logit_scale.data.fill_(math.log(fixed_scale))
        model.log_logit_scale.requires_grad_(False)

    def evaluate(model: ToyCLIP) -> float:
        scores.append(accuracy(model, held_out, tokenizer))
        return scores[-1]

    try:
        fit(model, training.images, tokens, recipe, seed, evaluate, loss_of=loss_of)
    except LossNotFiniteError:
        scores += [0.0] * (recipe.epochs - len(scores))
    return scores


def pictures_ask(model: ToyCLIP, images: Tensor, tokens: Tensor) -> Tensor:
    """Half of the loss: each picture looks for its caption."""
    logits = model(images, tokens)  # (B, B)
    return F.cross_entropy(logits, torch.arange(len(logits)))


def captions_ask(model: ToyCLIP, images: Tensor, tokens: Tensor) -> Tensor:
    """The other half: each caption looks for its picture."""
    logits = model(images, tokens)  # (B, B)
    return F.cross_entropy(logits.T, torch.arange(len(logits)))


def duplicates_masked(model: ToyCLIP, images: Tensor, tokens: Tensor) -> Tensor:
    """Pairs with the same caption are no negatives of each other."""
    return info_nce(model(images, tokens), same(tokens))


def unclamped(model: ToyCLIP, images: Tensor, tokens: Tensor) -> Tensor:
    """The learned scale may leave [1, 100]."""
    return info_nce(model.log_logit_scale.exp() * model.embed_images(images) @ model.embed_texts(tokens).T)


def without_normalisation(model: ToyCLIP, images: Tensor, tokens: Tensor) -> Tensor:
    """Dot products of the raw embeddings instead of cosines."""
    return info_nce(model.logit_scale * model.image_encoder(images) @ model.text_encoder(tokens).T)


def batch_size(seed: int) -> dict[str, float]:
    """Accuracy by batch size at equal samples and at equal updates, and by learning rate beside it (claim S12)."""
    recipe = replace(RECIPES["fast"], batch_size=64, epochs=4)
    runs = {
        "64": recipe,
        "16, equal samples": replace(recipe, batch_size=16),
        "256, equal samples": replace(recipe, batch_size=256),
        "16, equal updates": replace(recipe, batch_size=16, epochs=1),
        "256, equal updates": replace(recipe, batch_size=256, epochs=16),
        "64, lr / 10": replace(recipe, lr=recipe.lr / 10),
        "64, lr / 3": replace(recipe, lr=recipe.lr / 3),
        "64, lr x 3": replace(recipe, lr=recipe.lr * 3),
    }
    return {name: trained(seed, run)[-1] for name, run in runs.items()}


def directions(seed: int) -> dict[str, list[float]]:
    """Accuracy by epoch with both directions of the loss and with each alone (claim S13)."""
    losses = {"both": contrastive, "pictures ask": pictures_ask, "captions ask": captions_ask}
    return {name: trained(seed, RECIPES["fast"], loss) for name, loss in losses.items()}


def temperature(seed: int) -> dict[str, list[float]]:
    """Accuracy by epoch with the scale learned, held, or let loose, and without normalisation (claim S14)."""
    recipe = RECIPES["fast"]
    held = {f"held at {scale:.4g}": trained(seed, recipe, fixed_scale=scale) for scale in (1, 1 / 0.07, 100)}
    return {
        "learned": trained(seed, recipe),
        "unclamped": trained(seed, recipe, unclamped),
        **held,
        "not normalised": trained(seed, recipe, without_normalisation),
    }


STUDIES: dict[str, tuple[Callable[[int], object], int]] = {  # what is done for one seed, and how many seeds
    "batch_size": (batch_size, 5),
    "directions": (directions, 10),
    "temperature": (temperature, 5),
}
