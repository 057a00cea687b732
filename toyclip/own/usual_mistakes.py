"""The usual mistakes in a contrastive loss, written down so that they can be recognised (page Your own CLIP).

Each takes raw embeddings of pictures (B, D) and captions (B, D), the logarithm of the scale and a number of processes,
and returns nats.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from toyclip.infonce import info_nce

Mistake = Callable[[Tensor, Tensor, Tensor, int], Tensor]


def right(images: Tensor, texts: Tensor, log_scale: Tensor, processes: int = 1) -> Tensor:
    """The loss of CLIP (Radford et al. 2021, figure 3), the same for any number of processes.

    >>> ones = torch.ones(8, 4)
    >>> round(right(ones, ones, torch.tensor(1.0)).item(), 4)
    2.0794
    """
    return info_nce(similarities(images, texts, log_scale.exp()))


def similarities(images: Tensor, texts: Tensor, scale: Tensor | float) -> Tensor:
    """Scaled cosines, (B, B), pictures in rows."""
    return scale * F.normalize(images, dim=1) @ F.normalize(texts, dim=1).T


def answers(logits: Tensor, first: int = 0) -> Tensor:
    """Cross-entropy of one direction: row i is asked for column `first` + i, in a circle."""
    return F.cross_entropy(logits, (torch.arange(len(logits)) + first) % logits.shape[1])


def shifted(by: int) -> Mistake:
    """Picture i is asked for caption i + `by`."""
    return lambda images, texts, log_scale, _: right(images, texts.roll(-by, dims=0), log_scale)


def each_alone(images: Tensor, texts: Tensor, log_scale: Tensor, processes: int) -> Tensor:
    """Every process compares its own pairs with one another and with no others."""
    parts = zip(images.chunk(processes), texts.chunk(processes), strict=True)
    return torch.stack([right(i, t, log_scale) for i, t in parts]).mean()


def local(
    images: Tensor, texts: Tensor, log_scale: Tensor, processes: int, counted_on: bool = True, gradient: bool = True
) -> Tensor:
    """Every process asks for the answers of its own pairs among all; the mean over processes is the loss of CLIP.

    Args:
        counted_on: False if each process looks for its answers among the pairs of the first.
        gradient: False if what comes from other processes, and comes back from them, has no gradient.
    """
    losses, size = [], len(images) // processes
    everyone = (images, texts) if gradient else (images.detach(), texts.detach())
    for rank, (i, t) in enumerate(zip(images.chunk(processes), texts.chunk(processes), strict=True)):
        first = rank * size * counted_on
        losses.append(answers(similarities(i, everyone[1], log_scale.exp()), first))
        losses.append(answers(similarities(t, everyone[0], log_scale.exp()), first))
    return torch.stack(losses).mean()


def mistakes(pairs: int, processes: int) -> dict[str, Mistake]:
    """What may be wrong with a loss of a batch of so many pairs, in words, and the loss that it makes.

    >>> list(mistakes(2, 1))[0]
    'the embeddings are not normalised'
    """
    alone = {
        "the embeddings are not normalised": lambda i, t, s, _: info_nce(s.exp() * i @ t.T),
        "the pictures' embeddings are not normalised": lambda i, t, s, _: info_nce(s.exp() * i @ F.normalize(t).T),
        "the captions' embeddings are not normalised": lambda i, t, s, _: info_nce(s.exp() * F.normalize(i) @ t.T),
        "the scale is exponentiated twice": lambda i, t, s, _: right(i, t, s.exp()),
        "the scale is not exponentiated": lambda i, t, s, _: right(i, t, s.log()),
        "the scale is left out": lambda i, t, s, _: right(i, t, 0 * s),
        "similarities are divided by the scale": lambda i, t, s, _: right(i, t, -s),
        "there is one direction only, pictures look for captions": lambda i, t, s, _: answers(
            similarities(i, t, s.exp())
        ),
        "there is one direction only, captions look for pictures": lambda i, t, s, _: answers(
            similarities(t, i, s.exp())
        ),
        "the two directions are added, not averaged": lambda i, t, s, _: 2 * right(i, t, s),
        "it is a sum over the batch, not a mean": lambda i, t, s, _: len(i) * right(i, t, s),
        "sums over the batch of both directions are added": lambda i, t, s, _: 2 * len(i) * right(i, t, s),
        "the logarithm has base 2": lambda i, t, s, _: right(i, t, s) / math.log(2),
        "the logarithm has base 10": lambda i, t, s, _: right(i, t, s) / math.log(10),
        "its sign is turned": lambda i, t, s, _: -right(i, t, s),
    }
    shifts = {f"the answers are shifted by {by} against the pairs": shifted(by) for by in range(1, pairs)}
    gathered = {
        "each process compares its own pairs alone: nothing is gathered, and B is the local batch": each_alone,
        "each process looks for its answers among the first pairs of all: labels do not count on by rank": (
            lambda i, t, s, n: local(i, t, s, n, counted_on=False)
        ),
    }
    return alone | shifts | (gathered if processes > 1 else {})
