"""Files written whole or not at all (helper, no chapter)."""

import contextlib
import errno
import hashlib
import itertools
import json
import os
import stat
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

from toyclip.errors import InputError


def write_whole(path: str | Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a file beside `path`, then rename it: readers see the old file or the whole new one.

    A file that is there keeps its permissions, a new one gets those that any new file gets. Of a symbolic link it is
    the target that is written.

    Raises:
        InputError: if the folder does not exist or cannot be written to, or the disk is full.
    """
    with _refusing(path), _beside(place := _place(path)) as beside:
        mode = stat.S_IMODE((place if place.exists() else beside).stat().st_mode)
        write(beside)
        beside.chmod(mode)
        beside.replace(place)


def check_writable(*paths: str | Path) -> None:
    """Raise InputError, before any work is done, if a file could not be written at each path: empty ones are tried."""
    for path in paths:
        with _refusing(path), _beside(_place(path)):
            pass
    for one, other in itertools.combinations(paths, 2):
        if Path(one).resolve() == Path(other).resolve():
            raise InputError(f"{str(one)!r} and {str(other)!r} are the same file; give two")


def write_json(path: str | Path, value: object) -> None:
    """Write a value as indented JSON, whole or not at all.

    Raises:
        InputError: if the folder does not exist or cannot be written to, or the disk is full.
        ValueError: if a number in it is NaN or infinite, which JSON cannot say.
    """
    text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    write_whole(path, lambda beside: beside.write_text(text, encoding="utf-8"))


def mark(place: Path) -> str:
    """How the name of a half-written file begins, before a dot and 8 hexadecimal digits: no other file has the same.

    >>> mark(Path("model.safetensors"))
    '.model.safetensors.9d75c109'
    """
    return f".{place.name[:20]}.{hashlib.sha256(os.fsencode(place.name)).hexdigest()[:8]}"


@contextlib.contextmanager
def _refusing(path: str | Path) -> Iterator[None]:
    """Turn what the system says against writing a file into one sentence."""
    try:
        yield
    except OSError as error:
        advice = "give a file name in a folder that exists and can be written to"
        raise InputError(f"cannot write {str(path)!r} ({error.strerror or error}); {advice}") from None


@contextlib.contextmanager
def _beside(place: Path) -> Iterator[Path]:
    """A new file in the same folder, for as long as it is needed; its name is short enough wherever that of `place` is.

    Raises:
        OSError: if there can be none.
    """
    beside = place.with_name(f"{mark(place)}.{uuid.uuid4().hex[:8]}")
    try:
        beside.open("xb").close()
        yield beside
    finally:
        beside.unlink(missing_ok=True)


def _place(path: str | Path) -> Path:
    """Where a file is to be written, all links followed.

    Raises:
        OSError: if something else than a file is there, or the file that takes what is printed (a new one in its place
            would lose that).
    """
    try:
        place, there = Path(path).resolve(), None
        with contextlib.suppress(FileNotFoundError):
            there = os.stat(path)
    except (ValueError, RuntimeError) as error:  # a zero byte in a name, links that go round in circles
        raise OSError(errno.EINVAL, str(error).split(":")[0]) from None
    if there and not stat.S_ISREG(there.st_mode):
        raise OSError(errno.EINVAL, "it is no file")
    if there and any(_takes(stream, there) for stream in (1, 2)):
        raise OSError(errno.EINVAL, "it takes what this command prints")
    return place


def _takes(stream: int, there: os.stat_result) -> bool:
    """Whether a file takes what goes to standard output (1) or to standard error (2)."""
    try:
        return os.path.samestat(there, os.fstat(stream))
    except OSError:  # it is closed
        return False
