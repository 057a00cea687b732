"""Texts whose question takes one look-up or two, with a thought before the answer or without (helper of thoughts).

Eight shapes stand in a fixed order, and each looks at one of them. A text says at whom, shape by shape, then asks about
one shape. With two hops the answer is whom the one looks at at whom that shape looks; one layer does one look-up.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from toyclip import streams

SHAPES = ("circle", "square", "triangle", "cross", "star", "heart", "moon", "ring")
K = len(SHAPES)  # shape i is token i + 1; padding is 0
SAY, THINK = K + 1, K + 2  # "say circle" is followed by the answer, "think circle" by a thought and then the answer
WORDS = K + 3
ASKED = K + 1  # place of the shape that is asked about, after which a thought or an answer comes
LENGTH = K + 4


@dataclass(frozen=True)
class Text:
    """What the texts are like."""

    hops: int = 2  # look-ups that lead to the answer
    right: float = 0.5  # of the thoughts in the texts are right; the others name any shape
    aloud: float = 0.3  # of the texts hold a thought
    noise: float = 0.1  # of the answers are any shape, so that nobody can be sure


def looks(text: Text, count: int, seed: int, *name: str) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Questions with their tables, all as token ids.

    Returns:
        tables (N, 8), at whom each shape looks; asked (N,); first (N,), what one look-up finds; answers (N,), true.

    >>> tables, asked, first, answers = looks(Text(), 1, 0, "example")
    >>> bool(tables[0, asked[0] - 1] == first[0]), bool(tables[0, first[0] - 1] == answers[0])
    (True, True)
    """
    rng = streams.rng(seed, "looks", *name)
    tables = torch.from_numpy(rng.integers(1, K + 1, size=(count, K)))  # (N, 8)
    asked = torch.from_numpy(rng.integers(1, K + 1, size=count))  # (N,)
    first = follow(tables, asked)  # (N,)
    return tables, asked, first, follow(tables, first) if text.hops == 2 else first


def follow(tables: Tensor, shapes: Tensor) -> Tensor:
    """At whom each shape looks, (N, 8) and (N,) -> (N,)."""
    return tables.gather(1, shapes[:, None] - 1)[:, 0]


def blur(right: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Any shape in the place of some of these, (N,) token ids -> (N,).

    Args:
        share: of them that are drawn anew; the right one may come out again.
    """
    anything = torch.randint(1, K + 1, right.shape, generator=generator)  # (N,)
    drawn = torch.rand(right.shape, generator=generator) < share  # (N,)
    return torch.where(drawn, anything, right)


def plain(tables: Tensor, asked: Tensor, answers: Tensor) -> Tensor:
    """Texts without a thought, (N, 12): the table, "say", the shape, the answer, padding."""
    say, end = torch.full_like(asked, SAY), torch.zeros_like(asked)  # (N,) each
    return torch.cat([tables, torch.stack([say, asked, answers, end], dim=1)], dim=1)


def aloud(tables: Tensor, asked: Tensor, thoughts: Tensor, answers: Tensor) -> Tensor:
    """Texts with a thought, (N, 12): the table, "think", the shape, the thought, the answer."""
    think = torch.full_like(asked, THINK)  # (N,)
    return torch.cat([tables, torch.stack([think, asked, thoughts, answers], dim=1)], dim=1)


def ordinary(text: Text, count: int, seed: int, *name: str) -> Tensor:
    """What the model reads in pretraining, (N, 12): most texts without a thought, some with one, right or not."""
    tables, asked, first, answers = looks(text, count, seed, *name)
    generator = streams.generator(seed, "what is told", *name)
    told = blur(answers, text.noise, generator)  # (N,)
    thoughts = blur(first, 1 - text.right, generator)  # (N,)
    thinks = torch.rand(count, generator=generator) < text.aloud  # (N,)
    return torch.where(thinks[:, None], aloud(tables, asked, thoughts, told), plain(tables, asked, told))
