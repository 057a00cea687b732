"""Muon: every direction of a weight matrix learns at the same pace (helper of chapter 6)."""

from collections.abc import Iterable

import torch
from torch import Tensor

from toyclip.errors import InputError

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)  # the quintic of Jordan et al. 2024: steep at 0, near 1 where it matters


@torch.no_grad()
def orthogonalize(matrix: Tensor, steps: int = 3) -> Tensor:
    """The nearest matrix with all singular values 1, roughly: same singular vectors, values pulled towards 1.

    A quintic polynomial of the matrix, applied again and again, needs nothing but products (Jordan et al. 2024).

    Args:
        matrix: (R, C) float.
        steps: how often; three bring each singular value that is above a fiftieth of the matrix's norm to 0.68 to 1.21.

    Raises:
        InputError: if the input is no matrix.

    >>> orthogonalize(torch.diag(torch.tensor([4.0, 2.0])), steps=5).round(decimals=1).abs() > 0.6
    tensor([[ True, False],
            [False,  True]])
    """
    if matrix.ndim != 2:
        raise InputError(f"expected a matrix, got shape {tuple(matrix.shape)}; flatten all but the first dimension")
    a, b, c = NEWTON_SCHULZ
    x = matrix / (matrix.norm() + 1e-7)  # (R, C), no singular value above 1
    x = x.T if len(x) > x.shape[1] else x  # the smaller product is the cheaper one
    for _ in range(steps):
        gram = x @ x.T  # (r, r)
        x = a * x + (b * gram + c * gram @ gram) @ x  # (r, c)
    return x if x.shape == matrix.shape else x.T


class Muon(torch.optim.Optimizer):
    """Momentum, then `orthogonalize`, on weights of two or more dimensions that keep the length they should have.

    After the source (Jordan et al. 2024) and its record run on CIFAR-10 (Jordan 2024): each tensor is read as a matrix
    (outputs, everything else), and before each step scaled so that an output's weights have length 1 on average.
    `torch.optim.Muon` takes matrices only and keeps no length; chapter 6 compares.

    Args:
        lr: length of a step: how far each singular value of the weights moves.
        momentum: share of the running gradient that is kept, in Nesterov's form.

    Raises:
        InputError: if a parameter has fewer than two dimensions: a bias has no directions to balance.
    """

    def __init__(self, params: Iterable[Tensor], lr: float, momentum: float = 0.6, fixed_length: bool = True):
        params = list(params)
        if any(p.ndim < 2 for p in params):
            raise InputError("Muon moves weights of two or more dimensions; give biases and gains to AdamW")
        super().__init__(params, {"lr": lr, "momentum": momentum, "fixed_length": fixed_length})

    @torch.no_grad()
    def step(self) -> None:
        """Move every parameter that has a gradient."""
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                if not self.state[p]:
                    self.state[p]["momentum_buffer"] = torch.zeros_like(p)
                momentum_buffer = self.state[p]["momentum_buffer"].mul_(group["momentum"]).add_(p.grad)
                nesterov = p.grad.add(momentum_buffer, alpha=group["momentum"])
                if group["fixed_length"]:
                    p.mul_(len(p) ** 0.5 / p.norm().clamp_min(1e-7))  # a weight of nothing but zeros stays
                p.add_(orthogonalize(nesterov.flatten(1)).view_as(p), alpha=-group["lr"])
