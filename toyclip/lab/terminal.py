"""What the commands share: a progress bar, and one line for bad input (helper)."""

import functools
from collections.abc import Callable

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from toyclip.errors import InputError, LossNotFiniteError

terminal = Console(stderr=True)  # results go to stdout, everything else here


def bar(unit: str) -> Progress:
    """A progress bar on stderr that counts `unit` and shows the time left."""
    columns = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn(unit)]
    return Progress(*columns, TimeRemainingColumn(), console=terminal, transient=True)


def one_line_errors(command: Callable) -> Callable:
    """Turn bad input into one line on stderr and exit code 2."""

    @functools.wraps(command)
    def wrapped(*args, **kwargs):
        try:
            return command(*args, **kwargs)
        except (InputError, LossNotFiniteError) as error:
            typer.echo(f"toyclip: {error}", err=True)
            raise typer.Exit(2) from None

    return wrapped
