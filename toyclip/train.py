"""Training: two recipes, one loop, a history with the floor beside the loss (chapter 4)."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn

from toyclip.data import CLASSES, Rendering, Tokenizer, caption, draw_pairs, split
from toyclip.encoders import ToyCLIP
from toyclip.errors import LossNotFiniteError, RecipeError
from toyclip.infonce import epoch_floor, info_nce
from toyclip.muon import Muon
from toyclip.zero_shot import accuracy


@dataclass(frozen=True)
class Recipe:
    """How a model is trained; everything else is the same for all recipes."""

    name: str
    epochs: int
    batch_size: int
    lr: float  # the highest learning rate of AdamW
    one_cycle: bool  # straight up for a quarter of the steps, then straight down; otherwise a cosine per epoch
    strided: bool  # which of the two image encoders
    muon_lr: float | None = None  # the highest learning rate of Muon for the convolutions; None: AdamW for all weights
    weight_decay: float = 0.05
    grad_clip: float = 1.0  # largest norm of the whole gradient

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch_size < 2:
            raise RecipeError(
                f"epochs={self.epochs}, batch_size={self.batch_size}: train at least 1 epoch, in batches of at least 2 "
                "(a pair alone has nothing to be told apart from)"
            )


RECIPES = {
    "reference": Recipe("reference", epochs=30, batch_size=64, lr=5e-4, one_cycle=False, strided=False),
    "fast": Recipe("fast", epochs=3, batch_size=32, lr=3e-3, one_cycle=True, strided=True, muon_lr=0.12),
}


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


def contrastive(model: ToyCLIP, images: Tensor, tokens: Tensor) -> Tensor:
    """The loss of CLIP on one batch: pictures (B, 3, H, W) against their captions (B, L)."""
    return info_nce(model(images, tokens))


def optimizers(model: nn.Module, recipe: Recipe) -> list[torch.optim.Optimizer]:
    """AdamW for every weight; or Muon for the filters of the convolutions, and AdamW for all others."""
    weights = [p for p in model.parameters() if p.requires_grad]
    filters = [p for p in weights if p.ndim == 4] if recipe.muon_lr else []  # (out, in, 3, 3)
    others = [p for p in weights if p.ndim != 4 or not filters]
    adamw = torch.optim.AdamW(others, recipe.lr, weight_decay=recipe.weight_decay, fused=True)
    return [adamw, Muon(filters, recipe.muon_lr)] if filters else [adamw]


def share_of_lr(recipe: Recipe, steps_per_epoch: int) -> Callable[[int], float]:
    """What part of the highest learning rate step 0, 1, 2, ... is taken with.

    >>> share = share_of_lr(RECIPES["fast"], steps_per_epoch=4)  # 12 steps: up for three, down for nine
    >>> [round(share(step), 2) for step in range(13)]
    [0.25, 0.5, 0.75, 1.0, 0.89, 0.78, 0.67, 0.56, 0.44, 0.33, 0.22, 0.11, 0.0]
    """
    steps = recipe.epochs * steps_per_epoch
    up = steps / 4
    if recipe.one_cycle:  # Smith 2018
        return lambda step: min((step + 1) / (up + 1), (steps - step) / (steps - up))
    return lambda step: (1 + math.cos(math.pi * (step // steps_per_epoch) / recipe.epochs)) / 2


def fit(
    model: ToyCLIP,
    images: Tensor,
    tokens: Tensor,
    recipe: Recipe,
    seed: int,
    evaluate: Callable[[ToyCLIP], float],
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
    loss_of: Callable[[ToyCLIP, Tensor, Tensor], Tensor] = contrastive,
) -> History:
    """Train `model` in place on pairs of pictures and captions.

    Args:
        images: (N, 3, H, W) float in [0, 1].
        tokens: (N, L) int64; row i is the caption of picture i.
        seed: of the order of the pairs.
        evaluate: called after every epoch; its time is not counted.
        loss_of: the loss of a batch, should it be another one.

    Raises:
        RecipeError: if the batch is larger than the data.
        LossNotFiniteError: if the loss becomes NaN or infinite.
    """
    if recipe.batch_size > len(images):
        raise RecipeError(f"a batch of {recipe.batch_size} cannot be drawn from {len(images)} pairs; use a smaller one")
    start, outside = time.perf_counter(), 0.0
    generator = torch.Generator().manual_seed(seed)
    images, tokens = images.to(model.device), tokens.to(model.device)
    counts = tokens.unique(dim=0, return_counts=True)[1].tolist()
    lowest = epoch_floor(counts, recipe.batch_size)
    chosen, epochs = optimizers(model, recipe), []
    share = share_of_lr(recipe, math.ceil(len(images) / recipe.batch_size))
    schedules = [torch.optim.lr_scheduler.LambdaLR(optimizer, share) for optimizer in chosen]
    with one_thread():
        for number in range(1, recipe.epochs + 1):
            total = 0.0
            for batch in torch.randperm(len(images), generator=generator).split(recipe.batch_size):  # (B,)
                if len(batch) > 1:  # when the data does not divide, one pair can be left over; it teaches nothing
                    loss = loss_of(model, images[batch], tokens[batch])
                    if not loss.isfinite():
                        raise LossNotFiniteError(
                            f"the loss is {loss.item()} in epoch {number}; lower the learning rate"
                        )
                    model.zero_grad()
                    loss.backward()
                    torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.grad_clip)
                    for optimizer in chosen:
                        optimizer.step()
                    total += loss.item() * len(batch)
                for schedule in schedules:
                    schedule.step()
            pause = time.perf_counter()
            epochs.append(Epoch(number, total / len(images), lowest, model.logit_scale.item(), evaluate(model)))
            on_epoch(epochs[-1])
            outside += time.perf_counter() - pause
    parameters = sum(p.numel() for p in model.parameters())
    return History(recipe.name, seed, parameters, time.perf_counter() - start - outside, epochs)


def train(
    recipe: Recipe,
    seed: int,
    device: str = "cpu",
    rendering: Rendering = Rendering(),
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
) -> tuple[ToyCLIP, History]:
    """Draw 3,200 pictures, hold 480 of them out, train on the rest, all from one seed.

    >>> from dataclasses import replace
    >>> model, history = train(replace(RECIPES["fast"], epochs=1), seed=0)
    >>> history.parameters, history.accuracy > 1 / 16
    (74913, True)
    """
    training, held_out = split(draw_pairs(per_class=200, seed=seed, rendering=rendering), seed)
    tokenizer = Tokenizer()
    tokens = tokenizer.encode([caption(*c) for c in CLASSES])[training.classes]  # (N, L)
    model = ToyCLIP(strided=recipe.strided, seed=seed).to(device)
    history = fit(
        model, training.images, tokens, recipe, seed, lambda model: accuracy(model, held_out, tokenizer), on_epoch
    )
    return model, history
