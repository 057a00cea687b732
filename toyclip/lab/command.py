"""The command `study`: says what it will do and how long that takes, does it, and lists what there is (helper)."""

from collections.abc import Sequence
from pathlib import Path

import typer

from toyclip.errors import InputError
from toyclip.lab.runs import State, Stopped, available, complete, state
from toyclip.lab.study import Study, stale
from toyclip.lab.terminal import bar


def study(
    studies: dict[str, Study],
    names: Sequence[str],
    every: bool,
    only_stale: bool,
    out: Path,
    seeds: int | None,
    workers: int | None,
    scheduler: str | None,
) -> None:
    """Run the studies named, all, or those that are stale; without any of these, list them.

    Raises:
        InputError: if a name is unknown, more than one of the three is given, or `complete` raises it.
        typer.Exit: with 128 and the signal's number, if the user stopped it.
    """
    if bool(names) + every + only_stale > 1:
        raise InputError("give names, or --all, or --stale")
    for name in names:
        if name not in studies:
            raise InputError(f"unknown study {name!r}; choose from {', '.join(studies)}")
    if not (names or every or only_stale):
        listing(list(studies.values()), out)
        return
    chosen = [studies[name] for name in dict.fromkeys(names or studies)]
    chosen = [s.with_seeds(seeds) for s in chosen] if seeds else chosen
    if only_stale:
        reasons = stale(chosen, out)
        chosen = [s for s in chosen if s.name in reasons]
        for name, reason in reasons.items():
            say(f"{name} is stale: {reason}")
    states = [state(s, out) for s in chosen]
    if all(now.written for now in states):
        say(f"nothing is stale: {len(studies) if only_stale else len(states)} results match their code")
        return
    workers = workers or available()
    say(plan(states, workers, where=scheduler))
    try:
        with bar("runs") as progress:
            task = progress.add_task("studies", total=sum(len(now.todo) for now in states))

            def report(states: list[State]) -> None:
                left = sum(len(now.todo) for now in states)
                text = f"about {duration(remaining(states, workers))} left"
                progress.update(task, completed=progress.tasks[0].total - left, description=text)

            paths = complete(chosen, out, workers, scheduler, on_run=report)
    except Stopped as stop:
        say(str(stop))
        raise typer.Exit(stop.code) from None
    for path in paths:
        typer.echo(path)


def say(text: str) -> None:
    """A line on stderr."""
    typer.echo(f"toyclip: {text}", err=True)


def plan(states: Sequence[State], workers: int, where: str | None = None) -> str:
    """What is to be done and how long that takes, in a line."""
    todo = [now for now in states if not now.written]
    runs, names = sum(len(now.todo) for now in todo), ", ".join(now.study.name for now in todo)
    how = f"on the cluster at {where}" if where else f"in {workers} process{'es'[: 2 * (workers > 1)]}"
    kept = sum(len(now.lines) for now in todo)
    already = f" ({kept} are kept)" if kept else ""
    return f"{runs} runs of {names}{already} {how}; about {duration(remaining(todo, workers))}"


def remaining(states: Sequence[State], workers: int) -> float | None:
    """Seconds that the missing runs take; None if nobody knows, since one of the studies was never run."""
    total = 0.0
    for now in states:
        if now.todo and now.seconds is None:
            return None
        total += len(now.todo) * (now.seconds or 0) / (1 if now.study.alone else workers)
    return total


def duration(seconds: float | None) -> str:
    """A time in words.

    >>> [duration(s) for s in (None, 4, 600, 9000)]
    ['an unknown time', '4 s', '10 min', '2.5 h']
    """
    if seconds is None:
        return "an unknown time"
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def listing(studies: Sequence[Study], out: Path) -> None:
    """Print a line for each study: seeds, runs, how long all of them take, whether its result is up to date."""
    reasons = stale(studies, out)
    width = max(len(s.name) for s in studies)
    typer.echo(f"{'study':{width}}  seeds  runs  time on one core  result in {out}")
    for s in studies:
        now = state(s, out)
        time = "unknown" if now.seconds is None else duration(now.seconds * len(s.keys))
        verdict = f"stale: {reasons[s.name]}" if s.name in reasons else "up to date"
        typer.echo(f"{s.name:{width}}  {s.seeds:5}  {len(s.keys):4}  {time:>16}  {verdict}")
