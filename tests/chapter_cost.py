"""Pytest plugin: prints what each chapter that nbval ran has cost, and the wall time of `make test` beside its budget.

    pytest -p chapter_cost --nbval book/03_infonce.ipynb

Seconds are those of all cells with set-up and tear-down, which start and stop the kernel. Memory is measured as for the
chapters' headers, while cells run, in the process that runs them; with pytest-xdist that is a worker, and the numbers
reach the process that prints the table as part of each cell's report. No time makes the run fail. The chapters that
took longest when they were stored run first: at the end, no worker waits long for the other.

Where `make test` has laid the chapters out, their kernels are forked by tests/warm.py; what they share with its server
counts for each.
"""

import json
import os
import tempfile
import time
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path, PurePosixPath

import execute
import pytest
import warm

BUDGET = 600  # seconds for all of `make test` on two CPU cores
STARTED = "MAKE_TEST_STARTED"  # environment variable: seconds from 1970 to the start of `make test`
SITE = "CHAPTERS_SITE"  # environment variable: folder of the unpacked wheel that book/alone.py lays out
PEAK = "peak_mb"  # under this name a cell's report carries its peak memory
BACKEND = ("MPLBACKEND", "module://matplotlib_inline.backend_inline")  # as a kernel sets it before it imports anything
IMPORTED = (
    *warm.MODULES, "ipykernel.kernelapp", "matplotlib_inline.backend_inline", "matplotlib.pyplot", "pandas",
    "sklearn.linear_model", "sklearn.manifold",
)  # fmt: skip


class ChapterCost:
    """Measures where cells run; adds up and prints where pytest reports."""

    def __init__(self) -> None:
        self.start = time.time()
        self.seconds: dict[str, float] = {}  # by the name of the chapter
        self.peak_mb: dict[str, int] = {}  # likewise; 0 if no cell ran
        self.server: int | None = None  # the process that kernels are forked from, which is none of them

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """Run a cell and note the peak memory of its kernel, also when it fails."""
        memory = execute.PeakMemory(besides=self.server)
        try:
            with memory:
                return (yield)
        finally:
            item.user_properties.append((PEAK, memory.mb))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add set-up, run or tear-down of a cell to the cost of its chapter."""
        path = PurePosixPath(report.nodeid.partition("::")[0])
        if path.suffix == ".ipynb":
            peaks = [value for name, value in report.user_properties if name == PEAK]
            self.seconds[path.stem] = self.seconds.get(path.stem, 0) + report.duration
            self.peak_mb[path.stem] = max([self.peak_mb.get(path.stem, 0), *peaks])

    @pytest.hookimpl(trylast=True)  # below pytest's list of the slowest cells
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the table, also when a cell failed."""
        if self.seconds:
            terminalreporter.section("cost of the chapters")
            for line in self.table([path.stem for path in execute.chapters()], time.time()):
                terminalreporter.write_line(line)

    def table(self, order: list[str], now: float) -> list[str]:
        """A head, the chapters that ran, in the given order and strangers last, and two lines with wall times.

        The first is of the chapters, less than their sum where several run at a time; the second of all `make test`.
        """
        started = os.environ.get(STARTED)
        total = f"{now - float(started):.1f}" if started else "-"
        rows = [("chapter", "seconds", "peak MB")]
        for name in sorted(self.seconds, key=lambda name: order.index(name) if name in order else len(order)):
            rows.append((name, f"{self.seconds[name]:.1f}", str(self.peak_mb[name] or "-")))
        rows.append(("all, wall time", f"{now - self.start:.1f}", ""))
        lines = [f"{name:<16} {seconds:>7} {memory:>8}".rstrip() for name, seconds, memory in rows]
        return [*lines, f"{'make test':<16} {total:>7}  of at most {BUDGET} on two CPU cores"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the cells by the time that their chapter took when it was stored; a new chapter stands last."""
    costs = json.loads(execute.COST.read_text(encoding="utf-8"))
    items.sort(key=lambda item: -costs.get(item.path.stem, {"seconds": 0})["seconds"])


def warm_kernels(config: pytest.Config) -> int | None:
    """Have kernels of the name that the chapters ask for start at once; returns the process that they come from."""
    os.environ.setdefault(*BACKEND)
    until_end = ExitStack()
    config.add_cleanup(until_end.close)
    python, server = until_end.enter_context(warm.server(*IMPORTED))
    folder = Path(until_end.enter_context(tempfile.TemporaryDirectory()))
    place = folder / "kernels" / execute.KERNEL["name"] / "kernel.json"
    place.parent.mkdir(parents=True)
    launch = [*python, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    place.write_text(json.dumps({"argv": launch, "display_name": "warm", "language": "python"}), encoding="utf-8")
    os.environ["JUPYTER_PATH"] = os.pathsep.join([str(folder), *filter(None, [os.environ.get("JUPYTER_PATH")])])
    return server


def pytest_configure(config: pytest.Config) -> None:
    """Start the sums of this run; where cells run, let kernels import the package from CHAPTERS_SITE, if given."""
    cost = ChapterCost()
    if (site := os.environ.get(SITE)) and (hasattr(config, "workerinput") or not config.getoption("numprocesses", 0)):
        os.environ["PYTHONPATH"] = site
        cost.server = warm_kernels(config)
    config.pluginmanager.register(cost)
