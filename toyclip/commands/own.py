"""The commands for a reader's own model: score (helper, no chapter)."""

from pathlib import Path
from typing import Annotated

import typer

from toyclip.commands.model import ModelFile
from toyclip.files import check_writable
from toyclip.lab.terminal import bar, one_line_errors


@one_line_errors
def score(
    pictures: Annotated[Path, typer.Argument(help="A folder with a folder of pictures for each concept.")],
    out: Annotated[Path, typer.Option(help="Write the table here, as CSV.")],
    model_file: ModelFile = None,
    template: Annotated[
        list[str] | None, typer.Option(help="Sentence with {} for the concept; several are averaged.")
    ] = None,
    counts: Annotated[Path | None, typer.Option(help="CSV table of concept and count, to be joined.")] = None,
) -> None:
    """Count how many pictures of each concept a model names rightly, in a table for trend."""
    from toyclip.metrics import interval
    from toyclip.own import scoring
    from toyclip.own.opening import opened

    check_writable(out)
    known = None if counts is None else scoring.read_counts(counts)
    model = opened(model_file)
    with bar("concepts") as progress:
        result = scoring.score(
            model, pictures, template or (), lambda concepts: progress.track(concepts, description="scoring")
        )
    name = "toyclip" if model_file is None else model_file.as_posix()
    scoring.write_table(result, out, pictures.resolve().name, name, known)
    for sentence in result.skipped:
        typer.echo(f"toyclip: skipped, {sentence}", err=True)
    right, n = sum(result.correct), sum(result.n)
    low, high = interval(right, n)
    typer.echo(
        f"{right / n:.1%} of {n} pictures right among {len(result.concepts)} concepts "
        f"(95 % interval {low:.1%} to {high:.1%}; chance {1 / len(result.concepts):.1%}), {len(result.skipped)} skipped"
    )
    for concept, pictures_read in zip(result.concepts, result.n, strict=True):
        if not pictures_read:
            typer.echo(f"toyclip: {concept!r} has no picture that can be read, and no line in the table", err=True)
