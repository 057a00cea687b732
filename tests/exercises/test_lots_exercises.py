"""The checks of the chapter Lots: a right answer passes, and wrong ones are told what is wrong with them."""

import numpy as np
from exercises.judge import answers

from toyclip.exercises import lots


def shared(x, rng):
    return x[:, rng.permutation(x.shape[1])]


def in_place(x, rng):
    rng.permuted(x, axis=1, out=x)
    return x


CASES = [
    (lots.critical_r, 0.95, None),
    (lots.critical_r, -0.95, None),
    (lots.critical_r, 0.9, "one side"),
    (lots.critical_r, 0.5, "correlate more than that"),
    (lots.zipf_twins, 18.46, None),
    (lots.zipf_twins, 255 / 64, "equally frequent"),
    (lots.zipf_twins, 0.07, "share of the batch"),
    (lots.zipf_twins, 25.0, "twins a pair on average"),
    (lots.deal_again, lambda x, rng: rng.permuted(x, axis=1), None),
    (lots.deal_again, lambda x, rng: np.array([rng.permutation(row) for row in x]), None),
    (lots.deal_again, lambda x, rng: x, "nobody"),
    (lots.deal_again, lambda x, rng: rng.permutation(x), "keep its own"),
    (lots.deal_again, shared, "share their luck"),
    (lots.deal_again, in_place, "work on a copy"),
    (lots.deal_again, lambda x, rng: x[:, ::-1], "every generator"),
    (lots.deal_again, lambda x, rng: x.mean(axis=1), "shape"),
    (lots.longer, (0.5, 25.0), None),
    (lots.longer, (0.005, 0.25), "shares"),
    (lots.longer, (0.5, -25.0), "minus the shorter"),
    (lots.longer, (22.0, 25.0), "lowest rungs"),
    (lots.longer, (0.5, 80.0), "no miracle"),
]

test_answer_is_judged = answers(lots, CASES)
