"""What holds for all tests: which are collected and how, which share a worker, and what is said afterwards.

The tests of the built site are collected only when they are asked for by name: who runs all tests may have no site.
"""

import functools
import gc
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import this_checkout  # noqa: F401 - ends here if toyclip is another checkout's
from command import toyclip  # noqa: F401 - a fixture

if TYPE_CHECKING:
    from playwright.sync_api import Browser

SITE = Path(__file__).with_name("site")
LONG = ("tests/studies/test_all_studies.py", "tests/test_your_own.py")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    asked = [(config.invocation_params.dir / arg.partition("::")[0]).resolve() for arg in config.args]
    return True if collection_path == SITE and not any(SITE in (path, *path.parents) for path in asked) else None


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect the tests without looking for garbage, and never look among what was made: modules and tests stay.

    What tests leave is looked for seldom, since modules that they import stay as well.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()
        gc.set_threshold(20_000, 10, 20)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files that take longest first: a worker that began one last would keep all others waiting."""
    items.sort(key=lambda item: item.nodeid.partition("::")[0] not in LONG)


def pytest_collection_finish() -> None:
    """Read the sheet of emoji once a process: a twentieth of a second that many tests would take many times each."""
    if pictures := sys.modules.get("toyclip.pictures"):
        read, once = pictures.emoji, functools.cache(pictures.emoji)
        copied = functools.wraps(read)(lambda: list(once()))
        for module in list(sys.modules.values()):
            if vars(module).get("emoji") is read:
                module.emoji = copied


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """The tests of one file in one worker, all of tests/large in one: their server of processes imports torch."""
    from xdist.scheduler import LoadFileScheduling  # here, since a run by one process need not have it

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            return "tests/large" if file.startswith("tests/large/") else file

    return Scheduling(config, log) if config.getoption("dist") == "loadfile" else None


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """A browser for the tests of one file: a process can drive one at a time, and its memory would count elsewhere."""
    from browser import chromium  # here, since most processes that read this file need none

    with chromium() as started:
        yield started


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how much of the chapters is not compared, after a run of the tests that hold it within its bound."""
    reports = [report for some in terminalreporter.stats.values() for report in some]
    if not any(getattr(report, "nodeid", "").startswith("tests/test_notebooks.py") for report in reports):
        return
    import execute  # here: what they import in turn takes a second, of every process that reads this file
    import nbformat
    from test_notebooks import BUDGET, ignored_cells

    notebooks = {path.stem: nbformat.read(path, as_version=4) for path in execute.chapters()}
    terminalreporter.section(f"cells whose output is not compared: at most {BUDGET:.0%}")
    ignored = {name: ignored_cells(notebook) for name, notebook in notebooks.items()}
    for name, (part, whole) in ignored.items():
        terminalreporter.write_line(f"{name:<16} {part:>3} of {whole}")
    part, whole = (sum(counts) for counts in zip(*ignored.values(), strict=True))
    terminalreporter.write_line(f"{'all':<16} {part:>3} of {whole} = {part / max(whole, 1):.0%}")
