"""The contrastive loss of CLIP and the lowest value it can reach (chapter 3)."""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from scipy.stats import hypergeom
from torch import Tensor

from toyclip.errors import InputError, RecipeError


def info_nce(logits: Tensor, same_caption: Tensor | None = None) -> Tensor:
    """Symmetric InfoNCE of a batch of matching pairs, in nats.

    Row i asks which caption belongs to picture i, column i the reverse; pair i is the answer to both
    (Radford et al. 2021, figure 3; van den Oord et al. 2018).

    Args:
        logits: (B, B) scaled cosine similarities, pictures in rows, captions in columns.
        same_caption: (B, B) bool, True where two pairs carry the same caption. Such pairs are no negatives of each
            other: they are left out of each other's denominator, and the floor of the loss drops to 0.

    Raises:
        InputError: if logits is not a square matrix, or same_caption has another shape.
        RecipeError: if B is below 2: one pair has nothing to be told apart from, its loss is 0 and teaches nothing.

    >>> round(info_nce(torch.zeros(8, 8)).item(), 4)      # knowing nothing costs log B
    2.0794
    """
    if logits.ndim != 2 or logits.shape[0] != logits.shape[1]:
        raise InputError(f"expected a square matrix of similarities, got shape {tuple(logits.shape)}")
    if len(logits) < 2:
        raise RecipeError(f"a batch of {len(logits)} has no negatives and teaches nothing; use at least two pairs")
    pair = torch.arange(len(logits), device=logits.device)  # (B,)
    if same_caption is not None:
        if same_caption.shape != logits.shape:
            raise InputError(f"same_caption has shape {tuple(same_caption.shape)}, logits {tuple(logits.shape)}")
        twins = same_caption & (pair[:, None] != pair)  # (B, B)
        logits = logits.masked_fill(twins, -torch.inf)  # (B, B)
    return (F.cross_entropy(logits, pair) + F.cross_entropy(logits.T, pair)) / 2


def same(captions: Tensor) -> Tensor:
    """Which pairs of a batch carry the same caption, (B, B) bool, from token ids (B, L) or class ids (B,).

    >>> same(torch.tensor([7, 3, 7])).int().tolist()
    [[1, 0, 1], [0, 1, 0], [1, 0, 1]]
    """
    rows = captions.reshape(len(captions), -1)  # (B, L)
    return (rows[:, None] == rows).all(dim=-1)


def info_nce_gradient(logits: Tensor) -> Tensor:
    """Gradient of `info_nce` with respect to the logits in closed form, (B, B).

    Softmax minus one-hot, averaged over the batch and over both directions.

    >>> info_nce_gradient(torch.zeros(2, 2)).tolist()
    [[-0.25, 0.25], [0.25, -0.25]]
    """
    answer = torch.eye(len(logits), dtype=logits.dtype, device=logits.device)  # (B, B)
    return (logits.softmax(dim=1) + logits.softmax(dim=0) - 2 * answer) / (2 * len(logits))


def floor(counts: Sequence[int], batch_size: int) -> float:
    """The lowest mean loss, in nats, that any model can reach when captions repeat inside a batch.

    In a batch where k pairs share a caption, those k captions have one and the same embedding. At best they share the
    probability, 1/k each, which costs log k. The k - 1 twins of a pair, drawn without replacement, are hypergeometric.

    Args:
        counts: how many training pairs carry each caption.
        batch_size: pairs per batch, drawn without replacement.

    Raises:
        InputError: if the batch is larger than the data, or a count is below 1.

    >>> round(floor([170] * 16, batch_size=64), 4)        # 16 captions, 2,720 pairs
    1.5085
    >>> floor([1] * 100, batch_size=64)                   # every caption once: no floor
    0.0
    """
    counts = np.asarray(counts)
    total = int(counts.sum())
    if counts.min() < 1 or not 1 <= batch_size <= total:
        raise InputError(f"cannot draw {batch_size} of {total} pairs, smallest count {counts.min()}; give counts >= 1")
    twins = np.arange(batch_size)  # (B,) possible values of k - 1
    different, times = np.unique(counts, return_counts=True)  # (U,), (U,): equally frequent captions cost the same
    pmf = hypergeom.pmf(twins, total - 1, different[:, None] - 1, batch_size - 1)  # (U, B)
    return float((times * different) @ (pmf @ np.log1p(twins)) / total)


def epoch_floor(counts: Sequence[int], batch_size: int) -> float:
    """Mean floor over the pairs of an epoch, whose last batch is smaller when the data does not divide evenly.

    >>> round(epoch_floor([170] * 16, batch_size=64), 4)  # 42 batches of 64 and one of 32
    1.502
    """
    total = int(np.sum(counts))
    full, rest = divmod(total, batch_size)
    parts = [(full * batch_size, batch_size)] * (full > 0) + [(rest, rest)] * (rest > 0)
    return sum(weight * floor(counts, size) for weight, size in parts) / total
