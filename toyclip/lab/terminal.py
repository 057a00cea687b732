"""What the commands share: a progress bar, a device that is there, and one line for all that fails (helper)."""

import contextlib
import functools
import os
import re
import sys
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn

import typer

from toyclip.errors import InputError, LossNotFiniteError, ProcessLostError, RecipeError

if TYPE_CHECKING:
    from rich.progress import Progress


def bar(unit: str) -> "Progress":
    """A progress bar on stderr, where all goes that is no result; it counts `unit` and shows the time left."""
    from rich.console import Console  # takes as long as the whole of `--help`
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn(unit)]
    return Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True)


def usable(device: str) -> str:
    """`device` if it is one of cpu, cuda and mps, and torch can put a tensor there.

    Raises:
        RecipeError: if not. Torch knows many more names, some of which import what is not installed.
    """
    import torch

    try:
        if not re.fullmatch(r"cpu|mps|cuda(:\d{1,3})?", device):
            raise RuntimeError("unknown")
        with warnings.catch_warnings(action="ignore"):  # of a driver that is too old: then there is no such device
            torch.zeros(1, device=device).item()
    except (RuntimeError, AssertionError):
        raise RecipeError(
            f"torch cannot use device {device!r} on this machine; use cpu, or cuda or mps if present"
        ) from None
    return device


def one_line_errors(command: Callable) -> Callable:
    """Turn bad input into one line on stderr and exit code 2, Ctrl-C into one line and exit code 130."""

    @functools.wraps(command)
    def wrapped(*args, **kwargs):
        try:
            return command(*args, **kwargs)
        except (InputError, LossNotFiniteError, ProcessLostError) as error:
            typer.echo(f"toyclip: {error}", err=True)
            raise typer.Exit(2) from None
        except KeyboardInterrupt:
            typer.echo("toyclip: stopped", err=True)
            raise typer.Exit(130) from None

    return wrapped


def end_without_output(error: OSError) -> NoReturn:
    """End with one line and exit code 2 because the system refused something, such as what was to be printed.

    What waits to be printed is thrown away: Python would try once more at its end, and print a traceback.
    """
    with contextlib.suppress(OSError):  # it has no number if somebody put something else in its place
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    typer.echo(f"toyclip: the system refused ({error}); give another place, or make room", err=True)
    sys.exit(2)
