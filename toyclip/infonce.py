"""The contrastive loss of CLIP (chapter 3)."""

import torch
import torch.nn.functional as F
from torch import Tensor

from toyclip.errors import InputError, RecipeError


def info_nce(logits: Tensor) -> Tensor:
    """Symmetric InfoNCE of a batch of matching pairs, in nats.

    Row i asks which caption belongs to picture i, column i the reverse; pair i is the answer to both
    (Radford et al. 2021, figure 3; van den Oord et al. 2018).

    Args:
        logits: (B, B) scaled cosine similarities, pictures in rows, captions in columns.

    Raises:
        InputError: if logits is not a square matrix.
        RecipeError: if B is below 2: one pair has nothing to be told apart from, its loss is 0 and teaches nothing.

    >>> round(info_nce(torch.zeros(8, 8)).item(), 4)      # knowing nothing costs log B
    2.0794
    """
    check_square(logits)
    pair = torch.arange(len(logits), device=logits.device)  # (B,)
    return (F.cross_entropy(logits, pair) + F.cross_entropy(logits.T, pair)) / 2


def check_square(logits: Tensor) -> None:
    """Refuse what cannot be a batch of pairs."""
    if logits.ndim != 2 or logits.shape[0] != logits.shape[1]:
        raise InputError(f"expected a square matrix of similarities, got shape {tuple(logits.shape)}")
    if len(logits) < 2:
        raise RecipeError(f"a batch of {len(logits)} has no negatives and teaches nothing; use at least two pairs")


def mask_twins(logits: Tensor, same_caption: Tensor) -> Tensor:
    """Logits, (B, B), in which pairs that carry the same caption are no negatives of each other.

    They are left out of each other's denominator, and the floor of the loss drops to 0.

    Args:
        same_caption: (B, B) bool, True where two pairs carry the same caption, as `same` finds it.

    Raises:
        InputError: if same_caption has another shape or type.
    """
    if same_caption.shape != logits.shape or same_caption.dtype != torch.bool:
        got = f"{same_caption.dtype} {tuple(same_caption.shape)}"
        raise InputError(f"expected bool {tuple(logits.shape)} of pairs with the same caption, got {got}")
    own = torch.eye(len(logits), dtype=torch.bool, device=logits.device)  # (B, B)
    return logits.masked_fill(same_caption & ~own, -torch.inf)


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
