"""How the chapter Composition reads the table of pairs never seen together."""

from collections.abc import Sequence

import numpy as np

from toyclip.studies.composition import unseen
from toyclip.studies.frequency.readings import columns


def squares(results: Sequence[dict]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Training pictures, accuracy and diagonal of each of the 64 pairs, (S, 8, 8) each, colours in rows."""
    found = columns(results)
    shape = (len(results), unseen.SIDE, unseen.SIDE)
    accuracy = found["hits"] / unseen.FULL.test  # (S, 64)
    return found["counts"].reshape(shape), accuracy.reshape(shape), found["diagonal"].reshape(shape)


def last_diagonal(results: Sequence[dict]) -> np.ndarray:
    """Accuracy of each seed on the diagonal that no run sees, (S,)."""
    _, accuracy, diagonal = squares(results)
    return np.array([a[d == unseen.SIDE - 1].mean() for a, d in zip(accuracy, diagonal, strict=True)])


def shares_of_words(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How large a part of all pictures shows each colour, (S, 8, 1), and each shape, (S, 1, 8), from (S, 8, 8)."""
    total = counts.sum(axis=(1, 2), keepdims=True)  # (S, 1, 1)
    return counts.sum(axis=2, keepdims=True) / total, counts.sum(axis=1, keepdims=True) / total
