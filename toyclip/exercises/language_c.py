"""Checks of the reader's answers about thoughts and leaks, in What scale and context buy (helper, no chapter)."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from toyclip.lab.answers import answer


@answer
def reward(given: Callable[[Tensor, Tensor], Tensor]) -> str | None:
    """Rewards in nats: probabilities of the true word, (B, G) after each thought and (B,) without -> (B, G)."""
    after = torch.tensor([[0.5, 0.25, 0.125], [0.9, 0.3, 0.3]], dtype=torch.float64)  # (B, G)
    without = torch.tensor([0.25, 0.6], dtype=torch.float64)  # (B,)
    right = after.log() - without.log()[:, None]  # (B, G)
    found = given(after, without)
    if found.shape != right.shape:
        return f"every thought of every text has its own reward, {tuple(right.shape)}, not {tuple(found.shape)}"
    if torch.allclose(found, right):
        return None
    if torch.allclose(found, after - without[:, None]):
        return "that is a difference of probabilities; nats are differences of logarithms"
    if torch.allclose(found, after.log() - after.log().mean(dim=1, keepdim=True)):
        return "that compares thoughts with each other; if all of them mislead, one would still be praised"
    if torch.allclose(found, -right):
        return "a thought that makes the word likelier would be punished"
    return f"a thought that raises the probability from 0.25 to 0.5 earns 0.693 nats, not {found[0, 0]:.3f}"


@answer
def largest_factor(given: Callable[[float], float]) -> str | None:
    """By which factor a lesson can at most raise a keyword's probability, of what it was before."""
    for before in (0.5, 0.01, 1e-6):
        found = given(before)
        if math.isclose(found, 1 / before, rel_tol=1e-6):
            continue
        if math.isclose(found, 1 - before, rel_tol=1e-6):
            return "that is how much can be added to it; a factor is a quotient"
        if math.isclose(found, (1 - before) / before, rel_tol=1e-6):
            return "those are the odds against the word; at best its probability ends at 1"
        return f"from {before:g} it can rise to 1; that is not a factor of {found:g}"
    return None
