"""Lay out each chapter alone in an empty folder, beside the package as its wheel holds it.

    python book/alone.py build/alone

`make test` runs the chapters there: what a chapter needs beyond the wheel, a reader who downloads it would miss.
"""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from execute import chapters

ROOT = Path(__file__).resolve().parents[1]
WHEEL = "import setuptools.build_meta; setuptools.build_meta.build_wheel('dist')"


def build_wheel(tree: Path) -> Path:
    """Build the wheel from a copy of what belongs to it, in `tree`, with what is installed and without a network."""
    shutil.copytree(ROOT / "toyclip", tree / "toyclip", ignore=shutil.ignore_patterns("__pycache__", ".runs"))
    for name in ("pyproject.toml", "LICENSE"):
        shutil.copy(ROOT / name, tree)
    subprocess.run([sys.executable, "-c", WHEEL], cwd=tree, stdout=subprocess.DEVNULL, check=True)
    (wheel,) = (tree / "dist").iterdir()
    return wheel


def lay_out(folder: Path) -> None:
    """Fill `folder`: site/ with the unpacked wheel, and NAME/NAME.ipynb for each chapter."""
    shutil.rmtree(folder, ignore_errors=True)
    with zipfile.ZipFile(build_wheel(folder / "tree")) as wheel:
        wheel.extractall(folder / "site")
    shutil.rmtree(folder / "tree")
    for chapter in chapters():
        (folder / chapter.stem).mkdir()
        shutil.copy(chapter, folder / chapter.stem)


if __name__ == "__main__":
    lay_out(Path(sys.argv[1]).resolve())
