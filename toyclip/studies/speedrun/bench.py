"""Where the time of a training run goes, and how fast it could be (chapter Speedrun)."""

import itertools
import math
import time
from dataclasses import replace
from statistics import median

import torch
from torch import Tensor, nn

from toyclip.data import CAPTIONS, CLASSES, Pairs, Tokenizer, draw_pairs, world
from toyclip.encoders import Config, ToyCLIP
from toyclip.lab.study import Study
from toyclip.recipes import FAST
from toyclip.studies.speedrun.ladder import IDEAS, RUNGS, Rung
from toyclip.train import batches, fit, one_thread
from toyclip.zero_shot import accuracy

PART = 4  # of an epoch of the reference, what is timed beside each rung: one fourth


def multiply_adds(encoder: nn.Module, images: Tensor) -> list[int]:
    """Multiplications of each convolution and linear layer for one picture: weights times places.

    Args:
        images: (B, 3, H, W); only their size matters.
    """
    counts: list[int] = []

    def note(layer: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
        counts.append(layer.weight.numel() * output[0, 0].numel())  # output (B, C, h, w) or (B, D)

    hooks = [m.register_forward_hook(note) for m in encoder.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    with torch.no_grad():
        encoder(images)
    for hook in hooks:
        hook.remove()
    return counts


def operations(rung: Rung, pairs: int) -> tuple[int, float]:
    """Pictures seen, of so many pairs, and floating-point operations of the image encoder while it trains on them.

    A multiply-add is two operations. Each layer needs it three times: forward, for the gradient of its weights and for
    that of its input; the first layer's input needs none.
    """
    counts = multiply_adds(rung.new_model(seed=0).image_encoder, torch.zeros(1, 3, 32, 32))
    seen = rung.recipe.epochs * pairs
    return seen, 2.0 * seen * (3 * sum(counts) - counts[0])


def matrix_rate(size: int = 1024, repeats: int = 9) -> float:
    """Floating-point operations per second of a product of two large float32 matrices on one thread; the median."""
    generator = torch.Generator().manual_seed(0)
    a, b = torch.randn(2, size, size, generator=generator)  # (N, N), (N, N)
    seconds = []
    with one_thread():
        for _ in range(repeats + 1):  # the first one warms up
            start = time.perf_counter()
            torch.mm(a, b)
            seconds.append(time.perf_counter() - start)
    return 2 * size**3 / median(seconds[1:])


def step_seconds(batch_size: int, seed: int, threads: int = 1, steps: int = 40) -> float:
    """Median time of an update by the fast recipe; next to nothing of a batch of 2 is arithmetic."""
    pairs = draw_pairs(math.ceil(batch_size / len(CLASSES)), seed)
    tokens = Tokenizer().encode(CAPTIONS)[pairs.captions]  # (N, L)
    model, order = ToyCLIP(Config(image_encoder=FAST.image_encoder), seed), [[torch.arange(batch_size)]] * steps
    progress, seconds = fit(model, pairs.pixels, tokens, replace(FAST, epochs=steps), order), []
    with one_thread():  # which gives the number back at the end, whatever it becomes here
        torch.set_num_threads(threads)
        for _ in range(steps):
            start = time.perf_counter()
            next(progress)
            seconds.append(time.perf_counter() - start)
    return median(seconds)


def timed(rung: Rung, seed: int, training: Pairs, held_out: Pairs) -> dict:
    """One run from fresh weights to the end of training, with its cost.

    Returns:
        seconds (of training, first weights included), evaluation (seconds, apart), accuracy after each epoch.
    """
    recipe, tokenizer = rung.recipe, Tokenizer()
    tokens = tokenizer.encode(CAPTIONS)[training.captions]  # (N, L)
    order = batches(len(training), recipe.batch_size, recipe.epochs, seed)
    loss_of = rung.new_loss(math.ceil(len(training) / recipe.batch_size))
    marks, scores = [time.perf_counter()], []  # start and end of each stretch of training and of evaluation, in turn
    model = rung.new_model(seed)
    with one_thread():
        for _ in fit(model, training.pixels, tokens, recipe, order, loss_of):
            marks.append(time.perf_counter())
            scores.append(accuracy(model, held_out, tokenizer))
            marks.append(time.perf_counter())
    stretches = [end - start for start, end in itertools.pairwise(marks)]
    return {"seconds": sum(stretches[::2]), "evaluation": sum(stretches[1::2]), "accuracy": scores}


def bench(seed: int) -> dict:
    """Train the reference and the fast recipe in turn on the pictures of one seed.

    A figure without its spread says little on a shared machine, so every seed gives a ratio of its own.

    Returns:
        For "reference" and "fast" what `timed` does; "ratio" of their seconds; "drawing", seconds for the pictures.
    """
    start = time.perf_counter()
    training, held_out = world(seed)
    drawing = time.perf_counter() - start
    runs = {rung.recipe.name: timed(rung, seed, training, held_out) for rung in (RUNGS[0], RUNGS[-1])}
    return runs | {"ratio": runs["reference"]["seconds"] / runs["fast"]["seconds"], "drawing": drawing}


def climb(rungs: tuple[Rung, ...], seed: int) -> dict[str, dict]:
    """Train by each rung once, a part of an epoch of the reference before each, so that both meet the same noise.

    Returns:
        For each rung what `timed` does, and "ratio" to 30 epochs of the reference.
    """
    training, held_out = world(seed)
    one_epoch = replace(RUNGS[0], recipe=replace(RUNGS[0].recipe, epochs=1))
    some = training[torch.arange(0, len(training), PART)]  # (N / PART,) pairs
    results = {}
    for rung in rungs:
        reference = RUNGS[0].recipe.epochs * PART * timed(one_epoch, seed, some, held_out)["seconds"]
        run = timed(rung, seed, training, held_out)
        results[rung.change] = run | {"ratio": reference / run["seconds"]}
    return results


def ladder(seed: int) -> dict:
    """All rungs but the reference itself, and what explains the last one's time on this machine."""
    return {
        "rungs": climb(RUNGS[1:], seed),
        "operations per second": matrix_rate(),
        "seconds per update": {
            "2 pairs": step_seconds(2, seed),
            "64 pairs": step_seconds(FAST.batch_size, seed),
            "64 pairs, two threads": step_seconds(FAST.batch_size, seed, threads=2),
        },
    }


def ideas(seed: int) -> dict[str, dict]:
    """What did not help, beside the fast recipe."""
    return climb(IDEAS, seed)


STUDIES = (
    Study("bench", bench, seeds=5, alone=True),
    Study("ladder", ladder, seeds=3, alone=True),
    Study("ideas", ideas, seeds=3, alone=True),
)
