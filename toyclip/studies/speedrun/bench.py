"""Where the time of a training run goes, and how fast it could be (chapter 6)."""

import time
from collections.abc import Callable
from dataclasses import replace
from statistics import median

import torch
from torch import Tensor, nn

from toyclip.data import CLASSES, Pairs, Tokenizer, caption, draw_pairs
from toyclip.encoders import ToyCLIP
from toyclip.errors import RecipeError
from toyclip.lab import provenance
from toyclip.studies.speedrun.ladder import FAST, IDEAS, RUNGS, Rung
from toyclip.studies.zero_shot.captions import world
from toyclip.train import contrastive, fit, one_thread, optimizers
from toyclip.zero_shot import accuracy


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


def operations(rung: Rung, pairs: int = 2720) -> tuple[int, float]:
    """Pictures seen, and floating-point operations of the image encoder while it trains on them.

    A multiply-add is two operations. Each layer needs it three times: forward, for the gradient of its weights and for
    that of its input; the first layer's input needs none.
    """
    model = ToyCLIP(strided=rung.recipe.strided)
    rung.prepare(model)
    counts = multiply_adds(model.image_encoder, torch.zeros(1, 3, 32, 32))
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
    images, recipe = draw_pairs(2, seed).images[:batch_size], FAST  # (B, 3, 32, 32)
    tokens = Tokenizer().encode([caption(*c) for c in CLASSES for _ in range(2)])[:batch_size]  # (B, L)
    model, seconds = ToyCLIP(strided=recipe.strided, seed=seed), []
    chosen = optimizers(model, recipe)
    with one_thread():  # which gives the number back at the end, whatever it becomes here
        torch.set_num_threads(threads)
        for _ in range(steps):
            start = time.perf_counter()
            contrastive(model, images, tokens).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.grad_clip)
            for optimizer in chosen:
                optimizer.step()
            model.zero_grad()
            seconds.append(time.perf_counter() - start)
    return median(seconds)


def timed(rung: Rung, seed: int, training: Pairs, held_out: Pairs) -> dict:
    """One run from fresh weights to the end of training, with its cost.

    Returns:
        seconds (of training, first weights included), evaluation (seconds, apart), accuracy after each epoch.
    """
    tokenizer, evaluation = Tokenizer(), 0.0
    tokens = tokenizer.encode([caption(*c) for c in CLASSES])[training.classes]  # (N, L)

    def evaluate(model: ToyCLIP) -> float:
        nonlocal evaluation
        start = time.perf_counter()
        with one_thread():
            score = accuracy(model, held_out, tokenizer)
        evaluation += time.perf_counter() - start
        return score

    start = time.perf_counter()
    model = ToyCLIP(strided=rung.recipe.strided, seed=seed)
    history = fit(model, training.images, tokens, rung.recipe, seed, evaluate, loss_of=rung.prepare(model))
    seconds = time.perf_counter() - start - evaluation
    return {"seconds": seconds, "evaluation": evaluation, "accuracy": [epoch.accuracy for epoch in history.epochs]}


def bench(pairs: int, on_run: Callable[[str, float], None] = lambda name, seconds: None) -> dict:
    """Train the reference and the fast recipe in turn, seed by seed, in this process: A B A B ...

    A figure without its spread says little on a shared machine, so every pair gives a ratio of its own.

    Args:
        on_run: called after each run with the recipe's name and its seconds.

    Returns:
        What is stored: the ratios and their median, seconds of training, drawing and evaluation, accuracies, machine.

    Raises:
        RecipeError: if pairs is below 1.
    """
    if pairs < 1:
        raise RecipeError(f"cannot compare on {pairs} pairs of runs; use at least one")
    contest = {"reference": RUNGS[0], "fast": RUNGS[-1]}
    runs: dict[str, list[dict]] = {name: [] for name in contest}
    drawing = []
    for seed in range(pairs):
        start = time.perf_counter()
        training, held_out = world(seed)
        drawing.append(time.perf_counter() - start)
        for name, rung in contest.items():
            runs[name].append(timed(rung, seed, training, held_out))
            on_run(name, runs[name][-1]["seconds"])
    columns = {
        key: {name: [run[key] for run in done] for name, done in runs.items()} for key in ("seconds", "evaluation")
    }
    ratios = [slow / quick for slow, quick in zip(*columns["seconds"].values(), strict=True)]
    return {
        "command": f"python -m toyclip bench --pairs {pairs} --json book/results/bench.json",
        "seeds": list(range(pairs)),
        "machine": provenance.machine(),
        "modules": ["speedrun"],
        "code": provenance.fingerprint("speedrun"),
        "ratio_median": median(ratios),
        "ratios": ratios,
        **columns,
        "accuracies": {name: [run["accuracy"][-1] for run in done] for name, done in runs.items()},
        "drawing": drawing,
        "threads": 1,
    }


def climb(rungs: tuple[Rung, ...], seed: int) -> dict[str, dict]:
    """Train by each rung once, an epoch of the reference before each, so that both meet the same noise.

    Returns:
        For each rung what `timed` does, and "ratio" to 30 epochs of the reference.
    """
    training, held_out = world(seed)
    one_epoch = replace(RUNGS[0], recipe=replace(RUNGS[0].recipe, epochs=1))
    results = {}
    for rung in rungs:
        reference = RUNGS[0].recipe.epochs * timed(one_epoch, seed, training, held_out)["seconds"]
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
            "32 pairs": step_seconds(32, seed),
            "32 pairs, two threads": step_seconds(32, seed, threads=2),
        },
    }


def ideas(seed: int) -> dict[str, dict]:
    """What did not help, beside the fast recipe."""
    return climb(IDEAS, seed)


STUDIES: dict[str, tuple[Callable[[int], object], int]] = {  # what is done for one seed, and how many seeds
    "ladder": (ladder, 10),
    "ideas": (ideas, 10),
}
