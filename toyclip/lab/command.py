"""The command `study`: says what it will do and how long that takes, does it, and lists what there is (helper)."""

from collections.abc import Sequence
from pathlib import Path

import typer

from toyclip.errors import InputError
from toyclip.lab.guard import locked
from toyclip.lab.runs import State, Stopped, available, check_device, complete, state
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
    device: str = "cpu",
) -> None:
    """Run the studies named, all, or those that are stale; without any of these, list them.

    Raises:
        InputError: if a name is unknown, more than one of the three is given, or a study does not suit.
        typer.Exit: with 128 and the number of the signal, if the user stopped it.
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
    reasons = stale(chosen, out) if only_stale else {}
    if only_stale:
        chosen = [s for s in chosen if s.name in reasons]
    check_device(chosen, device)
    states = [state(s, out) for s in chosen]
    if all(now.written for now in states):
        say(f"nothing is stale: {len(studies) if only_stale else len(states)} results match their code")
        return
    workers = workers or available()
    with locked(out):  # or refused, before anything is promised
        pass
    for name, reason in reasons.items():
        say(f"{name} is stale: {reason}")
    say(plan(states, workers, where=scheduler))
    try:
        progress = bar("runs")
        progress.columns = progress.columns[:-1]  # its guess needs several runs a minute
        progress.disable = not progress.console.is_terminal
        with progress:
            total = sum(len(now.todo) for now in states)
            task = progress.add_task("", total=total)

            def report(states: list[State]) -> None:
                left = sum(len(now.todo) for now in states)
                text = f"{duration(*remaining(states, workers))} left"
                progress.update(task, completed=total - left, description=text)

            paths = complete(chosen, out, workers, scheduler, device, on_run=report)
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
    runs, kept = sum(len(now.todo) for now in todo), sum(len(now.lines) for now in todo)
    workers = 1 if all(now.study.alone for now in todo) else workers
    how = f"on the cluster at {where}" if where else f"in {workers} process{'es'[: 2 * (workers > 1)]}"
    what = f"{runs} runs of {', '.join(now.study.name for now in todo)}" + (f" ({kept} are kept)" if kept else "")
    return f"{what} {how}; {duration(*remaining(todo, workers))}"


def remaining(states: Sequence[State], workers: int) -> tuple[float, list[str]]:
    """Seconds that the missing runs take, and the studies of which nobody knows, since they were never run."""
    todo = [now for now in states if now.todo]
    unknown = [now.study.name for now in todo if now.seconds is None]
    parts = [len(now.todo) * (now.seconds or 0) / (1 if now.study.alone else workers) for now in todo]
    return sum(parts), unknown


def duration(seconds: float, unknown: Sequence[str] = ()) -> str:
    """A time in words.

    >>> duration(4), duration(600), duration(9000, ["fast"]), duration(0, ["fast"])
    ('about 4 s', 'about 10 min', 'about 2.5 h and an unknown time for fast', 'an unknown time for fast')
    """
    rest = f"an unknown time for {', '.join(unknown)}" if unknown else ""
    if rest and not seconds:
        return rest
    minutes = f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
    known = f"about {seconds:.0f} s" if seconds < 100 else f"about {minutes}"
    return f"{known} and {rest}" if rest else known


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
