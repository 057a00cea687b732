"""The one engine: all runs of some studies, stopped at any moment and gone on with by the same command (helper)."""

import contextlib
import inspect
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from toyclip.errors import InputError
from toyclip.lab.guard import locked, stop_signals
from toyclip.lab.lines import keep, kept
from toyclip.lab.pool import LostError, Task, in_processes
from toyclip.lab.provenance import fingerprint
from toyclip.lab.study import Key, Study, describe, runs_of, stored, write_table

__all__ = ["State", "Stopped", "Study", "available", "complete", "state"]
AGAIN = "the same command goes on"


class Stopped(Exception):
    """The user had enough; `code` is what the command should exit with."""

    def __init__(self, number: int, what_is_kept: str) -> None:
        super().__init__(f"stopped; {what_is_kept}, {AGAIN}")
        self.code = 128 + number


@dataclass
class State:
    """How far a study is."""

    study: Study
    code: str
    written: bool  # whether its file is there, whole and made by this code
    lines: dict[Key, dict] = field(default_factory=dict)  # machine, seconds and result of each finished run
    before: float | None = None  # seconds that a run took when the file was made, if by other code

    @property
    def todo(self) -> list[Key]:
        """The runs that are missing, in their order."""
        return [key for key in self.study.keys if key not in self.lines]

    @property
    def seconds(self) -> float | None:
        """What a run takes, as far as is known."""
        times = [line["seconds"] for line in self.lines.values()]
        return sum(times) / len(times) if times else self.before


def available() -> int:
    """The processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def state(study: Study, folder: Path) -> State:
    """How far a study is: by its file, if the same code made it, and by the lines of its finished runs.

    Raises:
        InputError: if a line is no run of the study, or the file has more seeds than somebody now asks for.
    """
    code, keys = fingerprint(study.run), set(study.keys)
    now = State(study, code, written=False)
    try:
        table = stored(study.name, folder)
    except InputError:  # there is none, or none to be trusted
        table = {"code": None, "seconds": 0, "seeds": [], "results": []}
    if runs := runs_of(table):
        now.before = table["seconds"] / len(runs)
    if table["code"] == code:
        if study.usual and len(table["seeds"]) > study.seeds:
            raise InputError(f"{study.name!r} has {len(table['seeds'])} seeds in {str(folder)!r}; give another --out")
        about = {"machine": table["machine"], "seconds": now.before}
        now.lines = {key: about | {"result": result} for key, result in runs.items() if key in keys}
        now.written = list(runs) == [(c, s) for c in study.conditions or (None,) for s in range(study.seeds)]
    for line in kept(_lines(study, folder), study.name):
        if line["code"] == code and (line["condition"], line["seed"]) in keys:
            now.lines[line["condition"], line["seed"]] = line
    return now


def check_device(studies: Sequence[Study], device: str) -> None:
    """See that each study's run takes the device as an argument, if it is another than cpu.

    Raises:
        InputError: if one does not.
    """
    for study in studies:
        if device != "cpu" and "device" not in inspect.signature(study.run).parameters:
            raise InputError(f"study {study.name!r} trains on the processor alone; leave --device out")


def complete(
    studies: Sequence[Study],
    folder: Path,
    workers: int,
    scheduler: str | None = None,
    device: str = "cpu",
    on_run: Callable[[list[State]], None] = lambda states: None,
) -> list[Path]:
    """Do all runs that are missing, keep a line of each, and write the file of each study that is finished.

    Args:
        workers: processes at a time; a study that measures time has one and nothing beside it.
        scheduler: address of a Dask cluster that does the runs instead.
        device: where to train: the run of each study must take it as an argument if it is another than cpu.
        on_run: called at the start and after each run.

    Returns:
        The files written.

    Raises:
        InputError: if a study cannot use the device, a run fails, a process is killed, the disk is full, or another
            process is at work in the folder.
        Stopped: on Ctrl-C and SIGTERM.
    """
    check_device(studies, device)
    with locked(folder), stop_signals() as signals:
        states = [state(study, folder) for study in studies]
        by_name = {now.study.name: now for now in states}
        codes = {name: now.code for name, now in by_name.items()}
        failed: list[str] = []
        on_run(states)
        with _failures(states):
            paths = [_finish(now, folder) for now in states if not now.todo and not now.written]
        for alone in (False, True):
            tasks = [task for now in states if now.study.alone is alone for task in _tasks(now, device)]
            at_once = 1 if alone else workers
            if scheduler and tasks:
                from toyclip.lab.cluster import on_cluster

                at_once = 1 if alone else len(tasks)
                outcomes = on_cluster(tasks, scheduler, at_once, codes, lambda: signals)
            else:
                outcomes = in_processes(tasks, at_once, lambda: signals)
            with contextlib.closing(outcomes), _failures(states):
                for task, outcome in outcomes:
                    now = by_name[task.name]
                    if "error" in outcome:  # what was begun besides is still to come
                        failed.append(f"{describe(task.name, task.key)} failed with {outcome['error']}")
                        continue
                    line = {"study": task.name, "condition": task.key[0], "seed": task.key[1], "code": now.code}
                    line |= outcome | {"result": json.loads(outcome["result"])}
                    keep(_lines(now.study, folder), line)
                    now.lines[task.key] = line
                    if not now.todo:
                        paths.append(_finish(now, folder))
                    on_run(states)
                if failed:
                    raise InputError(failed[0])
            if signals and any(now.todo for now in states):
                raise Stopped(signals[0], _count(states))
    return paths


def _tasks(now: State, device: str) -> list[Task]:
    run = now.study.run
    cut = slice(None) if now.study.conditions else slice(1, None)  # without conditions `run` takes the seed alone
    return [Task(now.study.name, key, run.__module__, run.__qualname__, key[cut], device) for key in now.todo]


def _finish(now: State, folder: Path) -> Path:
    """Write the study's file, then remove its lines."""
    study, lines = now.study, [now.lines[key] for key in now.study.keys]
    machines: list[dict] = []
    for line in lines:
        some = line["machine"] if isinstance(line["machine"], list) else [line["machine"]]
        machines += [machine for machine in some if machine not in machines]
    results = {key: line["result"] for key, line in now.lines.items()}
    write_table(study, folder, now.code, machines, sum(line["seconds"] for line in lines), results)
    _lines(study, folder).unlink(missing_ok=True)
    now.written = True
    return folder / f"{study.name}.json"


def _lines(study: Study, folder: Path) -> Path:
    return folder / ".runs" / f"{study.name}.jsonl"


def _count(states: list[State]) -> str:
    return f"{sum(len(now.lines) for now in states)} of {sum(len(now.study.keys) for now in states)} runs are kept"


@contextlib.contextmanager
def _failures(states: list[State]) -> Iterator[None]:
    """Say in one line what happened, what is kept and what to do."""
    try:
        yield
    except LostError as error:
        less = "give it with --workers 1 if memory was short"
        raise InputError(f"a process at work {error}; {_count(states)}, {AGAIN}, {less}") from None
    except InputError as error:
        raise InputError(f"{error}; {_count(states)}, {AGAIN} once that is mended") from None
    except OSError as error:
        raise InputError(
            f"cannot write ({error.strerror or error}); {_count(states)}, {AGAIN} once there is room"
        ) from None
