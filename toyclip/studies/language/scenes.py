"""Scenes of three objects in words, what is told of them, and questions about them (helper of instructions).

The answer to a question is one word. What it asks is its task: one of four attributes of one of three places, so that
three tasks share the four words that can answer them. The attributes of an object stand in an order of their own in
each scene, so no place in the text always holds a colour.
"""

import numpy as np
import torch
from torch import Tensor

from toyclip import streams
from toyclip.data import Tokenizer
from toyclip.errors import InputError

PLACES = ("left", "middle", "right")
ATTRIBUTES = {
    "colour": ("red", "green", "blue", "yellow"),
    "shape": ("circle", "square", "triangle", "cross"),
    "size": ("tiny", "small", "big", "huge"),
    "stuff": ("wood", "glass", "metal", "paper"),
}
VALUES = 4  # of each attribute
FIRST_PLACE, FIRST_ATTRIBUTE, FIRST_VALUE = 1, 4, 8  # token ids; padding is 0
FRAME = ("tell", "me", "some", "thing", "please", ".")
SCENE, LONGEST = 12, 18  # words of a scene, and of a scene with two statements
INSTRUCTIONS = ("full", "space", "right example", "wrong example", "none", "new form")
Task = tuple[int, int]  # attribute, place


def tokenizer() -> Tokenizer:
    """All 29 words; those of one kind have consecutive ids.

    >>> [tokenizer().words[first] for first in (FIRST_PLACE, FIRST_ATTRIBUTE, FIRST_VALUE, FIRST_VALUE + VALUES)]
    ['left', 'colour', 'red', 'circle']
    """
    values = [value for words in ATTRIBUTES.values() for value in words]
    return Tokenizer([*PLACES, *ATTRIBUTES, *values, *FRAME], context_length=LONGEST)


def value_words(attributes: Tensor, values: Tensor) -> Tensor:
    """Token ids of values, 0 to 3, of attributes, 0 to 3; both of one shape, as is the result."""
    return FIRST_VALUE + VALUES * attributes + values


def draw(count: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Scenes at random.

    Returns:
        (N, 3, 4), the value of each attribute of the objects from left to right; (N, 12), the scene in token ids.

    >>> _, scene = draw(1, streams.rng(0, "scenes"))
    >>> tokenizer().decode(scene)
    ['huge cross red metal square yellow glass small triangle paper small red']
    """
    values = torch.from_numpy(rng.integers(VALUES, size=(count, len(PLACES), len(ATTRIBUTES))))  # (N, 3, 4)
    order = torch.from_numpy(rng.uniform(size=tuple(values.shape)).argsort(axis=2))  # (N, 3, 4)
    words = value_words(torch.arange(len(ATTRIBUTES)), values)  # (N, 3, 4)
    return values, words.gather(2, order).flatten(1)


def value_of(values: Tensor, attributes: Tensor, places: Tensor) -> Tensor:
    """The values of an attribute at a place, (N, 3, 4), (N,), (N,) -> (N,)."""
    return values[torch.arange(len(values)), places, attributes]


def told(count: int, rng: np.random.Generator) -> Tensor:
    """What is read in pretraining: scenes and two true statements about each, (N, 18) token ids.

    A statement says what is at a place ("left red colour") or names a value that some object has ("colour red ."). None
    says both where and, before the value, what of it: that question pretraining never asks.
    """
    values, scene = draw(count, rng)
    parts = [scene]
    for _ in range(2):
        attributes, places = (torch.from_numpy(rng.integers(n, size=count)) for n in (len(ATTRIBUTES), len(PLACES)))
        value = value_words(attributes, value_of(values, attributes, places))  # (N,)
        attribute, place = FIRST_ATTRIBUTE + attributes, FIRST_PLACE + places  # (N,) each
        stop = torch.full_like(value, _id("."))  # (N,)
        where = torch.from_numpy(rng.integers(2, size=count)).bool()[:, None]  # (N, 1)
        at_place, of_some = torch.stack([place, value, attribute], 1), torch.stack([attribute, value, stop], 1)
        parts.append(torch.where(where, at_place, of_some))  # (N, 3)
    return torch.cat(parts, dim=1)


def tasks(seed: int) -> dict[str, list[Task]]:
    """The twelve tasks in three sets, rotated over the seeds.

    Returns:
        "seen": six for tuning; "unseen pairing": the third place of the same three attributes; "unseen attribute": all
        places of the fourth.
    """
    hidden, places = seed % len(ATTRIBUTES), streams.rng(seed, "places").permutation(len(PLACES))
    others = [attribute for attribute in range(len(ATTRIBUTES)) if attribute != hidden]
    pairing = list(zip(others, places.tolist(), strict=True))
    every = [(attribute, place) for attribute in others for place in range(len(PLACES))]
    return {
        "seen": [task for task in every if task not in pairing],
        "unseen pairing": pairing,
        "unseen attribute": [(hidden, place) for place in range(len(PLACES))],
    }


def instruct(instruction: str, attributes: Tensor, places: Tensor, rng: np.random.Generator) -> Tensor:
    """Four words that say what is asked, more or less, (N,), (N,) -> (N, 4) token ids.

    Args:
        instruction: "full" ("tell me left colour"), "space" ("tell me some colour": only what kind of word answers),
            "none" ("tell me some thing"), "new form" ("tell left colour please"), or an example in four words: three
            objects' values of the attribute, all different, and the one at the place ("right example") or any of the
            three values that are not ("wrong example").

    Raises:
        InputError: if there is no such instruction.
    """
    if instruction not in INSTRUCTIONS:
        raise InputError(f"there is no instruction {instruction!r}; choose one of {', '.join(INSTRUCTIONS)}")
    count = len(attributes)
    word = {name: torch.full((count,), _id(name)) for name in FRAME}  # (N,) each
    attribute, place = FIRST_ATTRIBUTE + attributes, FIRST_PLACE + places  # (N,) each
    if instruction == "full":
        return torch.stack([word["tell"], word["me"], place, attribute], dim=1)
    if instruction == "space":
        return torch.stack([word["tell"], word["me"], word["some"], attribute], dim=1)
    if instruction == "none":
        return torch.stack([word["tell"], word["me"], word["some"], word["thing"]], dim=1)
    if instruction == "new form":
        return torch.stack([word["tell"], place, attribute, word["please"]], dim=1)
    shown = torch.from_numpy(rng.uniform(size=(count, VALUES)).argsort(axis=1))[:, : len(PLACES)]  # (N, 3)
    answer = shown.gather(1, places[:, None])  # (N, 1)
    if instruction == "wrong example":
        answer = (answer + torch.from_numpy(rng.integers(1, VALUES, size=(count, 1)))) % VALUES  # (N, 1)
    return value_words(attributes[:, None], torch.cat([shown, answer], dim=1))


def ask(instruction: str, asked: list[Task], count: int, seed: int, what: str) -> tuple[Tensor, Tensor, Tensor]:
    """Questions at random, each task as likely as another; the scenes of a seed and a purpose are always the same.

    Args:
        what: the purpose, such as "test".

    Returns:
        prompts (N, 16) and answers (N,), token ids; values (N, 3), of the attribute asked for, at every place.
    """
    values, scene = draw(count, streams.rng(seed, "scenes", what))
    lots = streams.rng(seed, "lots", what).integers(len(asked), size=count)  # (N,)
    attributes, places = torch.tensor(asked)[torch.from_numpy(lots)].unbind(dim=1)  # (N,) each
    words = instruct(instruction, attributes, places, streams.rng(seed, "examples", what))  # (N, 4)
    answers = value_words(attributes, value_of(values, attributes, places))  # (N,)
    return torch.cat([scene, words], dim=1), answers, values[torch.arange(count), :, attributes]


def _id(word: str) -> int:
    return FIRST_VALUE + VALUES * len(ATTRIBUTES) + FRAME.index(word)
