"""Training: one loop, and a history with the floor beside the loss (chapter 4)."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn

from toyclip import streams
from toyclip.data import CAPTIONS, Rendering, Tokenizer, world
from toyclip.encoders import Config, ToyCLIP
from toyclip.errors import LossNotFiniteError, RecipeError
from toyclip.infonce import info_nce, mask_twins, same
from toyclip.loss_floor import epoch_floor
from toyclip.recipes import Recipe, optimizers, schedule
from toyclip.zero_shot import accuracy

Loss = Callable[[ToyCLIP, Tensor, Tensor], Tensor]  # model, pictures (B, 3, H, W), captions (B, L) -> nats, ()


def contrastive(model: ToyCLIP, images: Tensor, tokens: Tensor) -> Tensor:
    """The loss of CLIP on one batch: pictures (B, 3, H, W) against their captions (B, L)."""
    return info_nce(model(images, tokens))


def twins_masked(model: ToyCLIP, images: Tensor, tokens: Tensor) -> Tensor:
    """The same, but pairs that carry the same caption are no negatives of each other."""
    return info_nce(mask_twins(model(images, tokens), same(tokens)))


def batches(pairs: int, size: int, epochs: int, seed: int) -> Iterator[Sequence[Tensor]]:
    """For every epoch all pairs in a new order, cut into batches of positions, (size,) each, the last perhaps smaller.

    A last batch of a single pair is left out: it has nothing to be told apart from.

    Raises:
        RecipeError: if the batch is larger than the data.

    >>> [len(batch) for epoch in batches(pairs=9, size=4, epochs=2, seed=0) for batch in epoch]
    [4, 4, 4, 4]
    """
    if size > pairs:
        raise RecipeError(f"a batch of {size} cannot be drawn from {pairs} pairs; use a smaller one")
    generator = streams.generator(seed, "order")
    for _ in range(epochs):
        order = torch.randperm(pairs, generator=generator)  # (pairs,)
        yield [batch for batch in order.split(size) if len(batch) > 1]


def fit(
    model: ToyCLIP,
    images: Tensor,
    tokens: Tensor,
    recipe: Recipe,
    epochs: Iterable[Sequence[Tensor]],
    loss_of: Loss = contrastive,
) -> Iterator[tuple[float, float]]:
    """Train `model` in place; after each epoch comes its mean loss in nats, and the logit scale.

    Args:
        images: (N, 3, H, W) uint8, or float in [0, 1].
        tokens: (N, L) int64; row i is the caption of picture i.
        epochs: each a list of batches of positions, (B,), as `batches` makes them.

    Raises:
        LossNotFiniteError: if the loss becomes NaN or infinite.
    """
    chosen, step = optimizers(model, recipe), 0
    for epoch in epochs:
        total = 0.0
        for batch in epoch:  # (B,)
            loss = loss_of(model, images[batch], tokens[batch])  # ()
            if not loss.isfinite():
                raise LossNotFiniteError(f"the loss is {loss.item()} at step {step}; lower the learning rate")
            model.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), recipe.grad_clip)
            for optimizer, lr in chosen:
                optimizer.param_groups[0]["lr"] = lr * schedule(recipe, step, len(epoch))
                optimizer.step()
            model.clamp_logit_scale()
            total, step = total + loss.item() * len(batch), step + 1
        yield total / sum(map(len, epoch)), model.logit_scale.item()


@dataclass(frozen=True)
class Epoch:
    """What one epoch came to."""

    epoch: int  # from 1
    loss: float  # nats, mean over the epoch's pairs
    floor: float  # nats, the lowest mean loss any model can reach with these captions and this batch size
    logit_scale: float  # after the epoch
    accuracy: float  # on held-out pictures, 0 to 1


@dataclass(frozen=True)
class History:
    """A finished run: what was trained, how long it took, what came of it."""

    recipe: str
    seed: int
    parameters: int
    seconds: float  # training alone, without drawing, evaluation and what `on_epoch` does
    epochs: list[Epoch]

    @property
    def accuracy(self) -> float:
        """Held-out accuracy after the last epoch, 0 to 1."""
        return self.epochs[-1].accuracy

    def to_dict(self) -> dict:
        """The JSON that `python -m toyclip train --json` writes."""
        return {**asdict(self), "accuracy": self.accuracy}


@contextmanager
def one_thread() -> Iterator[None]:
    """Run on one CPU thread: small convolutions stall at random on two, and sums keep their order."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def finish(progress: Iterator[tuple[float, float]]) -> float:
    """Go through a training to its end, on one thread; what its last epoch came to, in nats."""
    with one_thread():
        *_, (loss, _) = progress
    return loss


def train(
    recipe: Recipe,
    seed: int,
    device: str = "cpu",
    rendering: Rendering = Rendering(),
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
) -> tuple[ToyCLIP, History]:
    """Draw 3,200 pictures, hold 480 of them out, train on the rest, all from one seed.

    >>> from dataclasses import replace
    >>> from toyclip.recipes import FAST
    >>> model, history = train(replace(FAST, epochs=1), seed=0)
    >>> history.parameters, history.accuracy > 1 / 16
    (74913, True)
    """
    (training, held_out), tokenizer = world(seed, rendering), Tokenizer()
    tokens = tokenizer.encode(CAPTIONS)[training.captions]  # (N, L)
    model = ToyCLIP(Config(image_encoder=recipe.image_encoder), seed).to(device)
    order = batches(len(training), recipe.batch_size, recipe.epochs, seed)
    lowest, history, seconds = epoch_floor(training.captions.bincount(), recipe.batch_size), [], 0.0
    progress = fit(model, training.pixels.to(device), tokens.to(device), recipe, order)
    with one_thread():
        for number in range(1, recipe.epochs + 1):
            start = time.perf_counter()
            loss, scale = next(progress)
            seconds += time.perf_counter() - start
            history.append(Epoch(number, loss, lowest, scale, accuracy(model, held_out, tokenizer)))
            on_epoch(history[-1])
    return model, History(recipe.name, seed, sum(p.numel() for p in model.parameters()), seconds, history)
