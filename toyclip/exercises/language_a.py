"""Checks of the reader's answers in the chapter Re-weighting, on instructions and on refined data (helper)."""

import math
from collections.abc import Callable

from toyclip.lab.answers import answer


@answer
def any_object(given: Callable[[int, int], float]) -> str | None:
    """What it earns to say the right attribute of any of n objects, where each has one of k values by chance."""
    for objects, values in ((3, 4), (1, 4), (2, 2), (10, 5)):
        found, right = given(objects, values), 1 / objects + (1 - 1 / objects) / values
        if math.isclose(found, right, abs_tol=1e-9):
            continue
        if math.isclose(found, 1 / values, abs_tol=1e-9):
            return "that is a guess among all words of the right kind; this one has looked at the scene"
        if math.isclose(found, 1 / objects, abs_tol=1e-9):
            return "an object that was not asked about can have the same value by chance"
        return f"with {objects} objects and {values} values it earns {right:.4f}, not {found:.4f}"
    return None


@answer
def ratio(given: Callable[[list[float], list[float]], float]) -> str | None:
    """Perplexity of an answer after its question over that without one, from each word's log-probability in nats."""
    cases = (([-0.1, -0.2], [-0.1, -1.6]), ([-1.0, -2.0, -3.0], [-1.0, -2.0, -3.0]), ([-2.0], [-0.5]))
    for after, alone in cases:
        found, gain = given(after, alone), sum(after) - sum(alone)
        right = math.exp(-gain / len(after))
        if math.isclose(found, right, rel_tol=1e-6):
            continue
        if math.isclose(found, 1 / right, rel_tol=1e-6):
            return "upside down: the better the question helps, the smaller the ratio"
        if math.isclose(found, math.exp(-gain), rel_tol=1e-6):
            return "perplexity is a mean over words: divide by their number before the exponential"
        return f"log-probabilities {after} after the question and {alone} without it make {right:.4f}, not {found:.4f}"
    return None
