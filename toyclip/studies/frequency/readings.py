"""How the chapters Lots and Variety read the tables of their studies."""

from collections.abc import Sequence

import numpy as np

from toyclip.studies.frequency import corpus
from toyclip.trend import level_means

DECADES = ((0, 1), (1, 10), (10, 100), (100, 1000), (1000, 10_000))  # bins of a count; each holds its lower end


def columns(results: Sequence[dict]) -> dict[str, np.ndarray]:
    """What the seeds have to say on each key, stacked: (S, ...).

    >>> columns([{"text": [1, 2]}, {"text": [3, 4]}])["text"].tolist()
    [[1, 2], [3, 4]]
    """
    return {key: np.array([result[key] for result in results]) for key in results[0]}


def rungs(results: Sequence[dict]) -> tuple[np.ndarray, np.ndarray]:
    """The rungs of the ladder of counts, (L,), and the mean accuracy on each under each seed, (S, L).

    A concept's rung is what the lot gave it under that seed, whatever became of its count afterwards.

    Args:
        results: of seeds 0, 1, ... at full size.
    """
    accuracy = columns(results)["hits"] / corpus.FULL.test  # (S, K)
    return level_means(np.array([corpus.assign(corpus.FULL, seed) for seed in range(len(results))]), accuracy)


def by_decade(counts: np.ndarray, accuracy: np.ndarray) -> list[tuple[int, float]]:
    """(number of concepts, mean accuracy) for each of DECADES; NaN where there is none.

    Args:
        counts: (S, K).
        accuracy: (S, K), 0 to 1.
    """
    inside = [(counts >= low) & (counts < high) for low, high in DECADES]
    return [(int(part.sum()), float(accuracy[part].mean()) if part.any() else float("nan")) for part in inside]
