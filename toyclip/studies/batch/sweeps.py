"""Does a larger batch teach more? At equal samples, equal updates and equal time."""

import functools
import time
from dataclasses import replace

import torch

from toyclip import streams
from toyclip.lab.study import Study
from toyclip.loss_floor import epoch_floor
from toyclip.studies.batch.ablations import ADAMW, EPOCHS, SIGLIP, World, learn, make_world, sigmoid, sigmoid_twins

SIZES = (16, 128, 512, 2048)
UPDATES = {"shapes": 64, "emoji": 64}  # of every batch size, where updates are equal
SECONDS = {"shapes": 3.0, "emoji": 5.0}  # of processor time on one thread, where time is equal
RATES = (1e-3, 3e-3, 1e-2)  # learning rates to choose from, for each batch size anew
TUNING_SEED = 1000  # of the world in which they are chosen; no seed of the study
LOSSES: dict[str, dict] = {  # keyword arguments of `learn`
    "softmax": {},
    "sigmoid": {"loss_of": sigmoid, **SIGLIP},
    "sigmoid, twins": {"loss_of": sigmoid_twins, **SIGLIP},
}
POINTS = [  # (budget, loss, batch size) of all runs: softmax under all budgets, the sigmoids at equal samples
    *(("samples", loss, size) for loss in LOSSES for size in SIZES),
    *((budget, "softmax", size) for budget in ("updates", "time") for size in SIZES),
]


def first_pairs(world: World, count: int, seed: int) -> World:
    """A world with `count` of the pairs, drawn at random without replacement."""
    chosen = torch.randperm(len(world.training), generator=streams.generator(seed, "some"))[:count]  # (count,)
    return replace(world, training=world.training[chosen])


def train_for(world: World, updates: int, batch_size: int, lr: float, loss: str, seed: int) -> dict[str, float | None]:
    """Train for so many updates: epochs over all pairs, to the nearest whole number, or one epoch over some of them.

    Returns:
        accuracy (0 if the loss stopped being a number), loss and floor of the last epoch in nats, pictures seen,
        updates made, and seconds of processor time.
    """
    wanted = updates * batch_size
    some = first_pairs(world, wanted, seed) if wanted < len(world.training) else world
    epochs = max(1, round(wanted / len(some.training)))
    recipe = replace(ADAMW, batch_size=batch_size, lr=lr, epochs=epochs)
    start = time.process_time()
    model, history = learn(some, recipe, seed, every_epoch=False, **LOSSES[loss])
    seconds = time.process_time() - start
    return {
        "accuracy": world.accuracy(model) if history else 0.0,
        "loss": history[-1]["loss"] if history else None,
        "floor": epoch_floor(some.training.captions.unique(return_counts=True)[1], batch_size) if history else None,
        "pictures": epochs * len(some.training),
        "updates": epochs * len(some.training) // batch_size,
        "seconds": seconds,
    }


def updates_of(budget: str, name: str, world: World, batch_size: int, seed: int) -> int:
    """How many updates a batch size gets when samples, updates or time are equal for all.

    For equal time, what an update takes is measured first, on 4 to 32 of them after as many to warm up.
    """
    if budget == "updates":
        return UPDATES[name]
    if budget == "samples":
        return EPOCHS[name] * len(world.training) // batch_size
    few = max(4, min(32, 2048 // batch_size))
    for _ in range(2):
        seconds = train_for(world, few, batch_size, ADAMW.lr, "softmax", seed)["seconds"]
    return max(1, round(SECONDS[name] * few / seconds))


@functools.cache
def choose_rates(name: str) -> dict[tuple[str, str, int], float]:
    """For each point the best of RATES on the tuning seed; equal time takes what was best at equal samples."""
    world, best = make_world(name, TUNING_SEED), {}
    for budget, loss, size in POINTS:
        if budget == "time" or loss == "sigmoid, twins":
            best[budget, loss, size] = best["samples", loss.removesuffix(", twins"), size]
            continue
        updates = updates_of(budget, name, world, size, TUNING_SEED)
        scores = {rate: train_for(world, updates, size, rate, loss, TUNING_SEED)["accuracy"] for rate in RATES}
        best[budget, loss, size] = max(RATES, key=scores.__getitem__)
    return best


def sweep(name: str, seed: int) -> dict[str, dict]:
    """All runs of one seed in one world: what `train_for` returns, and the learning rate (claim S12)."""
    world, rates, results = make_world(name, seed), choose_rates(name), {}
    for budget, loss, size in POINTS:
        updates = updates_of(budget, name, world, size, seed)
        run = train_for(world, updates, size, rates[budget, loss, size], loss, seed)
        results[f"{budget}, {loss}, {size}"] = run | {"lr": rates[budget, loss, size]}
    return results


def shapes_batches(seed: int) -> dict[str, dict]:
    """The sweep in the world of 16 captions."""
    return sweep("shapes", seed)


def emoji_batches(seed: int) -> dict[str, dict]:
    """The sweep in the world of 256 captions."""
    return sweep("emoji", seed)


STUDIES = (
    Study("shapes_batches", shapes_batches, seeds=3, alone=True),
    Study("emoji_batches", emoji_batches, seeds=2, alone=True),
)
