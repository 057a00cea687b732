"""The commands for a reader's own CLIP: trend (helper, no chapter)."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from toyclip.errors import InputError
from toyclip.files import check_writable, write_json
from toyclip.lab.terminal import one_line_errors


@one_line_errors
def trend(
    files: Annotated[list[Path], typer.Argument(help="A .csv, .csv.gz or .parquet, or the frequency paper's .json.")],
    count: Annotated[str | None, typer.Option(help="Column of the counts; count if none.")] = None,
    accuracy: Annotated[str | None, typer.Option(help="Column; correct with n, or accuracy, if none.")] = None,
    model: Annotated[str | None, typer.Option(help="Which of the column model, if there are several.")] = None,
    unit: Annotated[
        str | None, typer.Option(help="Of the accuracy: share or percent, if its values do not tell.")
    ] = None,
    resamples: Annotated[int, typer.Option(min=100, help="Of concepts, for intervals, and permutations.")] = 1000,
    bins: Annotated[int, typer.Option(min=3, help="Equal steps of the logarithm of the count.")] = 12,
    seed: Annotated[int, typer.Option(min=0, help="Of resamples, permutations and folds.")] = 0,
    picture: Annotated[Path | None, typer.Option(help="Draw it here, as .png or .svg.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the report here.")] = None,
) -> None:
    """Tell whether frequency explains a model's accuracy.

    The table has a row a concept: concept, count, and correct with n, or accuracy; with several test sets, dataset.
    """
    from toyclip.own.concept_table import concepts
    from toyclip.own.table_files import read_table
    from toyclip.own.trend_report import trend as analyse
    from toyclip.own.trend_words import in_lines

    if picture and picture.suffix not in (".png", ".svg"):
        raise InputError(f"cannot draw {str(picture)!r}; give a name that ends in .png or .svg")
    check_writable(*filter(None, (picture, json_file)))
    table = concepts(read_table(files), count, accuracy, model, unit)
    report = analyse(table, resamples, bins, seed)
    for line in in_lines(report):
        typer.echo(line)
    if json_file:
        write_json(json_file, report | {"command": shlex.join(["toyclip", *sys.argv[1:]])})
    if picture:
        from toyclip.figures.own import draw_trend

        typer.echo(f"\n{picture}: {draw_trend(table, report, picture)}")
