"""The commands for the book's measurements: study, bench (helper, no chapter)."""

from pathlib import Path
from typing import Annotated

import typer

from toyclip.lab.study import RESULTS
from toyclip.lab.terminal import bar, one_line_errors, usable


@one_line_errors
def study(
    names: Annotated[list[str] | None, typer.Argument(help="Which; without any, all are listed.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    only_stale: Annotated[bool, typer.Option("--stale", help="Those without a result that holds.")] = False,
    out: Annotated[Path, typer.Option(help="Folder for results; the package's if none.", show_default=False)] = RESULTS,
    seeds: Annotated[int | None, typer.Option(min=1, help="Instead of the study's own number.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes at a time; as many as processors.")] = None,
    scheduler: Annotated[str | None, typer.Option(help="Address of a Dask cluster that does the runs.")] = None,
    device: Annotated[str, typer.Option(help="Where to train: cpu or cuda; the frequency studies can choose.")] = "cpu",
) -> None:
    """Run the book's studies, or list them.

    Each finished run is kept at once: stopped at any moment, the same command goes on where it was.
    """
    from toyclip.lab import command
    from toyclip.studies import all_studies

    where = device if device == "cpu" else usable(device)
    command.study(all_studies(), names or [], every, only_stale, out, seeds, workers, scheduler, where)


@one_line_errors
def bench(pairs: Annotated[int, typer.Option(min=1, help="Runs of each recipe, in turn.")] = 5) -> None:
    """Time the fast recipe against the reference.

    Each run is timed from fresh weights to the end of training.
    """
    from statistics import mean, median

    from toyclip.lab.provenance import machine
    from toyclip.studies.speedrun.bench import bench as pair

    results = []
    with bar("pairs") as progress:
        for seed in progress.track(range(pairs), description="bench"):
            results.append(pair(seed))
    typer.echo("seed  reference       fast  ratio  accuracy: reference, fast")
    for seed, result in enumerate(results):
        slow, quick = result["reference"], result["fast"]
        scores = ", ".join(f"{run['accuracy'][-1]:.2%}" for run in (slow, quick))
        typer.echo(f"{seed:4}  {slow['seconds']:7.1f} s  {quick['seconds']:7.2f} s  {result['ratio']:5.1f}  {scores}")
    ratios = [result["ratio"] for result in results]
    typer.echo(
        f"fast is {median(ratios):.1f} times as fast (median; {min(ratios):.1f} to {max(ratios):.1f}, {pairs} pairs)"
    )
    slow, quick = (mean(result[name]["evaluation"] for result in results) for name in ("reference", "fast"))
    typer.echo(
        f"not in these times: drawing, {mean(result['drawing'] for result in results):.1f} s a world; "
        f"evaluating, all epochs of a run, {slow:.2f} s (reference), {quick:.2f} s (fast)"
    )
    about = machine()
    typer.echo(f"{about['processor']}, 1 thread of {about['cores']}; torch {about['torch']}")
