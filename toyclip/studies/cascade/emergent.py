"""Sound and text never met: what the words make of the sounds, and what must keep them from it."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from toyclip import streams
from toyclip.data import COLORS, SHAPES
from toyclip.errors import lookup
from toyclip.lab.study import Study
from toyclip.studies.cascade.hubs import hub
from toyclip.studies.cascade.pairing import FULL, Size, captions_of, heard, pictures_of, scores, tie

OTHERS = 3  # hubs whose words a broken hub is asked with


def cascade(size: Size, seed: int) -> dict:
    """Sounds tied to pictures, asked with words."""
    model, pairs = hub(seed), heard(size, seed)
    ears = tie(pairs.spectra, pictures_of(model, pairs.pictures), size, seed)
    return scores(ears.embed(pairs.test), captions_of(model), pairs.classes)


def direct(size: Size, seed: int) -> dict:
    """The ceiling: the same sounds tied to their captions themselves."""
    model, pairs = hub(seed), heard(size, seed)
    ears = tie(pairs.spectra, captions_of(model)[pairs.pictures.classes], size, seed)
    return scores(ears.embed(pairs.test), captions_of(model), pairs.classes)


def broken_hub(size: Size, seed: int) -> dict:
    """Falsifier: sounds tied to one model's pictures, asked with the words of models that never knew it."""
    pairs = heard(size, seed)
    ears = tie(pairs.spectra, pictures_of(hub(seed), pairs.pictures), size, seed).embed(pairs.test)
    others = [captions_of(hub(streams.number(seed, "another hub", i))) for i in range(OTHERS)]
    found = [scores(ears, words, pairs.classes) for words in others]
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
    """No encoder of sounds: the nearest training sound by its spectrogram, and the caption of that one's picture."""
    model, pairs = hub(seed), heard(size, seed)
    nearest = torch.cdist(pairs.test.flatten(1), pairs.spectra.flatten(1)).argmin(dim=1)  # (T,)
    return scores(pictures_of(model, pairs.pictures)[nearest], captions_of(model), pairs.classes)


def through_a_picture(size: Size, seed: int) -> dict:
    """The cascade with a stop: from the sound to the nearest training picture, and on to that picture's caption."""
    model, pairs = hub(seed), heard(size, seed)
    pictures = pictures_of(model, pairs.pictures)  # (N, D)
    ears = tie(pairs.spectra, pictures, size, seed)
    nearest = (ears.embed(pairs.test) @ pictures.T).argmax(dim=1)  # (T,)
    return scores(pictures[nearest], captions_of(model), pairs.classes)


def diagonals(seed: int) -> Tensor:
    """A random Latin square, (16,): the diagonal, 0 to 3, on which each class's colour and shape meet."""
    rng = streams.rng(seed, "square")
    rows, columns = rng.permutation(len(COLORS)), rng.permutation(len(SHAPES))
    return torch.from_numpy((rows[:, None] + columns).ravel() % len(COLORS))


def missing(partners: int, size: Size, seed: int) -> dict:
    """Sounds of some compositions only: each colour is heard with so many shapes, and each shape in so many colours.

    The hub has seen all sixteen. The test is on all sixteen, with all captions as answers.

    Returns:
        As `scores`, and "unheard", for each class whether no sound of it was trained on.
    """
    model, pairs, diagonal = hub(seed), heard(size, seed), diagonals(seed)
    some = pairs[(diagonal < partners)[pairs.pictures.classes]]
    more = dict(epochs=round(size.epochs * len(pairs.pictures) / len(some.pictures)))  # as many updates
    ears = tie(some.spectra, pictures_of(model, some.pictures), size, seed, **more)
    return scores(ears.embed(pairs.test), captions_of(model), pairs.classes) | {
        "unheard": (diagonal >= partners).tolist()
    }


RUNS: dict[str, tuple[Callable[..., dict], tuple]] = {  # the function to call, and its arguments before the size
    "cascade": (cascade, ()),
    "direct": (direct, ()),
    "by ear": (by_ear, ()),
    "through a picture": (through_a_picture, ()),
    "broken hub": (broken_hub, ()),
    "shuffled pairs": (shuffled, ()),
    "3 partners": (missing, (3,)),
    "2 partners": (missing, (2,)),
    "1 partner": (missing, (1,)),
}


def emergent(name: str, seed: int, size: Size = FULL) -> dict:
    """One run of the study.

    Raises:
        InputError: if there is no such condition.
    """
    once, arguments = lookup(RUNS, name, "condition")
    return once(*arguments, size, seed)


STUDIES = (Study("cascade", emergent, seeds=10, conditions=tuple(RUNS)),)
