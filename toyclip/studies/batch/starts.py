"""Where the bias of the sigmoid loss starts, and how much that decides (chapter Batch size and temperature)."""

import functools
import math
from dataclasses import replace

from toyclip.encoders import ToyCLIP
from toyclip.errors import lookup
from toyclip.lab.study import Study
from toyclip.studies.batch.ablations import ADAMW, EPOCHS, SIGLIP, World, learn, make_world, sigmoid
from toyclip.studies.batch.sweeps import RATES, TUNING_SEED

BATCH = 128
STARTS = {  # of the bias; None is the softmax loss, which has none
    "softmax": None,
    "from -10": SIGLIP["logit_bias"],  # of the authors, for batches of tens of thousands
    "from the odds": -math.log(BATCH - 1),  # the log odds of a yes where one answer of 128 is
}
RUNS = {f"{name}, {start}": (name, start) for name in EPOCHS for start in STARTS}


def train_from(world: World, bias: float | None, lr: float, epochs: int, seed: int) -> tuple[ToyCLIP, float]:
    """Train with the sigmoid loss from this bias, or with softmax where it is None: the model and its accuracy.

    A loss that stops being a number counts as nothing right.
    """
    config = {} if bias is None else {"loss_of": sigmoid, "logit_scale": SIGLIP["logit_scale"], "logit_bias": bias}
    recipe = replace(ADAMW, batch_size=BATCH, lr=lr, epochs=epochs)
    model, history = learn(world, recipe, seed, every_epoch=False, **config)
    return model, world.accuracy(model) if history else 0.0


@functools.cache
def best_rate(name: str, start: str) -> float:
    """The best of RATES for a world and a start, on a seed that the study does not use."""
    world = make_world(name, TUNING_SEED)
    return max(RATES, key=lambda lr: train_from(world, STARTS[start], lr, EPOCHS[name], TUNING_SEED)[1])


def start_run(run: str, seed: int) -> dict[str, float | None]:
    """One model in batches of 128.

    Args:
        run: of one of RUNS.

    Returns:
        accuracy, the learning rate, and the bias at the end (None for softmax).
    """
    name, start = lookup(RUNS, run, "run")
    lr = best_rate(name, start)
    model, accuracy = train_from(make_world(name, seed), STARTS[start], lr, EPOCHS[name], seed)
    return {"accuracy": accuracy, "lr": lr, "ends": None if STARTS[start] is None else model.logit_bias.item()}


STUDIES = (Study("bias_starts", start_run, seeds=5, conditions=tuple(RUNS)),)
