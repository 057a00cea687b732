"""Runs are done once and kept: in one process with counted calls, and by the real study, killed and resumed."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from toyclip.errors import InputError, LossNotFiniteError
from toyclip.lab import runs as resume
from toyclip.lab.runs import LINES, Run, complete, finished, write_tables

MACHINE = {"processor": "Slow 486", "cores": 2}


@pytest.fixture(autouse=True)
def here(monkeypatch) -> SimpleNamespace:
    """Runs are done by a thread of this process, in their order; code and machine are what the test says."""
    asked = SimpleNamespace(code="1st", machine=MACHINE, workers=[], methods=[], initializers=[])

    def pool(workers, mp_context, initializer):
        asked.workers.append(workers)
        asked.methods.append(mp_context.get_start_method())
        asked.initializers.append(initializer)
        return ThreadPoolExecutor(1)

    monkeypatch.setattr(resume, "ProcessPoolExecutor", pool)
    monkeypatch.setattr(resume, "fingerprint", lambda *modules: f"{asked.code} code of {', '.join(modules)}")
    monkeypatch.setattr(resume, "machine", lambda: asked.machine)
    return asked


@pytest.fixture
def done() -> list[tuple]:
    """The arguments of every call of `once`."""
    return []


@pytest.fixture
def runs(done) -> list[Run]:
    """Six: two parts, of which the second has two names."""

    def once(name, seed):
        done.append((name, seed))
        return {"name": name, "square": seed**2}

    places = [("words", "alone", 0), ("pairs", "réd", 0), ("pairs", "blue", 0)]
    places += [(part, name, 1) for part, name, _ in places]
    return [Run(part, name, seed, once, (name, seed)) for part, name, seed in places]


def stored(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / LINES).read_bytes().splitlines()]


# --- what is to be done ----------------------------------------------------------------------------------------------


def test_every_run_is_done_once_and_has_its_line(runs, done, here, tmp_path):
    lines = complete(runs, tmp_path, workers=3)
    assert done == [run.arguments for run in runs]
    assert (here.workers, here.methods, here.initializers) == ([3], ["spawn"], [resume._prepare_process])
    assert [path.name for path in tmp_path.iterdir()] == [LINES]
    for run, line in zip(runs, stored(tmp_path), strict=True):
        about = {"code": "1st code of test_resume", "machine": MACHINE}
        result = {"name": run.name, "square": run.seed**2}
        assert line == {"part": run.part, "name": run.name, "seed": run.seed} | about | {"result": result}
        assert lines[run.key] == about | {"result": result}
    assert finished(tmp_path) == lines


def test_only_what_is_missing_is_done(runs, done, tmp_path):
    complete(runs[:2] + runs[4:5], tmp_path, 1)
    before = (tmp_path / LINES).read_text()
    done.clear()
    lines = complete(runs, tmp_path, 1)
    assert done == [run.arguments for run in (runs[2], runs[3], runs[5])]
    assert (tmp_path / LINES).read_text().startswith(before)
    assert set(lines) == {run.key for run in runs}
    complete(runs, tmp_path, 1)
    assert len(done) == 3


def test_runs_that_differ_in_one_part_of_the_key_are_others(done, tmp_path):
    def once(*arguments):
        done.append(arguments)

    keys = [("a", "x", 0), ("b", "x", 0), ("a", "y", 0), ("a", "x", 1)]
    for key in keys:
        complete([Run(*key, once, key)], tmp_path, 1)
    assert done == keys
    assert list(finished(tmp_path)) == keys


def test_lines_made_by_other_code_are_made_again(runs, done, here, tmp_path):
    complete(runs, tmp_path, 1)
    old = stored(tmp_path)
    for i in (1, 4):
        old[i] |= {"code": "0th code of test_resume", "result": "old"}
    (tmp_path / LINES).write_text("".join(json.dumps(line) + "\n" for line in old))
    done.clear()
    lines = complete(runs, tmp_path, 1)
    assert done == [runs[1].arguments, runs[4].arguments]
    assert lines[runs[1].key]["result"] == {"name": "réd", "square": 0}
    assert {line["code"] for line in stored(tmp_path)} == {"1st code of test_resume"}
    here.code = "2nd"
    complete(runs, tmp_path, 1)
    assert len(done) == 2 + 6


def test_code_is_that_of_the_runs_own_module(monkeypatch, tmp_path):
    def once():
        return 1

    def other():
        return 2

    once.__module__, other.__module__ = "toyclip.studies.frequency.priming", "toyclip.studies.frequency.counting"
    assert Run("a", "b", 0, once, ()).module == "priming"
    lines = complete([Run("a", "b", 0, once, ()), Run("a", "c", 0, other, ())], tmp_path, 1)
    assert [line["code"] for line in lines.values()] == ["1st code of priming", "1st code of tagger"]


def test_lines_of_another_study_in_the_folder_are_kept(runs, tmp_path):
    complete(runs[:3], tmp_path, 1)
    lines = complete(runs[3:], tmp_path, 1)
    assert list(lines) == list(finished(tmp_path)) == [run.key for run in runs]


def test_progress_is_told_from_nothing_to_all(runs, tmp_path):
    told = []
    complete(runs[:2], tmp_path, 1, on_result=lambda done, total: told.append((done, total)))
    assert told == [(0, 2), (1, 2), (2, 2)]
    told.clear()
    complete(runs, tmp_path, 1, on_result=lambda done, total: told.append((done, total, len(stored(tmp_path)))))
    assert told == [(0, 4, 2), (1, 4, 3), (2, 4, 4), (3, 4, 5), (4, 4, 6)]
    told.clear()
    complete(runs, tmp_path, 1, on_result=lambda done, total: told.append((done, total)))
    assert told == [(0, 0)]


# --- what goes wrong -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [LossNotFiniteError("the loss is nan"), KeyboardInterrupt()], ids=repr)
def test_lines_before_a_run_that_fails_are_kept_and_the_rest_is_done_later(error, runs, done, tmp_path):
    def fails(*arguments):
        done.append("failed")
        raise error

    broken = [*runs[:3], Run("pairs", "bad", 0, fails, ()), *runs[3:]]
    with pytest.raises(type(error)):
        complete(broken, tmp_path, 1)
    assert done[:4] == [*(run.arguments for run in runs[:3]), "failed"]
    assert [tuple(line.values())[:3] for line in stored(tmp_path)] == [run.key for run in runs[:3]]
    assert [path.name for path in tmp_path.iterdir()] == [LINES]
    done.clear()
    complete(runs, tmp_path, 1)
    assert done == [run.arguments for run in runs[3:]]


def test_runs_that_have_not_begun_are_not_begun_after_a_failure(runs, done, tmp_path):
    """The failure is told to the one thread while the next run waits."""
    told = threading.Event()

    def fails():
        raise LossNotFiniteError("the loss is nan")

    def waits():
        told.wait(5)

    slow = [Run("a", "bad", 0, fails, ()), Run("a", "slow", 0, waits, ()), *runs]
    threading.Timer(0.5, told.set).start()
    with pytest.raises(LossNotFiniteError):
        complete(slow, tmp_path, 1)
    assert done == []
    assert not list(tmp_path.iterdir())


def test_writing_that_fails_leaves_the_lines_there_were(runs, monkeypatch, tmp_path):
    """The disk is full when the third line is to be written."""
    whole = resume.write_whole

    def full(path, write):
        if path.exists() and len(stored(tmp_path)) == 2:

            def half(beside):
                write(beside)
                beside.write_text(beside.read_text()[:50])
                raise OSError("no space left on device")

            whole(path, half)
        whole(path, write)

    monkeypatch.setattr(resume, "write_whole", full)
    with pytest.raises(OSError, match="no space left"):
        complete(runs, tmp_path, 1)
    assert [path.name for path in tmp_path.iterdir()] == [LINES]
    assert len(stored(tmp_path)) == 2


GOOD = '{"part": "a", "name": "b", "seed": 0, "code": "c", "machine": {}, "result": 1}'
BAD = {
    "cut off": GOOD[:40],
    "empty": "",
    "no object": "5",
    "a list": "[1, 2]",
    "no seed": GOOD.replace('"seed": 0, ', ""),
    "no result": GOOD.replace(', "result": 1', ""),
    "no code": GOOD.replace('"code": "c", ', ""),
    "seed a list": GOOD.replace('"seed": 0', '"seed": [0]'),
    "two lines in one": GOOD + GOOD,
}


@pytest.mark.parametrize("name", BAD)
def test_damaged_line_is_refused_by_its_number_and_left_alone(name, runs, done, tmp_path):
    text = f"{GOOD}\n{GOOD}\n{BAD[name]}\n{GOOD}\n"
    (tmp_path / LINES).write_text(text)
    with pytest.raises(InputError, match=r"^line 3 of '.*runs\.jsonl' is no result; remove the line"):
        complete(runs, tmp_path, 1)
    assert done == []
    assert (tmp_path / LINES).read_text() == text


def test_bytes_that_are_no_text_are_refused(tmp_path):
    (tmp_path / LINES).write_bytes(b"\xff\xfe\n")
    with pytest.raises(InputError, match="line 1 "):
        finished(tmp_path)


def test_name_may_hold_what_others_take_for_the_end_of_a_line(done, tmp_path):
    def once(end):
        done.append(end)

    runs = [Run("a", f"b{end}c", 0, once, (end,)) for end in "\n\u2028\x85\x1e"]
    for _ in range(2):
        complete(runs, tmp_path, 1)
    assert len(done) == 4
    assert list(finished(tmp_path)) == [run.key for run in runs]


def test_what_a_killed_process_left_half_written_is_removed(runs, tmp_path):
    (tmp_path / f".{LINES}.x1y2").write_text(GOOD[:30])
    (tmp_path / "notes.txt").write_text("mine")
    complete(runs, tmp_path, 1)
    assert {path.name for path in tmp_path.iterdir()} == {LINES, "notes.txt"}


def test_folder_without_lines_has_none(tmp_path):
    assert finished(tmp_path) == {}


def test_folder_that_is_not_there_is_refused(runs, tmp_path):
    with pytest.raises(InputError, match="cannot write"):
        complete(runs, tmp_path / "none", 1)


# --- a process of the pool -------------------------------------------------------------------------------------------


def test_process_has_one_thread_and_ends_with_the_one_that_started_it(monkeypatch):
    """The parent is an event here, and ending another."""
    threads, gone, ended = [], threading.Event(), threading.Event()
    codes = []
    monkeypatch.setattr(resume.torch, "set_num_threads", threads.append)
    monkeypatch.setattr(resume, "parent_process", lambda: SimpleNamespace(join=gone.wait))
    monkeypatch.setattr(resume.os, "_exit", lambda code: (codes.append(code), ended.set()))
    resume._prepare_process()
    assert threads == [1]
    assert not ended.wait(0.1)
    gone.set()
    assert ended.wait(5)
    assert codes == [1]


# --- tables ----------------------------------------------------------------------------------------------------------


def test_tables_hold_every_result_one_run_a_line(runs, tmp_path):
    lines = complete(runs, tmp_path, 1)
    paths = write_tables(runs, lines, tmp_path, "toyclip study", prefix="test")
    assert paths == [tmp_path / "test_words.json", tmp_path / "test_pairs.json"]
    assert {path.name for path in tmp_path.iterdir()} == {LINES, *(path.name for path in paths)}
    for path, names in zip(paths, (["alone"], ["réd", "blue"]), strict=True):
        text = path.read_text(encoding="utf-8")
        table = json.loads(text)
        assert list(table) == ["command", "seeds", "machine", "modules", "code", "results"]
        assert (table["command"], table["seeds"], table["machine"]) == ("toyclip study", [0, 1], MACHINE)
        assert (table["modules"], table["code"]) == (["test_resume"], "1st code of test_resume")
        assert list(table["results"]) == names
        for name in names:
            expected = [{"name": name, "square": 0}, {"name": name, "square": 1}]
            assert table["results"][name] == expected
            rows = [line.strip(" ,") for line in text.splitlines()]
            assert [row for row in rows if row.startswith(f'{{"name": "{name}"')] == list(map(dump, expected))
        assert text.endswith("}\n")


def dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def test_tables_do_not_depend_on_the_order_in_which_runs_end(runs, tmp_path):
    lines = complete(runs, tmp_path, 1)
    (first,) = {path.read_bytes() for path in write_tables(runs[1::3], lines, tmp_path, "c", "a")}
    other = dict(reversed(lines.items()))
    (again,) = {path.read_bytes() for path in write_tables(runs[1::3], other, tmp_path, "c", "b")}
    assert first == again


def test_seeds_and_modules_of_a_table_are_those_of_its_own_runs(runs, tmp_path):
    def other(name, seed):
        return seed

    other.__module__ = "toyclip.studies.frequency.priming"
    more = [*runs[:3], Run("words", "together", 7, other, ("together", 7))]
    words, pairs = write_tables(more, complete(more, tmp_path, 1), tmp_path, "c", "t")
    table = json.loads(words.read_text())
    assert (table["seeds"], table["modules"]) == ([0, 7], ["priming", "test_resume"])
    assert table["code"] == "1st code of priming, test_resume"
    assert json.loads(pairs.read_text())["seeds"] == [0]


def test_lines_of_several_machines_are_told(runs, here, tmp_path):
    complete(runs[:3], tmp_path, 1)
    here.machine = {"processor": "Fast 586", "cores": 1}
    lines = complete(runs, tmp_path, 1)
    assert [line["machine"]["cores"] for line in lines.values()] == [2, 2, 2, 1, 1, 1]
    for path in write_tables(runs, lines, tmp_path, "c", "t"):
        assert json.loads(path.read_text())["machine"] == "several"
    for path in write_tables(runs[3:], lines, tmp_path, "c", "t"):
        assert json.loads(path.read_text())["machine"] == here.machine


# --- kill -9 ---------------------------------------------------------------------------------------------------------

STUDY = """
    # At top level what is shrunk is so in the processes of the pool, too, which import this file again.
    from toyclip.studies.frequency import models, priming, counting as tagger

    models.SIZES = {"convolutions": (4,), "transformer": (4,)}
    priming.NEW_WORDS, priming.PICTURES, priming.PRESENTATIONS, priming.COMPANY = 2, 1, 2, 3
    tagger.SCHOOLING = {"good tagger": 2, "poor tagger": 1}

    if __name__ == "__main__":
        from functools import partial
        from toyclip import cli
        from toyclip.studies.composition.unseen import GridSize
        from toyclip.studies.frequency.corpus import Size

        def tell(real, *arguments, on_result):
            def told(done, total):
                if not done:
                    print(total, "to do", flush=True)
                on_result(done, total)

            return real(*arguments, on_result=told)

        size = Size(levels=3, per_level=5, updates=1, batch_size=2, test=1)
        grid = GridSize(pictures=16, updates=1, batch_size=2, test=1)
        cli.plan.plan = partial(cli.plan.plan, size=size, grid=grid)
        cli.resume.complete = partial(tell, cli.resume.complete)
        cli.main()
    """


@pytest.fixture
def study(tmp_path) -> Iterator[Callable[..., psutil.Popen]]:
    """Start the command line in a process of its own, every run small; nothing outlives the test."""
    script, started = tmp_path / "study.py", []
    script.write_text(textwrap.dedent(STUDY), encoding="utf-8")
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}

    def start(folder: Path, *arguments: str) -> psutil.Popen:
        command = [sys.executable, script, "frequency", "--out", folder, "--seeds", "2", *arguments]
        output = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "env": environment}
        started.append(psutil.Popen(command, **output))
        return started[-1]

    yield start
    for process in started:
        with process:
            if process.poll() is None:
                process.kill()


def until(what: Callable[[], bool], seconds: float = 120) -> bool:
    """Wait for something; whether it came in time."""
    end = time.monotonic() + seconds
    while not what() and time.monotonic() < end:
        time.sleep(0.005)
    return what()


def number_of_lines(folder: Path) -> int:
    return len(stored(folder)) if (folder / LINES).exists() else 0


def is_gone(process: psutil.Process) -> bool:
    """A zombie, too: what it left is for the system to collect."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_study_killed_and_resumed_gives_the_same_tables_byte_for_byte(study, tmp_path):
    """With kill -9 of the main process alone, against a study in one go, with one worker more."""
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    reference, first = study(whole, "--workers", "2"), study(killed, "--workers", "1")
    assert until(lambda: number_of_lines(killed) >= 20 or first.poll() is not None)
    helpers = first.children(recursive=True)
    first.send_signal(signal.SIGKILL)
    assert first.wait() == -signal.SIGKILL
    before = stored(killed)  # every line parses
    assert len(helpers) >= 2
    until(lambda: all(map(is_gone, helpers)), 20)
    late = [helper for helper in helpers if not is_gone(helper)]
    for helper in late:
        helper.kill()
    assert not late, "a process outlived the killed one"
    assert stored(killed) == before
    assert not list(killed.glob("frequency_*"))
    last = study(killed, "--workers", "1", "--resume")
    printed = {process: process.communicate() for process in (first, last, reference)}
    total = number_of_lines(whole)
    assert 20 <= len(before) < total == number_of_lines(killed)
    for process, begun, code in ((first, 0, -signal.SIGKILL), (last, len(before), 0), (reference, 0, 0)):
        assert process.returncode == code, printed[process][1]
        assert printed[process][0].splitlines()[0] == f"{total - begun} to do"
    assert stored(killed)[: len(before)] == before
    tables = sorted(path.name for path in whole.glob("frequency_*.json"))
    assert tables == [f"frequency_{part}.json" for part in sorted({line["part"] for line in stored(whole)})]
    assert tables == sorted(path.name for path in killed.glob("frequency_*.json"))
    for name in tables:
        assert (whole / name).read_bytes() == (killed / name).read_bytes(), name
