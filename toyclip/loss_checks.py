"""Checks that any implementation of the loss of CLIP must pass; they take yours as argument (chapter 3).

A loss is called with pictures (B, D), captions (B, D) and the logarithm of the scale, and returns nats. What is wrong
with one, in words and over several processes, says `diagnose` in `toyclip.own.loss`.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]


class LossCheckError(AssertionError):
    """A loss lacks a property that the loss of CLIP has."""


def random_batch(seed: int, pairs: int = 8, dim: int = 16) -> tuple[Tensor, Tensor, Tensor]:
    """Embeddings of no meaning in float64, (B, D) twice, and the logarithm of a scale of 5."""
    generator = torch.Generator().manual_seed(seed)
    images, texts = torch.randn(2, pairs, dim, generator=generator, dtype=torch.float64)
    return images, texts, torch.tensor(math.log(5.0), dtype=torch.float64)


def expect(loss: Tensor, value: float, told: str) -> None:
    """Raise LossCheckError unless the loss has this value to 6 decimals."""
    if not math.isclose(loss.item(), value, abs_tol=1e-6):
        raise LossCheckError(f"{told}: expected {value:.4f} nats, got {loss.item():.4f}")


def knows_nothing(loss: Loss) -> None:
    """If all embeddings are equal, every answer is a guess among B and costs log B."""
    ones = torch.ones(8, 16, dtype=torch.float64)
    expect(loss(ones, ones, torch.tensor(2.0, dtype=torch.float64)), math.log(8), "all embeddings equal")


def ignores_length(loss: Loss) -> None:
    """Making one embedding ten times longer changes nothing: only its direction counts."""
    images, texts, log_scale = random_batch(0)
    longer = images.clone()
    longer[0] *= 10
    expect(loss(longer, texts, log_scale), loss(images, texts, log_scale).item(), "one picture's embedding rescaled")


def is_symmetric(loss: Loss) -> None:
    """Exchanging pictures and captions changes nothing."""
    images, texts, log_scale = random_batch(1)
    expect(loss(texts, images, log_scale), loss(images, texts, log_scale).item(), "pictures and captions exchanged")


def knows_the_answer(loss: Loss) -> None:
    """Matching pairs at right angles to all others cost log(1 + (B - 1) exp(-scale)), for every scale."""
    pairs = torch.eye(8, dtype=torch.float64)
    for scale in (0.5, 2.0, 10.0):
        value = math.log1p(7 * math.exp(-scale))
        expect(loss(pairs, pairs, torch.tensor(math.log(scale), dtype=torch.float64)), value, f"perfect, scale {scale}")


def ignores_order(loss: Loss) -> None:
    """Dealing the pairs out in another order, pictures and captions together, changes nothing."""
    images, texts, log_scale = random_batch(2)
    order = torch.tensor([3, 1, 7, 0, 2, 6, 5, 4])
    expect(loss(images[order], texts[order], log_scale), loss(images, texts, log_scale).item(), "pairs reordered")


CHECKS = (knows_nothing, ignores_length, is_symmetric, knows_the_answer, ignores_order)


def passed(check: Callable[[Loss], None], loss: Loss) -> bool:
    """Whether a loss passes a check.

    >>> from toyclip.infonce import info_nce
    >>> def of_unit_vectors(images, texts, log_scale):
    ...     images, texts = (x / x.norm(dim=1, keepdim=True) for x in (images, texts))  # (B, D), (B, D)
    ...     return info_nce(log_scale.exp() * images @ texts.T)
    >>> all(passed(check, of_unit_vectors) for check in CHECKS)
    True
    """
    try:
        check(loss)
    except LossCheckError:
        return False
    return True
