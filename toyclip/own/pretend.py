"""Several processes in one: a gather across processes that needs none (page Your own CLIP).

A loss that gathers embeddings calls torch.distributed. Here each process's call is made in turn. In a first round what
each process gives into the k-th gather is written down; in a second round every gather hands out what all gave.
"""

import contextlib
from collections.abc import Callable, Iterator
from unittest.mock import patch

import torch
import torch.distributed.nn
from torch import Tensor

from toyclip.errors import InputError


class Gathers:
    """What stands in for torch.distributed while one of `size` processes computes."""

    def __init__(self, size: int) -> None:
        self.size, self.rank, self.call = size, 0, 0
        self.given: list[list[Tensor]] = [[] for _ in range(size)]  # by process, in the order of its calls
        self.complete = False

    def gather(self, tensor: Tensor) -> list[Tensor]:
        """The tensors of all processes, with their gradients."""
        if self.complete:
            everyone = [given[self.call] for given in self.given]
        else:
            self.given[self.rank].append(tensor)
            everyone = [tensor] * self.size
        self.call += 1
        return everyone

    def with_gradient(self, tensor: Tensor, *arguments: object, **options: object) -> tuple[Tensor, ...]:
        """As torch.distributed.nn.all_gather: gradients find their way to the process that gave."""
        return tuple(self.gather(tensor))

    def without_gradient(self, tensors: list[Tensor], tensor: Tensor, *arguments: object, **options: object) -> None:
        """As torch.distributed.all_gather: numbers are written into tensors that are there."""
        with torch.no_grad():
            for place, there in zip(tensors, self.gather(tensor), strict=True):
                place.copy_(there)

    def into_one(self, whole: Tensor, tensor: Tensor, *arguments: object, **options: object) -> None:
        """As torch.distributed.all_gather_into_tensor."""
        with torch.no_grad():
            whole.copy_(torch.cat(self.gather(tensor)).reshape(whole.shape))


@contextlib.contextmanager
def standing_in(gathers: Gathers) -> Iterator[None]:
    """Put `gathers` in the place of torch.distributed, by the names under which losses call it."""
    functions = {
        "torch.distributed.all_gather": gathers.without_gradient,
        "torch.distributed.all_gather_into_tensor": gathers.into_one,
        "torch.distributed.all_gather_single": gathers.into_one,  # its name from torch 2.13 on
        "torch.distributed.nn.all_gather": gathers.with_gradient,
        "torch.distributed.nn.functional.all_gather": gathers.with_gradient,
        "torch.distributed.get_rank": lambda group=None: gathers.rank,
        "torch.distributed.get_world_size": lambda group=None: gathers.size,
        "torch.distributed.is_initialized": lambda: True,
    }
    with contextlib.ExitStack() as stack:
        for name, function in functions.items():
            stack.enter_context(patch(name, function, create=True))
        yield


def each_process(compute: Callable[[int], Tensor], size: int) -> list[Tensor]:
    """What `compute(rank)` returns in each of `size` processes that gather from one another.

    Raises:
        InputError: if the processes do not all gather equally often: real ones would wait for ever.

    >>> def sum_of_all(rank):
    ...     return torch.stack(torch.distributed.nn.all_gather(torch.tensor(10.0**rank))).sum()
    >>> each_process(sum_of_all, 3)
    [tensor(111.), tensor(111.), tensor(111.)]
    """
    gathers = Gathers(size)
    with standing_in(gathers):
        for complete in (False, True):
            gathers.complete, results = complete, []
            for gathers.rank in range(size):
                gathers.call = 0
                results.append(compute(gathers.rank))
            if len({len(given) for given in gathers.given}) > 1:
                raise InputError("some processes gather more often than others; real ones would wait for ever")
    return results
