"""The checks of the chapter Taxonomy: a right answer passes, and wrong ones are told what is wrong with them."""

import numpy as np
from exercises.judge import answers
from sklearn.metrics import average_precision_score

from toyclip.exercises import taxonomy


def mean_of_places(scores, truth):
    ranked = truth[np.argsort(-scores)]
    return (np.cumsum(ranked) / np.arange(1, len(ranked) + 1))[ranked].mean()


def within(kind, rng):
    table = np.arange(len(kind))
    for k in np.unique(kind):
        order = rng.permutation(np.flatnonzero(kind == k))
        table[order] = np.roll(order, 1)
    return table


def shuffled_within(kind, rng):
    return np.concatenate([rng.permutation(np.flatnonzero(kind == k)) for k in np.unique(kind)])


def always_the_same(kind, rng):
    return within(kind, np.random.default_rng(0))


CASES = [
    (taxonomy.kept, 10, None),
    (taxonomy.kept, 160 / 16, None),
    (taxonomy.kept, 1, "their own word"),
    (taxonomy.kept, 0, "more than 0"),
    (taxonomy.kept, 16, "fewer than 16"),
    (taxonomy.precision, mean_of_places, None),
    (taxonomy.precision, lambda s, t: average_precision_score(t, s), None),
    (taxonomy.precision, lambda s, t: mean_of_places(-s, t), "lowest score first"),
    (taxonomy.precision, lambda s, t: t.mean(), "luck"),
    (taxonomy.precision, lambda s, t: t[np.argsort(-s)[: t.sum()]].mean(), "one place"),
    (taxonomy.precision, lambda s, t: 1.0, "6 right ones"),
    (taxonomy.two_steps, lambda n, t: n @ t, None),
    (taxonomy.two_steps, lambda n, t: t[n.argmax(axis=1)], "likeliest word alone"),
    (taxonomy.two_steps, lambda n, t: n, "(5, 3)"),
    (taxonomy.two_steps, lambda n, t: 2 * n @ t, "add up to 2.00"),
    (taxonomy.two_steps, lambda n, t: np.full((5, 3), 1 / 3), "not the mean over all words"),
    (taxonomy.strangers, within, None),
    (taxonomy.strangers, shuffled_within, "kept their own"),
    (taxonomy.strangers, lambda k, rng: rng.permutation(len(k)), "another kind"),
    (taxonomy.strangers, lambda k, rng: np.zeros(len(k), dtype=int), "twice"),
    (taxonomy.strangers, lambda k, rng: k[:3], "expected the number"),
    (taxonomy.strangers, always_the_same, "same table"),
]

test_answer_is_judged = answers(taxonomy, CASES)
