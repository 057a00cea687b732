"""Checks of the answers to chapter 4's exercises (helper, no chapter)."""

from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor

from toyclip import checkpoint
from toyclip.data import CAPTIONS, CLASSES, Tokenizer, world
from toyclip.lab.answers import answer
from toyclip.pictures import WORLD_EMOJI, emoji, frame, on_background, to_pixels
from toyclip.zero_shot import classifier, similarities

QUANTILE = 1.959964  # of the normal distribution: 95 % lie within so many standard deviations


@answer
def one_line(mine: Callable[[Tensor, Tensor], Tensor]) -> str | None:
    """The classes of pictures (N, D) by weights (C, D): the largest cosine wins, whatever the order of the classes."""
    generator = torch.Generator().manual_seed(0)
    images, weights = (torch.randn(n, 8, generator=generator) for n in (20, 5))
    images, weights = (x / x.norm(dim=1, keepdim=True) for x in (images, weights))
    found = mine(images, weights)
    if not isinstance(found, Tensor) or found.shape != (20,):
        shape = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
        return f"20 pictures need a tensor of 20 classes, and yours is {shape}"
    for picture, c in zip(images, found.tolist(), strict=True):
        cosines = [float((picture * weight).sum()) for weight in weights]
        if c != max(range(5), key=cosines.__getitem__):
            return f"a picture with the cosines {[round(v, 2) for v in cosines]} does not belong to class {c}"
    return None


@answer
def pictures_needed(number: int) -> str | None:
    """The least n for which the 95 % interval of n right in n begins above 99.9 %."""

    def low(n: int) -> float:  # the lower end of Wilson's interval of a perfect score
        return n / (n + QUANTILE**2)

    if low(number) <= 0.999:
        return f"the interval of {number:,} in {number:,} begins at {low(number):.3%}"
    return f"{number - 1:,} would do as well" if low(number - 1) > 0.999 else None


@answer
def analogies(mine: Callable[[Tensor, int, int, int], int]) -> str | None:
    """The caption nearest to `start - minus + plus`, by number; asked for all 144 quadruples of the shipped model."""
    texts, _, _ = _space()
    wrong = []
    for a, (color, shape) in enumerate(CLASSES):
        for b, (other_color, other_shape) in enumerate(CLASSES):
            if color != other_color and shape != other_shape:
                found = int(mine(texts, a, CLASSES.index((color, other_shape)), b))
                if CLASSES[found] != (other_color, shape):
                    wrong.append(f"{CAPTIONS[a]} - a {color} {other_shape} + {CAPTIONS[b]} is {CAPTIONS[found]}")
    return f"{len(wrong)} of 144 quadruples go wrong, such as: {wrong[0]}" if wrong else None


@answer
def none_of_these(mine: Callable[[Tensor], Tensor]) -> str | None:
    """Which pictures to refuse, by their cosines (N, 16): few of the world's own, most of the emoji without a name."""
    _, own, strange = _space()
    refused_own, refused_strange = (_refused(mine, cosine) for cosine in (own, strange))
    if refused_own > 0.05:
        return f"you refuse {refused_own:.0%} of the pictures that a caption does name; at most 5% may go"
    if refused_strange < 0.5:
        return f"you refuse only {refused_strange:.0%} of the emoji that no caption names; at least half should go"
    return None


def _refused(mine: Callable[[Tensor], Tensor], cosine: Tensor) -> float:
    """Share of pictures refused, each judged alone, so that no answer depends on what stands beside it."""
    return sum(bool(mine(line[None])[0]) for line in cosine) / len(cosine)


@cache
def _space() -> tuple[Tensor, Tensor, Tensor]:
    """Of the shipped model: its captions (16, D), and the cosines of held-out pictures and of emoji without a name."""
    model, _ = checkpoint.load()
    texts = classifier(model, CAPTIONS, Tokenizer())  # (16, D)
    sprites = [e.sprite for e in emoji() if e.character not in WORLD_EMOJI]
    strange = torch.stack([to_pixels(frame(on_background(sprite))) for sprite in sprites])  # (1367, 3, 32, 32)
    return texts, similarities(model, world(0)[1].pixels, texts), similarities(model, strange, texts)
