"""The engine, as a user meets it: the command in a process of its own, stopped, killed and gone on with."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
import sample_studies
from filelock import FileLock
from typer.testing import CliRunner

from toyclip.errors import InputError
from toyclip.lab import command
from toyclip.lab import runs as engine
from toyclip.lab.lines import keep, kept
from toyclip.lab.runs import available, complete, state
from toyclip.lab.study import Study, stored

SCRIPT = Path(sample_studies.__file__)
SAMPLES = {study.name: study for study in sample_studies.STUDIES}


@pytest.fixture
def lab(tmp_path, monkeypatch):
    """`run` is the command here, `start` in a process of its own; results go to `out`, marks of runs to `marks`."""
    out, marks = tmp_path / "out", tmp_path / "marks"
    marks.mkdir()
    monkeypatch.setenv(sample_studies.MARKS, str(marks))

    def start(*words: object, out: Path = out) -> subprocess.Popen:
        command = [sys.executable, SCRIPT, *map(str, words), "--out", out]
        return subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background job ignores it
        )

    def run(*words: object, out: Path = out) -> tuple[int, str, list[str]]:
        result = CliRunner().invoke(sample_studies.app(), [*map(str, words), "--out", str(out)])
        return result.exit_code, result.stdout, result.stderr.splitlines()

    return SimpleNamespace(start=start, run=run, out=out, marks=marks)


def results(path: Path) -> list[str]:
    """The lines of a table that no clock decides."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if not line.startswith((' "seconds"', ' "sha256"'))]


def until(condition, seconds: float = 20):
    """What `condition` answers once that is true."""
    end = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)
    return answer


def patient(lab, count: int = 2) -> list[psutil.Process]:
    """The processes of `count` endless runs and their children, once all are at work."""
    marks = until(lambda: (found := list(lab.marks.glob("*.*"))) and len(found) >= count and found)
    return [psutil.Process(int(number)) for mark in marks for number in mark.name.split(".")]


def gone(process: psutil.Process) -> bool:
    """Whether a process has ended, be it that nobody has asked yet how."""
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def lines_of(lab, name: str) -> list[dict]:
    path = lab.out / ".runs" / f"{name}.jsonl"
    return kept(path, name) if path.exists() else []


# --- what is done, and what is not done again ------------------------------------------------------------------------


def test_all_runs_are_done_and_the_next_time_none(lab):
    code, printed, told = lab.run("slow", "plain", "--workers", 2)
    assert code == 0
    assert sorted(printed.split()) == [str(lab.out / "plain.json"), str(lab.out / "slow.json")]
    assert told == ["toyclip: 10 runs of slow, plain in 2 processes; an unknown time for slow, plain"]
    assert stored("plain", lab.out)["results"] == [sample_studies.plain(seed) for seed in range(4)]
    slow = stored("slow", lab.out)
    assert slow["results"] == {c: [[c, seed / 3] for seed in range(3)] for c in ("left", "réchts")}
    assert 6 * 0.15 <= slow["seconds"] < 6
    assert slow["machine"]["cores"] == os.cpu_count()
    assert [path.name for path in (lab.out / ".runs").glob("*.jsonl")] == []
    before = {path: path.stat().st_mtime_ns for path in lab.out.glob("*.json")}
    assert lab.run("slow", "plain") == (0, "", ["toyclip: nothing is stale: 2 results match their code"])
    assert {path: path.stat().st_mtime_ns for path in lab.out.glob("*.json")} == before


def test_stale_ones_alone_are_done_and_the_reason_is_told(lab, monkeypatch):
    monkeypatch.setattr(
        sample_studies, "STUDIES", (SAMPLES["plain"], SAMPLES["slow"], SAMPLES["infinite"].with_seeds(1))
    )
    assert lab.run("plain", "slow", "--workers", 2)[0] == 0
    path = lab.out / "plain.json"
    path.write_text(path.read_text(encoding="utf-8").replace("0.42857", "0.43857"), encoding="utf-8")
    code, printed, told = lab.run("--stale", "--workers", 1)
    assert (code, printed.split()) == (0, [str(path), str(lab.out / "infinite.json")])
    assert told == [
        "toyclip: plain is stale: not as the study wrote it",
        "toyclip: infinite is stale: missing",
        "toyclip: 5 runs of plain, infinite in 1 process; an unknown time for plain, infinite",
    ]
    assert stored("plain", lab.out)["results"][1]["third"] == 3 / 7
    for flag in ("--stale", "--all"):
        assert lab.run(flag) == (0, "", ["toyclip: nothing is stale: 3 results match their code"])


def test_some_seeds_first_then_all(lab):
    assert lab.run("slow", "--seeds", 1, "--workers", 2)[0] == 0
    first = stored("slow", lab.out)
    assert first["command"] == "python -m toyclip study slow --seeds 1"
    assert first["results"] == {"left": [["left", 0.0]], "réchts": [["réchts", 0.0]]}
    for mark in lab.marks.iterdir():
        mark.unlink()
    code, _, told = lab.run("slow", "--workers", 2)
    assert (code, told) == (0, ["toyclip: 4 runs of slow (2 are kept) in 2 processes; about 0 s"])
    assert {mark.name for mark in lab.marks.iterdir()} == {"left1", "réchts1", "left2", "réchts2"}
    assert stored("slow", lab.out)["results"]["left"] == [["left", seed / 3] for seed in range(3)]
    assert stored("slow", lab.out)["seconds"] >= 6 * 0.15
    code, _, told = lab.run("slow", "--seeds", 2)
    assert code == 2
    assert told == [f"toyclip: 'slow' has 3 seeds in {str(lab.out)!r}; give another --out"]
    assert len(stored("slow", lab.out)["seeds"]) == 3


def test_lines_made_by_other_code_are_done_again(lab):
    lab.out.mkdir()
    (lab.out / ".runs").mkdir()
    study = SAMPLES["plain"]
    line = {"study": "plain", "condition": None, "machine": {}, "seconds": 1.0}
    for seed, code in enumerate(["0" * 16, state(study, lab.out).code]):
        keep(lab.out / ".runs" / "plain.jsonl", line | {"seed": seed, "code": code, "result": "kept"})
    assert lab.run("plain", "--workers", 1)[0] == 0
    assert stored("plain", lab.out)["results"] == [sample_studies.plain(0), "kept", *map(sample_studies.plain, (2, 3))]


def test_who_measures_is_alone_and_one_thread_is_all_there_is(lab, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    assert lab.run("lonely", "slow", "--workers", 2)[0] == 0
    assert stored("lonely", lab.out)["results"] == [[True, "1", "1"]] * 3


def test_list_tells_what_there_is(lab):
    lab.run("plain", "--workers", 1)
    code, printed, told = lab.run()
    rows = {line.split()[0]: line for line in printed.splitlines()}
    assert (code, told, list(rows)[1:]) == (0, [], list(SAMPLES))
    assert rows["plain"].split()[1:3] == ["4", "4"]
    assert rows["plain"].endswith("up to date")
    assert rows["slow"].split()[1:3] == ["3", "6"]
    assert rows["slow"].endswith("stale: missing")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["dreams"], f"unknown study 'dreams'; choose from {', '.join(SAMPLES)}"),
        (["plain", "--all"], "give names, or --all, or --stale"),
        (["--all", "--stale"], "give names, or --all, or --stale"),
    ],
)
def test_wrong_words_get_one_line(words, message, lab):
    assert lab.run(*words) == (2, "", [f"toyclip: {message}"])
    assert not lab.out.exists()


def test_folder_that_cannot_be_made_is_refused(lab):
    code, printed, told = lab.run("plain", out=lab.out / "far" / "away")
    assert (code, printed) == (2, "")
    assert told[-1].startswith("toyclip: cannot write into")
    assert not lab.out.exists()


def test_workers_are_the_processors_this_process_may_use(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {3, 5, 7}, raising=False)
    assert available() == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 9)
    assert available() == 9


# --- stopped, killed, gone on with -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "send"), [(signal.SIGINT, os.kill), (signal.SIGINT, os.killpg), (signal.SIGTERM, os.killpg)]
)
def test_stop_takes_seconds_and_keeps_what_is_finished(number, send, lab):
    process = lab.start("endless", "--workers", 2)
    at_work = patient(lab)
    start = time.monotonic()
    send(process.pid, number)
    printed, told = process.communicate(timeout=30)
    assert time.monotonic() - start < 5
    assert process.returncode == 128 + number
    assert told.splitlines()[1:] == ["toyclip: stopped; 2 of 5 runs are kept, the same command goes on"]
    assert printed == ""
    until(lambda: all(map(gone, at_work)), seconds=1)
    assert sorted(line["result"] for line in lines_of(lab, "endless")) == [0, 1]


def test_stop_while_the_processes_start_is_one_line_too(lab):
    process = lab.start("waiting", "--workers", 2)
    until(lambda: [p for p in psutil.Process(process.pid).children() if "spawn_main" in " ".join(p.cmdline())])
    os.killpg(process.pid, signal.SIGINT)
    _, told = process.communicate(timeout=30)
    assert process.returncode == 130
    assert told.splitlines()[1:] == ["toyclip: stopped; 0 of 5 runs are kept, the same command goes on"]


def test_killed_parent_leaves_nobody_behind(lab):
    process = lab.start("endless", "--workers", 2)
    at_work = patient(lab)
    process.kill()
    process.communicate()
    until(lambda: all(map(gone, at_work)), seconds=5)
    assert len(lines_of(lab, "endless")) == 2


def test_after_a_kill_the_same_command_goes_on_to_the_same_table(lab, tmp_path):
    process = lab.start("slow", "--workers", 2)
    until(lambda: len(lines_of(lab, "slow")) >= 2)
    process.kill()
    process.communicate()
    finished = {(line["condition"], line["seed"]) for line in lines_of(lab, "slow")}
    assert 2 <= len(finished) < 6
    for mark in lab.marks.iterdir():
        mark.unlink()
    assert lab.run("slow", "--workers", 2)[0] == 0
    assert {mark.name for mark in lab.marks.iterdir()} == {
        f"{condition}{seed}" for condition, seed in SAMPLES["slow"].keys if (condition, seed) not in finished
    }
    assert lab.run("slow", "--workers", 1, out=tmp_path / "whole")[0] == 0
    assert results(lab.out / "slow.json") == results(tmp_path / "whole" / "slow.json")


def test_killed_worker_is_one_line_and_the_same_command_goes_on(lab):
    code, printed, told = lab.run("killed", "--workers", 2)
    assert (code, printed) == (2, "")
    assert len(told) == 2
    number = len(lines_of(lab, "killed"))
    assert 2 <= number <= 4
    assert told[1].startswith(f"toyclip: a process at work was killed by SIGKILL; {number} of 5 runs are kept, ")
    assert told[1].endswith("the same command goes on, give it with --workers 1 if memory was short")
    assert lab.run("killed", "--workers", 1)[0] == 0
    assert stored("killed", lab.out)["results"] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "failing",
            r"study 'failing', seed 2 failed with ZeroDivisionError \(sample_studies.py, line \d+\): nothing by",
        ),
        ("infinite", "study 'infinite', seed 1 failed with a result that is NaN or infinite"),
    ],
)
def test_run_that_fails_is_one_line_and_the_others_are_kept(name, message, lab):
    code, _, told = lab.run(name, "--workers", 2)
    assert code == 2
    assert len(told) == 2
    assert re.match(f"toyclip: {message}", told[1])
    assert len(lines_of(lab, name)) >= 1
    assert f"{len(lines_of(lab, name))} of {SAMPLES[name].seeds} runs are kept" in told[1]
    assert not list(lab.out.glob("*.json"))


def test_nothing_new_is_begun_after_a_failure(lab):
    _, _, told = lab.run("failing", "plain", "--workers", 1)
    assert "; 2 of 8 runs are kept" in told[1]
    assert [line["seed"] for line in lines_of(lab, "failing")] == [0, 1]


def test_second_process_on_a_folder_is_refused_at_once(lab):
    process = lab.start("endless", "--workers", 2)
    at_work = patient(lab)
    code, _, told = lab.run("plain")
    assert code == 2
    assert told[-1] == (f"toyclip: another process is at work in {str(lab.out)!r}; wait for it, or give another --out")
    assert not (lab.out / "plain.json").exists()
    process.kill()
    process.communicate()
    until(lambda: all(map(gone, at_work)), seconds=5)
    assert lab.run("plain", "--workers", 1)[0] == 0


def test_lock_is_given_back_after_a_failure(lab):
    lab.run("infinite", "--workers", 1)
    with FileLock(lab.out / ".runs" / "lock", timeout=0):
        pass


# --- lines on disk ---------------------------------------------------------------------------------------------------

LINE = {"study": "plain", "condition": None, "seed": 0, "code": "c", "machine": {}, "seconds": 0.1, "result": "ü\u2028"}


def test_lines_are_read_as_they_were_kept(tmp_path):
    path = tmp_path / "plain.jsonl"
    assert kept(path, "plain") == []
    lines = [LINE | {"seed": seed} for seed in range(3)]
    for line in lines:
        keep(path, line)
    assert kept(path, "plain") == lines


@pytest.mark.parametrize("torn", ["{", json.dumps(LINE)[:50], json.dumps(LINE)])
def test_last_line_that_was_cut_off_does_not_count_and_goes(torn, tmp_path):
    path = tmp_path / "plain.jsonl"
    keep(path, LINE)
    with path.open("a") as file:
        file.write(torn)
    assert kept(path, "plain") == [LINE]
    keep(path, LINE | {"seed": 1})
    assert kept(path, "plain") == [LINE, LINE | {"seed": 1}]


BAD = {
    "cut off": json.dumps(LINE)[:50],
    "empty": "",
    "no object": "5",
    "of another study": json.dumps(LINE | {"study": "slow"}),
    "a key less": json.dumps({key: value for key, value in LINE.items() if key != "code"}),
    "two in one": json.dumps(LINE) * 2,
    "no text": b"\xff",
}


@pytest.mark.parametrize("name", BAD)
def test_line_that_is_no_run_is_one_error(name, tmp_path):
    path, bad = tmp_path / "plain.jsonl", BAD[name]
    good = json.dumps(LINE).encode()
    path.write_bytes(b"\n".join([good, bad if isinstance(bad, bytes) else bad.encode(), good, b""]))
    with pytest.raises(InputError, match=r"^line 2 of '.*plain.jsonl' is no run of 'plain'; remove that line$"):
        kept(path, "plain")


def test_full_disk_is_one_line_and_what_was_kept_stays(tmp_path, monkeypatch):
    """Full from the third line on, and half of that line is written."""
    study, synced = SAMPLES["plain"], []

    def fsync(number):
        synced.append(number)
        if len(synced) == 3:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(InputError, match=r"^cannot write \(No space left on device\); 2 of 4 runs are kept, the same"):
        complete([study], tmp_path, workers=1)
    assert [line["seed"] for line in kept(tmp_path / ".runs" / "plain.jsonl", "plain")] == [0, 1]


def test_table_that_cannot_be_written_leaves_the_old_one_and_all_lines(tmp_path, monkeypatch):
    path = tmp_path / "plain.json"
    path.write_text("old")

    def full(*arguments):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(engine, "write_table", full)
        with pytest.raises(InputError, match="4 of 4 runs are kept"):
            complete([SAMPLES["plain"]], tmp_path, workers=1)
    assert path.read_text() == "old"
    told = []
    assert complete([SAMPLES["plain"]], tmp_path, workers=1, on_run=lambda s: told.append(len(s[0].todo))) == [path]
    assert told == [0]
    assert stored("plain", tmp_path)["results"][3] == sample_studies.plain(3)


def test_seeds_come_in_their_order(tmp_path):
    seen = []
    study = Study("slow", sample_studies.plain, seeds=3)
    complete([study], tmp_path, workers=1, on_run=lambda states: seen.append(list(states[0].lines)))
    assert seen[-1] == [(None, 0), (None, 1), (None, 2)]


def test_study_that_cannot_use_a_device_is_refused_before_anything_is_promised(tmp_path, capsys):
    here = Study("here", lambda seed: seed, seeds=1)
    with pytest.raises(InputError, match=r"^study 'here' trains on the processor alone; leave --device out$"):
        command.study({"here": here}, ["here"], False, False, tmp_path, None, 1, None, "cuda")
    assert capsys.readouterr() == ("", "")
    assert list(tmp_path.iterdir()) == []
