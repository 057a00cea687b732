"""A right answer passes, wrong ones are told what is wrong."""

import math

import numpy as np
from exercises.judge import answers
from scipy.stats import norm, t

from toyclip.exercises import conclusion as exercises
from toyclip.lab.study import stored
from toyclip.studies.conclusion import factorial, readings

RESULTS = stored("factorial")["results"]


def mean(data: str, loss: str) -> float:
    return 100 * np.mean(RESULTS[f"{data} / wide / {loss}"])


SIGMOID, INFO_NCE = (mean("all", loss) - mean("a quarter", loss) for loss in ("sigmoid", "InfoNCE"))


def right(gain, sd):
    return next(n for n in range(2, 1000) if t.ppf(0.975, n - 1) * sd / math.sqrt(n) < gain)


def normal(gain, sd):
    return next(n for n in range(2, 1000) if norm.ppf(0.975) * sd / math.sqrt(n) < gain)


within = readings.shares(
    np.array([[RESULTS[f"all / {encoder} / {loss}"] for loss in factorial.LOSSES] for encoder in factorial.ENCODERS]),
    ["encoder", "loss"],
)
LARGEST, OTHER = sorted(("encoder", "loss"), key=within.get, reverse=True)

CASES = [
    (exercises.largest_without_data, LARGEST, None),
    (exercises.largest_without_data, OTHER, "differ less"),
    (exercises.largest_without_data, "data", "'encoder' or 'loss'"),
    (exercises.interaction, SIGMOID - INFO_NCE, None),
    (exercises.interaction, INFO_NCE - SIGMOID, "the other way round"),
    (exercises.interaction, (SIGMOID - INFO_NCE) / 100, "is yours a share"),
    (exercises.interaction, SIGMOID, "another number"),
    (exercises.seeds_needed, right, None),
    (exercises.seeds_needed, normal, "is still"),
    (exercises.seeds_needed, lambda gain, sd: right(gain, sd) + 1, "fewer than"),
    (exercises.seeds_needed, lambda gain, sd: (sd / gain) ** 2, "whole number"),
]

test_answer_is_judged = answers(exercises, CASES)
