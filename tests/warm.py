"""Python processes that start at once, forked from one that has imported what takes long.

    python tests/warm.py serve SOCKET MODULE ...        # a server, which ends with its standard input
    python tests/warm.py run SOCKET -m toyclip eval     # as python -m toyclip eval, by that server

Twenty kernels and as many commands would import torch, scipy and matplotlib anew, four seconds each, more than many of
them compute. Only what other projects make is imported beforehand, never toyclip: a process finds that by its own
PYTHONPATH, and it has its own directory, environment, arguments, standard streams, exit code and random numbers.
Where processes cannot be forked safely, `python` answers with the usual interpreter.
"""

import gc
import importlib
import json
import os
import random
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType

MODULES = ("torch", "torch._dynamo", "numpy.random", "scipy.stats", "scipy.optimize", "PIL.Image", "safetensors.torch")


@contextmanager
def server(*modules: str) -> Iterator[tuple[list[str], int | None]]:
    """A server that has imported these modules: the words to write for `python`, and its process, None if none runs."""
    if sys.platform != "linux":
        yield [sys.executable], None
        return
    with tempfile.TemporaryDirectory() as folder:
        address = str(Path(folder, "socket"))
        command = [sys.executable, __file__, "serve", address, *modules]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            process.stdout.readline()  # it listens
            try:
                yield [sys.executable, "-I", "-S", __file__, "run", address], process.pid
            finally:
                process.stdin.close()


def run(address: str, words: list[str]) -> int:
    """Have the server run a program with the streams of this process, and wait for it; killed with this process."""
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(address)
        deaf = signal.getsignal(signal.SIGINT) == signal.SIG_IGN  # as what a shell has put into the background
        what = {"words": words, "folder": os.getcwd(), "environment": dict(os.environ), "deaf": deaf}
        socket.send_fds(line, [b"!"], [0, 1, 2])
        line.sendall(json.dumps(what).encode() + b"\n")
        code = int(line.makefile().readline() or 1)
    if code < 0:  # by a signal
        with suppress(OSError):  # some cannot be caught
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    return code


def serve(address: str, modules: list[str]) -> tuple[dict, list[int]]:
    """Fork a process for each that asks; returns in that process, with what it shall run and its streams."""
    for name in modules:
        importlib.import_module(name)
    gc.freeze()  # so that no process copies these pages only to look for garbage
    told, tell = os.pipe()
    os.set_blocking(tell, False)
    signal.set_wakeup_fd(tell)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # at Ctrl-C the processes end, and then who has started this one
    running: dict[int, socket.socket] = {}
    with socket.socket(socket.AF_UNIX) as door, selectors.DefaultSelector() as ears:
        door.bind(address)
        door.listen()
        for source in (door, told, sys.stdin):
            ears.register(source, selectors.EVENT_READ)
        print("ready", flush=True)
        while True:
            for key, _ in ears.select():
                if key.fileobj is door:
                    line, _ = door.accept()
                    _, streams, _, _ = socket.recv_fds(line, 1, 3)
                    what = json.loads(line.makefile().readline())
                    if not (child := os.fork()):
                        os.close(told), os.close(tell), line.close()
                        return what, list(streams)
                    for number in streams:
                        os.close(number)
                    running[child] = line
                    ears.register(line, selectors.EVENT_READ, child)
                elif key.fileobj == told:
                    os.read(told, 4096)
                    for child, code in ended(running):
                        line = running.pop(child)
                        ears.unregister(line)
                        with line, suppress(BrokenPipeError):  # who asked may be gone
                            line.sendall(f"{code}\n".encode())
                elif key.fileobj is sys.stdin:
                    for child in running:
                        os.kill(child, signal.SIGKILL)
                    os._exit(0)
                elif key.data in running:  # who asked for it is gone
                    os.kill(key.data, signal.SIGKILL)


def ended(running: Iterable[int]) -> list[tuple[int, int]]:
    """The processes that have ended, with their exit codes: less than 0 if by a signal."""
    looked = [(child, os.waitpid(child, os.WNOHANG)) for child in running]
    return [(child, os.waitstatus_to_exitcode(status)) for child, (over, status) in looked if over]


def become(what: dict, streams: list[int]) -> None:
    """Be the process that was asked for, as far as a program can see."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN if what["deaf"] else signal.default_int_handler)
    for target, number in enumerate(streams):
        os.dup2(number, target)
        os.close(number)
    sys.stdin, sys.stdout = open(0), open(1, "w", buffering=1)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1)  # noqa: SIM115
    os.chdir(what["folder"])
    os.environ.clear()
    os.environ.update(what["environment"])
    if "JPY_PARENT_PID" in os.environ:  # by which a kernel notices that nobody needs it any more
        os.environ["JPY_PARENT_PID"] = str(os.getppid())
    random.seed()
    if "numpy.random" in sys.modules:
        sys.modules["numpy.random"].seed()
    first, *rest = words = what["words"][what["words"][:1] == ["-u"] :]  # what is written goes out at every line
    places = [place for place in os.environ.get("PYTHONPATH", "").split(os.pathsep) if place]
    if first == "-m":
        name, *rest = rest
        sys.path[:1] = [os.getcwd(), *places]
        sys.argv = [name, *rest]
        runpy.run_module(name, run_name="__main__", alter_sys=True)
    else:
        script = Path(first).resolve()
        sys.path[:1] = [str(script.parent), *places]
        sys.argv = words
        sys.modules["__main__"] = main = ModuleType("__main__")
        main.__file__ = str(script)
        exec(compile(script.read_bytes(), script, "exec"), main.__dict__)


if __name__ == "__main__":
    task, place, *others = sys.argv[1:]
    if task == "run":
        sys.exit(run(place, others))
    become(*serve(place, others))
