"""Studies for the tests of the lab; `python sample_studies.py NAME...` is the command `study` with these."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from toyclip.lab.study import Study

FACTOR = 3
MARKS = "SAMPLE_MARKS"  # environment variable: a folder in which runs leave marks


def mark(name: str) -> bool:
    """Whether this is the first run, of all processes, that leaves this mark."""
    try:
        (Path(os.environ[MARKS]) / name).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def plain(seed: int) -> dict:
    """At once; numbers that are no short decimals, words that are no ASCII."""
    return {"third": seed * FACTOR / 7, "word": "grün"}


def slow(condition: str, seed: int) -> list:
    """Takes a moment."""
    time.sleep(0.15)
    mark(f"{condition}{seed}")
    return [condition, seed / 3]


def endless(seed: int) -> int:
    """The first seeds at once, then an hour, deaf to everything but SIGKILL, with a child that is as patient."""
    if seed < 2:
        return seed
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])
    (Path(os.environ[MARKS]) / f"{os.getpid()}.{child.pid}").touch()
    time.sleep(3600)
    return seed


def late(seed: int) -> int:
    """The first seeds at once, the others take their time."""
    time.sleep(0 if seed < 2 else 4)
    return seed


def waiting(seed: int) -> int:
    """Every seed takes its time, so that none is done while processes start."""
    time.sleep(4)
    return seed


def failing(seed: int) -> float:
    """Seed 2 has no result."""
    if seed == 2:
        raise ZeroDivisionError("nothing\nby nothing")
    return seed / 2


def infinite(seed: int) -> list[float]:
    """Seed 1 is no number."""
    return [1.0, float("nan") if seed == 1 else 0.5]


def killed(seed: int) -> int:
    """The first time seed 3 is reached, its process is killed as the system does when memory is short."""
    if seed == 3 and mark("killed"):
        os.kill(os.getpid(), signal.SIGKILL)
    return seed


def lonely(seed: int) -> list:
    """Whether it was alone, and how many threads it was told to take."""
    here = Path(os.environ[MARKS])
    busy = here / f"busy{os.getpid()}"
    busy.touch()
    time.sleep(0.1)
    alone = len(list(here.glob("busy*"))) == 1
    busy.unlink()
    return [alone, os.environ["OMP_NUM_THREADS"], os.environ["MKL_NUM_THREADS"]]


STUDIES = (
    Study("plain", plain, seeds=4),
    Study("slow", slow, seeds=3, conditions=("left", "réchts")),
    Study("endless", endless, seeds=5),
    Study("late", late, seeds=5),
    Study("waiting", waiting, seeds=5),
    Study("failing", failing, seeds=4),
    Study("infinite", infinite, seeds=3),
    Study("killed", killed, seeds=5),
    Study("lonely", lonely, seeds=3, alone=True),
)


def app():
    """The command `study` of toyclip, for these studies."""
    import sample_studies  # not this __main__, so that others find the functions
    import typer

    from toyclip.lab import command
    from toyclip.lab.terminal import one_line_errors

    app = typer.Typer()

    @app.command()
    @one_line_errors
    def study(
        names: list[str] = typer.Argument(None),  # noqa: B008
        every: bool = typer.Option(False, "--all"),
        only_stale: bool = typer.Option(False, "--stale"),
        out: Path = Path("results"),
        seeds: int | None = None,
        workers: int | None = None,
        scheduler: str | None = None,
    ) -> None:
        studies = {study.name: study for study in sample_studies.STUDIES}
        command.study(studies, names or [], every, only_stale, out, seeds, workers, scheduler)

    return app


if __name__ == "__main__":
    app()()
