"""The floor of the loss against every batch there is, every order of the data, and the best that a search can find."""

import itertools
import math
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from toyclip.errors import InputError
from toyclip.infonce import info_nce
from toyclip.loss_floor import epoch_floor, floor


def expand(counts: list[int]) -> list[int]:
    return [label for label, count in enumerate(counts) for _ in range(count)]


def exhaustive_floor(counts: list[int], batch_size: int) -> float:
    """Mean of log k over all pairs of all batches, with exact weights."""
    batches = list(itertools.combinations(expand(counts), batch_size))
    weight = Counter()  # k -> how often a pair stands in a batch with k of its kind
    for batch in batches:
        for k in Counter(batch).values():
            weight[k] += Fraction(k, batch_size * len(batches))
    assert sum(weight.values()) == 1
    return math.fsum(share * math.log(k) for k, share in weight.items())


def counts_up_to(total: int) -> st.SearchStrategy[list[int]]:
    return st.lists(st.integers(1, 5), min_size=1, max_size=5).filter(lambda counts: 2 <= sum(counts) <= total)


@settings(max_examples=60)
@given(counts_up_to(10), st.data())
def test_floor_is_the_mean_over_every_batch_there_is(counts, data):
    batch_size = data.draw(st.integers(1, sum(counts)))
    expected = exhaustive_floor(counts, batch_size)
    for form in (counts, tuple(counts[::-1]), np.array(counts), torch.tensor(counts)):
        assert floor(form, batch_size) == pytest.approx(expected, abs=1e-12)


@settings(max_examples=30)
@given(counts_up_to(6), st.data())
def test_epoch_floor_is_the_mean_over_every_order_of_the_data(counts, data):
    """Every order, cut into batches with a smaller one at the end; one of a single pair at the end is left out."""
    batch_size = data.draw(st.integers(1, sum(counts)))
    costs = []
    for order in itertools.permutations(expand(counts)):
        batches = [order[i : i + batch_size] for i in range(0, len(order), batch_size)]
        batches = [b for b in batches if len(b) > 1] or batches
        pairs = sum(map(len, batches))
        costs.append(math.fsum(k * math.log(k) for b in batches for k in Counter(b).values()) / pairs)
    assert epoch_floor(counts, batch_size) == pytest.approx(math.fsum(costs) / len(costs), abs=1e-12)


def test_pair_alone_costs_nothing():
    """Of a single pair in all the world, too: there the hypergeometric distribution is none."""
    assert floor([1], 1) == epoch_floor([1], 1) == epoch_floor([1], 64) == floor([3, 4], 1) == 0.0


@pytest.mark.parametrize(
    ("counts", "batch_size"), [([], 1), ([], 0), ([0], 1), ([3, 0], 2), ([3], 4), ([3], 0), ([3], -1)]
)
def test_what_cannot_be_drawn_is_refused_in_one_sentence(counts, batch_size):
    with pytest.raises(InputError, match=f"cannot draw {batch_size} of {sum(counts)} pairs"):
        floor(counts, batch_size)


@pytest.mark.parametrize("labels", [[0, 0, 1], [0, 0, 1, 2, 2, 2], [0, 1, 2], [0, 0, 0]])
def test_no_model_gets_below_the_floor_and_one_reaches_it(labels):
    """Captions that are the same have the same column of logits; everything else is free."""
    column = torch.tensor(labels)
    lowest = floor(list(Counter(labels).values()), len(labels))
    shares = 200.0 * (torch.arange(column.max() + 1) == column[:, None]).double()  # sure of the class, blind within
    assert info_nce(shares[:, column]).item() == pytest.approx(lowest, abs=1e-12)

    def loss(free: np.ndarray) -> tuple[float, np.ndarray]:
        logits = torch.tensor(free.reshape(len(labels), -1), requires_grad=True)
        value = info_nce(logits[:, column])
        value.backward()
        return value.item(), logits.grad.numpy().ravel()

    for seed in range(3):
        start = np.random.default_rng(seed).normal(size=shares.numel())
        found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 500}).fun
        assert lowest - 1e-9 <= found <= lowest + 1e-2


def test_floor_rises_with_the_batch_and_with_the_share_of_one_caption():
    by_size = [floor([170] * 16, size) for size in (1, 2, 16, 64, 256, 2720)]
    by_share = [floor(counts, 8) for counts in ([1] * 16, [2] * 8, [4] * 4, [8, 8], [12, 4], [15, 1], [16])]
    for values in (by_size, by_share):
        assert values[0] == 0
        assert all(low < high for low, high in itertools.pairwise(values))
    assert by_size[-1] == pytest.approx(math.log(170))
    assert by_share[-1] == pytest.approx(math.log(8))


def test_floor_of_very_many_captions():
    """30,000 captions twice each: a twin is one of the 63 others in the batch, of 59,999; it costs log 2."""
    assert floor([2] * 30_000, 64) == pytest.approx(63 / 59_999 * math.log(2), rel=1e-9)


def test_floor_of_the_reference_recipe():
    """The number of the ledger, from the probabilities of the hypergeometric distribution in whole numbers."""
    ways = [math.comb(169, twins) * math.comb(2719 - 169, 63 - twins) for twins in range(64)]
    assert sum(ways) == math.comb(2719, 63)
    exact = math.fsum(Fraction(w, sum(ways)) * math.log(1 + twins) for twins, w in enumerate(ways))
    assert floor([170] * 16, 64) == pytest.approx(exact, abs=1e-9)
    assert round(exact, 4) == 1.5085


@pytest.mark.parametrize(("counts", "batch_size"), [([3, 2], 6), ([3, 2], 0), ([3, 0], 2), ([3, -1], 2)])
def test_floor_of_an_impossible_batch_is_refused(counts, batch_size):
    with pytest.raises(InputError, match="cannot draw"):
        floor(counts, batch_size)
