"""Checks of the reader's answers in the chapter What scale and context buy (helper, no chapter)."""

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


@answer
def accidental(given: Callable[[int], float]) -> str | None:
    """Probability that one shot for each of n shapes, its colour one of n by lot, has a colour for each of its own."""
    for n in (2, 3, 4, 6):
        found, right = given(n), math.factorial(n) / n**n
        if math.isclose(found, right, rel_tol=1e-6):
            continue
        if math.isclose(found, 1 / n ** (n - 1), rel_tol=1e-6):
            return "that is the chance that all have one colour, the harmless case"
        if math.isclose(found, 1 / math.factorial(n), rel_tol=1e-6):
            return "one assignment among all permutations is asked for; any permutation will do here"
        return f"with {n} shapes and {n} colours it is {right:.4f}, not {found:.4f}"
    return None


@answer
def sharpest(given: Callable[[float], float]) -> str | None:
    """The share of words right at which an exact match of a given length is right every other time."""
    for length in (1, 5, 50):
        found, right = given(length), 0.5 ** (1 / length)
        if math.isclose(found, right, rel_tol=1e-6):
            continue
        if math.isclose(found, 0.5**length, rel_tol=1e-6):
            return "that is how often all words are right where each is right every other time"
        if math.isclose(found, 1 - 0.5 / length, rel_tol=1e-6):
            return "close, by adding up mistakes; but two words of one answer can both be wrong"
        return f"at length {length} it is {right:.4f}, not {found:.4f}"
    return None
