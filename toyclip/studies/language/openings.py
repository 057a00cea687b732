"""Things with invented names, and three ways to open an answer (helper of formats).

A sentence is "big red circle ? so wug": a thing, a mark, one of three openings, a name. No opening is harder than
another, and none says anything about the name. Openings are what the formats of a solution are in larger models.
"""

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor

from toyclip import streams
from toyclip.data import Tokenizer

SIZES, COLOURS = ("small", "big"), ("red", "blue", "green", "yellow")
SHAPES = ("circle", "square", "triangle", "cross")
OPENINGS = ("so", "thus", "hence")  # one for each format, the commonest first
NAMES = ("wug", "dax", "blick", "toma", "fep", "zib", "gorp", "lun")
MARK = "?"  # ends a prompt
LENGTH = 6  # words of a sentence: three of a thing, the mark, the opening, the name
THINGS = [f"{size} {colour} {shape} {MARK}" for size, colour, shape in itertools.product(SIZES, COLOURS, SHAPES)]
CHOICES = len(OPENINGS)


def tokenizer() -> Tokenizer:
    """All words of the world."""
    return Tokenizer([*SIZES, *COLOURS, *SHAPES, MARK, *OPENINGS, *NAMES], context_length=LENGTH)


def right_names(seed: int) -> Tensor:
    """The name of each thing, as its place in NAMES, each as often as the others, (P,)."""
    order = streams.rng(seed, "names").permutation(len(THINGS))  # (P,)
    return torch.from_numpy(order % len(NAMES))


def text(mix: Sequence[float], told: Sequence[float], seed: int, count: int) -> Tensor:
    """Sentences to read before, (count, 6) token ids: a thing, an opening, a name.

    Args:
        mix: how often each opening is used, in all 1.
        told: how often the name after each opening is right; else it is any other, by chance.
    """
    rng, words, right = streams.rng(seed, "text"), tokenizer(), right_names(seed)
    things = torch.from_numpy(rng.integers(len(THINGS), size=count))  # (n,)
    format_ = torch.from_numpy(rng.choice(CHOICES, size=count, p=mix))  # (n,)
    true = torch.from_numpy(rng.uniform(size=count)) < torch.tensor(told)[format_]  # (n,)
    other = torch.from_numpy(rng.integers(1, len(NAMES), size=count))  # (n,), by how many names it is off
    name = (right[things] + torch.where(true, 0, other)) % len(NAMES)  # (n,)
    said = torch.stack([ids(words, OPENINGS)[format_], ids(words, NAMES)[name]], dim=1)  # (n, 2)
    return torch.cat([prompts(words)[things], said], dim=1)


def ids(words: Tokenizer, names: Sequence[str]) -> Tensor:
    """Token ids of single words, (n,)."""
    return torch.tensor([words.ids[name] for name in names])


def prompts(words: Tokenizer) -> Tensor:
    """All things as prompts, (P, 4) token ids."""
    return words.encode(THINGS)[:, : LENGTH - 2]
