"""A Dask cluster leaves the same lines and tables as this machine."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sample_studies

from toyclip.errors import InputError
from toyclip.lab import cluster
from toyclip.lab.cluster import on_cluster
from toyclip.lab.lines import kept
from toyclip.lab.pool import Task
from toyclip.lab.provenance import fingerprint
from toyclip.lab.runs import complete

SAMPLES = {study.name: study for study in sample_studies.STUDIES}
CLUSTER = """
import sys
from distributed import LocalCluster
if __name__ == "__main__":
    with LocalCluster(n_workers=int(sys.argv[1]), threads_per_worker=1, dashboard_address=None) as cluster:
        print(cluster.scheduler_address, flush=True)
        sys.stdin.read()
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> Iterator[str]:
    """Of a cluster of two processes."""
    yield from start(tmp_path_factory.mktemp("cluster"), workers=2)


def start(folder: Path, workers: int) -> Iterator[str]:
    (folder / "marks").mkdir()
    script = folder / "cluster.py"
    script.write_text(CLUSTER)
    places = {"PYTHONPATH": os.pathsep.join(sys.path), sample_studies.MARKS: str(folder / "marks")}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, script, str(workers)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, env=os.environ | places, cwd=folder,
        )  # fmt: skip
    try:
        yield process.stdout.readline().strip()
    finally:
        process.communicate(timeout=30)


def results(path: Path) -> list[str]:
    """The lines of a table that no clock decides."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if not line.startswith((' "seconds"', ' "sha256"'))]


def test_cluster_of_two_processes_leaves_the_same_table_byte_for_byte(address, tmp_path, monkeypatch):
    monkeypatch.setenv(sample_studies.MARKS, str(tmp_path))
    (tmp_path / "here").mkdir()
    chosen = [SAMPLES["plain"], SAMPLES["slow"]]
    complete(chosen, tmp_path / "there", workers=1, scheduler=address)
    complete(chosen, tmp_path / "here", workers=2)
    for study in chosen:
        name = f"{study.name}.json"
        assert results(tmp_path / "there" / name) == results(tmp_path / "here" / name)


def test_run_that_fails_there_is_the_same_one_line(address, tmp_path):
    with pytest.raises(InputError, match="study 'failing', seed 2 failed with ZeroDivisionError") as caught:
        complete([SAMPLES["failing"]], tmp_path, workers=1, scheduler=address)
    assert "\n" not in str(caught.value)
    lines = kept(tmp_path / ".runs" / "failing.jsonl", "failing")
    assert f"{len(lines)} of 4 runs are kept" in str(caught.value)


def test_worker_with_other_code_refuses(address):
    task = Task("plain", (None, 0), "sample_studies", "plain", (0,))
    outcomes = list(on_cluster([task], address, at_once=1, codes={"plain": "0" * 16}))
    assert [task for task, _ in outcomes] == [task]
    assert "has other code" in outcomes[0][1]["error"]


def test_stop_keeps_what_is_finished_and_leaves_the_rest(address):
    tasks = [Task("late", (None, seed), "sample_studies", "late", (seed,)) for seed in range(5)]
    codes, came = {"late": fingerprint(sample_studies.late)}, []
    start = time.monotonic()
    for task, outcome in on_cluster(tasks, address, 5, codes, stopped=lambda: len(came) == 2):
        came.append((task.key[1], outcome["result"]))
    assert sorted(came) == [(0, "0"), (1, "1")]
    assert time.monotonic() - start < 3


@pytest.mark.parametrize("nowhere", ["tcp://127.0.0.1:9", "no-protocol://x", "127.0.0.1:x", "?"])
def test_address_where_nobody_answers_is_one_line(nowhere, tmp_path, monkeypatch):
    assert cluster.REACH <= 5
    monkeypatch.setattr(cluster, "REACH", 1)
    begin = time.monotonic()
    with pytest.raises(InputError, match="no Dask scheduler answers at") as caught:
        complete([SAMPLES["plain"]], tmp_path, workers=1, scheduler=nowhere)
    assert "\n" not in str(caught.value)
    assert time.monotonic() - begin < 5


def test_cluster_without_workers_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "REACH", 1)
    for address in start(tmp_path, workers=0):
        with pytest.raises(InputError, match=f"has no worker; run dask worker {address}"):
            complete([SAMPLES["plain"]], tmp_path / "out", workers=1, scheduler=address)


def test_without_the_package_the_line_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match=r"run pip install -e '\.\[cluster\]'"):
        next(on_cluster([], "tcp://127.0.0.1:9", 1, {}))
