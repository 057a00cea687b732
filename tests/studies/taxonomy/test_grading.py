"""Grades against their definitions, worked out by hand, and against a ranking that knows nothing."""

import numpy as np
import pytest

from toyclip.studies.taxonomy.grading import graded, luck, precision


def by_hand(scores: np.ndarray, truth: np.ndarray) -> float:
    """Mean over the right pictures of the share of right ones among all ranked at least as high."""
    order = np.argsort(-scores)
    right = truth[order]
    return float(np.mean([right[: i + 1].mean() for i in np.flatnonzero(right)]))


def test_average_precision_is_the_mean_share_of_right_ones_above_each_right_one():
    rng = np.random.default_rng(0)
    scores, truth = rng.uniform(size=(40, 3)), rng.uniform(size=(40, 3)) < 0.2
    expected = [by_hand(scores[:, k], truth[:, k]) for k in range(3)]
    assert precision(scores, truth) == pytest.approx(expected, abs=1e-4)


def test_grades_of_the_kinds_asked_for_and_of_no_others():
    rng = np.random.default_rng(1)
    kind, scores = np.arange(64) % 16, rng.uniform(size=(64, 16))
    every, some = graded(scores, kind), graded(scores, kind, [7, 2])
    best = scores.argmax(axis=1)
    for k in range(16):
        both, either = ((best == k) & (kind == k)).sum(), (best == k).sum() + (kind == k).sum()
        assert every["f1"][k] == pytest.approx(2 * both / either, abs=1e-4)
    for name in ("ap", "f1"):
        assert some[name] == [every[name][7], every[name][2]]


def test_perfect_scores_earn_everything():
    kind = np.arange(32) % 16
    assert graded(np.eye(16)[kind], kind) == {"ap": [1.0] * 16, "f1": [1.0] * 16}


def test_luck_is_the_same_for_who_knows_and_who_does_not():
    """And a little above 1 / 16, as few leaves are ranked."""
    rng, kind = np.random.default_rng(2), np.repeat(np.arange(48) // 3, 8)
    knows, guesses = np.eye(16)[kind] + 0.1 * rng.uniform(size=(384, 16)), rng.uniform(size=(384, 16))
    for scores in (knows, guesses):
        assert 1 / 16 < luck(scores, kind, 8, seed=0) < 0.16
    assert np.mean(graded(knows, kind)["ap"]) > 0.9
