"""Data x encoder x loss, varied on the same footing, and the knobs of training one by one (closing chapter).

The world is that of 128 emoji, in which the standard run is far from perfect, so that better and worse can be seen.
"""

import functools
import itertools
import math
from dataclasses import dataclass, replace

import torch

from toyclip import streams
from toyclip.errors import lookup
from toyclip.lab.study import Study
from toyclip.recipes import Recipe
from toyclip.studies.batch.ablations import ADAMW, TEST_SEED, World, learn, pictures_ask, sigmoid
from toyclip.studies.frequency.concepts import choose, draw_concepts, words

CAPTIONS, PICTURES, EPOCHS, BATCH = 128, 32, 4, 64
FEWER, WRONG = 4, 0.25  # "a quarter" keeps each fourth picture; "mislabelled" has this share of captions wrong
DATA = ("all", "a quarter", "mislabelled")
ENCODERS: dict[str, dict] = {  # keyword arguments of Config
    "wide": {},
    "half as wide": {"width": 32},
    "max-pooled": {"pooling": "max"},
}
LOSSES: dict[str, dict] = {  # keyword arguments of `learn`
    "InfoNCE": {},
    "one direction": {"loss_of": pictures_ask},
    "sigmoid": {"loss_of": sigmoid, "logit_scale": 10.0, "logit_bias": -math.log(BATCH - 1)},  # level of `log B`
}


@dataclass(frozen=True)
class Arm:
    """One way to train; everything not named is the standard."""

    data: str = "all"
    encoder: str = "wide"
    loss: str = "InfoNCE"
    batch_size: int = BATCH
    lr: float = ADAMW.lr
    scale: float | None = None  # logit scale, fixed; None: learned
    passes: int = 1  # over the pictures, in units of the standard's


GRID = {" / ".join(cell): Arm(*cell) for cell in itertools.product(DATA, ENCODERS, LOSSES)}
KNOBS = {  # the learning rate goes with the root of the batch size (Malladi et al. 2022)
    "batch of 16": Arm(batch_size=16, lr=ADAMW.lr / 2),
    "batch of 256": Arm(batch_size=256, lr=ADAMW.lr * 2),
    "batch of 256, as many updates": Arm(batch_size=256, lr=ADAMW.lr * 2, passes=4),
    "rate / 4": Arm(lr=ADAMW.lr / 4),
    "rate x 4": Arm(lr=ADAMW.lr * 4),
    "scale fixed at 1": Arm(scale=1.0),
    "scale fixed at 100": Arm(scale=100.0),
}
ARMS = GRID | KNOBS


@functools.lru_cache(maxsize=1)  # all arms of a seed meet the same pictures
def world(seed: int) -> World:
    """128 captions, 4,096 pictures, and 1,024 others for the test."""
    concepts = choose(CAPTIONS, seed)
    training = draw_concepts(concepts, [PICTURES] * CAPTIONS, seed)
    test = draw_concepts(concepts, [8] * CAPTIONS, seed + TEST_SEED)
    tokenizer = words(concepts)
    return World(training, test, tokenizer.encode(tokenizer.words[1:]), len(tokenizer.words))


def changed(whole: World, data: str, seed: int) -> World:
    """The world with fewer pictures of each caption, or with some captions dealt anew among their pictures."""
    training = whole.training
    if data == "a quarter":
        return replace(whole, training=training[torch.arange(0, len(training), FEWER)])
    if data == "mislabelled":
        generator = streams.generator(seed, "wrong captions")
        chosen = torch.randperm(len(training), generator=generator)[: round(WRONG * len(training))]  # (W,)
        captions = training.captions.clone()
        captions[chosen] = captions[chosen.roll(1)]
        return replace(whole, training=replace(training, captions=captions))
    return whole


def recipe_of(arm: Arm) -> Recipe:
    """Every arm of one pass sees as many pictures: a quarter of them four times as often."""
    epochs = EPOCHS * arm.passes * (FEWER if arm.data == "a quarter" else 1)
    return replace(ADAMW, epochs=epochs, batch_size=arm.batch_size, lr=arm.lr)


def factorial(name: str, seed: int) -> float:
    """Held-out accuracy of one arm, 0 to 1; 0 if the loss stopped being a number.

    Raises:
        InputError: if there is no such arm.
    """
    arm, whole = lookup(ARMS, name, "arm"), world(seed)
    options = LOSSES[arm.loss] | ENCODERS[arm.encoder]
    options |= {} if arm.scale is None else {"logit_scale": arm.scale, "fixed": True}
    some = changed(whole, arm.data, seed)
    model, history = learn(some, recipe_of(arm), seed, every_epoch=False, **options)
    return whole.accuracy(model) if history else 0.0


STUDIES = (Study("factorial", factorial, seeds=5, conditions=tuple(ARMS)),)
