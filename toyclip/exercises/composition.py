"""Checks of the reader's answers to the exercises of the chapter Composition."""

from collections.abc import Callable, Sequence

import numpy as np
from scipy.stats import false_discovery_control

from toyclip import streams
from toyclip.lab.answers import answer
from toyclip.studies.composition import unseen


@answer
def missing(given: Sequence[float]) -> str | None:
    """With three partners: how many of the 64 pairs are never seen, and how many pictures each of the others gets."""
    hole, each = given
    counts = np.array(unseen.whole((unseen.latin_square(0) < 3).astype(float), unseen.FULL.pictures))
    right = int((counts == 0).sum())
    if hole == 64 - right:
        return "that is how many pairs are seen"
    if hole != right:
        return f"three diagonals of eight pairs are seen, so it is not {hole:g} that are not"
    if not counts[counts > 0].min() - 1 < each < counts.max() + 1:
        return f"{each:g} pictures of each of the {64 - right} pairs are not {unseen.FULL.pictures} in all"
    return None


@answer
def fair(given: Callable[[int, np.random.Generator], np.ndarray]) -> str | None:
    """A number of partners and a generator -> a table (8, 8) in which every row and column holds so many trues."""
    tables = []
    for k in (2, 3, 7):
        for seed in range(4):
            table = np.asarray(given(k, streams.rng(seed, "square")))
            if table.shape != (8, 8) or not np.isin(table, (0, 1)).all():
                return "expected a table of 8 by 8, true where a pair is seen"
            partners = {int(n) for axis in (0, 1) for n in table.sum(axis=axis)}
            if partners != {k}:
                return f"asked for {k} partners, some words have {max(partners - {k}, key=lambda n: abs(n - k))}"
            tables.append((k, table.astype(bool).tobytes()))
    if len(set(tables)) <= len(tables) // 2:
        return "every generator gets the same table; draw from the one that is given"
    return None


@answer
def holm(given: Callable[[Sequence[float]], Sequence[float]]) -> str | None:
    """p-values -> the same adjusted by Holm's method, in their order."""
    for seed in range(6):
        p = np.random.default_rng(seed).random(9) ** 3
        found = np.asarray(given(p.tolist()), dtype=float)
        if found.shape != p.shape:
            return f"nine values went in, and the shape {found.shape} came out"
        # by its definition: rejected at level a, if every smaller one is at a / (how many are not smaller than it)
        right = [min(1.0, max((p >= q).sum() * q for q in p if q <= value)) for value in p]
        if np.allclose(found, right):
            continue
        if np.allclose(found, np.minimum(1, 9 * p)):
            return "that multiplies all of them by nine, as Bonferroni does; Holm is less strict"
        if np.allclose(found, false_discovery_control(p)):
            return "that controls the share of false discoveries; Holm controls that there is any"
        if np.allclose(np.sort(found), np.sort(right)):
            return "the values are right, but not in the order in which they came"
        if (found > 1).any():
            return "some adjusted values are above 1"
        if np.allclose(found, [min(1.0, (p >= value).sum() * value) for value in p]):
            return "an adjusted value must not be smaller than that of a smaller p"
        return f"of {p[:3].round(3).tolist()} and six more you make {found[:3].round(3).tolist()}, not what Holm does"
    return None


@answer
def sum_of_parts(given: Callable[[np.ndarray], np.ndarray]) -> str | None:
    """(8, 8) -> (8, 8), the best sum of a number for each row and a number for each column."""
    values = np.random.default_rng(0).random((8, 8))
    found = np.asarray(given(values.copy()), dtype=float)
    if found.shape != (8, 8):
        return f"expected the shape (8, 8), and got {found.shape}"
    design = np.concatenate([np.repeat(np.eye(8), 8, axis=0), np.tile(np.eye(8), (8, 1))], axis=1)  # (64, 16)
    right = (design @ np.linalg.lstsq(design, values.ravel(), rcond=None)[0]).reshape(8, 8)
    if np.allclose(found, right):
        return None
    if np.allclose(found - found[:1], (found - found[:1])[:, :1]):
        off, best = (np.square(table - values).sum() for table in (found, right))
        return f"it is a sum of rows and columns, but its squared error is {off:.2f}, and {best:.2f} can be had"
    return "your table is no sum of a number for each row and a number for each column"
