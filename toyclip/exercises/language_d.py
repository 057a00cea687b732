"""Checks of the reader's answers about shots and sizes, chapter What scale and context buy (helper, no chapter)."""

import math
from collections.abc import Callable

from toyclip.lab.answers import answer


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
