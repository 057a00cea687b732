"""The loop of several processes: a run that can be put down after any step and taken up again."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor, nn

from toyclip import streams
from toyclip.encoders import Config, ToyCLIP
from toyclip.errors import InputError, LossNotFiniteError
from toyclip.large.global_loss import global_info_nce
from toyclip.large.processes import Processes
from toyclip.large.steps import GlobalLoss, shared, step
from toyclip.recipes import Recipe, optimizers, schedule

Batch = tuple[Tensor, Tensor]  # pictures (b, 3, H, W) uint8 and captions (b, L)


class Source(Protocol):
    """Where this process's part of every batch comes from: pairs in memory, or shards."""

    steps: int  # batches of an epoch, at most
    nothing: Batch  # no pairs, (0, 3, H, W) and (0, L)

    def epoch(self, order: torch.Generator) -> Iterator[Batch]:
        """The batches of a new epoch; all that is drawn from `order` is drawn at once, the same in every process."""


class InMemory:
    """Pairs that every process holds: the batches of `toyclip.train.batches`, of each its part.

    >>> halves = [InMemory(torch.zeros(9, 3, 1, 1), torch.ones(9, 4), 4, Processes(rank, 2)) for rank in (0, 1)]
    >>> [[len(tokens) for _, tokens in half.epoch(torch.Generator())] for half in halves]
    [[2, 2, 1], [2, 2, 0]]
    """

    def __init__(self, images: Tensor, tokens: Tensor, batch_size: int, processes: Processes):
        if batch_size > len(images):
            raise InputError(f"a batch of {batch_size} cannot be drawn from {len(images)} pairs; use a smaller one")
        self.images, self.tokens, self.batch_size, self.processes = images, tokens, batch_size, processes
        self.nothing = images[:0], tokens[:0]
        full, rest = divmod(len(images), batch_size)
        self.steps = full + (rest > 1)  # a pair alone has nothing to be told apart from

    def epoch(self, order: torch.Generator) -> Iterator[Batch]:
        """All pairs in a new order."""
        dealt = torch.randperm(len(self.images), generator=order)  # (N,)
        parts = (batch.tensor_split(self.processes.size)[self.processes.rank] for batch in dealt.split(self.batch_size))
        return ((self.images[part], self.tokens[part]) for part in parts)


@dataclass
class Position:
    """How far a run has come."""

    epoch: int = 0  # whole epochs that are behind
    batch: int = 0  # batches of the epoch under way that are behind
    step: int = 0  # steps in all, which decide the learning rate
    nats: float = 0.0  # loss so far of this epoch, summed over its pairs
    pairs: int = 0  # of this epoch so far
    seconds: float = 0.0  # of training in all


@dataclass
class Run:
    """All that a training needs to go on: what a checkpoint holds."""

    model: ToyCLIP
    optimizers: list[tuple[torch.optim.Optimizer, float]]  # and their highest learning rates
    order: torch.Generator  # decides the order of the pairs
    epoch_start: Tensor  # state of `order` when the epoch under way began
    position: Position = field(default_factory=Position)
    history: list[dict] = field(default_factory=list)  # what each whole epoch came to

    @classmethod
    def new(cls, recipe: Recipe, seed: int, device: str = "cpu") -> "Run":
        """A run that has done nothing yet, from one seed: the weights and the order of `toyclip.train.train`."""
        model = ToyCLIP(Config(image_encoder=recipe.image_encoder), seed).to(device)
        order = streams.generator(seed, "order")
        return cls(model, optimizers(model, recipe), order, order.get_state())


def move(run: Run, recipe: Recipe, steps_per_epoch: int) -> None:
    """Clip the gradient, and let the optimisers take one step; the same in every process.

    Raises:
        LossNotFiniteError: if the gradient is not finite; the weights are still as they were.
    """
    length = nn.utils.clip_grad_norm_(run.model.parameters(), recipe.grad_clip)  # ()
    if not length.isfinite():
        told = f"the gradient's length is {length.item()} at step {run.position.step}"
        raise LossNotFiniteError(f"{told}; lower the learning rate")
    rate = max(schedule(recipe, run.position.step, steps_per_epoch), 0.0)
    for optimizer, lr in run.optimizers:
        optimizer.param_groups[0]["lr"] = lr * rate
        optimizer.step()
    run.model.clamp_logit_scale()
    run.position.step += 1


def fit(
    run: Run,
    recipe: Recipe,
    source: Source,
    processes: Processes,
    chunk: int | None = None,
    loss_of: GlobalLoss = global_info_nce,
    after_step: Callable[[], object] = lambda: None,
) -> Iterator[tuple[float, float]]:
    """Train from where `run` stands to the end; after each epoch comes its mean loss in nats, and the logit scale.

    All processes call it at once, and hold the same weights after every step. An epoch ends when no process has pairs
    left; one that runs out earlier goes along with none. A batch of a single pair is left out.

    Args:
        chunk: for gradient caching in every process, see `step`.
        after_step: called when a step is done, and `run` can be stored.

    Raises:
        LossNotFiniteError: if the loss or its gradient becomes NaN or infinite; the weights are still as they were.
        ProcessLostError: if another process is gone.
    """
    towers, at = shared(run.model, processes), run.position
    while at.epoch < recipe.epochs:
        run.order.set_state(run.epoch_start)
        batches = source.epoch(run.order)
        next(itertools.islice(batches, at.batch, at.batch), None)  # those that are behind
        while True:
            images, tokens = next(batches, source.nothing)  # (b, 3, H, W), (b, L)
            pairs = sum(processes.sizes(len(images)))
            if pairs == 0:
                break
            at.batch += 1
            if pairs > 1:
                run.model.zero_grad()
                loss = step(towers, images, tokens, processes, chunk, loss_of)  # ()
                if not loss.isfinite():
                    raise LossNotFiniteError(f"the loss is {loss.item()} at step {at.step}; lower the learning rate")
                move(run, recipe, source.steps)
                at.nats, at.pairs = at.nats + loss.item() * pairs, at.pairs + pairs
                after_step()
        if at.pairs == 0:
            raise InputError("there are no two pairs to be told apart; give more data")
        mean = at.nats / at.pairs
        run.epoch_start = run.order.get_state()
        at.epoch, at.batch, at.nats, at.pairs = at.epoch + 1, 0, 0.0, 0
        yield mean, run.model.logit_scale.item()
