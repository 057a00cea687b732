"""Pairs of a colour and a shape that were never seen: what predicts whether they are named (helper of chapter 5)."""

from dataclasses import dataclass

import numpy as np
from torch import nn

from toyclip.encoders import ToyCLIP
from toyclip.errors import InputError
from toyclip.studies.composition.grid import CAPTIONS, COLORS, PAIRS, TOKENIZER, draw_grid
from toyclip.studies.frequency.corpus import TEST_SEED, Size, hits, learn, similarity, whole

SIDE = len(COLORS)  # 8, and as many shapes
RANGE = 64.0  # how many times as frequent as the rarest the commonest colour is, and the commonest shape
UNSEEN = 2  # diagonals that are left out where frequencies differ


@dataclass(frozen=True)
class GridSize:
    """How large a run is."""

    pictures: int = 4096  # to train on
    updates: int = 400
    batch_size: int = 64
    test: int = 20  # pictures of each pair to test on


FULL = GridSize()


def latin_square(seed: int) -> np.ndarray:
    """A random Latin square, (8, 8): entry (c, s) is the diagonal, 0 to 7, that colour c and shape s lie on.

    Each diagonal holds every colour once and every shape once. Whole diagonals are kept or left out, so that every
    word keeps the same number of partners.
    """
    rng = np.random.default_rng(seed)
    rows, columns = rng.permutation(SIDE), rng.permutation(SIDE)
    return (rows[:, None] + columns) % SIDE


def shares_of_parts(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies of the colours and of the shapes, (8,) and (8,), log-spaced from 1 to RANGE and dealt out by chance.

    They have a stream of random numbers of their own: what is frequent says nothing about what `latin_square` leaves
    out.
    """
    rng, ladder = np.random.default_rng([seed, 1]), np.geomspace(1, RANGE, SIDE)
    return rng.permutation(ladder) / ladder.sum(), rng.permutation(ladder) / ladder.sum()


def train_grid(
    counts: np.ndarray, size: GridSize, seed: int, filters: nn.ModuleList | None = None
) -> tuple[ToyCLIP, float]:
    """A model trained on so many pictures of each pair, (8, 8), and its mean loss in nats.

    Args:
        filters: convolutions to take over, frozen.
    """
    corpus = draw_grid(counts.ravel().tolist(), seed)
    model = ToyCLIP(vocab_size=len(TOKENIZER.words), strided=True, seed=seed)
    if filters is not None:
        model.image_encoder.convs = filters.requires_grad_(False)
    run = Size(updates=size.updates, batch_size=size.batch_size)
    return model, learn(model, corpus, CAPTIONS[corpus.said], run, seed)


def learn_grid(counts: np.ndarray, size: GridSize, seed: int, filters: nn.ModuleList | None = None) -> dict:
    """Train as `train_grid` does, and test on all 64 pairs with all 64 captions as answers.

    Returns:
        counts and hits (of `size.test` pictures of each pair), both 64 numbers; loss in nats.
    """
    model, loss = train_grid(counts, size, seed, filters)
    test = draw_grid([size.test] * len(PAIRS), seed + TEST_SEED)
    right = hits(similarity(model, test.pictures, CAPTIONS), test.shown)
    return {"counts": counts.ravel().tolist(), "hits": right, "loss": round(loss, 4)}


def parts_run(size: GridSize, seed: int) -> dict:
    """Colours and shapes of very different frequency, given out by chance, and two diagonals that are never seen.

    Returns:
        As `learn_grid`, and "diagonal" (of each pair; 0 and 1 are unseen).
    """
    diagonal, (colors, shapes) = latin_square(seed), shares_of_parts(seed)
    counts = whole(colors[:, None] * shapes * (diagonal >= UNSEEN), size.pictures)  # (8, 8)
    return learn_grid(counts, size, seed) | {"diagonal": diagonal.ravel().tolist()}


def coverage_run(partners: int, size: GridSize, seed: int, factored: bool = False) -> dict:
    """Every word equally frequent and with so many partners; all other pairs are never seen.

    Args:
        partners: shapes that each colour is seen with, 1 to 7.
        factored: whether the filters come, frozen, from a model that has seen all but one of the diagonals.

    Returns:
        As `parts_run`; pairs on the diagonals `partners` and above are unseen.

    Raises:
        InputError: if there are to be fewer than 1 or more than 7 partners.
    """
    if not 1 <= partners < SIDE:
        raise InputError(f"a word cannot have {partners} of {SIDE} partners and leave some unseen; use 1 to {SIDE - 1}")
    diagonal = latin_square(seed)
    counts = whole((diagonal < partners).astype(float), size.pictures)  # (8, 8)
    filters = None
    if factored:
        most = whole((diagonal < SIDE - 1).astype(float), size.pictures)  # (8, 8)
        filters = train_grid(most, size, seed + TEST_SEED // 2)[0].image_encoder.convs
    return learn_grid(counts, size, seed, filters) | {"diagonal": diagonal.ravel().tolist()}
