"""Runs in other processes of this machine: what each left, as it comes (helper)."""

import contextlib
import json
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from multiprocessing import get_context, parent_process, resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path

from toyclip.lab.provenance import fingerprint, machine

ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}  # so that sums keep their order
LOOK = 0.2  # seconds between two looks at whether to stop


class LostError(RuntimeError):
    """A process that was at work is no more."""


@dataclass(frozen=True)
class Task:
    """A call, in words that another process understands: `module.function(*arguments)`."""

    name: str  # of the study
    key: tuple
    module: str
    function: str
    arguments: tuple
    device: str = "cpu"  # where the function is to train, if that is not here


def perform(task: Task, code: str | None = None) -> dict:
    """Do a task here.

    Args:
        code: the fingerprint that the function must have, if that is in doubt.

    Returns:
        result (as JSON), seconds, machine; or error, a line of text.
    """
    try:
        function = getattr(import_module(task.module), task.function)
        if code and fingerprint(function) != code:
            return {"error": "a worker of the cluster has other code; install there what is installed here"}
        start = time.perf_counter()
        result = function(*task.arguments, **_placed(task.device))
        seconds = time.perf_counter() - start
    except (Exception, SystemExit) as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        said = " ".join(str(error).split())
        return {"error": f"{type(error).__name__} ({Path(place.filename).name}, line {place.lineno}): {said}"}
    try:
        text = json.dumps(result, ensure_ascii=False, allow_nan=False)
    except ValueError:
        return {"error": "a result that is NaN or infinite, or holds such a number"}
    except TypeError as error:
        return {"error": f"a result that is no JSON ({error})"}
    return {"result": text, "seconds": seconds, "machine": machine(task.device)}


def _placed(device: str) -> dict[str, str]:
    """The argument that says where to train; there, too, products are to be as exact as here."""
    if device == "cpu":
        return {}
    import torch  # the command line does without until it runs something

    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    return {"device": device}


def in_processes(
    tasks: Sequence[Task], workers: int, stopped: Callable[[], object] = lambda: False
) -> Iterator[tuple[Task, dict]]:
    """Do the tasks in so many processes of this machine, in their order; yields what `perform` returned.

    After an error nothing new is begun, but what was begun is finished.
    All processes are gone when this ends, and when this process is killed, with whatever they started themselves.

    Args:
        stopped: asked several times a second; once it is true, what is finished is yielded, and the rest left.

    Raises:
        LostError: if a process is killed, once all that is finished has been yielded.
    """
    waiting, idle, lost = list(reversed(tasks)), [], None
    crew: dict[Connection, SpawnProcess] = {}
    busy: dict[Connection, Task] = {}
    try:
        while len(crew) < min(workers, len(tasks)):
            connection, process = _start()
            crew[connection] = process
            idle.append(connection)
        while busy or waiting:
            ending = bool(stopped()) or lost is not None
            while idle and waiting and not ending:
                connection = idle.pop()
                busy[connection] = waiting.pop()
                with contextlib.suppress(OSError):  # whoever is gone is noticed below
                    connection.send(busy[connection])
            for connection in wait(list(busy), timeout=0 if ending else LOOK):
                task = busy.pop(connection)
                try:
                    outcome = connection.recv()
                except (EOFError, OSError):
                    lost = _end_of(crew[connection])
                    continue
                idle.append(connection)
                if "error" in outcome:
                    waiting.clear()
                yield task, outcome
            if ending:
                break
    finally:
        for process in crew.values():
            _kill(process)
    if lost:
        raise LostError(lost)


def _start() -> tuple[Connection, SpawnProcess]:
    """A new process that waits for tasks, and the connection to it."""
    context = get_context("spawn")
    here, there = context.Pipe()
    os.environ.update(ONE_THREAD)
    process = context.Process(target=_work, args=(there,))
    if hasattr(signal, "pthread_sigmask"):  # the new process keeps what is blocked now: a Ctrl-C is not for it
        resource_tracker.ensure_running()  # which would end the blocking
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    else:
        process.start()
    there.close()
    return here, process


def _work(connection: Connection) -> None:
    """What a process does all its life."""
    if hasattr(os, "setpgid"):
        os.setpgid(0, 0)  # a group of its own, with all that it starts
    threading.Thread(target=_follow_parent, daemon=True).start()
    with contextlib.suppress(EOFError, OSError):
        while True:
            connection.send(perform(connection.recv()))


def _follow_parent() -> None:
    """End this process, and all that it started, when the one that started it is gone."""
    parent_process().join()
    if hasattr(os, "killpg"):
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def _kill(process: SpawnProcess) -> None:
    with contextlib.suppress(OSError, AttributeError):  # it has no group yet, or there are none on this system
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.join()


def _end_of(process: SpawnProcess) -> str:
    """How a process ended, in words."""
    process.join(1)
    code = process.exitcode
    return f"was killed by {signal.Signals(-code).name}" if code and code < 0 else f"ended with code {code}"
