"""Both recipes from nothing, the space they end with, and a control: purer colours."""

import torch

from toyclip.data import CAPTIONS, Pairs, Rendering, Tokenizer, world
from toyclip.encoders import ToyCLIP
from toyclip.lab.study import Study
from toyclip.pictures import world_emoji
from toyclip.recipes import FAST, REFERENCE
from toyclip.studies.zero_shot import geometry
from toyclip.train import train
from toyclip.zero_shot import accuracy, classifier, similarities

PURE = Rendering(hue=((-2, 2), (238, 242), (118, 122), (58, 60)), saturation=(0.9, 1.0), value=(0.9, 1.0))


@torch.no_grad()
def structure(model: ToyCLIP, held_out: Pairs) -> dict[str, float]:
    """The numbers behind claims S6 to S9 and S17, on held-out pictures and on the ten emoji."""
    weights = classifier(model, CAPTIONS, Tokenizer())  # (16, D)
    images = model.embed_images(held_out.pixels)  # (N, D)
    similarity = similarities(model, held_out.pixels, weights)  # (N, 16)
    shared = geometry.shares_attribute(similarity, held_out.classes)  # (15,)
    return {
        "silhouette": geometry.clusters(images, held_out.classes),
        "smallest margin": geometry.margin(similarity, held_out.classes).min().item(),
        "additive R2, captions": geometry.additive_r2(weights),
        "additive R2, pictures": geometry.additive_r2(geometry.class_means(images, held_out.classes)),
        "rank 2 shares an attribute": shared[0].item(),
        "rank 3 shares an attribute": shared[1].item(),
        "ranks 2-7 share an attribute": shared[:6].mean().item(),
        "emoji right of 10": 10 * accuracy(model, world_emoji(), Tokenizer()),
    }


def reference(seed: int) -> dict:
    """The reference recipe from nothing: its history, and the structure it ends with (claims S3 to S9)."""
    model, history = train(REFERENCE, seed)
    return history.to_dict() | {"structure": structure(model, world(seed)[1])}


def fast(seed: int) -> dict:
    """The fast recipe from nothing: its history, and the structure it ends with."""
    model, history = train(FAST, seed)
    return history.to_dict() | {"structure": structure(model, world(seed)[1])}


def emoji(seed: int) -> dict[str, float]:
    """Ten emoji right, of 10: colours as wide as the words or pure, framed or merely squeezed (claim S17)."""
    scores = {}
    for colours, rendering in (("wide", Rendering()), ("pure", PURE)):
        model, _ = train(FAST, seed, rendering=rendering)
        for how, framed in (("framed", True), ("squeezed", False)):
            scores[f"{colours} colours, {how}"] = 10 * accuracy(model, world_emoji(framed), Tokenizer())
    return scores


STUDIES = (
    Study("reference", reference, seeds=3),
    Study("fast", fast, seeds=200),
    Study("emoji", emoji, seeds=10),
)
