"""What a model learns from captions that are wrong, and from compositions that are missing."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from toyclip import streams
from toyclip.data import CAPTIONS, CLASSES, COLORS, SHAPES, Pairs, Tokenizer, world
from toyclip.encoders import Config, ToyCLIP
from toyclip.lab.study import Study
from toyclip.recipes import FAST, Recipe
from toyclip.train import Loss, batches, contrastive, finish, fit
from toyclip.zero_shot import accuracy


def fit_captions(
    tokens: Tensor, training: Pairs, recipe: Recipe, seed: int, loss_of: Loss = contrastive, **config: int
) -> ToyCLIP:
    """A model trained on these pictures with any token ids (N, L) as their captions.

    Args:
        tokens: with another loss whatever it takes in their place, one for each picture.
        config: of the model, where it differs: vocab_size, context_length, embed_dim.
    """
    model = ToyCLIP(Config(image_encoder=recipe.image_encoder, **config), seed)
    order = batches(len(training), recipe.batch_size, recipe.epochs, seed)
    finish(fit(model, training.pixels, tokens, recipe, order, loss_of))
    return model


def captions(seed: int, recipe: Recipe = FAST) -> dict[str, float]:
    """Held-out accuracy under four kinds of captions (claim S10).

    `swapped` gives every class the caption of another one, always the same: a secret code. It is scored by the code
    and by English. `shuffled` deals the captions out to the pictures at random. `identical` gives all the same one.
    """
    training, held_out = world(seed)
    tokenizer, generator = Tokenizer(), streams.generator(seed, "captions")
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
    by_code = replace(held_out, classes=code[held_out.classes])
    return {
        **{kind: scores[kind] for kind in ("true", "identical", "shuffled")},
        "swapped, scored by the code": accuracy(models["swapped"], by_code, tokenizer),
        "swapped, scored in English": scores["swapped"],
    }


def unseen(seed: int, missing: Sequence[int], recipe: Recipe = FAST) -> float:
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


STUDIES = (
    Study("captions", captions, seeds=10),
    Study("one_out", one_out, seeds=5),
    Study("diagonals", diagonals, seeds=10),
)
