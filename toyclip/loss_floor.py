"""The lowest value that the contrastive loss can reach when captions repeat (chapter 3)."""

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from toyclip.errors import InputError


def floor(counts: Sequence[int] | Tensor, batch_size: int) -> float:
    """The lowest mean loss, in nats, that any model can reach when captions repeat inside a batch.

    In a batch where k pairs share a caption, those k captions have one and the same embedding. At best they share the
    probability, 1/k each, which costs log k. The k - 1 twins of a pair, drawn without replacement, are hypergeometric.

    Args:
        counts: how many training pairs carry each caption.
        batch_size: pairs per batch, drawn without replacement.

    Raises:
        InputError: if there is no count, one is below 1, or the batch is larger than the data.

    >>> round(floor([170] * 16, batch_size=64), 4)        # 16 captions, 2,720 pairs
    1.5085
    >>> floor([1] * 100, batch_size=64)                   # every caption once: no floor
    0.0
    """
    from scipy.stats import hypergeom  # takes a second, and most of the package does without

    counts = np.asarray(counts)
    total, smallest = int(counts.sum()), min(counts, default=0)
    if smallest < 1 or not 1 <= batch_size <= total:
        raise InputError(f"cannot draw {batch_size} of {total} pairs, smallest count {smallest}; give counts >= 1")
    if batch_size == 1:  # a pair alone has no twin, and nothing to be told apart from
        return 0.0
    twins = np.arange(batch_size)  # (B,) possible values of k - 1
    different, times = np.unique(counts, return_counts=True)  # (U,), (U,): equally frequent captions cost the same
    pmf = hypergeom.pmf(twins, total - 1, different[:, None] - 1, batch_size - 1)  # (U, B)
    return float((times * different) @ (pmf @ np.log1p(twins)) / total)


def epoch_floor(counts: Sequence[int] | Tensor, batch_size: int) -> float:
    """Mean floor over the pairs of an epoch, whose last batch is smaller when the data does not divide evenly.

    A last batch of a single pair is left out, as in training.

    >>> round(epoch_floor([170] * 16, batch_size=64), 4)  # 42 batches of 64 and one of 32
    1.502
    """
    total = int(np.asarray(counts).sum())
    full, rest = divmod(total, max(batch_size, 1))
    parts = [(full * batch_size, batch_size)] * (full > 0) + [(rest, rest)] * (rest > 1 or not full)
    return sum(weight * floor(counts, size) for weight, size in parts) / sum(weight for weight, _ in parts)
