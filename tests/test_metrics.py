"""Intervals and recall against closed forms and sorting."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import norm

from toyclip.errors import InputError
from toyclip.metrics import interval, recall_at_k

# --- intervals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.99])
@pytest.mark.parametrize(("successes", "trials"), [(0, 10), (1, 10), (5, 10), (10, 10), (478, 480), (480, 480)])
def test_interval_by_wilsons_formula(successes, trials, confidence):
    z, p = norm.ppf((1 + confidence) / 2), successes / trials
    middle = (p + z**2 / (2 * trials)) / (1 + z**2 / trials)
    half = z / (1 + z**2 / trials) * math.sqrt(p * (1 - p) / trials + z**2 / (4 * trials**2))
    low, high = interval(successes, trials, confidence)
    assert (low, high) == pytest.approx((middle - half, middle + half), abs=1e-12)
    assert 0 <= low <= p <= high <= 1
    assert interval(successes, trials) == interval(successes, trials, 0.95)


# --- retrieval -------------------------------------------------------------------------------------------------------


def recall_by_sorting(similarity: np.ndarray, relevant: np.ndarray, k: int) -> float:
    """Sort each row from best to worst, irrelevant items first where they tie, and look at the first k."""
    found = 0
    for scores, good in zip(similarity, relevant, strict=True):
        ranking = sorted(zip(-scores, good, strict=True))
        found += any(is_good for _, is_good in ranking[:k])
    return found / len(similarity)


@given(
    arrays(np.float64, (4, 5), elements=st.sampled_from([-1.0, 0.0, 0.25, 0.5, 1.0])),
    arrays(bool, (4, 5)).map(lambda relevant: relevant | ~relevant.any(axis=1, keepdims=True)),
    st.integers(1, 5),
)
def test_recall_by_sorting_with_many_ties(similarity, relevant, k):
    found = recall_at_k(torch.from_numpy(similarity), torch.from_numpy(relevant), k)
    assert found == recall_by_sorting(similarity, relevant, k)


def test_scorer_that_is_constant_or_says_nan_earns_nothing_until_all_are_returned():
    relevant = torch.eye(5, dtype=torch.bool)
    for score in (0.0, torch.nan):
        scores = torch.full((5, 5), score)
        assert [recall_at_k(scores, relevant, k) for k in (1, 4, 5)] == [0, 0, 1]


@pytest.mark.parametrize(
    ("similarity", "relevant", "k"),
    [
        (torch.zeros(2, 3), torch.ones(3, 2, dtype=torch.bool), 1),
        (torch.zeros(2, 3), torch.ones(2, 3, dtype=torch.bool), 0),
        (torch.zeros(2, 3), torch.ones(2, 3, dtype=torch.bool), 4),
        (torch.zeros(2, 3), torch.tensor([[True, False, False], [False, False, False]]), 1),
    ],
)
def test_retrieval_that_has_no_answer_is_refused(similarity, relevant, k):
    with pytest.raises(InputError, match="relevant item per query"):
        recall_at_k(similarity, relevant, k)
