"""The value and the gradients of a loss, in one process or over several (page Your own CLIP)."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor

from toyclip.errors import InputError
from toyclip.loss_checks import Loss
from toyclip.own.pretend import each_process

Batch = tuple[Tensor, Tensor, Tensor]  # pictures (B, D), captions (B, D), log scale ()


@dataclass(frozen=True)
class Measured:
    """Mean loss over processes, and its gradients as DistributedDataParallel averages them."""

    value: float
    gradients: tuple[Tensor, Tensor, Tensor]  # of pictures (B, D), of captions (B, D), of the log scale ()


def started() -> bool:
    """Whether this is one of several processes that talk to one another."""
    return dist.is_available() and dist.is_initialized()


def measure(loss: Loss, batch: Batch, processes: int) -> Measured:
    """The loss of a batch, (B, D) twice and a log scale, over processes that each have an equal share of it.

    Raises:
        InputError: if the loss raises something, or does not return one number.
    """
    leaves = [tensor.clone().requires_grad_() for tensor in batch]
    share = len(batch[0]) // processes

    def of_process(rank: int) -> Tensor:
        part = slice(rank * share, (rank + 1) * share)
        returned = loss(leaves[0][part], leaves[1][part], leaves[2])
        if not isinstance(returned, Tensor) or returned.numel() != 1:
            got = f"shape {tuple(returned.shape)}" if isinstance(returned, Tensor) else type(returned).__name__
            raise InputError(f"the loss returned {got}, not one number; hand over a function that returns the mean")
        return returned.reshape(())

    try:
        values = [of_process(dist.get_rank())] if started() else each_process(of_process, processes)
        mean = torch.stack(values).sum() / processes  # ()
        found = torch.autograd.grad(mean, leaves, allow_unused=True) if mean.requires_grad else [None] * 3
    except InputError:
        raise
    except Exception as error:  # whatever a stranger's loss raises
        advice = "see what it takes; if it needs real processes, call this under torchrun"
        raise InputError(f"the loss raised {type(error).__name__} ({str(error)[:120]}); {advice}") from error
    gradients = [torch.zeros_like(x) if g is None else g for g, x in zip(found, leaves, strict=True)]
    value = mean.detach().clone()  # ()
    if started():
        for tensor in (value, *gradients):
            dist.all_reduce(tensor)
    return Measured(value.item(), tuple(gradients))


def gradient_of(loss: Callable[..., Tensor], batch: Batch, *more: int) -> tuple[Tensor, ...]:
    """Gradients of a loss for pictures (B, D), captions (B, D) and the log scale ()."""
    leaves = [tensor.clone().requires_grad_() for tensor in batch]
    return torch.autograd.grad(loss(*leaves, *more), leaves)
