"""Checks of a reader's answers to the exercises of the chapter on the loss (helper, no chapter)."""

import math
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from toyclip.lab.answers import answer

EACH, BATCH = 170, 64  # pairs of each caption, pairs of a batch


@answer
def captions_needed(given: int) -> str | None:
    """The smallest number of captions, 170 pairs each, at which the floor of a batch of 64 is below 0.1 nats."""
    if given != int(given) or given < 2:
        return f"{given} is no number of different captions"
    here, before = (_crowd(int(given) - less) for less in (0, 1))
    if here >= 0.1:
        return f"with {given:,} captions the floor is still {here:.3f} nats"
    if before < 0.1:
        return f"{given:,} is enough, but so is one caption fewer, with {before:.4f} nats"
    return None


def _crowd(captions: int) -> float:
    """Mean of log k over the pairs of a batch, by counting the ways to choose the twins."""
    others, rest = EACH * captions - 1, BATCH - 1
    ways = [math.comb(EACH - 1, t) * math.comb(others - EACH + 1, rest - t) for t in range(BATCH)]
    total = math.comb(others, rest)
    return sum(math.log(1 + t) * (w / total) for t, w in enumerate(ways))


@answer
def lopsided(given: Tensor) -> str | None:
    """Cosines (B, B) for which, at a scale of 100, all rows are answered and the columns are not."""
    cosine = np.asarray(given, dtype=float)
    if cosine.ndim != 2 or cosine.shape[0] != cosine.shape[1] or len(cosine) < 2:
        return f"expected a square matrix of cosines, and got shape {cosine.shape}"
    if abs(cosine).max() > 1:
        return f"{abs(cosine).max():.2f} is no cosine; all must lie between -1 and 1"
    rows, columns = (_surprise(100 * c) for c in (cosine, cosine.T))
    if rows > 0.1:
        return f"the rows still cost {rows:.2f} nats; below 0.1 they count as answered"
    if columns < 1:
        return f"the columns cost only {columns:.2f} nats; make it more than 1"
    return None


def _surprise(logits: np.ndarray) -> float:
    """Mean of minus the log probability of the diagonal, row by row."""
    return float(np.mean([np.log(np.exp(row - row[i]).sum()) for i, row in enumerate(logits)]))


@answer
def gradient(given: Callable[[Tensor, Tensor], Tensor]) -> str | None:
    """The gradient of the loss without twins, in closed form, from logits (B, B) and same (B, B)."""
    for captions in ([0, 1, 0, 2], [0, 1, 2, 3], [4, 4, 4, 1, 1]):
        kind, count = torch.tensor(captions), len(captions)
        same = kind[:, None] == kind  # (B, B)
        z = torch.randn(count, count, generator=torch.Generator().manual_seed(count), dtype=torch.float64)
        right = torch.autograd.functional.jacobian(lambda z, same=same: _without_twins(z, same), z)
        found = given(z, same)
        if not isinstance(found, Tensor) or found.shape != right.shape:
            return f"expected a tensor {tuple(right.shape)}, and got {getattr(found, 'shape', type(found).__name__)}"
        if not found.isfinite().all():
            return "some of it is not finite"
        twins = same & ~torch.eye(count, dtype=torch.bool)
        if found[twins].any():
            return "twins still push each other; their entries must be exactly 0"
        if not torch.allclose(found.double(), right, atol=1e-6):
            return f"with captions {captions} it is off by up to {(found - right).abs().max():.2g}"
    return None


def _without_twins(z: Tensor, same: Tensor) -> Tensor:
    """The loss as two sums, each denominator written out."""
    total = z.new_zeros(())
    for i in range(len(z)):
        allowed = [j for j in range(len(z)) if j == i or not same[i, j]]
        total = total + z[i, allowed].logsumexp(0) + z[allowed, i].logsumexp(0) - 2 * z[i, i]
    return total / (2 * len(z))


@answer
def whole_matrix(given: Callable[[Tensor, Tensor, Tensor], Tensor]) -> str | None:
    """The wrong loss with one softmax over all entries, from embeddings (B, D) twice and the log of the scale."""
    for seed in (0, 1):
        images, texts = torch.randn(2, 5, 6, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        log_scale = torch.tensor(math.log(5.0), dtype=torch.float64)
        z = 5 * np.array([[F.cosine_similarity(a, b, dim=0).item() for b in texts] for a in images])
        right = np.log(np.exp(z).sum()) - z.diagonal().mean()
        found = float(given(images, texts, log_scale))
        if math.isclose(found, _surprise(z) / 2 + _surprise(z.T) / 2, abs_tol=1e-6):
            return "this is the right loss; the exercise asks for a wrong one"
        if not math.isclose(found, right, abs_tol=1e-6):
            return f"for five random pairs it should be {right:.4f} nats, and yours is {found:.4f}"
    return None
