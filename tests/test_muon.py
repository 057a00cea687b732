"""Muon against singular values by LAPACK, against momentum written out as a sum, and against torch's own Muon."""

import copy
import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from toyclip.encoders import Config, ToyCLIP
from toyclip.errors import InputError
from toyclip.muon import Muon, orthogonalize

SHAPES = [(5, 5), (4, 9), (9, 4), (1, 6), (6, 1), (1, 1), (32, 27), (64, 288)]
QUINTIC = (3.4445, -4.7750, 2.0315)  # of Jordan et al. 2024


def matrix(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def rotation(size: int, seed: int) -> Tensor:
    """A random orthogonal matrix."""
    return torch.linalg.qr(matrix(size, size, seed=seed)).Q


def with_values(values: Tensor, rows: int, columns: int) -> Tensor:
    """A matrix with these singular values."""
    return rotation(rows, 1)[:, : len(values)] * values @ rotation(columns, 2)[: len(values)]


def pulled(values: Tensor, steps: int = 3) -> Tensor:
    """What becomes of singular values: the length of the whole vector to 1, then the quintic again and again."""
    a, b, c = QUINTIC
    values = values / values.norm()
    for _ in range(steps):
        values = a * values + b * values**3 + c * values**5
    return values


def by_svd(x: Tensor) -> Tensor:
    """The same singular vectors with the values that `pulled` gives, by torch's singular value decomposition."""
    u, values, vh = torch.linalg.svd(x, full_matrices=False)
    return u * pulled(values) @ vh


# --- a matrix --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES)
def test_singular_vectors_stay_and_singular_values_go_through_the_quintic(shape):
    x = matrix(*shape)
    u, values, vh = torch.linalg.svd(x, full_matrices=False)
    found = orthogonalize(x)
    assert found.shape == shape
    torch.testing.assert_close(u.T @ found @ vh.T, torch.diag(pulled(values)), rtol=0, atol=1e-6)
    torch.testing.assert_close(found, by_svd(x), rtol=0, atol=1e-6)


@pytest.mark.parametrize("steps", [0, 1, 2, 5])
def test_number_of_steps_is_the_number_of_times(steps):
    u, values, vh = torch.linalg.svd(matrix(4, 6), full_matrices=False)
    torch.testing.assert_close(orthogonalize(matrix(4, 6), steps), u * pulled(values, steps) @ vh, rtol=0, atol=1e-5)


def test_bound_on_the_singular_values_holds_everywhere_above_a_fiftieth():
    """Two values, of which the smaller is anything from 1/50 of the norm on."""
    for angle in np.linspace(math.asin(1 / 50), math.pi / 4, 200):
        found = torch.linalg.svdvals(
            orthogonalize(with_values(torch.tensor([math.cos(angle), math.sin(angle)], dtype=torch.float64), 3, 2))
        )
        assert 0.68 <= found.min() <= found.max() <= 1.21


def test_small_singular_values_grow_most_and_none_is_lost():
    """Three steps enlarge what is near 0 by 3.4445^3 = 40.9, in proportion to the matrix's norm."""
    values = torch.tensor([1, 1e-4], dtype=torch.float64)
    found = torch.linalg.svdvals(orthogonalize(with_values(values, 5, 3)))
    assert found[1].item() == pytest.approx(1e-4 * 3.4445**3, rel=1e-4)
    assert found[2].item() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("factor", [1e-2, 0.5, 2, 1e3, 1e6, -1])
def test_length_of_the_matrix_does_not_matter_but_its_sign_does(factor):
    """Up to the 1e-7 that keeps a matrix of zeros from being divided by 0."""
    x = matrix(6, 4)
    expected = math.copysign(1, factor) * orthogonalize(x)
    torch.testing.assert_close(orthogonalize(factor * x), expected, rtol=0, atol=1e-4)
    torch.testing.assert_close(orthogonalize(max(1, abs(factor)) * x), orthogonalize(x), rtol=0, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_input_keeps_its_numbers_and_the_result_its_type(dtype):
    x = matrix(6, 4, dtype=dtype).requires_grad_()
    before = x.detach().clone()
    found = orthogonalize(x)
    assert torch.equal(x, before)
    assert found.dtype == dtype
    assert not found.requires_grad
    torch.testing.assert_close(found.double(), by_svd(before.double()), rtol=0, atol=1e-5)


def test_matrix_of_zeros_stays_one():
    assert torch.equal(orthogonalize(torch.zeros(3, 4)), torch.zeros(3, 4))


@pytest.mark.parametrize("shape", [(4,), (), (2, 3, 4), (2, 3, 3, 3)])
def test_what_is_no_matrix_is_refused(shape):
    with pytest.raises(InputError, match="expected a matrix, got shape") as error:
        orthogonalize(torch.zeros(shape))
    assert str(tuple(shape)) in str(error.value)


# --- steps -----------------------------------------------------------------------------------------------------------


def run(parameter: Tensor, gradients: list[Tensor], **options) -> Tensor:
    """The parameter after a step along each of the gradients."""
    parameter = nn.Parameter(parameter.clone())
    optimizer = Muon([parameter], **options)
    for gradient in gradients:
        parameter.grad = gradient.clone()
        optimizer.step()
    return parameter.detach()


def written_out(parameter: Tensor, gradients: list[Tensor], lr: float, momentum: float, fixed_length: bool) -> Tensor:
    """The same without a memory: the running gradient as a sum over all gradients so far, Nesterov's as its next one.

    Nesterov's form adds to the gradient what the running one would pass on: momentum times itself.
    """
    x = parameter.flatten(1)
    for t in range(len(gradients)):
        running = sum(momentum ** (t - s) * gradients[s] for s in range(t + 1))
        if fixed_length:
            x = x * math.sqrt(x.shape[0]) / x.square().sum().sqrt()
        x = x - lr * by_svd((gradients[t] + momentum * running).flatten(1))
    return x.view_as(parameter)


@pytest.mark.parametrize("shape", [(3, 7), (7, 3), (5, 2, 3, 3), (32, 3, 3, 3), (6, 4, 1, 1), (2, 3, 4)])
@pytest.mark.parametrize("fixed_length", [True, False])
@pytest.mark.parametrize("momentum", [0.0, 0.6, 0.95])
def test_four_steps_are_what_the_formula_says(shape, fixed_length, momentum):
    options = {"lr": 0.3, "momentum": momentum, "fixed_length": fixed_length}
    start, gradients = matrix(*shape), [matrix(*shape, seed=seed) for seed in range(1, 5)]
    found, expected = (how(start, gradients, **options) for how in (run, written_out))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


def test_defaults_are_momentum_of_six_tenths_and_a_fixed_length():
    start, gradients = matrix(4, 6), [matrix(4, 6, seed=seed) for seed in range(1, 4)]
    assert torch.equal(run(start, gradients, lr=0.1), run(start, gradients, lr=0.1, momentum=0.6, fixed_length=True))


@pytest.mark.parametrize(("rows", "columns"), [(16, 16), (16, 40), (40, 16)])
@pytest.mark.parametrize("momentum", [0.0, 0.6, 0.95])
def test_without_a_fixed_length_it_is_torchs_muon(rows, columns, momentum):
    """Torch multiplies the rate of tall matrices by the root of rows per column; and calculates in bfloat16.

    Its running gradient is a mean, ours a sum: only the length differs, which goes when the matrix is orthogonalized.
    """
    start = matrix(rows, columns, dtype=torch.float32)
    gradients = [matrix(rows, columns, seed=seed, dtype=torch.float32) for seed in range(1, 6)]
    ours = run(start, gradients, lr=0.1, momentum=momentum, fixed_length=False)
    theirs, lr = nn.Parameter(start.clone()), 0.1 / math.sqrt(max(1, rows / columns))
    optimizer = torch.optim.Muon([theirs], lr, weight_decay=0, momentum=momentum, nesterov=True, ns_steps=3)
    for gradient in gradients:
        theirs.grad = gradient.clone()
        optimizer.step()
    assert (ours - theirs.detach()).norm() < 0.015 * (ours - start).norm()


@pytest.mark.parametrize("length", [1e-3, 1.0, 1e3])
def test_length_before_each_step_is_the_root_of_the_number_of_outputs_whatever_it_was(length):
    """With a rate of 0 nothing but the length is left to change, and no output's share of it."""
    start = length * matrix(5, 2, 3, 3)
    found = run(start, [matrix(5, 2, 3, 3, seed=1)], lr=0.0)
    assert found.norm().item() == pytest.approx(math.sqrt(5))
    torch.testing.assert_close(found / found.norm(), start / start.norm())
    again = run(start, [matrix(5, 2, 3, 3, seed=seed) for seed in range(3)], lr=0.2)
    last = run(found, [matrix(5, 2, 3, 3, seed=seed) for seed in range(3)], lr=0.2)
    torch.testing.assert_close(again, last)


def test_weight_of_nothing_but_zeros_has_no_length_to_keep_and_stays_finite():
    start, gradient = torch.zeros(3, 4, dtype=torch.float64), matrix(3, 4, seed=1)
    found = run(start, [gradient], lr=0.1)
    torch.testing.assert_close(found, -0.1 * orthogonalize((1 + 0.6) * gradient.to(found.dtype)))


@pytest.mark.parametrize("shape", [(6, 2, 3, 3), (32, 2, 3, 3)], ids=["wide", "tall"])
def test_order_in_memory_does_not_matter(shape):
    """Pictures laid out by place, as the strided encoder has them, give gradients laid out by place."""
    start, gradients = matrix(*shape), [matrix(*shape, seed=seed) for seed in (1, 2)]
    expected = run(start, gradients, lr=0.1)
    by_place = [x.contiguous(memory_format=torch.channels_last) for x in (start, *gradients)]
    torch.testing.assert_close(run(start, by_place[1:], lr=0.1), expected)
    torch.testing.assert_close(run(by_place[0], by_place[1:], lr=0.1), expected)


def test_every_parameter_has_a_memory_of_its_own():
    starts = [matrix(4, 6), matrix(5, 3, 2)]
    gradients = [[matrix(4, 6, seed=seed), matrix(5, 3, 2, seed=seed)] for seed in (1, 2)]
    parameters = [nn.Parameter(start.clone()) for start in starts]
    optimizer = Muon(parameters, lr=0.1)
    for step in gradients:
        for parameter, gradient in zip(parameters, step, strict=True):
            parameter.grad = gradient
        optimizer.step()
    for i, parameter in enumerate(parameters):
        assert torch.equal(parameter, run(starts[i], [step[i] for step in gradients], lr=0.1))


def test_gradient_itself_is_left_alone():
    parameter = nn.Parameter(matrix(4, 6))
    parameter.grad = matrix(4, 6, seed=1)
    optimizer = Muon([parameter], lr=0.1)
    optimizer.step()
    optimizer.step()
    assert torch.equal(parameter.grad, matrix(4, 6, seed=1))


def test_parameter_without_a_gradient_stays():
    """Its length too; and the step afterwards is its first."""
    moved, still = nn.Parameter(matrix(4, 6)), nn.Parameter(3 * matrix(4, 6))
    optimizer = Muon([still, moved], lr=0.1)
    moved.grad = matrix(4, 6, seed=1)
    optimizer.step()
    assert not torch.equal(moved, matrix(4, 6))
    assert torch.equal(still, 3 * matrix(4, 6))
    still.grad = matrix(4, 6, seed=2)
    optimizer.step()
    assert torch.equal(still, run(3 * matrix(4, 6), [matrix(4, 6, seed=2)], lr=0.1))


@pytest.mark.parametrize("shape", [(4,), ()])
def test_parameter_of_fewer_than_two_dimensions_is_refused(shape):
    with pytest.raises(InputError, match="give biases and gains to AdamW"):
        Muon([nn.Parameter(torch.zeros(3, 3)), nn.Parameter(torch.zeros(shape))], lr=0.1)


def test_parameters_may_come_from_a_generator():
    model = nn.Conv2d(3, 4, 3, bias=False)
    assert Muon((p for p in model.parameters()), lr=0.1).param_groups[0]["params"] == [model.weight]


# --- the memory ------------------------------------------------------------------------------------------------------


def test_memory_survives_being_stored():
    """Two steps, stored and loaded, two more: as four in one go. Without its memory the third would be another."""
    start, gradients = matrix(4, 2, 3, 3), [matrix(4, 2, 3, 3, seed=seed) for seed in range(1, 5)]
    expected = run(start, gradients, lr=0.1)
    first = nn.Parameter(start.clone())
    before = Muon([first], lr=0.1)
    for gradient in gradients[:2]:
        first.grad = gradient
        before.step()
    for remembers in (True, False):
        second = nn.Parameter(first.detach().clone())
        after = Muon([second], lr=0.5, momentum=0.0)  # all of which is in the file too
        after.load_state_dict(copy.deepcopy(before.state_dict()))
        if not remembers:
            after.state.clear()
        for gradient in gradients[2:]:
            second.grad = gradient
            after.step()
        assert torch.equal(second, expected) == remembers


# --- what comes of it ------------------------------------------------------------------------------------------------


def distance(lr: float, optimizer: type[torch.optim.Optimizer], steps: int = 100, **options) -> float:
    """How far from its goal a matrix ends whose columns are felt with weights of 1 to 1/10, as a part of the way.

    The loss is a quadratic; its goal has a length of the root of the number of outputs, as `fixed_length` wants it.
    """
    goal = matrix(6, 6, seed=7)
    goal *= math.sqrt(6) / goal.norm()
    weights = torch.logspace(0, -1, 6, dtype=torch.float64)
    parameter = nn.Parameter(matrix(6, 6, seed=8))
    chosen = optimizer([parameter], lr=lr, **options)
    begin = (parameter.detach() - goal).norm()
    for step in range(steps):
        chosen.param_groups[0]["lr"] = lr * (1 - step / steps)
        chosen.zero_grad()
        (((parameter - goal) * weights).square().sum() / 2).backward()
        chosen.step()
    return ((parameter.detach() - goal).norm() / begin).item()


@pytest.mark.parametrize("fixed_length", [True, False])
def test_all_directions_of_a_quadratic_arrive_together(fixed_length):
    """Gradient descent, whatever its rate, is still on its way with the columns that are hardly felt."""
    assert distance(0.2, Muon, fixed_length=fixed_length) < 0.005
    assert min(distance(lr, torch.optim.SGD) for lr in (0.5, 1, 1.5, 1.9)) > 0.1


def test_filters_of_the_model_can_be_moved_in_single_precision():
    """The shapes and the layout in memory that training has."""
    model = ToyCLIP(Config(image_encoder="strided"), seed=0)
    images = torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    tokens = torch.tensor([[1, 2 + i, 6 + i, 0] for i in range(4)])
    model(images, tokens).diagonal().sum().neg().backward()
    filters = [conv.weight for conv in model.image_encoder.convs]
    expected = [
        written_out(p.detach().double(), [p.grad.double()], lr=0.12, momentum=0.6, fixed_length=True) for p in filters
    ]
    Muon(filters, lr=0.12).step()
    for found, wanted in zip(filters, expected, strict=True):
        assert found.dtype == torch.float32
        torch.testing.assert_close(found.detach().double(), wanted, rtol=0, atol=1e-4)
