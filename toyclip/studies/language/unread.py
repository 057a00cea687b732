"""Questions that no model has read: a fifth of all, by their words, is only asked (helper of several studies here).

Drawing them anew is not enough where there are few: in a world of a thousand questions nearly all have been read soon.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from toyclip import streams

FIFTHS, PRIME = 5, 1_000_003


def unread(questions: Tensor, seed: int) -> Tensor:
    """Which questions are only asked, (N, T) token ids -> (N,) bool; a question is always on the same side.

    >>> same = torch.tensor([[3, 1, 2], [3, 1, 2]])
    >>> unread(same, seed=0).unique().numel()
    1
    """
    weights = streams.rng(seed, "unread").integers(1, PRIME, size=questions.shape[1])  # (T,)
    return (questions * torch.from_numpy(weights)).sum(dim=1) % PRIME % FIFTHS == 0


def draw_apart(draw: Callable[[int], tuple[Tensor, ...]], count: int, seed: int, asked: bool) -> tuple[Tensor, ...]:
    """So many questions of those that are only asked, or of all others.

    Args:
        draw: returns what belongs to n questions, (n, ...) each, the words that tell them apart first.

    Raises:
        ValueError: if there are hardly any on that side.
    """
    found: list[tuple[Tensor, ...]] = []
    for _ in range(100):
        drawn = draw(2 * count + FIFTHS)
        chosen = unread(drawn[0], seed) == asked  # (n,)
        found.append(tuple(part[chosen] for part in drawn))
        if sum(len(part[0]) for part in found) >= count:
            break
    else:
        raise ValueError("too few questions to keep some apart; make the world larger")
    return tuple(torch.cat(parts)[:count] for parts in zip(*found, strict=True))
