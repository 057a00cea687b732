"""Importing this module ends the program with one line if `toyclip` comes from elsewhere than from this checkout.

A virtual environment that was copied along with a checkout still imports the package of the other one: the tests would
pass, and chapters run, on code that is not this.
"""

from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).resolve().parents[1] / "toyclip"


def found() -> Path | None:
    """The folder that `import toyclip` would take, if any."""
    spec = find_spec("toyclip")
    return Path(spec.origin).resolve().parent if spec and spec.origin else None


if found() != HERE:
    raise SystemExit(
        f"toyclip is imported from {found()}, not from {HERE}; remove .venv, and make will set it up for this checkout"
    )
