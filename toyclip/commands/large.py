"""The commands for many processes and large data: shards, and what `train` does with them (helper, no chapter)."""

import contextlib
import shlex
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from toyclip.errors import InputError, RecipeError
from toyclip.files import check_writable, write_json
from toyclip.lab.terminal import bar, one_line_errors, usable

if TYPE_CHECKING:
    from torch import Tensor

    from toyclip.large.processes import Processes
    from toyclip.large.training import Source
    from toyclip.recipes import Recipe

LARGEST_SEED = 2**63 - 1  # of a torch.Generator
EVERY = 50  # steps between two checkpoints
TEST_SEED, TEST_PER_CLASS = 1_000_000, 30  # of the pictures that a model from shards is tested on, those of `eval`


@one_line_errors
def shards(
    folder: Annotated[Path, typer.Argument(help="An empty folder, or one to be made.")],
    pictures: Annotated[int, typer.Option(min=1, help="How many in all.")] = 10_000,
    per_shard: Annotated[int, typer.Option(min=1, help="How many a shard.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="Of the pictures.")] = 0,
) -> None:
    """Write a world of any size as tar files for train --shards."""
    from toyclip.large.shards import write_shards

    with bar("pictures") as progress:
        task = progress.add_task("drawing", total=pictures)
        paths = write_shards(folder, pictures, per_shard, seed, on_shard=lambda n: progress.update(task, advance=n))
    size = sum(path.stat().st_size for path in paths)
    typer.echo(f"{pictures:,} pictures in {len(paths)} shards, {size / 1e6:.1f} MB")


def chosen_recipe(name: str, epochs: int | None, batch_size: int | None) -> "Recipe":
    """A recipe by its name, perhaps with other epochs and batches."""
    from toyclip.recipes import RECIPES

    if name not in RECIPES:
        raise RecipeError(f"unknown recipe {name!r}; choose one of {', '.join(RECIPES)}")
    wanted = {"epochs": epochs, "batch_size": batch_size}
    return replace(RECIPES[name], **{key: value for key, value in wanted.items() if value is not None})


@dataclass(frozen=True)
class Wanted:
    """What `train` was asked for, when that is more than one process on the world in memory."""

    recipe: str
    epochs: int | None
    batch_size: int | None  # of all processes together
    seed: int
    device: str
    out: Path | None
    json_file: Path | None
    shards: str | None
    workers: int
    checkpoint: Path | None
    every: int | None  # steps between two checkpoints, EVERY if none
    chunk: int | None


def mean_floor(counts: "Tensor", sizes: Mapping[int, int]) -> float:
    """Mean floor over the pairs of an epoch, in nats, of which so many batches had each size; a pair alone is left out.

    >>> round(mean_floor([170] * 16, {64: 42, 32: 1}), 4)
    1.502
    """
    from toyclip.loss_floor import floor

    pairs = {size: size * many for size, many in sizes.items() if size > 1}
    return sum(n * floor(counts, size) for size, n in pairs.items()) / sum(pairs.values())


def train_large(wanted: Wanted) -> None:
    """Train in all processes that torchrun started, or in this one; rank 0 prints and writes.

    All that can be wrong is found when the processes have met, so that one of them tells it.
    """
    from toyclip.large.processes import joined
    from toyclip.large.resumable import claimed
    from toyclip.train import one_thread

    with one_thread(), joined(wanted.device) as processes:
        recipe = chosen_recipe(wanted.recipe, wanted.epochs, wanted.batch_size)
        if wanted.every is not None and not wanted.checkpoint:
            raise RecipeError("--every is for checkpoints; give --checkpoint, too")
        for name, value, least in (("--every", wanted.every, 1), ("--workers", wanted.workers, 0)):
            if value is not None and value < least:
                raise RecipeError(f"{name} {value}: give a number of at least {least}")
        if wanted.workers and not wanted.shards:
            raise RecipeError("--workers read shards; give --shards, too")
        if processes.group is None:
            usable(wanted.device)
        keeps = wanted.checkpoint if processes.rank == 0 else None
        if processes.rank == 0:
            check_writable(*filter(None, (wanted.out, wanted.json_file, wanted.checkpoint)))
        with claimed(keeps) if keeps else contextlib.nullcontext():
            _train(wanted, recipe, processes)


def _train(wanted: Wanted, recipe: "Recipe", processes: "Processes") -> None:
    from toyclip import checkpoint
    from toyclip.data import CAPTIONS, Tokenizer, draw_pairs, world
    from toyclip.lab.provenance import machine
    from toyclip.large.resumable import load, save
    from toyclip.large.shards import described, shard_paths
    from toyclip.large.streaming import Shards
    from toyclip.large.training import InMemory, Run, fit
    from toyclip.loss_floor import epoch_floor
    from toyclip.train import Epoch, History
    from toyclip.zero_shot import accuracy

    first, tokenizer = processes.rank == 0, Tokenizer()
    if wanted.shards:
        paths = shard_paths(wanted.shards)
        source = Shards(paths, recipe.batch_size, processes, wanted.workers)
        held_out = draw_pairs(TEST_PER_CLASS, TEST_SEED) if first else None
        data = described(paths)
    else:
        training, held_out = world(wanted.seed)
        tokens = tokenizer.encode(CAPTIONS)[training.captions]  # (N, L)
        source, data = InMemory(training.pixels, tokens, recipe.batch_size, processes), "the world in memory"
    about = {
        "recipe": asdict(recipe),
        "seed": wanted.seed,
        "data": data,
        "workers": wanted.workers,
        "chunk": wanted.chunk,
        "processes": processes.size,
    }
    run = Run.new(recipe, wanted.seed, processes.device)
    at, keeps = run.position, wanted.checkpoint and first
    if wanted.checkpoint and wanted.checkpoint.exists():
        load(wanted.checkpoint, run, about)
        at = run.position
    if len(set(processes.sizes(at.step))) > 1:
        advice = "put it on a disk that all machines share, or copy it to each"
        raise InputError(f"not every process sees the same checkpoint; {advice}")
    if first and at.step:
        typer.echo(f"going on from {wanted.checkpoint}: {at.epoch} epochs and {at.batch} batches done", err=True)
    start = time.perf_counter()

    def told(source: "Source") -> tuple[Callable[[], float], str]:
        """The floor of an epoch, when it is wanted, and what was skipped, in all processes."""
        if not wanted.shards:
            return lambda: epoch_floor(training.captions.bincount(), recipe.batch_size), ""
        counts, sizes = processes.sum(source.captions).cpu(), source.batch_sizes()  # (captions,)
        return lambda: mean_floor(counts[counts > 0], sizes), source.skipped()

    def after_step() -> None:
        nonlocal start
        now = time.perf_counter()
        at.seconds, start = at.seconds + now - start, now
        if keeps and at.step % (wanted.every or EVERY) == 0:
            save(wanted.checkpoint, run, about)

    with bar("epochs") if first else contextlib.nullcontext() as progress:
        if first:
            title = f"training, recipe {recipe.name}, seed {wanted.seed}"
            task = progress.add_task(title, total=recipe.epochs, completed=at.epoch)
        for loss, scale in fit(run, recipe, source, processes, wanted.chunk, after_step=after_step):
            floor, skipped = told(source)
            if first:
                epoch = Epoch(at.epoch, loss, floor(), scale, accuracy(run.model, held_out, tokenizer))
                run.history.append(asdict(epoch) | {"skipped": skipped})
                text = f"loss {epoch.loss:.3f} (floor {epoch.floor:.3f}), accuracy {epoch.accuracy:.1%}"
                progress.update(task, advance=1, description=text)
            if keeps:
                save(wanted.checkpoint, run, about)
            start = time.perf_counter()
    if not first:
        return
    skipped = run.history[-1]["skipped"]
    if skipped:
        typer.echo(f"toyclip: {skipped}", err=True)
    epochs = [Epoch(**{name: value for name, value in line.items() if name != "skipped"}) for line in run.history]
    history = History(recipe.name, wanted.seed, sum(p.numel() for p in run.model.parameters()), at.seconds, epochs)
    last = epochs[-1]
    many = f" in {processes.size} processes" if processes.size > 1 else ""
    typer.echo(
        f"{history.parameters:,} parameters, {last.epoch} epochs in {history.seconds:.1f} s{many}: loss "
        f"{last.loss:.4f} (floor {last.floor:.4f}), logit scale {last.logit_scale:.2f}, held-out accuracy "
        f"{last.accuracy:.2%}"
    )
    if wanted.out:
        checkpoint.save(run.model, tokenizer, wanted.out)
    if wanted.json_file:
        command = shlex.join(["python", "-m", "toyclip", *sys.argv[1:]])
        about = {"processes": processes.size, "skipped": skipped, "command": command, "machine": machine()}
        write_json(wanted.json_file, history.to_dict() | about)
