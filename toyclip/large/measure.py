"""How much faster are several processes? Measured in turn on one machine, the exchange included."""

import statistics
import time
from collections.abc import Sequence
from dataclasses import replace

import torch
import torch.distributed as dist

from toyclip.large.processes import PATIENCE, Processes
from toyclip.large.proof import batch_of_the_world
from toyclip.large.steps import shared, step
from toyclip.large.together import together
from toyclip.large.training import Run, move
from toyclip.recipes import FAST, Recipe

SOME = 1000  # steps that the schedule takes an epoch for; none of these measures comes near


def scaling(
    counts: Sequence[int] = (1, 2),
    batch_size: int = 256,
    rounds: int = 7,
    steps: int = 4,
    recipe: Recipe = FAST,
    grows: bool = False,
    start: str = "spawn",
    device: str = "cpu",
) -> dict[str, list[dict[str, float]]]:
    """Seconds of a whole training step in 1, 2, ... processes, of which each has one thread.

    All processes are started at once. In every round each number of them has its turn while the others sleep, so that
    whatever else the machine does meets all alike. The single process exchanges nothing and averages nothing.

    Args:
        counts: how many processes to compare; more than the machine has cores take turns, and say so by themselves.
        batch_size: pairs of a step, shared by the processes; with `grows`, pairs of each process.
        rounds, steps: steps of a turn, after one that is not counted, and turns of each number.

    Returns:
        {"rounds": one entry for each round and number}: processes, batch (pairs of all), seconds of a step, and share
        of them that the first process spent in the gather, forth and back, waiting for slower processes included.
    """
    arguments = tuple(counts), batch_size, rounds, steps, recipe, grows
    told = together(_measured, max(counts), *arguments, start=start, device=device, patience=4 * PATIENCE)[0]
    return {"rounds": told}


def speedups(measured: dict[str, list[dict[str, float]]]) -> dict[int, dict[str, float]]:
    """What `scaling` has found, by number of processes: medians over rounds, and pairs a second against one process.

    >>> one = {"processes": 1, "batch": 8, "seconds": 2.0, "gather": 0.0}
    >>> speedups({"rounds": [one, one | {"processes": 2, "seconds": 1.6}]})[2]["speedup"]
    1.25
    """
    found: dict[int, dict[str, float]] = {}
    by_count: dict[int, list[dict[str, float]]] = {}
    for line in measured["rounds"]:
        by_count.setdefault(int(line["processes"]), []).append(line)
    base = by_count[min(by_count)]
    for count, lines in by_count.items():
        ratios = [
            (line["batch"] / line["seconds"]) / (one["batch"] / one["seconds"])
            for line, one in zip(lines, base, strict=True)
        ]
        found[count] = {
            "seconds": statistics.median(line["seconds"] for line in lines),
            "speedup": statistics.median(ratios),
            "lowest": min(ratios),
            "highest": max(ratios),
            "gather": statistics.median(line["gather"] for line in lines),
        }
    return found


def _measured(
    everyone: Processes,
    counts: tuple[int, ...],
    batch_size: int,
    rounds: int,
    steps: int,
    recipe: Recipe,
    grows: bool,
) -> list[dict[str, float]]:
    """All processes go through the same turns; those that have none wait at the barrier."""
    turns = []
    for count in counts:
        group = dist.new_group(list(range(count))) if count > 1 else None  # made by all, also by those outside
        if everyone.rank >= count:
            turns.append((count, None))
            continue
        here = replace(everyone, size=count, group=group, waited=0.0)
        run = Run.new(recipe, seed=0, device=everyone.device)
        pairs = batch_size * count if grows else batch_size
        share = torch.arange(pairs).tensor_split(count)[everyone.rank]  # (b,)
        images, tokens = (x[share] for x in batch_of_the_world(pairs, seed=0))  # (b, 3, 32, 32), (b, L)
        turns.append((count, (here, run, shared(run.model, here), images, tokens, pairs)))
    told = []
    for _ in range(rounds):
        for count, turn in turns:
            dist.barrier()
            if turn is None:
                continue
            here, run, towers, images, tokens, pairs = turn
            for number in range(steps + 1):
                if number == 1:  # the first one wakes the others up
                    start, here.waited = time.perf_counter(), 0.0
                run.model.zero_grad()
                step(towers, images, tokens, here)
                move(run, recipe, SOME)
            seconds = time.perf_counter() - start
            told.append(
                {"processes": count, "batch": pairs, "seconds": seconds / steps, "gather": here.waited / seconds}
            )
    return told
