"""Sound and text never met: what the words make of the sounds, and what must keep them from it."""

import functools
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from toyclip import streams
from toyclip.data import COLORS, SHAPES
from toyclip.errors import lookup
from toyclip.lab.study import Study
from toyclip.studies.cascade.hubs import hub
from toyclip.studies.cascade.listening import SoundEncoder
from toyclip.studies.cascade.pairing import FULL, Size, captions_of, heard, pictures_of, scores, tie

OTHERS = 2  # hubs whose words a broken hub is asked with


@functools.lru_cache(maxsize=2)
def sounds_of(size: Size, seed: int) -> Tensor:
    """Where the test sounds lie when sounds are tied to pictures, (T, D): no word is asked."""
    pairs = heard(size, seed)
    return tie(pairs.spectra, pictures_of(hub(seed), pairs.pictures), size, seed).embed(pairs.test)


def cascade(size: Size, seed: int) -> dict:
    """Sounds tied to pictures, asked with words."""
    return scores(sounds_of(size, seed), captions_of(hub(seed)), heard(size, seed).classes)


def direct(size: Size, seed: int) -> dict:
    """The ceiling: the same sounds tied to their captions themselves."""
    model, pairs = hub(seed), heard(size, seed)
    ears = tie(pairs.spectra, captions_of(model)[pairs.pictures.classes], size, seed)
    return scores(ears.embed(pairs.test), captions_of(model), pairs.classes)


def broken_hub(size: Size, seed: int) -> dict:
    """Falsifier: sounds tied to one model's pictures, asked with the words of models that never knew it."""
    pairs = heard(size, seed)
    others = [captions_of(hub(streams.number(seed, "another hub", i))) for i in range(OTHERS)]
    found = [scores(sounds_of(size, seed), words, pairs.classes) for words in others]
    return {
        "accuracy": float(np.mean([f["accuracy"] for f in found])),
        "found": float(np.mean([f["found"] for f in found])),
        "by_class": np.sum([f["by_class"] for f in found], axis=0).tolist(),
    }


def shuffled(size: Size, seed: int) -> dict:
    """Falsifier: the sounds are dealt to the pictures by chance."""
    model, pairs = hub(seed), heard(size, seed)
    order = torch.randperm(len(pairs.pictures), generator=streams.generator(seed, "shuffled pairs"))
    ears = tie(pairs.spectra, pictures_of(model, pairs.pictures)[order], size, seed)
    return scores(ears.embed(pairs.test), captions_of(model), pairs.classes)


def by_ear(size: Size, seed: int) -> dict:
    """No encoder of sounds: the training sound of the nearest spectrum, and the caption of that one's picture.

    A spectrum is the mean and the standard deviation of each frequency over time, so that a sound may start anywhere.
    """
    model, pairs = hub(seed), heard(size, seed)
    test, training = (torch.cat([x.mean(dim=2), x.std(dim=2)], dim=1) for x in (pairs.test, pairs.spectra))  # (., 128)
    nearest = torch.cdist(test, training).argmin(dim=1)  # (T,)
    return scores(pictures_of(model, pairs.pictures)[nearest], captions_of(model), pairs.classes)


def through_a_picture(size: Size, seed: int) -> dict:
    """The cascade with a stop: from the sound to the nearest training picture, and on to that picture's caption."""
    model, pairs = hub(seed), heard(size, seed)
    pictures = pictures_of(model, pairs.pictures)  # (N, D)
    nearest = (sounds_of(size, seed) @ pictures.T).argmax(dim=1)  # (T,)
    return scores(pictures[nearest], captions_of(model), pairs.classes)


def diagonals(seed: int) -> Tensor:
    """A random Latin square, (16,): the diagonal, 0 to 3, on which each class's colour and shape meet."""
    rng = streams.rng(seed, "square")
    rows, columns = rng.permutation(len(COLORS)), rng.permutation(len(SHAPES))
    return torch.from_numpy((rows[:, None] + columns).ravel() % len(COLORS))


@functools.lru_cache(maxsize=2)
def lender(size: Size, seed: int) -> SoundEncoder:
    """An encoder of other sounds, of all sixteen compositions, tied to the same hub."""
    other = streams.number(seed, "another ear")
    pairs = heard(size, other)
    return tie(pairs.spectra, pictures_of(hub(seed), pairs.pictures), size, other).encoder


def missing(partners: int, borrowed: bool, size: Size, seed: int) -> dict:
    """Sounds of some compositions only: each colour is heard with so many shapes, and each shape in so many colours.

    The hub has seen all sixteen. The test is on all sixteen, with all captions as answers.

    Args:
        borrowed: whether the convolutions come, frozen, from an encoder that has heard all sixteen.

    Returns:
        As `scores`; "unheard", for each class whether no sound of it was trained on; and what is said to those sounds:
        shares with "both" right, "colour" alone, "shape" alone, and "heard", a caption whose sounds were trained on.
    """
    model, pairs, diagonal = hub(seed), heard(size, seed), diagonals(seed)
    some = pairs[(diagonal < partners)[pairs.pictures.classes]]
    more = {"epochs": round(size.epochs * len(pairs.pictures) / len(some.pictures))}  # as many updates
    more |= {"filters": lender(size, seed)} if borrowed else {}
    sounds = tie(some.spectra, pictures_of(model, some.pictures), size, seed, **more).embed(pairs.test)  # (T, D)
    unheard = diagonal >= partners  # (16,)
    asked = unheard[pairs.classes]  # (T,)
    said, shown = (sounds @ captions_of(model).T).argmax(dim=1)[asked], pairs.classes[asked]
    color, shape = said // len(SHAPES) == shown // len(SHAPES), said % len(SHAPES) == shown % len(SHAPES)
    parts = {"both": color & shape, "colour": color & ~shape, "shape": ~color & shape, "heard": ~unheard[said]}
    return scores(sounds, captions_of(model), pairs.classes) | {
        "unheard": unheard.tolist(),
        "said": {name: part.double().mean().item() for name, part in parts.items()},
    }


RUNS: dict[str, tuple[Callable[..., dict], tuple]] = {  # the function to call, and its arguments before the size
    "cascade": (cascade, ()),
    "direct": (direct, ()),
    "by ear": (by_ear, ()),
    "through a picture": (through_a_picture, ()),
    "broken hub": (broken_hub, ()),
    "shuffled pairs": (shuffled, ()),
    "3 partners": (missing, (3, False)),
    "2 partners": (missing, (2, False)),
    "1 partner": (missing, (1, False)),
    "3 partners, borrowed filters": (missing, (3, True)),
    "2 partners, borrowed filters": (missing, (2, True)),
}


def emergent(name: str, seed: int, size: Size = FULL) -> dict:
    """One run of the study.

    Raises:
        InputError: if there is no such condition.
    """
    once, arguments = lookup(RUNS, name, "condition")
    return once(*arguments, size, seed)


STUDIES = (Study("cascade", emergent, seeds=8, conditions=tuple(RUNS)),)
