"""Captions out of whatever holds them, as pairs that can be counted (page Your own CLIP)."""

import contextlib
import csv
import glob
import re
import shutil
import sys
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from toyclip.errors import InputError
from toyclip.own.readers import READERS, USUAL

Pair = tuple[str | None, str, int]  # picture (None: one that occurs nowhere else), caption, how often


def pairs(
    paths: Iterable[str], column: str | None = None, image: str | None = None, count: str | None = None
) -> Iterator[Pair]:
    """All pairs of all files, in their order.

    Args:
        paths: text (one caption a line), CSV, TSV, JSON lines, parquet or WebDataset shards, told by the ending; a name
            may hold * and ?, or {00..17} as names of shards do, and .gz behind it.
        column: what holds the caption: a text, or a list of texts, each of which makes a pair with the same picture.
        image: what tells one picture from another; without it, or where it is empty, a row is a picture of its own.
        count: what says how many pairs a row stands for.

    Raises:
        InputError: if a file is missing, damaged, without that column, or no text.
    """
    for path in expand(paths):
        with refusing(path):
            rows, holds = READERS[kind(path)](path, tuple(filter(None, (column, image, count)))), column
            for place, row in enumerate(rows, 1):
                if isinstance(row, str):
                    yield None, folded(row), 1
                    continue
                holds = holds or usual(row, alone=bool(count))
                yield from of_row(row, f"{path}, row {place}", holds, image, count)


def usual(row: dict, alone: bool) -> str:
    """The column that is taken for captions; "" if there is none and counts alone are enough.

    >>> usual({"url": "http://...", "TEXT": "a red circle"}, alone=False)
    'TEXT'
    """
    return next((name for usual in USUAL for name in row if name.lower() == usual), "" if alone else USUAL[0])


def folded(caption: str) -> str:
    """A caption as CLIP's tokenizer sees it: without capitals, and with single spaces.

    >>> folded("  A red\\tCircle\\n")
    'a red circle'
    """
    return " ".join(caption.lower().split())


def of_row(row: dict, place: str, column: str, image: str | None = None, count: str | None = None) -> Iterator[Pair]:
    """The pairs of one row of a table; a caption that is missing (null) is an empty one, a picture one of its own.

    >>> list(of_row({"caption": ["A cat", "a dog"], "n": "2"}, "a.csv, row 1", "caption", count="n"))
    [('a.csv, row 1', 'a cat', 2), ('a.csv, row 1', 'a dog', 2)]
    """
    times = number(field(row, count, place), place) if count else 1
    said = field(row, image, place) if image else None
    picture = None if said in (None, "") else str(said)
    captions = field(row, column, place) if column else place  # without a column each row is a caption
    for caption in captions if isinstance(captions, list) else [captions]:
        if caption is not None and not isinstance(caption, str):
            raise InputError(f"{place}: the caption is {str(caption)[:40]!r}, not a text; name another column")
        own = place if isinstance(captions, list) else None
        yield own if picture is None else picture, folded(caption or ""), times


def field(row: dict, column: str, place: str) -> object:
    """What a row holds in a column."""
    if column not in row:
        there = ", ".join(map(repr, list(row)[:20])) or "none"
        raise InputError(f"{place}: there is no column {column!r}; the columns are {there}")
    return row[column]


def number(said: object, place: str) -> int:
    """A count, whole and at least 1.

    >>> number(" 12 ", "a.csv, row 1"), number(3.0, "a.csv, row 1")
    (12, 3)
    """
    whole = re.fullmatch(r"(\d{1,15})(\.0+)?", str(said).strip())
    if not whole or int(whole[1]) < 1:
        raise InputError(f"{place}: the count {said!r} is no whole number of at least 1; leave the row out or mend it")
    return int(whole[1])


# --- files -----------------------------------------------------------------------------------------------------------


def kind(path: str) -> str:
    """What a file is by its name; all that no other ending says is text, one caption a line.

    >>> kind("a.csv.gz"), kind("shard-00.tar"), kind("captions")
    ('csv', 'tar', 'txt')
    """
    ending = Path(path.removesuffix(".gz")).suffix[1:].lower()
    if ending == "json":
        advice = "make it JSON lines, as in: jq -c '.annotations[]' FILE > captions.jsonl"
        raise InputError(f"{path!r} is one JSON document, which cannot be read piece by piece; {advice}")
    return ending if ending in READERS else "txt"


def expand(paths: Iterable[str]) -> Iterator[str]:
    """Names of files from names with *, ? and {00..17}; one that fits no file is an error.

    >>> with TemporaryDirectory() as folder:
    ...     for name in ("s-07.tar", "s-08.tar", "s-09.tar"):
    ...         Path(folder, name).touch()
    ...     [[Path(p).name for p in expand([f"{folder}/{name}"])] for name in ("s-{07..08}.tar", "*9.tar")]
    [['s-07.tar', 's-08.tar'], ['s-09.tar']]
    """
    for path in paths:
        for name in [path] if Path(path).exists() else numbered(path):
            found = [name] if Path(name).exists() else sorted(glob.glob(name))
            if not found:
                raise InputError(f"there is no file {name!r}; give the name of one, or a pattern that fits one")
            yield from found


def numbered(path: str) -> Iterator[str]:
    """The names that {00..17} in a name stands for."""
    span = re.search(r"\{(\d+)\.\.(\d+)\}", path)
    if not span:
        yield path
        return
    for place in range(int(span[1]), int(span[2]) + 1):
        yield from numbered(f"{path[: span.start()]}{place:0{len(span[1])}}{path[span.end() :]}")


@contextlib.contextmanager
def refusing(path: str) -> Iterator[None]:
    """Turn what a file brings about that cannot be read into one sentence."""
    try:
        yield
    except (EOFError, zlib.error, tarfile.TarError, csv.Error) as error:
        raise InputError(f"{path!r} is damaged ({error}); fetch or write it again") from None
    except OSError as error:
        raise InputError(f"cannot read {path!r} ({error.strerror or error}); give a file that can be read") from None


@contextlib.contextmanager
def kept(paths: Iterable[str]) -> Iterator[list[str]]:
    """The same paths for reading twice: what is piped in, under - or a pipe's name, waits on disk as long as needed."""
    with TemporaryDirectory() as folder:
        again = []
        for place, path in enumerate(paths):
            if path == "-" or Path(path).is_fifo():
                again.append(str(Path(folder, f"piped in {place}")))
                with Path(again[-1]).open("wb") as file, contextlib.ExitStack() as stack:
                    source = sys.stdin.buffer if path == "-" else stack.enter_context(Path(path).open("rb"))
                    shutil.copyfileobj(source, file)
            else:
                again.append(path)
        yield again
