"""The loss against closed forms, finite differences and another implementation; its floor against every batch."""

import itertools
import math
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from scipy.special import logsumexp

from toyclip import infonce
from toyclip.errors import InputError, RecipeError
from toyclip.loss_checks import CHECKS, LossCheckError, passed
from toyclip.studies.infonce.wrong_losses import WRONG, right

SIZES = (2, 3, 8, 33)


def random_logits(size: int, seed: int = 0, scale: float = 3.0) -> torch.Tensor:
    return scale * torch.randn(size, size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def by_scipy(logits: np.ndarray) -> float:
    """Symmetric InfoNCE written out: minus the log-probability of the diagonal, along rows and along columns."""
    rows = np.diag(logits) - logsumexp(logits, axis=1)
    columns = np.diag(logits) - logsumexp(logits, axis=0)
    return -(rows.mean() + columns.mean()) / 2


# --- the loss --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
def test_knowing_nothing_costs_log_of_the_batch_size(size):
    for constant in (0.0, -4.0, 100.0):
        logits = torch.full((size, size), constant, dtype=torch.float64)
        assert infonce.info_nce(logits).item() == pytest.approx(math.log(size), abs=1e-12)


@pytest.mark.parametrize("size", SIZES)
def test_loss_is_what_scipy_computes(size):
    logits = random_logits(size)
    assert infonce.info_nce(logits).item() == pytest.approx(by_scipy(logits.numpy()), abs=1e-12)


def test_two_pairs_by_hand():
    logits = torch.tensor([[1.0, 0.0], [2.0, 3.0]], dtype=torch.float64)
    softplus = [math.log1p(math.exp(d)) for d in (0 - 1, 2 - 3, 2 - 1, 0 - 3)]  # rows, then columns
    assert infonce.info_nce(logits).item() == pytest.approx(sum(softplus) / 4, abs=1e-12)


@pytest.mark.parametrize("size", SIZES)
def test_loss_is_positive_and_vanishes_for_a_perfect_and_sure_model(size):
    assert infonce.info_nce(random_logits(size)).item() > 0
    assert infonce.info_nce(100 * torch.eye(size, dtype=torch.float64)).item() < 1e-30
    opposite = infonce.info_nce(-100 * torch.eye(size, dtype=torch.float64)).item()
    assert opposite == pytest.approx(100 + math.log(size - 1))


@pytest.mark.parametrize("size", SIZES)
def test_symmetries(size):
    """Transposing, reordering pairs or adding a constant changes nothing; reordering captions alone does."""
    logits, order = random_logits(size), torch.randperm(size, generator=torch.Generator().manual_seed(1)).roll(1)
    loss = infonce.info_nce(logits).item()
    for other in (logits.T, logits[order][:, order], logits + 7):
        assert infonce.info_nce(other).item() == pytest.approx(loss, abs=1e-12)
    assert abs(infonce.info_nce(logits.roll(1, dims=1)).item() - loss) > 1e-3


def test_gradient_agrees_with_finite_differences():
    logits = random_logits(5).requires_grad_()
    assert torch.autograd.gradcheck(infonce.info_nce, logits)
    twins = infonce.same(torch.tensor([0, 1, 0, 2, 2]))
    assert torch.autograd.gradcheck(lambda x: infonce.info_nce(x, twins), logits)


@pytest.mark.parametrize("size", SIZES)
def test_gradient_in_closed_form(size):
    logits = random_logits(size).requires_grad_()
    (by_autograd,) = torch.autograd.grad(infonce.info_nce(logits), logits)
    closed = infonce.info_nce_gradient(logits.detach())
    torch.testing.assert_close(closed, by_autograd, rtol=0, atol=1e-14)
    assert closed.sum().item() == pytest.approx(0, abs=1e-12)  # a constant added to all logits is free


@pytest.mark.parametrize("shape", [(3, 4), (4,), (2, 3, 3)])
def test_logits_that_are_not_square_are_refused(shape):
    with pytest.raises(InputError, match="square"):
        infonce.info_nce(torch.zeros(shape))


def test_batch_of_one_is_refused():
    with pytest.raises(RecipeError, match="no negatives"):
        infonce.info_nce(torch.zeros(1, 1))


# --- captions that repeat --------------------------------------------------------------------------------------------


def masked_by_scipy(logits: np.ndarray, labels: list[int]) -> float:
    """As `by_scipy`, each sum over the pair itself and the pairs with other captions."""
    total = 0.0
    for i, label in enumerate(labels):
        rest = [j for j, other in enumerate(labels) if j == i or other != label]
        total += logsumexp(logits[i, rest]) + logsumexp(logits[rest, i]) - 2 * logits[i, i]
    return total / (2 * len(labels))


@pytest.mark.parametrize("labels", [[0, 1, 2, 3], [0, 0, 1, 2], [0, 1, 0, 1, 0], [3, 3, 3]])
def test_masked_loss_leaves_twins_out_of_the_sums(labels):
    logits, twins = random_logits(len(labels)), infonce.same(torch.tensor(labels))
    loss = infonce.info_nce(logits, twins).item()
    assert loss == pytest.approx(masked_by_scipy(logits.numpy(), labels), abs=1e-12)
    if len(set(labels)) == len(labels):
        assert loss == pytest.approx(infonce.info_nce(logits).item(), abs=1e-12)
    else:
        assert loss < infonce.info_nce(logits).item()


def test_masked_loss_has_no_floor():
    labels = torch.tensor([0, 0, 1, 2, 2, 2])
    twins = infonce.same(labels)
    assert infonce.info_nce(100 * twins.double(), twins).item() < 1e-30
    assert infonce.info_nce(100 * twins.double()).item() > 0.5


def test_same_captions_are_found_by_class_and_by_words():
    labels = torch.tensor([4, 1, 4, 0, 1, 4])
    words = torch.tensor([[1, 2, 6], [1, 3, 6], [1, 2, 7], [1, 2, 6]])  # sharing two words of three is not enough
    assert infonce.same(labels).tolist() == [[a == b for b in labels.tolist()] for a in labels.tolist()]
    assert infonce.same(words).tolist() == [[a == b for b in words.tolist()] for a in words.tolist()]


def test_mask_of_another_shape_is_refused():
    with pytest.raises(InputError, match="same_caption"):
        infonce.info_nce(torch.zeros(3, 3), torch.ones(2, 2, dtype=torch.bool))


# --- the floor -------------------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize("counts", [[3, 2, 1], [4, 4], [1, 1, 1, 5], [7], [1, 2, 3, 4], [2, 3, 1, 2, 1, 2]])
def test_floor_is_the_mean_over_every_batch_there_is(counts):
    for batch_size in range(1, sum(counts) + 1):
        expected = exhaustive_floor(counts, batch_size)
        assert infonce.floor(counts, batch_size) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("counts", "batch_size"), [([3, 2], 2), ([2, 2, 1], 3), ([3, 3], 4), ([2, 1], 5)])
def test_epoch_floor_is_the_mean_over_every_order_of_the_data(counts, batch_size):
    """Every order, cut into batches with a smaller one at the end."""
    costs = []
    for order in itertools.permutations(expand(counts)):
        batches = [order[i : i + batch_size] for i in range(0, len(order), batch_size)]
        costs.append(math.fsum(k * math.log(k) for b in batches for k in Counter(b).values()) / len(order))
    assert infonce.epoch_floor(counts, batch_size) == pytest.approx(math.fsum(costs) / len(costs), abs=1e-12)


@pytest.mark.parametrize("labels", [[0, 0, 1], [0, 0, 1, 2, 2, 2], [0, 1, 2], [0, 0, 0]])
def test_no_model_gets_below_the_floor_and_one_reaches_it(labels):
    """Captions that are the same have the same column of logits; everything else is free."""
    column = torch.tensor(labels)
    floor = infonce.floor(list(Counter(labels).values()), len(labels))
    shares = 200.0 * (torch.arange(column.max() + 1) == column[:, None]).double()  # sure of the class, blind within
    assert infonce.info_nce(shares[:, column]).item() == pytest.approx(floor, abs=1e-12)

    def loss(free: np.ndarray) -> tuple[float, np.ndarray]:
        logits = torch.tensor(free.reshape(len(labels), -1), requires_grad=True)
        value = infonce.info_nce(logits[:, column])
        value.backward()
        return value.item(), logits.grad.numpy().ravel()

    for seed in range(3):
        start = np.random.default_rng(seed).normal(size=shares.numel())
        found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 500}).fun
        assert floor - 1e-9 <= found <= floor + 1e-2


def test_floor_rises_with_the_batch_and_with_the_share_of_one_caption():
    by_size = [infonce.floor([170] * 16, size) for size in (1, 2, 16, 64, 256, 2720)]
    by_share = [infonce.floor(counts, 8) for counts in ([1] * 16, [2] * 8, [4] * 4, [8, 8], [12, 4], [15, 1], [16])]
    for values in (by_size, by_share):
        assert values[0] == 0
        assert all(low < high for low, high in itertools.pairwise(values))
    assert by_size[-1] == pytest.approx(math.log(170))
    assert by_share[-1] == pytest.approx(math.log(8))


def test_floor_of_very_many_captions():
    """30,000 captions twice each: a twin is one of the 63 others in the batch, of 59,999; it costs log 2."""
    assert infonce.floor([2] * 30_000, 64) == pytest.approx(63 / 59_999 * math.log(2), rel=1e-9)


def test_floor_does_not_depend_on_the_order_of_the_captions_nor_on_what_holds_the_counts():
    counts = [5, 1, 3, 3, 1, 8]
    for same in (sorted(counts), tuple(counts[::-1]), np.array(counts)):
        assert infonce.floor(same, 7) == pytest.approx(infonce.floor(counts, 7), abs=1e-12)


def test_floor_of_the_reference_recipe():
    """The number of the ledger, from the probabilities of the hypergeometric distribution in whole numbers."""
    ways = [math.comb(169, twins) * math.comb(2719 - 169, 63 - twins) for twins in range(64)]
    assert sum(ways) == math.comb(2719, 63)
    exact = math.fsum(Fraction(w, sum(ways)) * math.log(1 + twins) for twins, w in enumerate(ways))
    assert infonce.floor([170] * 16, 64) == pytest.approx(exact, abs=1e-9)
    assert round(exact, 4) == 1.5085


@pytest.mark.parametrize(("counts", "batch_size"), [([3, 2], 6), ([3, 2], 0), ([3, 0], 2), ([3, -1], 2)])
def test_floor_of_an_impossible_batch_is_refused(counts, batch_size):
    with pytest.raises(InputError, match="cannot draw"):
        infonce.floor(counts, batch_size)


# --- wrong losses ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_right_loss_passes_every_check(check):
    check(right)


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.__name__)
def test_every_wrong_loss_is_caught(wrong):
    assert not all(passed(check, wrong) for check in CHECKS)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_every_check_can_fail(check):
    def by_place(images: torch.Tensor, texts: torch.Tensor, log_logit_scale: torch.Tensor) -> torch.Tensor:
        """Weighs the pairs by their place in the batch, and pictures above captions."""
        return (right(images, texts, log_logit_scale) + images[0, 0] + texts[1, 0]) / 2 + images[0, 1]

    assert not passed(check, by_place)
    with pytest.raises(LossCheckError, match="nats"):
        check(by_place)


def test_right_loss_is_what_scipy_computes():
    generator = torch.Generator().manual_seed(3)
    images, texts = torch.randn(2, 6, 10, generator=generator, dtype=torch.float64)
    unit = [x.numpy() / np.linalg.norm(x.numpy(), axis=1, keepdims=True) for x in (images, texts)]
    expected = by_scipy(4.0 * unit[0] @ unit[1].T)
    assert right(images, texts, torch.tensor(math.log(4.0), dtype=torch.float64)).item() == pytest.approx(expected)
