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
    seed: int = 0,
    recipe: Recipe = FAST,
    start: str = "spawn",
    device: str = "cpu",
) -> list[dict[str, float]]:
    """Seconds of a whole training step in 1, 2, ... processes, of which each has one thread.

    All processes are started at once. In every round each number of them has its turn while the others sleep, so that
    whatever else the machine does meets all alike. The single process exchanges nothing and averages nothing.

    Args:
        counts: how many processes to compare; more than the machine has cores take turns, and say so by themselves.
        batch_size: pairs of a step, shared by the processes.
        rounds: turns of each number.
        steps: steps of a turn, after one that is not counted.
        seed: of pairs and weights.

    Returns:
        For each round and number: processes, seconds of a step, and two shares of them in the first process: what it
        spent in the gather, forth and back, waiting for slower processes included, and what its optimisers took.
    """
    arguments = tuple(counts), batch_size, rounds, steps, seed, recipe
    return together(_measured, max(counts), *arguments, start=start, device=device, patience=4 * PATIENCE)[0]


def speedups(measured: Sequence[dict[str, float]]) -> dict[int, dict[str, float]]:
    """What `scaling` has found, by number of processes: medians over rounds, against the smallest number.

    >>> one = {"processes": 1, "seconds": 2.0, "gather": 0.0, "optimisers": 0.1}
    >>> speedups([one, one | {"processes": 2, "seconds": 1.6}])[2]["speedup"]
    1.25
    """
    by_count: dict[int, list[dict[str, float]]] = {}
    for line in measured:
        by_count.setdefault(int(line["processes"]), []).append(line)
    base, found = by_count[min(by_count)], {}
    for count, lines in by_count.items():
        ratios = [one["seconds"] / line["seconds"] for line, one in zip(lines, base, strict=True)]
        medians = {key: statistics.median(line[key] for line in lines) for key in ("seconds", "gather", "optimisers")}
        found[count] = medians | {"speedup": statistics.median(ratios), "lowest": min(ratios), "highest": max(ratios)}
    return found


def _measured(
    everyone: Processes,
    counts: tuple[int, ...],
    batch_size: int,
    rounds: int,
    steps: int,
    seed: int,
    recipe: Recipe,
) -> list[dict[str, float]]:
    """All processes go through the same turns; those that have none wait at the barrier."""
    turns = []
    for count in counts:
        group = dist.new_group(list(range(count))) if count > 1 else None  # made by all, also by those outside
        if everyone.rank >= count:
            turns.append((count, None))
            continue
        here = replace(everyone, size=count, group=group, waited=0.0)
        run = Run.new(recipe, seed, device=everyone.device)
        share = torch.arange(batch_size).tensor_split(count)[everyone.rank]  # (b,)
        images, tokens = (x[share] for x in batch_of_the_world(batch_size, seed))  # (b, 3, 32, 32), (b, L)
        turns.append((count, (here, run, shared(run.model, here), images, tokens)))
    told, moving = [], 0.0
    for _ in range(rounds):
        for count, turn in turns:
            dist.barrier()
            if turn is None:
                continue
            here, run, towers, images, tokens = turn
            for number in range(steps + 1):
                if number == 1:  # the first one wakes the others up
                    start, here.waited, moving = time.perf_counter(), 0.0, 0.0
                run.model.zero_grad()
                step(towers, images, tokens, here)
                before = time.perf_counter()
                move(run, recipe, SOME)
                moving += time.perf_counter() - before
            seconds = time.perf_counter() - start
            shares = {"gather": here.waited / seconds, "optimisers": moving / seconds}
            told.append({"processes": count, "seconds": seconds / steps} | shares)
    return told
