"""Spares the search for garbage while tests are collected; prints how much of the chapters' output is not compared."""

import gc
from collections.abc import Generator

import execute
import nbformat
import pytest
from test_notebooks import BUDGET, ignored_cells


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect the tests without looking for garbage, and never look among what was made: modules and tests stay."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    notebooks = {path.stem: nbformat.read(path, as_version=4) for path in execute.chapters()}
    if not notebooks:
        return
    terminalreporter.section(f"cells whose output is not compared: at most {BUDGET:.0%}")
    ignored = {name: ignored_cells(notebook) for name, notebook in notebooks.items()}
    for name, (part, whole) in ignored.items():
        terminalreporter.write_line(f"{name:<16} {part:>3} of {whole}")
    part, whole = (sum(counts) for counts in zip(*ignored.values(), strict=True))
    terminalreporter.write_line(f"{'all':<16} {part:>3} of {whole} = {part / max(whole, 1):.0%}")
