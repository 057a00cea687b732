"""The commands for a reader's own CLIP: floor, trend (helper, no chapter)."""

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from toyclip.errors import InputError
from toyclip.files import check_writable, write_json
from toyclip.lab.terminal import one_line_errors

if TYPE_CHECKING:
    from toyclip.own.floor_report import Report


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

    with kept(files) as paths:
        about = report(lambda: pairs(paths, column, image, count), batch_size)
    said = None if loss is None else where(loss, about)
    if as_json:
        typer.echo(json.dumps(as_dict(about, loss, said), ensure_ascii=False, allow_nan=False))
    else:
        typer.echo("\n".join(in_words(about, said)))


def as_dict(about: "Report", loss: float | None, said: str | None) -> dict:
    """A report for machines."""
    from dataclasses import asdict

    most = [{"caption": caption, "pairs": pairs} for caption, pairs in about.most.items()]
    return asdict(about) | {"most": most, "loss": loss, "said": said}


def in_words(about: "Report", said: str | None) -> list[str]:
    """The lines of a report."""
    from textwrap import fill

    size, chance = about.batch_size, about.chance
    several = about.pictures < about.pairs
    told = [
        f"{about.pairs:,} pairs, {about.captions:,} different captions" + f", {about.pictures:,} pictures" * several
    ]
    told += [f"{about.empty:,} of them have an empty caption"] * (about.empty > 0)
    told += [
        "",
        f"chance  {chance:8.4f} nats  log {size:,}: every answer a guess",
        f"floor   {about.floor:8.4f} nats  the lowest mean loss, whatever the model",
        "",
    ]
    kinds = [("caption", about.by_caption), *[("picture", about.by_picture)] * several]
    for name, twins in kinds:
        told.append(
            f"{twins.share:.1%} of rows meet their {name} again in the batch, {twins.expected:.4g} times on average, "
            f"which alone costs {twins.floor:.4f} nats"
            if twins.share
            else f"no two rows of a batch share a {name}"
        )
    if about.most:
        width = len(f"{max(about.most.values()):,}")
        told += ["", "most repeated captions", *(f"{n:{width + 2},}  {shown(c)}" for c, n in about.most.items())]
    usual = (
        f"A loss that stays at {chance:.2f} has learned nothing; exactly 0 from the first step on means a batch of "
        f"one. Below {about.floor:.2f} no mean can be: then the loss, the batch or the captions are not what they are "
        "taken for. One that stays above it is not stopped by twins."
    )
    return [*told, "", fill(said or usual, 100)]


def shown(caption: str) -> str:
    """A caption on one line that a terminal can take."""
    clean = "".join(c if c.isprintable() else f"\\x{ord(c) & 255:02x}" for c in caption)
    return (clean if len(clean) <= 80 else f"{clean[:79]}…") or "(empty)"


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
