"""The commands for a reader's own CLIP: floor, score, trend (helper, no chapter)."""

import json
import shlex
import sys
from pathlib import Path
from textwrap import fill
from typing import Annotated

import typer

from toyclip.commands.model import ModelFile
from toyclip.errors import InputError
from toyclip.files import check_writable, write_json
from toyclip.lab.terminal import bar, one_line_errors


@one_line_errors
def floor(
    files: Annotated[list[str], typer.Argument(help="Captions: .txt, .csv, .tsv, .jsonl, .parquet, .tar, or - .")],
    batch_size: Annotated[int, typer.Option(min=1, help="Of all processes that share their negatives.")],
    loss: Annotated[float | None, typer.Option(help="A loss, in nats, to be placed in the range.")] = None,
    column: Annotated[str | None, typer.Option(help="Holds the captions; caption, text or title if none.")] = None,
    image: Annotated[
        str | None, typer.Option(help="Column that tells pictures apart; each row its own if none.")
    ] = None,
    count: Annotated[str | None, typer.Option(help="Column that says how many pairs a row stands for.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """Say what a contrastive loss can be with these captions.

    Between chance, log B, and the floor, which repeats raise above 0, lies all that a model can do. B is the number of
    rows and columns of the similarity matrix: with N processes that gather their embeddings N times the local batch,
    with a "local loss" too; the local batch only if each process keeps to itself.

    Captions count as the same if they differ in nothing but capitals and white space, as for CLIP's tokenizer. An empty
    one is a caption. Where several belong to one picture, each makes a pair: as a list in one row, or in rows of their
    own with --image. A name may hold * and ?, or {00..17}; .gz is unpacked; shards hold .txt, or with --column .json.
    """
    from toyclip.own.captions import kept, pairs
    from toyclip.own.floor_report import report, where
    from toyclip.own.floor_words import as_dict, in_words

    with kept(files) as paths:
        about = report(lambda: pairs(paths, column, image, count), batch_size)
    said = None if loss is None else where(loss, about)
    if as_json:
        typer.echo(json.dumps(as_dict(about, loss, said), ensure_ascii=False, allow_nan=False))
    else:
        typer.echo("\n".join(in_words(about, said)))


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
    if known is not None:
        scoring.check_counts(scoring.concept_folders(pictures), known)
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
        typer.echo(_wrapped(line))
    if json_file:
        write_json(json_file, report | {"command": shlex.join(["toyclip", *sys.argv[1:]])})
    if picture:
        from toyclip.figures.own import draw_trend

        typer.echo("\n" + _wrapped(f"{picture}: {draw_trend(table, report, picture)}"))


def _wrapped(line: str, columns: int = 100) -> str:
    """A paragraph in lines that fit; the lines of a table do already, and a path stays whole."""
    return fill(line, columns, break_long_words=False, break_on_hyphens=False) if len(line) > columns else line
