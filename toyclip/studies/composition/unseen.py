"""Pairs of a colour and a shape that were never seen: what predicts whether they are named (chapter Composition)."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from torch import nn

from toyclip import streams
from toyclip.encoders import ToyCLIP
from toyclip.errors import InputError, lookup
from toyclip.lab.study import Study
from toyclip.studies.composition.grid import CAPTIONS, COLORS, PAIRS, TOKENIZER, draw_grid
from toyclip.studies.frequency.corpus import STRIDED, TEST_SEED, Size, hits, learn, similarity, whole

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
    rng = streams.rng(seed, "square")
    rows, columns = rng.permutation(SIDE), rng.permutation(SIDE)
    return (rows[:, None] + columns) % SIDE


def shares_of_parts(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies of the colours and of the shapes, (8,) and (8,), log-spaced from 1 to RANGE and dealt out by chance.

    They have a stream of random numbers of their own: what is frequent says nothing about what `latin_square` leaves
    out.
    """
    rng, ladder = streams.rng(seed, "shares"), np.geomspace(1, RANGE, SIDE)
    return rng.permutation(ladder) / ladder.sum(), rng.permutation(ladder) / ladder.sum()


def train_grid(
    counts: np.ndarray, size: GridSize, seed: int, filters: nn.ModuleList | None = None, device: str = "cpu"
) -> tuple[ToyCLIP, float]:
    """A model trained on so many pictures of each pair, (8, 8), and its mean loss in nats.

    Args:
        filters: convolutions to take over, frozen.
    """
    corpus = draw_grid(counts.ravel().tolist(), seed)
    model = ToyCLIP(replace(STRIDED, vocab_size=len(TOKENIZER.words)), seed)
    if filters is not None:
        model.image_encoder.convs.requires_grad_(False).load_state_dict(filters.state_dict())
    run = Size(updates=size.updates, batch_size=size.batch_size)
    return model, learn(model, corpus, CAPTIONS[corpus.captions], run, seed, device=device)


def learn_grid(
    counts: np.ndarray, size: GridSize, seed: int, filters: nn.ModuleList | None = None, device: str = "cpu"
) -> dict:
    """Train as `train_grid` does, and test on all 64 pairs with all 64 captions as answers.

    Returns:
        counts and hits (of `size.test` pictures of each pair), both 64 numbers; loss in nats.
    """
    model, loss = train_grid(counts, size, seed, filters, device)
    test = draw_grid([size.test] * len(PAIRS), seed + TEST_SEED)
    right = hits(similarity(model, test.pixels, CAPTIONS), test.classes)
    return {"counts": counts.ravel().tolist(), "hits": right, "loss": round(loss, 4)}


def parts_run(size: GridSize, seed: int, device: str = "cpu") -> dict:
    """Colours and shapes of very different frequency, given out by chance, and two diagonals that are never seen.

    Returns:
        As `learn_grid`, and "diagonal" (of each pair; 0 and 1 are unseen).
    """
    diagonal, (colors, shapes) = latin_square(seed), shares_of_parts(seed)
    counts = whole(colors[:, None] * shapes * (diagonal >= UNSEEN), size.pictures)  # (8, 8)
    return learn_grid(counts, size, seed, device=device) | {"diagonal": diagonal.ravel().tolist()}


def coverage_run(
    partners: int, size: GridSize, seed: int, filters: nn.ModuleList | None = None, device: str = "cpu"
) -> dict:
    """Every word equally frequent and with so many partners; all other pairs are never seen.

    Args:
        partners: shapes that each colour is seen with, 1 to 7.
        filters: convolutions to take over, frozen.

    Returns:
        As `parts_run`; pairs on the diagonals `partners` and above are unseen.
    """
    diagonal = latin_square(seed)
    counts = whole((diagonal < partly(partners)).astype(float), size.pictures)  # (8, 8)
    return learn_grid(counts, size, seed, filters, device) | {"diagonal": diagonal.ravel().tolist()}


def factored_run(partners: int, size: GridSize, seed: int, device: str = "cpu") -> dict:
    """The same with the filters of a model that has seen all but one of the diagonals."""
    most = whole((latin_square(seed) < partly(SIDE - 1)).astype(float), size.pictures)  # (8, 8)
    teacher, _ = train_grid(most, size, seed + TEST_SEED // 2, device=device)
    return coverage_run(partners, size, seed, teacher.image_encoder.convs, device)


def borrowed(seed: int, size: GridSize = FULL, device: str = "cpu") -> dict:
    """The control of `factored_run`: two partners, and the filters of a model that has itself seen two diagonals."""
    few = whole((latin_square(seed) < partly(2)).astype(float), size.pictures)  # (8, 8)
    teacher, _ = train_grid(few, size, seed + TEST_SEED // 2, device=device)
    return coverage_run(2, size, seed, teacher.image_encoder.convs, device)


def partly(partners: int) -> int:
    """The same number, if that many partners of a word can be seen and some are left.

    Raises:
        InputError: if they cannot.
    """
    if not 1 <= partners < SIDE:
        raise InputError(f"a word cannot have {partners} of {SIDE} partners and leave some unseen; use 1 to {SIDE - 1}")
    return partners


def runs(grid: GridSize) -> dict[str, tuple[Callable[..., dict], tuple]]:
    """Every condition of the study: the function to call, and its arguments but the seed."""
    more = replace(grid, pictures=4 * grid.pictures)
    longer = replace(more, updates=4 * grid.updates)
    calls = {"unequal parts": (parts_run, (grid,))} | {
        f"{k} partners": (coverage_run, (k, grid)) for k in range(1, SIDE)
    }
    for k in (1, 2, 3):
        calls[f"{k} partners, 4 x pictures"] = coverage_run, (k, more)
        calls[f"{k} partners, 4 x pictures and updates"] = coverage_run, (k, longer)
        calls[f"{k} partners, filters that saw 7"] = factored_run, (k, grid)
    return calls


def composition(name: str, seed: int, grid: GridSize = FULL, device: str = "cpu") -> dict:
    """One run of the study.

    Raises:
        InputError: if there is no such condition.
    """
    once, arguments = lookup(runs(grid), name, "condition")
    return once(*arguments, seed, device=device)


STUDIES = (
    Study("frequency_composition", composition, seeds=8, conditions=tuple(runs(FULL))),
    Study("frequency_borrowed", borrowed, seeds=8),
)
