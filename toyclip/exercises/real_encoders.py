"""Checks of the reader's answers to the exercises of the chapter on real encoders."""

from collections.abc import Callable

import numpy as np

from toyclip.lab.answers import answer
from toyclip.studies.real_encoders.heads import DIM, Heads


@answer
def learned(given: int) -> str | None:
    """How many numbers are learned, with 256 features of a picture and 256 of a caption."""
    right = sum(p.numel() for p in Heads(256, 256).parameters())
    if given == right:
        return None
    if given == right - 1:
        return "one number is missing: what are the cosines multiplied by"
    if given in (2 * 256 * DIM, 2 * 256 * DIM + 1):
        return "a linear layer also has a bias for each number that comes out"
    return f"{given:,} is not the number of weights, biases and logit scales of two linear layers"


@answer
def recall_at(given: Callable[[np.ndarray, np.ndarray, int], float]) -> str | None:
    """(N, C) cosines, (N,) the right column of each row, k -> the share of rows whose right column is among the k."""
    rng = np.random.default_rng(0)
    for k in (1, 3, 10):
        cosines, own = rng.random((40, 25)), rng.integers(25, size=40)
        best = [np.argsort(row)[::-1] for row in cosines]
        right = np.mean([column in order[:k] for column, order in zip(own, best, strict=True)])
        found = float(given(cosines.copy(), own.copy(), k))
        if np.isclose(found, right):
            continue
        if np.isclose(found, 40 * right):
            return "that counts the rows; a share is asked for"
        if np.isclose(found, np.mean([c in order[-k:] for c, order in zip(own, best, strict=True)])):
            return "that takes the smallest cosines for the nearest"
        if k > 1 and np.isclose(found, np.mean([c == order[0] for c, order in zip(own, best, strict=True)])):
            return f"that is R@1; with k = {k} the right caption may also come second"
        return f"with k = {k} you get {found:.3f}, where {right:.3f} of the rows have their caption among the first {k}"
    return None


@answer
def own_scale(given: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> str | None:
    """(N, D) features, (N,) vendors -> (N, D), each vendor's of mean 0 and deviation 1 in every dimension."""
    rng = np.random.default_rng(0)
    vendors = rng.integers(3, size=90)
    features = rng.normal(vendors[:, None], 1 + vendors[:, None], (90, 4))
    found = np.asarray(given(features.copy(), vendors.copy()), dtype=float)
    if found.shape != features.shape:
        return f"expected the shape {features.shape}, and got {found.shape}"
    whole = (features - features.mean(axis=0)) / features.std(axis=0)
    if np.allclose(found, whole) or np.allclose(found, whole * np.sqrt(89 / 90)):
        return "that standardises all pictures together; each vendor has a mean of its own"
    for vendor in range(3):
        part = found[vendors == vendor]
        if not np.allclose(part.mean(axis=0), 0, atol=1e-6):
            return "the means of a vendor's features are not 0 afterwards"
        if not np.allclose(part.std(axis=0), 1, atol=0.03):
            return "the deviations of a vendor's features are not 1 afterwards"
    fits = [np.corrcoef(found[vendors == v, d], features[vendors == v, d])[0, 1] for v in range(3) for d in range(4)]
    return None if min(fits) > 0.999 else "the order of the pictures, or of their features, is not what it was"


@answer
def two_bits(given: Callable[[np.ndarray], np.ndarray]) -> str | None:
    """(N,) numbers of deviation 1 -> (N,) whole numbers from 0 to 3 that tell them apart as well as four can."""
    values = np.random.default_rng(0).normal(size=20_000)
    codes = np.asarray(given(values.copy()))
    if codes.shape != values.shape:
        return f"expected a code for each of the {len(values):,} numbers, and got the shape {codes.shape}"
    if not np.array_equal(codes, np.round(codes)) or codes.min() < 0 or codes.max() > 3:
        return "a code of two bits is a whole number from 0 to 3"
    means = {code: values[codes == code].mean() for code in np.unique(codes)}
    lost = np.mean([(value - means[code]) ** 2 for value, code in zip(values, codes, strict=True)])
    if lost > 0.125:
        return f"{lost:.1%} of the variance is lost with the best decoder, and 12 % need be"
    return None
