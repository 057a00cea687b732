"""The frozen space: pictures and words that learned together, at the end of their training and on the way there."""

import copy
import functools
import itertools
from collections.abc import Iterator
from dataclasses import replace

from toyclip.data import CAPTIONS, Tokenizer, world
from toyclip.encoders import Config, ToyCLIP
from toyclip.recipes import FAST
from toyclip.train import batches, fit, one_thread

STEP = 2  # updates between two looks at a model that grows


def growth(seed: int, width: int = 64) -> Iterator[tuple[int, ToyCLIP]]:
    """A model in its training by the fast recipe: (updates so far, the model itself) before it and after every `STEP`.

    Args:
        width: channels of the last convolution.
    """
    training, _ = world(seed)
    tokens = Tokenizer().encode(CAPTIONS)[training.captions]  # (N, L)
    model = ToyCLIP(Config(image_encoder=FAST.image_encoder, width=width), seed)
    order = list(itertools.chain.from_iterable(batches(len(training), FAST.batch_size, FAST.epochs, seed)))
    parts = [order[i : i + STEP] for i in range(0, len(order), STEP)]
    yield 0, model
    with one_thread():
        progress = fit(model, training.pixels, tokens, replace(FAST, epochs=len(parts)), parts)
        for number, _ in enumerate(progress, start=1):
            yield min(STEP * number, len(order)), model


def frozen(model: ToyCLIP) -> ToyCLIP:
    """A copy that nothing will change."""
    return copy.deepcopy(model).requires_grad_(False).eval()


@functools.lru_cache(maxsize=4)
def hub(seed: int, width: int = 64) -> ToyCLIP:
    """The model at the end of its training, frozen."""
    *_, (_, model) = growth(seed, width)
    return frozen(model)


@functools.lru_cache(maxsize=1)
def checkpoints(seed: int, stops: tuple[int, ...]) -> dict[int, ToyCLIP]:
    """The model after so many updates, frozen; what lies beyond the end of the training is left out."""
    return {updates: frozen(model) for updates, model in growth(seed) if updates in stops}
