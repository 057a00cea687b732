"""What the commands share: a progress bar, and one line for bad input or a stop (helper)."""

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

import typer

from toyclip.errors import InputError, LossNotFiniteError

if TYPE_CHECKING:
    from rich.progress import Progress


def bar(unit: str) -> "Progress":
    """A progress bar on stderr, where all goes that is no result; it counts `unit` and shows the time left."""
    from rich.console import Console  # takes as long as the whole of `--help`
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn(unit)]
    return Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True)


def one_line_errors(command: Callable) -> Callable:
    """Turn bad input into one line on stderr and exit code 2, Ctrl-C into one line and exit code 130."""

    @functools.wraps(command)
    def wrapped(*args, **kwargs):
        try:
            return command(*args, **kwargs)
        except (InputError, LossNotFiniteError) as error:
            typer.echo(f"toyclip: {error}", err=True)
            raise typer.Exit(2) from None
        except KeyboardInterrupt:
            typer.echo("toyclip: stopped", err=True)
            raise typer.Exit(130) from None

    return wrapped
