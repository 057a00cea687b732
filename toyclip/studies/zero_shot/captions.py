"""Studies too long for a chapter, one function per seed, and what is stored of them (chapter 4)."""

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import torch
import torch.nn.functional as F
from torch import Tensor

from toyclip.data import CLASSES, COLORS, SHAPES, Pairs, Rendering, Tokenizer, caption, draw_pairs, split
from toyclip.encoders import ToyCLIP
from toyclip.lab import provenance
from toyclip.pictures import world_emoji
from toyclip.studies.zero_shot import geometry
from toyclip.train import RECIPES, Recipe, fit, train
from toyclip.zero_shot import accuracy, class_prompts, classifier, similarities

CAPTIONS = [caption(*pair) for pair in CLASSES]
PURE = Rendering(hue=((-2, 2), (238, 242), (118, 122), (58, 60)), saturation=(0.9, 1.0), value=(0.9, 1.0))


def world(seed: int, rendering: Rendering = Rendering()) -> tuple[Pairs, Pairs]:
    """Training and held-out pairs of a seed, as `train` draws them."""
    return split(draw_pairs(per_class=200, seed=seed, rendering=rendering), seed)


def fit_captions(tokens: Tensor, training: Pairs, recipe: Recipe, seed: int) -> ToyCLIP:
    """A model trained on these pictures with any token ids (N, L) as their captions."""
    model = ToyCLIP(strided=recipe.strided, seed=seed)
    fit(model, training.images, tokens, recipe, seed, evaluate=lambda model: float("nan"))
    return model


@torch.no_grad()
def structure(model: ToyCLIP, held_out: Pairs) -> dict[str, float]:
    """The numbers behind claims S6 to S9 and S17, on held-out pictures and on the ten emoji."""
    weights = classifier(model, class_prompts(), Tokenizer())  # (16, D)
    images = model.embed_images(held_out.images)  # (N, D)
    similarity = similarities(model, held_out.images, weights)  # (N, 16)
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
    model, history = train(RECIPES["reference"], seed)
    return history.to_dict() | {"structure": structure(model, world(seed)[1])}


def fast(seed: int) -> dict:
    """The fast recipe from nothing: its history, and the structure it ends with."""
    model, history = train(RECIPES["fast"], seed)
    return history.to_dict() | {"structure": structure(model, world(seed)[1])}


def captions(seed: int, recipe: Recipe = RECIPES["fast"]) -> dict[str, float]:
    """Held-out accuracy under four kinds of captions (claim S10).

    `swapped` gives every class the caption of another one, always the same: a secret code. It is scored by the code
    and by English. `shuffled` deals the captions out to the pictures at random. `identical` gives all the same one.
    """
    training, held_out = world(seed)
    tokenizer, generator = Tokenizer(), torch.Generator().manual_seed(seed)
    tokens = tokenizer.encode(CAPTIONS)  # (16, L)
    ring = torch.randperm(len(CLASSES), generator=generator)  # (16,)
    code = ring.clone()
    code[ring] = ring.roll(1)  # class -> class whose caption it gets: the one before it in the ring, never its own
    order = torch.randperm(len(training), generator=generator)
    per_picture = {
        "true": tokens[training.classes],
        "identical": tokens[torch.zeros_like(training.classes)],
        "shuffled": tokens[training.classes][order],
        "swapped": tokens[code][training.classes],
    }
    models = {kind: fit_captions(rows, training, recipe, seed) for kind, rows in per_picture.items()}
    scores = {kind: accuracy(model, held_out, tokenizer) for kind, model in models.items()}
    by_code = Pairs(held_out.images, code[held_out.classes])
    return {
        **{kind: scores[kind] for kind in ("true", "identical", "shuffled")},
        "swapped, scored by the code": accuracy(models["swapped"], by_code, tokenizer),
        "swapped, scored in English": scores["swapped"],
    }


def unseen(seed: int, missing: Sequence[int], recipe: Recipe = RECIPES["fast"]) -> float:
    """Accuracy, 16-way, on held-out pictures of classes whose pictures and captions were left out of training."""
    training, held_out = world(seed)
    out = torch.tensor(missing)
    seen = training[~torch.isin(training.classes, out)]
    model = fit_captions(Tokenizer().encode(CAPTIONS)[seen.classes], seen, recipe, seed)
    return accuracy(model, held_out[torch.isin(held_out.classes, out)], Tokenizer())


def one_out(seed: int) -> dict[str, float]:
    """Leave out each of the 16 compositions in turn (claim S11)."""
    return {CAPTIONS[c]: unseen(seed, [c]) for c in range(len(CLASSES))}


def diagonals(seed: int) -> dict[str, float]:
    """Leave out four at once, one of each colour and each shape, for all four diagonals (claim S11)."""
    return {
        ", ".join(CAPTIONS[c] for c in missing): unseen(seed, missing)
        for shift in range(len(SHAPES))
        for missing in [[4 * color + (color + shift) % len(SHAPES) for color in range(len(COLORS))]]
    }


def emoji(seed: int) -> dict[str, float]:
    """Ten emoji right, of 10: colours as wide as the words or pure, framed or merely squeezed (claim S17)."""
    scores = {}
    for colours, rendering in (("wide", Rendering()), ("pure", PURE)):
        model, _ = train(RECIPES["fast"], seed, rendering=rendering)
        for how, framed in (("framed", True), ("squeezed", False)):
            scores[f"{colours} colours, {how}"] = 10 * accuracy(model, world_emoji(framed), Tokenizer())
    return scores


def supervised(seed: int, recipe: Recipe = RECIPES["fast"]) -> float:
    """Held-out accuracy of the same image encoder with 16 outputs, trained on class ids by cross-entropy."""

    def cross_entropy(model: ToyCLIP, images: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(model.image_encoder(images), labels.squeeze(1))  # (B, 16) against (B,)

    def right(model: ToyCLIP) -> float:
        with torch.no_grad():
            return (model.image_encoder(held_out.images).argmax(1) == held_out.classes).double().mean().item()

    training, held_out = world(seed)
    model = ToyCLIP(embed_dim=len(CLASSES), strided=recipe.strided, seed=seed)
    labels = training.classes[:, None]  # (N, 1)
    return fit(model, training.images, labels, recipe, seed, right, loss_of=cross_entropy).accuracy


STUDIES: dict[str, tuple[Callable[[int], object], int]] = {  # what is done for one seed, and how many seeds
    "reference": (reference, 10),
    "fast": (fast, 20),
    "captions": (captions, 10),
    "one_out": (one_out, 5),
    "diagonals": (diagonals, 10),
    "emoji": (emoji, 10),
    "supervised": (supervised, 10),
}


def run(
    name: str, once: Callable[[int], object], seeds: int, workers: int, on_result: Callable[[], None] = lambda: None
) -> dict:
    """Run `once` for seeds 0 to seeds - 1 in several processes; what comes back is what is stored.

    Returns:
        command, seeds, machine, modules with the fingerprint of their code, and one result per seed.
    """
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        jobs = [pool.submit(once, seed) for seed in range(seeds)]
        for job in jobs:
            job.add_done_callback(lambda job: on_result())
        results = [job.result() for job in jobs]
    module = once.__module__.removeprefix("toyclip.")
    return {
        "command": f"python -m toyclip study {name} --seeds {seeds} --out book/results/{name}.json",
        "seeds": list(range(seeds)),
        "machine": provenance.machine(),
        "modules": [module],
        "code": provenance.fingerprint(module),
        "results": results,
    }
