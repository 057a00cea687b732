"""How well: the interval of a proportion, and recall in retrieval (chapter 4)."""

import torch
from torch import Tensor

from toyclip.errors import InputError


def interval(successes: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson interval of a proportion.

    >>> [round(bound, 4) for bound in interval(480, 480)]   # never wrong in 480 is not 100 %
    [0.9921, 1.0]
    """
    from scipy.stats import binomtest  # takes a second, and classifying does without

    bounds = binomtest(successes, trials).proportion_ci(confidence, method="wilson")
    return float(bounds.low), float(bounds.high)


def recall_at_k(similarity: Tensor, relevant: Tensor, k: int) -> float:
    """Share of queries with a relevant item among the k most similar, 0 to 1.

    An item that ties with the best relevant one counts as ranked before it: a constant scorer earns nothing.

    Args:
        similarity: (Q, G) of queries and gallery items.
        relevant: (Q, G) bool, at least one True in every row.

    Raises:
        InputError: if shapes differ, k is out of range, or a query has no relevant item.

    >>> recall_at_k(torch.eye(3), torch.eye(3).bool(), k=1)
    1.0
    """
    if similarity.shape != relevant.shape or not 1 <= k <= similarity.shape[1] or not relevant.any(dim=1).all():
        raise InputError(
            f"expected two (Q, G) matrices, a relevant item per query and 1 <= k <= G; got "
            f"{tuple(similarity.shape)}, {tuple(relevant.shape)}, k={k}"
        )
    best = similarity.masked_fill(~relevant, -torch.inf).amax(dim=1, keepdim=True)  # (Q, 1)
    ahead = (~(similarity < best) & ~relevant).sum(dim=1)  # (Q,), written so that NaN counts as ahead
    return (ahead < k).double().mean().item()
