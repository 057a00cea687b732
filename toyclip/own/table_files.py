"""Tables of concepts as people keep them: CSV, Parquet, and the JSON of the frequency paper (helper of trend).

A table is read into columns, name -> values: text from CSV, None where a cell is empty.
"""

import csv
import gzip
import io
import json
import re
import zlib
from collections.abc import Sequence
from pathlib import Path

from toyclip.errors import InputError
from toyclip.files import write_whole

Columns = dict[str, list]
RESULTS = re.compile(r"(?P<dataset>.+)_[a-z]+_results")
COUNTS = "_search_counts"


def read_table(paths: Sequence[str | Path]) -> Columns:
    """The columns of one CSV (.csv, .csv.gz) or Parquet file, or of the frequency paper's JSON files together.

    Raises:
        InputError: if a file cannot be read, is no such table, or several tables are given.
    """
    paths = [Path(path) for path in paths]
    if paths and all(path.suffix == ".json" for path in paths):
        return _paper_columns(paths)
    if len(paths) != 1:
        raise InputError(f"expected one table, or JSON files alone; got {len(paths)} files; put the rows into one CSV")
    (path,) = paths
    return _parquet_columns(path) if path.suffix in (".parquet", ".pq") else _csv_columns(path)


def write_table(path: str | Path, columns: Columns) -> None:
    """Write columns as CSV, whole or not at all.

    Raises:
        InputError: if it cannot be written there.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([list(columns), *zip(*columns.values(), strict=True)])
    write_whole(path, lambda beside: beside.write_text(text.getvalue(), encoding="utf-8"))


def _bytes(path: Path) -> bytes:
    """What a file holds, unpacked if its name ends in .gz."""
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if path.suffix == ".gz" else data
    except (OSError, EOFError, zlib.error) as error:
        why = getattr(error, "strerror", None) or error
        raise InputError(f"cannot read {str(path)!r} ({why}); give a table that is there and whole") from None


def _text(path: Path) -> str:
    try:
        return _bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{str(path)!r} is not UTF-8 text; save the table as CSV in UTF-8") from None


def _csv_columns(path: Path) -> Columns:
    """Columns of text; an empty cell is None."""
    rows = csv.reader(io.StringIO(_text(path), newline=""), strict=True)
    try:
        header = [name.strip() for name in next(rows, [])]
        if len(set(header)) != len(header) or "" in header or not header:
            raise InputError(f"the first line of {str(path)!r} must name every column, each once; it is {header}")
        cells: list[list] = []
        for row in rows:
            if row and len(row) != len(header):
                raise InputError(
                    f"line {rows.line_num} of {str(path)!r} has {len(row)} cells, its header {len(header)}; "
                    "put a name that holds a comma in quotation marks"
                )
            if row:
                cells.append([cell.strip() or None for cell in row])
    except csv.Error as error:
        raise InputError(f"line {rows.line_num} of {str(path)!r} is not CSV ({error}); mend it") from None
    return {name: [row[i] for row in cells] for i, name in enumerate(header)}


def _parquet_columns(path: Path) -> Columns:
    """Columns of whatever types the file has; a missing value is None."""
    try:
        import pandas

        frame = pandas.read_parquet(io.BytesIO(_bytes(path)))
    except ImportError:
        raise InputError("a Parquet file is read with pyarrow: pip install pyarrow, or save it as CSV") from None
    except (ValueError, OSError) as error:  # what pyarrow raises of a damaged file is both
        raise InputError(
            f"{str(path)!r} is not a Parquet table ({str(error).splitlines()[0]}); save it again"
        ) from None
    absent = frame.isna()
    return {
        str(name): [None if gone else value for value, gone in zip(frame[name], absent[name], strict=True)]
        for name in frame.columns
    }


def _paper_columns(paths: list[Path]) -> Columns:
    """Columns dataset, concept, count_X and acc_MODEL of Udandarao et al. 2024's two kinds of JSON file.

    {set}_{X}_search_counts.json holds {concept: count}, {set}_{prompt}_results.json holds
    {model: {"classwise": {concept: percent}}}. A concept is found under its own name or else in lower case; counts for
    a set without results are not used.
    """
    results: dict[str, dict] = {}
    counts: dict[Path, dict] = {}
    for path in paths:
        held, name = _json_object(path), RESULTS.fullmatch(path.stem)
        if path.stem.endswith(COUNTS) and all(_is_number(value) for value in held.values()):
            counts[path] = held
        elif name and all(isinstance(value, dict) and "classwise" in value for value in held.values()):
            if name["dataset"] in results:
                raise InputError(f"two files hold results of {name['dataset']!r}; give those of one prompt")
            results[name["dataset"]] = held
        else:
            raise InputError(
                f"{str(path)!r} is neither SET_X_search_counts.json with {{concept: count}} nor "
                'SET_PROMPT_results.json with {model: {"classwise": {concept: percent}}}'
            )
    if not results or not counts:
        raise InputError("expected files of both kinds, *_search_counts.json and *_results.json; give both")
    found: dict[str, dict[str, dict]] = {dataset: {} for dataset in results}  # set -> column -> concept -> value
    for path, held in counts.items():
        stem = path.stem.removesuffix(COUNTS)
        dataset = max((name for name in results if stem.startswith(f"{name}_")), key=len, default=None)
        if dataset is not None:
            found[dataset][f"count_{stem[len(dataset) + 1 :]}"] = held
    for dataset, models in results.items():
        found[dataset] |= {f"acc_{model}": value["classwise"] for model, value in models.items()}
    names = list(dict.fromkeys(column for columns in found.values() for column in columns))
    table: Columns = {name: [] for name in ("dataset", "concept", *names)}
    for dataset, columns in found.items():
        lower = {column: {key.lower(): value for key, value in held.items()} for column, held in columns.items()}
        for concept in dict.fromkeys(key for name, held in columns.items() if name[:4] == "acc_" for key in held):
            table["dataset"].append(dataset)
            table["concept"].append(concept)
            for name in names:
                held = columns.get(name, {})
                table[name].append(held.get(concept, lower.get(name, {}).get(concept.lower())))
    return table


def _json_object(path: Path) -> dict:
    try:
        held = json.loads(_text(path))
    except json.JSONDecodeError as error:
        raise InputError(f"{str(path)!r} is not JSON ({error}); give a whole file") from None
    if not isinstance(held, dict) or not held:
        raise InputError(f"{str(path)!r} does not hold a JSON object with something in it; give a whole file")
    return held


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
