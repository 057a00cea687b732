"""The checks of the chapter The cascade: a right answer passes, and wrong ones are told what is wrong with them."""

import numpy as np
import torch
from exercises.judge import answers

from toyclip.exercises import cascade


def probabilities(cosine, temperature):
    powers = np.exp((cosine - cosine.max()) / temperature)
    return powers / powers.sum()


def overflowing(cosine, temperature):
    with np.errstate(over="ignore", invalid="ignore"):
        powers = np.exp((cosine + 1) / temperature)
        return powers / powers.sum()


def multiplied(cosine, temperature):
    return probabilities(cosine, 1 / temperature)


def strips(images):
    """The sums of rows and columns, of three shades of colour each eight."""
    rows = images.mean(dim=3).reshape(len(images), 3, 8, 4).mean(dim=3)
    columns = images.mean(dim=2).reshape(len(images), 3, 8, 4).mean(dim=3)
    return torch.cat([rows, columns], dim=1).flatten(1)


def svd_turn(one, other):
    u, _, v = np.linalg.svd(one.T @ other)
    return u @ v


CASES = [
    (cascade.kinds, (15, 5), None),
    (cascade.kinds, (36, 5), "no order"),
    (cascade.kinds, (30, 5), "not how many pairs"),
    (cascade.kinds, (15, 6), "itself"),
    (cascade.kinds, (15, 15), "not 15"),
    (cascade.sure, probabilities, None),
    (cascade.sure, overflowing, "overflows"),
    (cascade.sure, multiplied, "divided"),
    (cascade.sure, lambda cosine, temperature: cosine, "add up"),
    (cascade.sure, lambda cosine, temperature: cosine[:2], "shape"),
    (cascade.sure, lambda cosine, temperature: np.full(5, 0.2), "likeliest has"),
    (cascade.modality, strips, None),
    (cascade.modality, lambda images: images.mean(dim=(2, 3)), "find their caption"),
    (cascade.modality, lambda images: images.flatten(1), "at most 48"),
    (cascade.modality, lambda images: strips(images) - strips(images).mean(dim=0), "batch"),
    (cascade.mended, svd_turn, None),
    (cascade.mended, lambda one, other: svd_turn(one, other).T, "transpose"),
    (cascade.mended, lambda one, other: np.linalg.lstsq(one, other, rcond=None)[0], "stretches"),
    (cascade.mended, lambda one, other: np.eye(8), "another one"),
    (cascade.mended, lambda one, other: one, "expected a matrix"),
]

test_answer_is_judged = answers(cascade, CASES)
