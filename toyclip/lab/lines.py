"""A line on disk for each finished run of a study: whoever is stopped goes on where he was (helper)."""

import json
import os
from pathlib import Path

from toyclip.errors import InputError

FIELDS = {"study", "condition", "seed", "code", "machine", "seconds", "result"}


def keep(path: Path, line: dict) -> None:
    """Add a line to the file, on the disk when this returns; what is left of a line that was cut off goes.

    Raises:
        OSError: if the disk is full; the file is then as it was.
    """
    text = json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n"
    with path.open("a+b") as file:
        file.seek(0)
        whole = file.read().rfind(b"\n") + 1
        file.truncate(whole)
        try:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        except OSError:
            file.truncate(whole)
            raise


def kept(path: Path, study: str) -> list[dict]:
    """All lines of a file, in their order; a last one that was cut off does not count.

    Raises:
        InputError: if there is a line that is not of a run of this study.
    """
    whole = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    lines = []
    for number, text in enumerate(whole, start=1):
        try:
            line = json.loads(text)
            if line.keys() != FIELDS or line["study"] != study:
                raise ValueError
        except (ValueError, AttributeError):
            raise InputError(f"line {number} of {str(path)!r} is no run of {study!r}; remove that line") from None
        lines.append(line)
    return lines
