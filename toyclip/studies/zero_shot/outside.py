"""Pictures from outside the world of training, and labels in place of captions (chapter 4)."""

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from toyclip import streams
from toyclip.data import CAPTIONS, CLASSES, Pairs, Rendering, Tokenizer, draw_pairs, world
from toyclip.encoders import ToyCLIP
from toyclip.lab.study import Study
from toyclip.pictures import world_emoji
from toyclip.recipes import FAST, Recipe
from toyclip.studies.zero_shot.captions import fit_captions
from toyclip.train import Loss, contrastive

USUAL = Rendering()
SHIFTS = {  # three steps each, away from how pictures are drawn in training
    "noisier": [replace(USUAL, noise=v) for v in (0.1, 0.2, 0.3)],
    "smaller": [replace(USUAL, extent=v) for v in ((7, 9), (5, 7), (3, 5))],
    "greyer": [replace(USUAL, saturation=v) for v in ((0.3, 0.45), (0.15, 0.3), (0.05, 0.15))],
    "darker": [replace(USUAL, value=v) for v in ((0.5, 0.7), (0.3, 0.5), (0.15, 0.3))],
    "lighter ground": [replace(USUAL, background=v) for v in ((0.2, 0.3), (0.4, 0.5), (0.6, 0.7))],
    "turned further": [replace(USUAL, rotation=v) for v in ((0, 20, 40, 45), (0, 45, 80, 45), (0, 45, 180, 45))],
}


def labels(model: ToyCLIP, images: Tensor, classes: Tensor) -> Tensor:
    """Cross-entropy of 16 plain outputs, (B, 16) against (B,)."""
    return F.cross_entropy(model.image_encoder(images), classes)


def labels_by_cosine(model: ToyCLIP, images: Tensor, classes: Tensor) -> Tensor:
    """Cross-entropy of 16 scaled cosines with a learned vector each: CLIP's head, but every class in every step."""
    vectors = model.embed_texts(torch.arange(1, len(CLASSES) + 1)[:, None])  # (16, D), a word for each class
    return F.cross_entropy(model.logit_scale * model.embed_images(images) @ vectors.T, classes)


def trained(kind: str, training: Pairs, recipe: Recipe, seed: int) -> ToyCLIP:
    """The same image encoder on the same pictures in the same order, from captions or from class numbers."""
    special: dict[str, tuple[Loss, dict]] = {
        "captions": (contrastive, {}),
        "labels": (labels, {"embed_dim": len(CLASSES)}),
        "labels, cosine": (labels_by_cosine, {"vocab_size": len(CLASSES) + 1, "context_length": 1}),
    }
    loss, config = special[kind]
    targets = Tokenizer().encode(CAPTIONS)[training.classes] if kind == "captions" else training.classes
    return fit_captions(targets, training, recipe, seed, loss, **config)


@torch.no_grad()
def right(kind: str, model: ToyCLIP, pairs: Pairs) -> float:
    """Share of pictures whose class the model names, 0 to 1."""
    if kind == "labels":
        scores = model.image_encoder(pairs.pixels)  # (N, 16)
    else:
        words = torch.arange(1, len(CLASSES) + 1)[:, None]  # (16, 1)
        tokens = Tokenizer().encode(CAPTIONS) if kind == "captions" else words
        scores = model.embed_images(pairs.pixels) @ model.embed_texts(tokens).T  # (N, 16)
    return (scores.argmax(dim=1) == pairs.classes).double().mean().item()


@torch.no_grad()
def distances(model: ToyCLIP, pairs: Pairs, training: Pairs) -> dict[str, float]:
    """Mean distance to the nearest training picture: in pixels (root mean square, 0 to 1) and in the model's space."""
    flat = [part.images.flatten(1) for part in (pairs, training)]  # (N, P) and (M, P)
    near = torch.cdist(*flat).amin(dim=1) / flat[0].shape[1] ** 0.5  # (N,)
    cosine = model.embed_images(pairs.pixels) @ model.embed_images(training.pixels).T  # (N, M)
    return {"pixels": near.mean().item(), "space": (1 - cosine.amax(dim=1)).mean().item()}


def outside(seed: int, recipe: Recipe = FAST, per_class: int = 10) -> dict[str, dict[str, float]]:
    """Three models of one seed on held-out pictures, on six shifts in three steps each, on ten emoji (Z2 and Z8)."""
    training, held_out = world(seed)
    number = streams.number(seed, "outside")  # the same places and turns under every shift, none of them of training
    tests = {"held out": held_out, "emoji": world_emoji()}
    for shift, steps in SHIFTS.items():
        tests |= {f"{shift} {i}": draw_pairs(per_class, number, how) for i, how in enumerate(steps, start=1)}
    models = {kind: trained(kind, training, recipe, seed) for kind in ("captions", "labels", "labels, cosine")}
    return {
        name: {kind: right(kind, model, pairs) for kind, model in models.items()}
        | distances(models["captions"], pairs, training)
        for name, pairs in tests.items()
    }


STUDIES = (Study("outside", outside, seeds=10),)
