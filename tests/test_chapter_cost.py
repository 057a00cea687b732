"""`make test` ends in a table that says what every chapter cost, near the truth, also when a cell fails."""

import json
import os
import subprocess
import sys
import time
from multiprocessing import forkserver
from pathlib import Path
from types import SimpleNamespace

import execute
import nbformat
import psutil
import pytest
from chapter_cost import BUDGET, PEAK, STARTED, ChapterCost, pytest_collection_modifyitems
from nbformat.v4 import new_code_cell, new_notebook

ROOT = Path(__file__).parents[1]
HELD = 200  # MB that the large notebook holds for a while
PLAIN_KERNEL = range(30, 150)  # MB of a kernel that has imported nothing


def write(path: Path, *cells: str) -> Path:
    """Store a notebook with these cells, none of them run."""
    metadata = {"kernelspec": execute.KERNEL}
    notebook = new_notebook(cells=[new_code_cell(cell) for cell in cells], metadata=metadata)
    path.write_text(nbformat.writes(notebook), encoding="utf-8")
    return path


@pytest.fixture(scope="module", autouse=True)
def _alone() -> None:
    """The server of processes that tests of `toyclip.large` leave running is a child of this process, too."""
    forkserver._forkserver._stop()


@pytest.fixture(scope="module", params=["-n2 --dist=loadfile", "-p no:xdist"])
def run(request, tmp_path_factory) -> tuple[subprocess.CompletedProcess, float]:
    """Pytest on two small notebooks, by two workers and without any, and the seconds that it took.

    A cell of the large notebook holds memory for half a second, frees it, and fails.
    """
    folder = tmp_path_factory.mktemp("book")
    small = write(folder / "ledger.ipynb", "import time; time.sleep(0.5)")
    large = write(folder / "data.ipynb", f"import time; x = b'x' * {HELD}_000_000; time.sleep(0.5); del x; 1 / 0", "2")
    options = f"-p chapter_cost -p no:cacheprovider --nbval --nbval-current-env {request.param}".split()
    place = ["-c", ROOT / "pyproject.toml", "--rootdir", folder]
    command = [sys.executable, "-m", "pytest", *place, *options, small, large]
    start = time.time()
    environment = {**os.environ, STARTED: f"{start - 100:.0f}"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)
    return done, time.time() - start


def rows(output: str) -> dict[str, list[str]]:
    """The table that pytest printed, without its head: name -> seconds and, for a chapter, memory."""
    lines = output.partition("cost of the chapters")[2].splitlines()[2:6]
    return {line[:16].strip(): line[16:].split() for line in lines}


def test_chapters_stand_in_the_order_of_the_book(run):
    done, _ = run
    assert "1 failed, 2 passed" in done.stdout
    assert list(rows(done.stdout)) == ["data", "ledger", "all, wall time", "make test"]


def test_memory_is_that_of_the_kernel(run):
    small, large = (int(rows(run[0].stdout)[name][1]) for name in ("ledger", "data"))
    assert small in PLAIN_KERNEL
    assert large - small == pytest.approx(HELD, abs=30)


def test_seconds_are_those_of_the_chapter(run):
    done, wall = run
    seconds = {name: float(row[0]) for name, row in rows(done.stdout).items()}
    assert 0.5 <= seconds["ledger"] <= seconds["all, wall time"] <= wall
    assert 0.5 <= seconds["data"] <= seconds["all, wall time"]
    assert 99 <= seconds["make test"] <= 101 + wall
    assert f"of at most {BUDGET} on two CPU cores" in done.stdout


def report(nodeid: str, when: str, seconds: float, *peaks: int, outcome: str = "passed") -> pytest.TestReport:
    properties = [(PEAK, peak) for peak in peaks]
    place = (nodeid.partition("::")[0], 0, "")
    return pytest.TestReport(nodeid, place, {}, outcome, None, when, duration=seconds, user_properties=properties)


def test_reports_add_up(monkeypatch):
    monkeypatch.delenv(STARTED, raising=False)
    cost = ChapterCost()
    for one in [
        report("book/b.ipynb::Cell 0", "setup", 2.0),
        report("book/b.ipynb::Cell 0", "call", 3.0, 400),
        report("book/b.ipynb::Cell 0", "teardown", 0.5, 400),
        report("book/b.ipynb::Cell 1", "call", 1.0, 300, outcome="failed"),
        report("book/new.ipynb::Cell 0", "call", 1.0, 60),
        report("book/a.ipynb::Cell 0", "setup", 0.5, outcome="failed"),
        report("tests/test_data.py::test_colours", "call", 7.0, 50),
    ]:
        cost.pytest_runtest_logreport(one)
    assert [line.split() for line in cost.table(["b", "a"], cost.start + 5)] == [
        ["chapter", "seconds", "peak", "MB"],
        ["b", "6.5", "400"],
        ["a", "0.5", "-"],
        ["new", "1.0", "60"],
        ["all,", "wall", "time", "5.0"],
        ["make", "test", "-", "of", "at", "most", str(BUDGET), "on", "two", "CPU", "cores"],
    ]


def test_longest_chapter_runs_first_and_its_cells_in_order(tmp_path, monkeypatch):
    monkeypatch.setattr(execute, "COST", tmp_path / "cost.json")
    execute.COST.write_text(json.dumps({"short": {"seconds": 9}, "long": {"seconds": 10}}))
    files = ("new", "short", "long", "short", "long", "new")
    items = [SimpleNamespace(path=Path(f"alone/{name}/{name}.ipynb"), cell=cell) for cell, name in enumerate(files)]
    pytest_collection_modifyitems(items)
    assert [(item.path.stem, item.cell) for item in items] == [
        ("long", 2), ("long", 4), ("short", 1), ("short", 3), ("new", 0), ("new", 5),
    ]  # fmt: skip


def test_cost_in_a_header_is_measured_likewise(tmp_path):
    path = write(tmp_path / "large.ipynb", f"import time; x = b'x' * {HELD}_000_000; time.sleep(0.5); del x")
    cost = execute.run(nbformat.read(path, as_version=4))
    assert cost["peak_mb"] - HELD in PLAIN_KERNEL
    assert cost["seconds"] >= 0.5


HOLD = "x = b'x' * 100_000_000; print('ready', flush=True); input()"
START = f'import subprocess, sys; subprocess.run([sys.executable, "-c", "{HOLD}"])'


def test_memory_of_a_process_that_the_kernel_started_counts():
    with subprocess.Popen([sys.executable, "-c", START], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        with execute.PeakMemory() as memory:
            assert process.stdout.readline() == b"ready\n"
        process.communicate(b"\n")
    assert memory.mb in range(100, 180)


def test_a_process_that_has_just_ended_does_no_harm(monkeypatch):
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        ended = psutil.Process(process.pid)
        process.kill()
    monkeypatch.setattr(psutil.Process, "children", lambda self, recursive: [ended, self])
    with execute.PeakMemory() as memory:
        pass
    assert memory.bytes > 0


def test_memory_is_in_tens_of_a_million_bytes():
    memory = execute.PeakMemory()
    memory.bytes = 126_000_000
    assert memory.mb == 130
