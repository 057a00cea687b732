"""Several processes in a test, of which none has to import torch again."""

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from torch.distributed import TCPStore

from toyclip import cli
from toyclip.large.together import together

#: A server that has imported what takes long, and is forked for every process of a test; none inherits our threads.
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["torch", "torch._dynamo", "torch.utils.checkpoint", "pytest", "hypothesis", "typer",
                                "safetensors.torch", "scipy.stats", "PIL.Image"])  # fmt: skip


def many(function: Callable, processes: int, *arguments: object, patience: float = 60) -> list:
    """What a function returns in each of several processes."""
    return together(function, processes, *arguments, start="forkserver", patience=patience)


def apart(function: Callable, *arguments: object) -> int:
    """The exit code of a process that does nothing but call this function; -9 if it was killed."""
    child = CONTEXT.Process(target=function, args=arguments)
    child.start()
    child.join(60)
    child.kill()
    child.join()
    return child.exitcode


class Crew:
    """The command line in several processes, as torchrun starts them; what they print goes to one file."""

    def __init__(self, folder: Path, size: int, arguments: list, prepare: Callable[[int], object] = int):
        self.told = folder / "told"
        self.told.write_bytes(b"")
        self.store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)  # torchrun's, which stays
        common = (size, self.store.port, list(map(str, arguments)), self.told, prepare)
        self.members = [CONTEXT.Process(target=command, args=(rank, *common)) for rank in range(size)]
        for member in self.members:
            member.start()

    def wait(self, seconds: float = 60) -> tuple[list[int], list[str]]:
        """Exit codes by rank, and all lines that were printed, but for empty ones; none may hang."""
        end = time.monotonic() + seconds
        for member in self.members:
            member.join(max(0.0, end - time.monotonic()))
        hung = [member for member in self.members if member.is_alive()]
        for member in hung:
            member.kill()
            member.join()
        assert not hung, f"{len(hung)} processes hang\n{self.told.read_text()}"
        return [member.exitcode for member in self.members], list(filter(None, self.told.read_text().splitlines()))


def command(
    rank: int, size: int, port: int, arguments: list[str], told: Path, prepare: Callable[[int], object]
) -> None:
    """The command line in one of the processes."""
    os.dup2(os.open(told, os.O_WRONLY | os.O_APPEND), 1)
    os.dup2(1, 2)
    sys.stdout, sys.stderr = (os.fdopen(number, "w", closefd=False) for number in (1, 2))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if size > 1:
        os.environ |= {"RANK": str(rank), "WORLD_SIZE": str(size), "LOCAL_RANK": str(rank),
                       "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
                       "TORCHELASTIC_USE_AGENT_STORE": "True"}  # fmt: skip
    prepare(rank)
    sys.argv = ["toyclip", *arguments]
    cli.main()
