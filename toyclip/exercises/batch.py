"""Checks of the reader's answers in the chapter on batch size (helper, no chapter)."""

import itertools
from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from toyclip.lab.answers import answer


@answer
def buffer_mib(given: float) -> str | None:
    """MiB of two blocks of logits, a chunk of 1,024 rows of a batch of 4,096 each, in single precision."""
    buffers = torch.empty(2, 1024, 4096)
    right = buffers.nbytes / 2**20
    if abs(given - right) < 0.5:
        return None
    if abs(given - right / 2) < 0.5:
        return "that is one block of logits; the loss keeps two, the logits and room for their exponentials"
    if abs(given - 2 * 4096**2 * 4 / 2**20) < 0.5:
        return "that is the whole matrix twice; only a chunk of its rows exists at a time"
    return f"two blocks of 1,024 rows, 4,096 columns and 4 bytes are not {given:g} MiB"


@answer
def comparisons(given: int) -> str | None:
    """How many picture-caption comparisons eight batches of 8 make of the 64 x 64 that one batch of 64 makes."""
    batch = [pair // 8 for pair in range(64)]  # which batch of eight a pair is in
    right = sum(batch[i] == batch[j] for i, j in itertools.product(range(64), repeat=2))
    if given == right:
        return None
    if given == 64 * 64:
        return "that is what a single batch of 64 compares; pairs of different small batches never meet"
    if given == 8 * 8:
        return "that is one of the eight small batches"
    return f"counting one by one gives another number than {given}"


@answer
def weighted_mean(given: Callable[[Iterable[tuple[Tensor, Tensor]]], Tensor]) -> str | None:
    """Softmax-weighted means of values, in one pass over chunks: (c, B) logits and (c, D) values -> (B, D)."""
    generator = torch.Generator().manual_seed(0)
    for rows, chunk, scale, what in ((12, 5, 1.0, "small logits"), (12, 5, 1000.0, "logits in the thousands")):
        logits = scale * torch.randn(rows, 7, generator=generator, dtype=torch.float64)  # (N, B)
        values = torch.randn(rows, 3, generator=generator, dtype=torch.float64)  # (N, D)
        parts = zip(logits.split(chunk), values.split(chunk), strict=True)
        found = given(iter(list(parts)))
        right = logits.softmax(dim=0).T @ values  # (B, D)
        if not isinstance(found, Tensor) or found.shape != right.shape:
            got = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
            return f"expected a tensor (B, D), here {tuple(right.shape)}, and got {got}"
        if not found.isfinite().all():
            return f"with {what} some means are not finite: keep the largest logit so far and count in units of it"
        if not torch.allclose(found.double(), right, atol=1e-5):
            return f"with {what} the means are off by up to {(found - right).abs().max():.2g}"
    return None


@answer
def twins(given: float) -> str | None:
    """Mean number of twins of a pair in a batch of 2,048 of 4,096 pairs, 16 captions with 256 pairs each."""
    captions = torch.arange(4096) % 16
    generator = torch.Generator().manual_seed(0)
    drawn = []
    for _ in range(20):
        batch = captions[torch.randperm(4096, generator=generator)[:2048]]
        counts = batch.bincount().double()
        drawn.append(((counts * (counts - 1)).sum() / 2048).item())
    right = sum(drawn) / len(drawn)  # 127.47, by drawing
    if abs(given - right) < 0.7:
        return None
    if given < 1:
        return f"{given:g} is a share; the question is how many of the batch's pairs"
    return f"twenty batches drawn at random have {right:.0f} twins a pair on average"
