"""Importing this module ends the program with one line if `toyclip` comes from elsewhere than from this checkout.

A virtual environment that was copied along with a checkout still imports the package of the other one: the tests would
pass, and chapters run, on code that is not this. Asked are this process, and one that starts in the folder of the
chapters, as their kernels do: what `python -m` finds beside it, they do not.
"""

import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

BOOK = Path(__file__).resolve().parent
HERE = BOOK.parent / "toyclip"
LOOK = "from importlib.util import find_spec; print(getattr(find_spec('toyclip'), 'origin', None) or '', end='')"


def found() -> Iterator[Path | None]:
    """The folders that `import toyclip` would take, if any: here, and where a chapter runs."""
    here = getattr(find_spec("toyclip"), "origin", None)
    there = subprocess.run([sys.executable, "-c", LOOK], cwd=BOOK, stdout=subprocess.PIPE, text=True, check=True).stdout
    for origin in (here, there):
        yield Path(origin).resolve().parent if origin else None


for folder in found():
    if folder != HERE:
        raise SystemExit(
            f"toyclip is imported from {folder}, not from {HERE}; "
            "remove .venv, and make will set it up for this checkout"
        )
