"""The checks of the chapter Composition: a right answer passes, and wrong ones are told what is wrong with them."""

import numpy as np
from exercises.judge import answers
from statsmodels.stats.multitest import multipletests

from toyclip.exercises import composition


def diagonals(k, rng):
    rows, columns = rng.permutation(8), rng.permutation(8)
    return (rows[:, None] + columns) % 8 < k


def at_random(k, rng):
    return rng.permutation(np.arange(64) < 8 * k).reshape(8, 8)


def same_table(k, rng):
    return (np.arange(8)[:, None] + np.arange(8)) % 8 < k


def by(method):
    return lambda p: multipletests(p, method=method)[1]


def not_rising(p):
    return [min(1, sum(q >= value for q in p) * value) for value in p]


def rows_and_columns(values):
    return values.mean(axis=1, keepdims=True) + values.mean(axis=0) - values.mean()


CASES = [
    (composition.missing, (40, 171), None),
    (composition.missing, (40, 4096 / 24), None),
    (composition.missing, (24, 171), "are seen"),
    (composition.missing, (41, 171), "not 41"),
    (composition.missing, (40, 64), "in all"),
    (composition.fair, diagonals, None),
    (composition.fair, at_random, "some words have"),
    (composition.fair, same_table, "same table"),
    (composition.fair, lambda k, rng: np.ones(8), "8 by 8"),
    (composition.holm, by("holm"), None),
    (composition.holm, by("bonferroni"), "Bonferroni"),
    (composition.holm, by("fdr_bh"), "false discoveries"),
    (composition.holm, lambda p: sorted(by("holm")(p)), "order"),
    (composition.holm, not_rising, "smaller p"),
    (composition.holm, lambda p: p, "not what Holm does"),
    (composition.holm, lambda p: [9 * v for v in p], "above 1"),
    (composition.sum_of_parts, rows_and_columns, None),
    (composition.sum_of_parts, lambda v: v, "no sum"),
    (composition.sum_of_parts, lambda v: v.mean(axis=1, keepdims=True) + v.mean(axis=0), "squared error"),
    (composition.sum_of_parts, lambda v: v.mean(axis=0), "shape"),
]

test_answer_is_judged = answers(composition, CASES)
