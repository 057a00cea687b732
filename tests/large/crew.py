"""Several processes in a test: forked where that works, so that none of them has to import torch again."""

import contextlib
import multiprocessing
import os
import socket
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from toyclip import cli
from toyclip.large.together import together

START = "fork" if sys.platform == "linux" else "spawn"
forks = pytest.mark.skipif(START != "fork", reason="the command line is patched in processes that are forked")

with warnings.catch_warnings(action="ignore"):
    import torch._dynamo  # noqa: F401  DistributedDataParallel imports it, in every process anew if it is not there


@contextlib.contextmanager
def forking() -> Iterator[None]:
    """From Python 3.12 on a fork warns of threads; those of torch are not used in the child."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


def many(function: Callable, processes: int, *arguments: object) -> list:
    """What a function returns in each of several processes."""
    with forking():
        return together(function, processes, *arguments, start=START)


class Crew:
    """The command line in several processes, as torchrun starts them; what they print goes to one file."""

    def __init__(self, folder: Path, size: int, arguments: list, prepare: Callable[[int], object] = lambda rank: None):
        self.told = folder / "told"
        self.told.write_bytes(b"")
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        context = multiprocessing.get_context("fork")
        arguments = list(map(str, arguments))
        self.members = [context.Process(target=self._run, args=(r, size, port, arguments, prepare)) for r in range(size)]
        with forking():
            for member in self.members:
                member.start()

    def _run(self, rank: int, size: int, port: int, arguments: list[str], prepare: Callable[[int], object]) -> None:
        os.dup2(os.open(self.told, os.O_WRONLY | os.O_APPEND), 1)
        os.dup2(1, 2)
        sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)
        torch.set_num_threads(1)
        if size > 1:
            os.environ |= {"RANK": str(rank), "WORLD_SIZE": str(size), "LOCAL_RANK": str(rank),
                           "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}  # fmt: skip
        prepare(rank)
        sys.argv = ["toyclip", *arguments]
        try:
            cli.main()
        finally:
            sys.stdout.flush()

    def wait(self, seconds: float = 60) -> tuple[list[int], list[str]]:
        """Exit codes by rank, and all lines that were printed; none may hang."""
        end = time.monotonic() + seconds
        for member in self.members:
            member.join(max(0.0, end - time.monotonic()))
        hung = [member for member in self.members if member.is_alive()]
        for member in hung:
            member.kill()
            member.join()
        assert not hung, f"{len(hung)} processes hang\n{self.told.read_text()}"
        return [member.exitcode for member in self.members], self.told.read_text().splitlines()
