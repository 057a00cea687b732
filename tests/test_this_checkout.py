"""Tests and chapters refuse to run with the package of another checkout."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PYTEST = ("-P", "-m", "pytest", "-p", "no:cacheprovider", "tests/test_this_checkout.py", "--collect-only", "-q")
COMMANDS = {
    "make": ("book/this_checkout.py",),
    "tests": PYTEST,
    "tests beside the package": PYTEST[1:],  # they find it, and the kernels that they start would not
    "chapters": ("book/execute.py", "none.ipynb"),
    "nbval": (*PYTEST, "-p", "chapter_cost"),
}


def run(command: str, path: Path) -> subprocess.CompletedProcess:
    """Run a command in this checkout with `path` the first place where Python looks for packages."""
    environment = os.environ | {"PYTHONPATH": str(path)}
    return subprocess.run(
        [sys.executable, *COMMANDS[command]], cwd=ROOT, env=environment, capture_output=True, text=True
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_package_of_another_checkout_is_refused_in_one_line(command, tmp_path):
    other = tmp_path / "toyclip"
    other.mkdir()
    (other / "__init__.py").touch()
    done = run(command, tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"toyclip is imported from {other}, not from {ROOT / 'toyclip'}; "
        "remove .venv, and make will set it up for this checkout\n"
    )


def test_this_checkout_is_accepted_by_whatever_way_it_is_found(tmp_path):
    (tmp_path / "toyclip").symlink_to(ROOT / "toyclip")
    assert run("tests", tmp_path).returncode == 0
    assert "No such file" in run("chapters", ROOT).stderr  # it got as far as looking for the chapter
