"""The command line: its commands, and how it ends (helper, no chapter).

What a command needs it imports itself: torch alone takes seconds, and `--help` needs nothing of it.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

import toyclip
from toyclip.commands import book, large, model, own
from toyclip.lab.terminal import end_without_output

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None)  # rich's help takes twice as long
UsageError = typer.BadParameter.__mro__[1]  # typer does not export it
COMMANDS = {
    "train": model.train,
    "shards": large.shards,
    "classify": model.classify,
    "eval": model.evaluate,
    "floor": own.floor,
    "score": own.score,
    "trend": own.trend,
    "study": book.study,
    "bench": book.bench,
}
for name, command in COMMANDS.items():
    app.command(name)(command)


def show_version(wanted: bool) -> None:
    """Print the version and end, if that is what was asked for."""
    if wanted:
        typer.echo(f"toyclip {toyclip.__version__}")
        raise typer.Exit


@app.callback()
def top(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=show_version, is_eager=True)
    ] = False,
) -> None:
    """A CLIP small enough to hold in the head."""


def main() -> None:
    """Entry point of `toyclip` and of `python -m toyclip`: wrong usage, too, is one line and exit code 2."""
    name = "toyclip" if Path(sys.argv[0]).name == "toyclip" else "python -m toyclip"
    if len(sys.argv) == 1:
        sys.argv.append("--help")
    try:
        sys.exit(app(prog_name=name, standalone_mode=False))
    except UsageError as error:
        command = error.ctx.command_path if error.ctx else name
        typer.echo(f"toyclip: {error.format_message()} See '{command} --help'.", err=True)
        sys.exit(2)
    except OSError as error:
        end_without_output(error)
