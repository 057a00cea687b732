"""Independent streams of random numbers from one seed: what is drawn of one thing says nothing about another."""

import zlib

import numpy as np
import torch


def _sequence(seed: int, what: tuple[str | int, ...]) -> np.random.SeedSequence:
    return np.random.SeedSequence(seed, spawn_key=[zlib.crc32(w.encode()) if isinstance(w, str) else w for w in what])


def rng(seed: int, *what: str | int) -> np.random.Generator:
    """NumPy's generator for one thing under a seed: by its name, and by its number if there are several of it.

    `default_rng([seed, 0])` would be the stream of `default_rng(seed)` once more; a spawn key keeps them apart (NumPy's
    guide to parallel random numbers).

    >>> [int(rng(0, "pictures", i).integers(100)) for i in (0, 0, 1)]
    [32, 32, 33]
    """
    return np.random.default_rng(_sequence(seed, what))


def number(seed: int, *what: str | int) -> int:
    """A seed of its own for one thing, for what takes nothing but a number, 0 to 2 ** 63 - 1."""
    return int(_sequence(seed, what).generate_state(1, np.uint64)[0] >> np.uint64(1))


def generator(seed: int, *what: str | int) -> torch.Generator:
    """torch's generator for one thing under a seed."""
    return torch.Generator().manual_seed(number(seed, *what))
