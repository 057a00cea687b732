"""Tying a modality to a frozen space: against closed forms, by properties, and what is refused."""

import math

import pytest
import torch
import torch.nn.functional as F
from scipy.linalg import orthogonal_procrustes
from torch import nn

from toyclip import streams
from toyclip.binding import Bound, bind, contrast
from toyclip.errors import InputError, LossNotFiniteError, RecipeError


def pairs(number: int = 256, dim: int = 8, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """A frozen space, and the same turned by a matrix unknown to whoever has to find its way back."""
    generator = streams.generator(seed, "anchors")
    anchors = F.normalize(torch.randn(number, dim, generator=generator), dim=1)
    turn, _ = torch.linalg.qr(torch.randn(dim, dim, generator=generator))
    return anchors @ turn, anchors, turn


def linear(inputs: int = 8, outputs: int = 8) -> nn.Linear:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Linear(inputs, outputs, bias=False)


def test_linear_encoder_finds_the_rotation_that_procrustes_finds():
    inputs, anchors, turn = pairs()
    bound = bind(linear(), inputs, anchors, epochs=60, lr=0.03)
    right, _ = orthogonal_procrustes(inputs.numpy(), anchors.numpy())
    _, places, _ = pairs(seed=1)
    fresh = places @ turn
    assert torch.allclose(fresh @ torch.from_numpy(right), places, atol=1e-4)  # the oracle is one
    assert (bound.embed(fresh) * places).sum(dim=1).min() > 0.98


def test_what_is_embedded_has_length_one_and_only_the_encoder_is_trained():
    inputs, anchors, _ = pairs()
    kept, encoder = anchors.clone(), linear()
    before = encoder.weight.clone()
    bound = bind(encoder, inputs, anchors.requires_grad_(), epochs=2)
    assert bound.encoder is encoder
    assert not torch.equal(encoder.weight, before)
    assert anchors.grad is None
    assert torch.equal(anchors, kept)
    assert torch.allclose(bound.embed(inputs).norm(dim=1), torch.ones(len(inputs)), atol=1e-5)
    assert not bound.embed(inputs).requires_grad
    assert torch.equal(bound.embed(inputs, batch_size=7), bound.embed(inputs, batch_size=256)) or torch.allclose(
        bound.embed(inputs, batch_size=7), bound(inputs), atol=1e-6
    )


def test_length_of_an_anchor_does_not_matter():
    inputs, anchors, _ = pairs()
    once = bind(linear(), inputs, anchors, epochs=2)
    again = bind(linear(), inputs, anchors * torch.arange(1, 257)[:, None], epochs=2)
    assert torch.allclose(once.encoder.weight, again.encoder.weight, atol=1e-4)


def test_fixed_temperature_stays_and_a_learned_one_moves_within_the_clamp():
    inputs, anchors, _ = pairs()
    for temperature in (0.005, 0.05, 2.0):
        assert bind(linear(), inputs, anchors, epochs=1, temperature=temperature).logit_scale.item() == pytest.approx(
            1 / temperature
        )
    learned = bind(linear(), inputs, anchors, epochs=30, lr=0.3, temperature=None).logit_scale.item()
    assert 1 / 0.07 + 1 < learned <= 100.001


def test_loss_is_the_symmetric_cross_entropy_of_scaled_cosines():
    inputs, anchors, _ = pairs(number=6)
    bound = Bound(linear(), temperature=0.1)
    out = inputs @ bound.encoder.weight.T
    cosine = (out / out.norm(dim=1, keepdim=True)) @ anchors.T
    rows, columns = (-torch.log(torch.exp(10 * c).diag() / torch.exp(10 * c).sum(dim=1)) for c in (cosine, cosine.T))
    assert contrast(bound, inputs, anchors).item() == pytest.approx((rows.mean() + columns.mean()).item() / 2, rel=1e-5)


def test_seed_decides_the_order_and_losses_fall():
    inputs, anchors, _ = pairs()
    one, same, other = (bind(linear(), inputs, anchors, epochs=5, seed=s) for s in (1, 1, 2))
    assert one.losses == same.losses != other.losses
    assert len(one.losses) == 5
    assert one.losses[-1] < one.losses[0]


def test_another_loss_may_be_given():
    inputs, anchors, _ = pairs()
    bound = bind(
        linear(), inputs, anchors, epochs=40, lr=0.03, loss_of=lambda b, x, a: (b(x) - a).square().sum(1).mean()
    )
    assert bound.losses[-1] < 0.02 < bound.losses[0]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"anchors": torch.ones(9, 8)}, r"10 inputs need as many anchors \(N, D\); got the shape \(9, 8\)"),
        ({"anchors": torch.ones(10)}, r"got the shape \(10,\)"),
        ({"anchors": torch.ones(10, 5)}, r"the encoder makes \(2, 8\) of 2 inputs; this space needs \(2, 5\)"),
        ({"anchors": torch.zeros(10, 8)}, "an anchor is zero or not finite"),
        ({"anchors": torch.full((10, 8), torch.nan)}, "an anchor is zero or not finite"),
        ({"temperature": 0.0}, "temperature=0.0 divides no cosine"),
        ({"temperature": -1.0}, "temperature=-1.0"),
        ({"temperature": math.nan}, "temperature=nan"),
        ({"temperature": math.inf}, "temperature=inf"),
        ({"encoder": nn.Flatten(0)}, r"the encoder makes \(16,\) of 2 inputs"),
    ],
)
def test_what_cannot_be_tied_is_refused(changed, message):
    sound = {"encoder": linear(), "inputs": torch.ones(10, 8), "anchors": torch.ones(10, 8), "batch_size": 4}
    with pytest.raises(InputError, match=message):
        bind(**sound | changed)


@pytest.mark.parametrize("wrong", [{"batch_size": 11}, {"epochs": 0}, {"batch_size": 1}, {"lr": -1.0}])
def test_what_cannot_be_trained_is_refused(wrong):
    with pytest.raises(RecipeError):
        bind(linear(), torch.ones(10, 8), torch.ones(10, 8), **{"batch_size": 4} | wrong)


def test_input_that_is_no_number_ends_in_an_error():
    inputs, anchors, _ = pairs()
    inputs[3] = torch.nan
    with pytest.raises(LossNotFiniteError):
        bind(linear(), inputs, anchors, epochs=1)
