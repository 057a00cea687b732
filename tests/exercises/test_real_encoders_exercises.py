"""The checks of the chapter on real encoders: a right answer passes, and wrong ones are told what is wrong."""

import numpy as np
from exercises.judge import answers
from scipy.stats import zscore

from toyclip.exercises import real_encoders


def recall(cosines, own, k):
    right = cosines[np.arange(len(own)), own]
    return ((cosines > right[:, None]).sum(axis=1) < k).mean()


def by_vendor(features, vendors):
    found = np.empty_like(features)
    for vendor in np.unique(vendors):
        found[vendors == vendor] = zscore(features[vendors == vendor])
    return found


def means_only(features, vendors):
    return features - np.array([features[vendors == v].mean(axis=0) for v in vendors])


def upside_down(features, vendors):
    return by_vendor(features, vendors)[:, ::-1]


def levels(width):
    return lambda values: np.clip(np.floor(values / width + 2), 0, 3)


CASES = [
    (real_encoders.learned, 131_585, None),
    (real_encoders.learned, 131_584, "one number is missing"),
    (real_encoders.learned, 131_072, "bias"),
    (real_encoders.learned, 65_536, "is not the number"),
    (real_encoders.recall_at, recall, None),
    (real_encoders.recall_at, lambda c, o, k: recall(c, o, 1), "R@1"),
    (real_encoders.recall_at, lambda c, o, k: recall(-c, o, k), "smallest"),
    (real_encoders.recall_at, lambda c, o, k: len(o) * recall(c, o, k), "counts"),
    (real_encoders.recall_at, lambda c, o, k: 0.0, "you get 0.000"),
    (real_encoders.own_scale, by_vendor, None),
    (real_encoders.own_scale, lambda f, v: zscore(f), "all pictures together"),
    (real_encoders.own_scale, means_only, "deviations"),
    (real_encoders.own_scale, lambda f, v: f, "means"),
    (real_encoders.own_scale, lambda f, v: f[:5], "shape"),
    (real_encoders.own_scale, upside_down, "order"),
    (real_encoders.two_bits, levels(0.9957), None),
    (real_encoders.two_bits, lambda v: np.digitize(v, np.quantile(v, np.arange(1, 4) / 4)), "lost"),
    (real_encoders.two_bits, levels(0.4), "lost"),
    (real_encoders.two_bits, lambda v: v, "whole number"),
    (real_encoders.two_bits, lambda v: levels(0.9957)(v)[:10], "shape"),
]

test_answer_is_judged = answers(real_encoders, CASES)
