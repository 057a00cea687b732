"""One reader for each kind of file that holds captions; all of them stream (page Your own CLIP).

A reader takes a path and the names of the columns that are wanted, and yields a row as a dict, or a caption as a str.
"""

import csv
import gzip
import json
import tarfile
from collections.abc import Callable, Iterator

from toyclip.errors import InputError

USUAL = ("caption", "text", "title")  # columns that are taken for captions, in capitals too
Columns = tuple[str, ...]


def opened(path: str) -> Iterator[str]:
    """The lines of a text file, unpacked if its name ends in .gz; bytes that are no UTF-8 stay what they are.

    Raises:
        InputError: if there is a zero byte, as in UTF-16 and in files that are no text.
    """
    opener: Callable = gzip.open if path.endswith(".gz") else open
    with opener(path, "rt", encoding="utf-8-sig", errors="surrogateescape", newline=None) as file:
        for number, line in enumerate(file, 1):
            if "\0" in line:
                raise InputError(f"{path}, line {number}: a zero byte, so this is no text in UTF-8; convert it first")
            yield line


def lines(path: str, columns: Columns) -> Iterator[str]:
    """One caption a line; of a file without columns none can be wanted."""
    if columns:
        raise InputError(f"{path!r} has one caption a line and no columns; leave out {columns[0]!r}")
    return opened(path)


def table(path: str, columns: Columns) -> Iterator[dict]:
    """Rows of a CSV under a line of names; between the fields of a TSV stand tabs."""
    csv.field_size_limit(2**20)  # a quote that never ends is noticed after a megabyte
    rows = csv.reader(opened(path), delimiter="\t" if path.removesuffix(".gz").lower().endswith(".tsv") else ",")
    names = next(rows, [])
    for row in rows:
        if len(row) == len(names):
            yield dict(zip(names, row, strict=True))
        elif row:  # an empty line holds nothing
            told = f"{path}, line {rows.line_num}: {len(row)} fields, not {len(names)} as in the first line"
            raise InputError(f"{told}; put quotes around a field that holds a comma, a tab or a quote")


def json_lines(path: str, columns: Columns) -> Iterator[dict]:
    """One JSON object a line; empty lines do not count."""
    for number, line in enumerate(opened(path), 1):
        if line.strip():
            yield parsed(line, f"{path}, line {number}")


def parsed(text: str, place: str) -> dict:
    """A JSON object."""
    try:
        row = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{place}: this is no JSON ({error}); write one object a line") from None
    if not isinstance(row, dict):
        raise InputError(f'{place}: expected an object such as {{"caption": "a red circle"}}, got {text.strip()[:40]}')
    return row


def parquet(path: str, columns: Columns) -> Iterator[dict]:
    """Rows of a parquet file, some ten thousand at a time; of its columns only those that are needed."""
    try:
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    except ImportError:
        raise InputError(f"reading {path!r} needs pyarrow; pip install 'toyclip[parquet]', or give a CSV") from None
    try:
        with ParquetFile(path) as file:
            names = file.schema_arrow.names
            needed = [name for name in names if name in columns or name.lower() in USUAL]
            for batch in file.iter_batches(columns=needed if set(columns) <= set(names) and needed else None):
                yield from batch.to_pylist()
    except ArrowException as error:
        raise InputError(f"{path!r} is damaged ({str(error).splitlines()[0]}); fetch or write it again") from None


def shard(path: str, columns: Columns) -> Iterator[dict | str]:
    """The samples of a WebDataset shard: the text of their .txt, or their .json if a column is wanted."""
    ending, found = ".json" if columns else ".txt", False
    with tarfile.open(path) as tar:
        for member in tar:
            tar.members = []  # else it remembers all of them
            if member.isfile() and member.name.endswith(ending):
                found, content = True, tar.extractfile(member).read().decode("utf-8", "surrogateescape")
                yield parsed(content, f"{path}, {member.name}") if columns else content
        tar.fileobj.seek(tar.offset)
        end = tar.fileobj.read(2 * tarfile.BLOCKSIZE)
        if len(end) < tarfile.BLOCKSIZE or any(end):  # where the loop stops in silence
            raise InputError(f"{path!r} is damaged (it breaks off at byte {tar.offset:,}); fetch or write it again")
    if not found:
        other = "name no column, then .txt is read" if columns else "with --column NAME a field of .json is read"
        raise InputError(f"{path!r} holds no {ending}; {other}")


READERS = {"txt": lines, "csv": table, "tsv": table, "jsonl": json_lines, "ndjson": json_lines, "parquet": parquet,
           "tar": shard, "tgz": shard}  # fmt: skip
