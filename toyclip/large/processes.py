"""Several processes that train one model: how they meet, what they tell one another, and how they end together."""

import contextlib
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor

from toyclip.errors import ProcessLostError, RecipeError

PATIENCE = 300.0  # seconds that a process waits for what another has to send
TOLD = "toyclip: who tells what went wrong"  # a key of the store that all processes share


@dataclass
class Processes:
    """This process among those that train one model; by default it is the only one, and every exchange is free.

    >>> alone = Processes()
    >>> alone.sizes(5), alone.sum(torch.tensor(3.0)).item()
    ([5], 3.0)
    """

    rank: int = 0  # 0 prints and writes
    size: int = 1
    device: str = "cpu"
    group: dist.ProcessGroup | None = None
    waited: float = 0.0  # seconds spent in the exchanges below, waiting for slower processes included

    def sizes(self, own: int) -> list[int]:
        """How many pairs every process has, by rank, when this one has `own`."""
        if self.group is None:
            return [own]
        counts = torch.zeros(self.size, dtype=torch.int64, device=self.device)  # (P,)
        counts[self.rank] = own
        return self.sum(counts).tolist()

    def sum(self, values: Tensor) -> Tensor:
        """The sum over all processes, on each of them; of any shape, the same everywhere."""
        if self.group is None:
            return values
        total = values.to(self.device, copy=True)
        with self._exchange():
            dist.all_reduce(total, group=self.group)
        return total

    def rows(self, own: Tensor, sizes: Sequence[int]) -> Tensor:
        """The rows of all processes, (b, D) of each -> (B, D), those of rank 0 first; no gradient comes back.

        Args:
            sizes: rows of each process, as `sizes` tells; they may differ, and be 0.
        """
        if self.group is None:
            return own
        padded = own.new_zeros(max(sizes), *own.shape[1:])  # (max b, D): what is exchanged has one shape
        padded[: len(own)] = own
        parts = [torch.empty_like(padded) for _ in sizes]  # (max b, D) each
        with self._exchange():
            dist.all_gather(parts, padded, group=self.group)
        return torch.cat([part[:size] for part, size in zip(parts, sizes, strict=True)])  # (B, D)

    @contextlib.contextmanager
    def _exchange(self) -> Iterator[None]:
        start = time.perf_counter()
        with contact():
            yield
        self.waited += time.perf_counter() - start


@contextlib.contextmanager
def contact() -> Iterator[None]:
    """Say in one sentence that another process is gone or does not answer, whatever the backend makes of it.

    Raises:
        ProcessLostError: instead of an error of gloo or NCCL.
    """
    try:
        yield
    except RuntimeError as error:
        if isinstance(error, dist.DistError) or any(word in str(error).lower() for word in ("gloo", "nccl", "store")):
            raise ProcessLostError(
                "another process has ended, or did not answer in time; start all of them again (with --checkpoint "
                "they go on where they were)"
            ) from None
        raise


def under_torchrun() -> bool:
    """Whether torchrun has started this process; a launcher that sets RANK alone makes no crew."""
    return "RANK" in os.environ and "WORLD_SIZE" in os.environ


@contextlib.contextmanager
def joined(device: str = "cpu") -> Iterator[Processes]:
    """Meet the other processes that torchrun has started; without torchrun this is the only one.

    Raises:
        RecipeError: if there are more processes than GPUs, or torchrun's variables are not as it sets them.
        ProcessLostError: if not all of them come.
    """
    if not under_torchrun():
        yield Processes(device=device)
        return
    try:
        with contact():
            store, rank, size = next(dist.rendezvous("env://", timeout=timedelta(seconds=PATIENCE)))
    except ValueError as error:  # a variable that is missing, or no number
        reason = " ".join(str(error).split())
        raise RecipeError(f"cannot meet the other processes ({reason}); start them with torchrun") from None
    attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")  # the store outlives a restart
    with member(dist.PrefixStore(f"toyclip {attempt}", store), rank, size, device) as processes:
        # All are connected before one can find fault and end: gloo would tell the others of that in words of its own.
        with contact():
            dist.all_reduce(torch.zeros(1, device=processes.device))
        yield processes


@contextlib.contextmanager
def member(
    store: dist.Store, rank: int, size: int, device: str = "cpu", patience: float = PATIENCE
) -> Iterator[Processes]:
    """Be process `rank` of `size` that share a store; NCCL carries what GPUs exchange, gloo everything else.

    If one fails, all end: who notices first raises, the others leave in silence, with exit code 2. Where an error
    makes a process end, its connections break, and whoever waits for it learns of it at once.

    Args:
        patience: seconds that one waits for another that is still there, but sends nothing.

    Raises:
        RecipeError: if there are more processes than GPUs, or another kind of device.
        ProcessLostError: if another process is gone.
    """
    try:
        if device != "cpu" and not device.startswith("cuda"):
            raise RecipeError(f"several processes cannot share the device {device!r}; use cpu or cuda")
        if device.startswith("cuda"):
            local, there = int(os.environ.get("LOCAL_RANK", rank)), torch.cuda.device_count()
            if local >= there:
                raise RecipeError(f"{local + 1} processes or more, but {there} GPUs here; start one process for each")
            device = f"cuda:{local}"
            torch.cuda.set_device(device)
        backend = "nccl" if device.startswith("cuda") else "gloo"
        with contact():
            dist.init_process_group(
                backend, store=store, rank=rank, world_size=size, timeout=timedelta(seconds=patience)
            )
        yield Processes(rank, size, device, dist.group.WORLD)
    except BaseException as error:
        if not isinstance(error, SystemExit) and not _first(store, rank):
            time.sleep(1)  # torchrun stops all when one ends: let the first say what it has to say
            raise SystemExit(2) from None
        raise
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()


def _first(store: dist.Store, rank: int) -> bool:
    """Whether this process is the first to fail; also if the store, which torchrun keeps, is gone."""
    try:
        return store.compare_set(TOLD, "", str(rank)).decode() == str(rank)
    except RuntimeError:
        return True
