"""Files written whole or not at all (helper, no chapter)."""

import json
import os
import stat
import uuid
from collections.abc import Callable
from pathlib import Path

from toyclip.errors import InputError


def write_whole(path: str | Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a file beside `path`, then rename it: readers see the old file or the whole new one.

    A file that is there keeps its permissions, a new one gets those that any new file gets. Of a symbolic link it is
    the target that is written.

    Raises:
        InputError: if the folder does not exist or cannot be written to.
    """
    check_writable(path)
    path = Path(path).resolve()
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        beside.open("xb").close()
        mode = stat.S_IMODE((path if path.exists() else beside).stat().st_mode)
        write(beside)
        beside.chmod(mode)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def check_writable(path: str | Path) -> None:
    """Raise InputError, before any work is done, if a file could not be written at `path`."""
    path = Path(path).resolve()
    if (path.exists() and not path.is_file()) or not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise InputError(f"cannot write {str(path)!r}; give a file name in a folder that exists and can be written to")


def write_json(path: str | Path, value: object) -> None:
    """Write a value as indented JSON, whole or not at all.

    Raises:
        InputError: if the folder does not exist or cannot be written to.
        ValueError: if a number in it is NaN or infinite, which JSON cannot say.
    """
    text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    write_whole(path, lambda beside: beside.write_text(text, encoding="utf-8"))
