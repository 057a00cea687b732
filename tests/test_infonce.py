"""Every form of the loss against closed forms, finite differences and another implementation."""

import math
from functools import partial

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import logsumexp
from torch import Tensor

from toyclip.chunked import chunked_info_nce
from toyclip.errors import InputError, RecipeError
from toyclip.infonce import info_nce, info_nce_gradient, mask_twins, same
from toyclip.loss_checks import CHECKS, LossCheckError, passed
from toyclip.studies.infonce.wrong_losses import WRONG, right
from toyclip.train import contrastive, twins_masked

SIZES = (2, 3, 8, 33)


def random_logits(size: int, seed: int = 0, scale: float = 3.0) -> Tensor:
    return scale * torch.randn(size, size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def by_scipy(logits: np.ndarray, labels: list[int] | None = None) -> float:
    """Symmetric InfoNCE written out, each sum over the pair itself and the pairs with other captions."""
    labels, total = labels or list(range(len(logits))), 0.0
    for i, label in enumerate(labels):
        rest = [j for j, other in enumerate(labels) if j == i or other != label]
        total += logsumexp(logits[i, rest]) + logsumexp(logits[rest, i]) - 2 * logits[i, i]
    return total / (2 * len(labels))


# --- every form of the loss ------------------------------------------------------------------------------------------


def normalized(images: Tensor, texts: Tensor, log_scale: Tensor) -> Tensor:
    return log_scale.exp() * F.normalize(images, dim=1) @ F.normalize(texts, dim=1).T


def in_chunks(chunk: int, images: Tensor, texts: Tensor, log_scale: Tensor) -> Tensor:
    return chunked_info_nce(F.normalize(images, dim=1), F.normalize(texts, dim=1), log_scale.exp(), chunk)


LOSSES = {
    "info_nce": lambda *batch: info_nce(normalized(*batch)),
    "twins masked, no twins": lambda i, t, s: info_nce(mask_twins(normalized(i, t, s), torch.eye(len(i)).bool())),
    "chapter 3's": right,
    **{f"chunks of {chunk}": partial(in_chunks, chunk) for chunk in (1, 3, 8, 100)},
}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_every_form_of_the_loss_passes_every_check(loss, check):
    check(loss)


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
@pytest.mark.parametrize("size", SIZES)
def test_every_form_of_the_loss_is_what_scipy_computes_and_has_the_same_gradient(loss, size):
    generator = torch.Generator().manual_seed(size)
    images, texts = torch.randn(2, size, 10, generator=generator, dtype=torch.float64)
    batch = [x.requires_grad_() for x in (images, texts, torch.tensor(math.log(4.0), dtype=torch.float64))]
    unit = [x.detach().numpy() / np.linalg.norm(x.detach().numpy(), axis=1, keepdims=True) for x in batch[:2]]
    assert loss(*batch).item() == pytest.approx(by_scipy(4.0 * unit[0] @ unit[1].T), abs=1e-12)
    found = torch.autograd.grad(loss(*batch), batch)
    logits = normalized(*batch)
    expected = torch.autograd.grad(logits, batch, info_nce_gradient(logits.detach()))
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-12)


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.__name__)
def test_every_wrong_loss_is_caught(wrong):
    assert not all(passed(check, wrong) for check in CHECKS)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_every_check_can_fail(check):
    def by_place(images: Tensor, texts: Tensor, log_logit_scale: Tensor) -> Tensor:
        """Weighs the pairs by their place in the batch, and pictures above captions."""
        return (right(images, texts, log_logit_scale) + images[0, 0] + texts[1, 0]) / 2 + images[0, 1]

    assert not passed(check, by_place)
    with pytest.raises(LossCheckError, match="nats"):
        check(by_place)


# --- the loss --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
def test_closed_forms(size):
    for constant in (0.0, -4.0, 100.0):  # knowing nothing
        logits = torch.full((size, size), constant, dtype=torch.float64)
        assert info_nce(logits).item() == pytest.approx(math.log(size), abs=1e-12)
    assert 0 <= info_nce(100 * torch.eye(size, dtype=torch.float64)).item() < 1e-30  # right, and sure of it
    surely_wrong = info_nce(-100 * torch.eye(size, dtype=torch.float64)).item()
    assert surely_wrong == pytest.approx(100 + math.log(size - 1))


def test_two_pairs_by_hand():
    logits = torch.tensor([[1.0, 0.0], [2.0, 3.0]], dtype=torch.float64)
    softplus = [math.log1p(math.exp(d)) for d in (0 - 1, 2 - 3, 2 - 1, 0 - 3)]  # rows, then columns
    assert info_nce(logits).item() == pytest.approx(sum(softplus) / 4, abs=1e-12)


@pytest.mark.parametrize("size", SIZES)
def test_symmetries(size):
    """Transposing, reordering pairs or adding a constant changes nothing; reordering captions alone does."""
    logits, order = random_logits(size), torch.randperm(size, generator=torch.Generator().manual_seed(1)).roll(1)
    loss = info_nce(logits).item()
    for other in (logits.T, logits[order][:, order], logits + 7):
        assert info_nce(other).item() == pytest.approx(loss, abs=1e-12)
    assert abs(info_nce(logits.roll(1, dims=1)).item() - loss) > 1e-3


def test_gradient_agrees_with_finite_differences():
    logits = random_logits(5).requires_grad_()
    assert torch.autograd.gradcheck(info_nce, logits)
    twins = same(torch.tensor([0, 1, 0, 2, 2]))
    assert torch.autograd.gradcheck(lambda x: info_nce(mask_twins(x, twins)), logits)


@pytest.mark.parametrize("size", SIZES)
def test_gradient_in_closed_form(size):
    logits = random_logits(size).requires_grad_()
    (by_autograd,) = torch.autograd.grad(info_nce(logits), logits)
    closed = info_nce_gradient(logits.detach())
    torch.testing.assert_close(closed, by_autograd, rtol=0, atol=1e-14)
    assert closed.sum().item() == pytest.approx(0, abs=1e-12)  # a constant added to all logits is free


@pytest.mark.parametrize("shape", [(3, 4), (4,), (2, 3, 3)])
def test_logits_that_are_not_square_are_refused(shape):
    with pytest.raises(InputError, match="square"):
        info_nce(torch.zeros(shape))


@pytest.mark.parametrize("size", [0, 1])
def test_batch_of_fewer_than_two_is_refused(size):
    with pytest.raises(RecipeError, match=f"batch of {size} has no negatives"):
        info_nce(torch.zeros(size, size))


# --- captions that repeat --------------------------------------------------------------------------------------------

LABELS = st.lists(st.integers(0, 3), min_size=2, max_size=7)


@given(LABELS)
def test_masked_loss_leaves_twins_out_of_the_sums(labels):
    logits, twins = random_logits(len(labels)), same(torch.tensor(labels))
    before = logits.clone()
    loss = info_nce(mask_twins(logits, twins)).item()
    assert loss == pytest.approx(by_scipy(logits.numpy(), labels), abs=1e-12)
    assert torch.equal(logits, before)
    assert (loss < info_nce(logits).item() - 1e-12) == (len(set(labels)) < len(labels))


@given(LABELS)
def test_masked_loss_has_no_floor(labels):
    twins = same(torch.tensor(labels))
    assert info_nce(mask_twins(100 * twins.double(), twins)).item() < 1e-30


@given(st.lists(st.lists(st.integers(0, 2), min_size=3, max_size=3), min_size=1, max_size=8))
def test_same_captions_are_found_by_words_and_by_class(captions):
    """Sharing two words of three is not enough."""
    expected = [[a == b for b in captions] for a in captions]
    numbers = [captions.index(caption) for caption in captions]
    assert same(torch.tensor(captions)).tolist() == same(torch.tensor(numbers)).tolist() == expected


@pytest.mark.parametrize(
    "mask",
    [torch.ones(2, 2, dtype=torch.bool), torch.ones(3, dtype=torch.bool), torch.ones(3, 3), torch.ones(3, 3).int()],
)
def test_mask_of_another_shape_or_type_is_refused(mask):
    with pytest.raises(InputError, match="of pairs with the same caption"):
        mask_twins(torch.zeros(3, 3), mask)


# --- the losses that training takes ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("loss_of", "masked"), [(contrastive, False), (twins_masked, True)])
def test_loss_of_a_model_is_that_of_its_logits_with_or_without_twins(loss_of, masked):
    logits, tokens, images = random_logits(5), torch.tensor([[1, 2], [1, 3], [1, 2], [2, 1], [1, 3]]), torch.zeros(5)
    asked = []
    loss = loss_of(lambda *batch: asked.append(batch) or logits, images, tokens)
    assert asked == [(images, tokens)]
    assert loss.item() == pytest.approx(by_scipy(logits.numpy(), [0, 1, 0, 3, 1] if masked else None), abs=1e-12)
