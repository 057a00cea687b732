"""How well kinds are found in pictures: average precision, F1, and what luck earns (chapter Taxonomy)."""

from collections.abc import Iterable, Sequence

import numpy as np
from sklearn.metrics import average_precision_score, f1_score

from toyclip import streams
from toyclip.studies.taxonomy.kinds import KINDS

DEALS = 10  # times that kinds are dealt out to leaves by lot


def graded(scores: np.ndarray, kind: np.ndarray, asked: Sequence[int] = range(len(KINDS))) -> dict[str, list[float]]:
    """Average precision of each kind, by which all pictures are ranked, and F1 of the best kind of each picture.

    Args:
        scores: (N, 16), of each kind.
        kind: (N,), the right one.
        asked: the numbers of the kinds that are graded.
    """
    f1 = f1_score(kind, scores.argmax(axis=1), labels=list(asked), average=None, zero_division=0)
    return {"ap": precision(scores[:, asked], kind[:, None] == np.array(asked)), "f1": rounded(f1)}


def precision(scores: np.ndarray, truth: np.ndarray) -> list[float]:
    """Average precision of each column of (N, K) scores against (N, K) bool."""
    return rounded(average_precision_score(t, s) for s, t in zip(scores.T, truth.T, strict=True))


def rounded(values: Iterable[float]) -> list[float]:
    """To four digits behind the point."""
    return [round(float(value), 4) for value in values]


def luck(scores: np.ndarray, kind: np.ndarray, each: int, seed: int) -> float:
    """Mean average precision where kinds are dealt out to leaves by lot: what a ranking earns that knows nothing.

    Args:
        scores: (N, 16), leaf by leaf.
        each: pictures of each leaf.
    """
    rng, leaves = streams.rng(seed, "luck"), kind[::each]
    deals = [np.repeat(rng.permutation(leaves), each) for _ in range(DEALS)]
    return round(float(np.mean([precision(scores, deal[:, None] == np.arange(len(KINDS))) for deal in deals])), 4)
