"""How well kinds that may lie within one another are found in pictures, and what luck earns (chapter Taxonomy)."""

import itertools

import numpy as np
from sklearn.metrics import average_precision_score


def luck(pictures: int, right: int) -> float:
    """Average precision to be expected of a ranking that knows nothing.

    The i-th picture down is right with the probability of any other, and (right - 1) / (pictures - 1) of those above it
    are then right as well; this is summed over i.

    >>> luck(4, 4), round(luck(3, 1), 4)                                  # (1 + 1/2 + 1/3) / 3
    (1.0, 0.6111)
    """
    first = sum(1 / i for i in range(1, pictures + 1)) / pictures
    return first + (right - 1) / (pictures - 1) * (1 - first)


def grades(scores: np.ndarray, truth: np.ndarray) -> dict[str, list[float | None]]:
    """How well each kind is found, None where no picture is of it.

    Args:
        scores: (N, K).
        truth: (N, K) bool.

    Returns:
        ap: average precision; f1: F1 if as many pictures are called a kind as there are of it; luck: average precision
        to be expected of a ranking that knows nothing.
    """
    found: dict[str, list[float | None]] = {"ap": [], "f1": [], "luck": []}
    for score, right in zip(scores.T, truth.T, strict=True):
        count = int(right.sum())
        best = np.argsort(-score, kind="stable")[:count]
        values = (average_precision_score(right, score), right[best].mean(), luck(len(right), count)) if count else ()
        for column, value in itertools.zip_longest(found.values(), values):
            column.append(None if value is None else round(float(value), 4))
    return found
