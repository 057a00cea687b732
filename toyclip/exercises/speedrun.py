"""Checks of the reader's answers in the chapter on speed (helper, no chapter)."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from toyclip.lab.answers import answer
from toyclip.muon import Muon


@answer
def arithmetic(given: Sequence[int]) -> str | None:
    """Multiply-adds of the four convolutions of the strided encoder with strides 2 1 2 1, for one picture."""
    right, side, channels = [], 32, (3, 32, 32, 64, 64)
    for stride, ins, outs in zip((2, 1, 2, 1), channels, channels[1:], strict=False):
        side //= stride
        right.append(9 * ins * outs * side * side)
    given = list(given)
    if len(given) != 4:
        return f"expected four numbers, one a convolution, and got {len(given)}"
    for layer, (found, wanted) in enumerate(zip(given, right, strict=True), start=1):
        if found == 2 * wanted:
            return f"convolution {layer} is twice too much: count a multiplication and its addition once"
        if found != wanted:
            return f"convolution {layer} does not need {found:,}: take its weights times the places of its output"
    return None


@answer
def nearest(given: Callable[[Tensor], Tensor]) -> str | None:
    """A matrix with the directions of the one given and all singular values 1."""
    generator = torch.Generator().manual_seed(0)
    for shape in ((5, 8), (8, 5)):
        matrix = torch.randn(shape, generator=generator, dtype=torch.float64)
        found = given(matrix.clone())
        if not isinstance(found, Tensor) or found.shape != matrix.shape:
            got = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
            return f"a matrix {shape} went in, and {got} came out"
        strengths = torch.linalg.svdvals(found)
        if not torch.allclose(strengths, torch.ones_like(strengths), atol=1e-6):
            return f"the singular values run from {strengths.min():.2f} to {strengths.max():.2f} instead of being 1"
        # the nearest one is the factor of a polar decomposition: what is left is symmetric, with no negative value
        left = found.T @ matrix if shape[0] > shape[1] else matrix @ found.T
        if not torch.allclose(left, left.T, atol=1e-6) or torch.linalg.eigvalsh(left).min() < 0:
            return "the strengths are right, but the directions are no longer those of the matrix"
    return None


@answer
def free_length(given: Callable[[list[nn.Parameter]], torch.optim.Optimizer]) -> str | None:
    """Parameters -> a Muon that never rescales them."""
    filters = nn.Parameter(torch.randn(4, 2, 3, 3, generator=torch.Generator().manual_seed(0)))
    before = filters.detach().clone()
    optimizer = given([filters])
    if not isinstance(optimizer, Muon):
        return f"expected a toyclip.muon.Muon, got {type(optimizer).__name__}"
    filters.grad = torch.zeros_like(filters)  # no gradient, no step: what moves now is the length
    optimizer.step()
    if torch.equal(filters, before):
        return None
    return f"an update without a gradient changed the length from {before.norm():.2f} to {filters.norm():.2f}"


@answer
def speedup(given: Callable[[float, float], float]) -> str | None:
    """Share of a run that becomes so many times as fast -> how many times as fast the run becomes."""
    for share, times in ((0.5, 2.0), (0.9, 10.0), (0.25, 1e9), (0.0, 7.0), (1.0, 3.0)):
        ticks = 1000  # a run of a thousand ticks, gone through one by one
        right = ticks / sum(1 / times if tick < share * ticks else 1.0 for tick in range(ticks))
        found = given(share, times)
        if abs(found - right) > 1e-6 * right:
            return f"with a share of {share:g} made {times:g} times as fast the run is not {found:.4g} times as fast"
    return None
