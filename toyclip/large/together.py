"""A function in several new processes of this machine at once: for proofs and measurements, also from a notebook."""

import multiprocessing
import traceback
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection, wait
from typing import Any

import torch
import torch.distributed as dist

from toyclip.errors import InputError, LossNotFiniteError, ProcessLostError
from toyclip.large.processes import PATIENCE, member


def together(
    function: Callable[..., Any],
    processes: int,
    *arguments: object,
    start: str = "spawn",
    device: str = "cpu",
    patience: float = PATIENCE,
) -> list:
    """What `function(Processes, *arguments)` returns in each of so many new processes on this machine, by rank.

    For proofs and measurements; a training is started by torchrun. Each process runs on one thread.

    Args:
        function: defined at the top of a module that can be imported; what it returns is sent through a pipe
            (numbers, lists, NumPy's arrays; a tensor would stay in the process that made it).
        start: how Python makes a process; "spawn" works everywhere and imports torch in each, which takes seconds.
        patience: seconds that one waits for another that is still there, but sends nothing.

    Raises:
        ProcessLostError: if a process ends without a word.
        RuntimeError: if one fails; with its traceback, unless the error is one of toyclip's own.
    """
    context = multiprocessing.get_context(start)
    store = dist.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    ends = [context.Pipe(duplex=False) for _ in range(processes)]
    children = [
        context.Process(target=_work, args=(send, store.port, rank, processes, device, patience, function, arguments))
        for rank, (_, send) in enumerate(ends)
    ]
    try:
        for child in children:
            child.start()
        for _, send in ends:
            send.close()  # so that its end is seen when the child is gone
        answers = _received([receive for receive, _ in ends])
    finally:
        for child in children:
            if child.pid:  # it was started, and has said what it had to say
                child.kill()
                child.join()
    errors = [answer for answer in answers if isinstance(answer, Exception)]
    for error in sorted(errors, key=lambda error: isinstance(error, ProcessLostError)):  # a cause before its effect
        raise error
    return [value for (value,) in answers]


def _received(pipes: Sequence[Connection]) -> list[tuple | Exception]:
    """What each process sends; once one has failed, the others have two seconds to say why."""
    answers: dict[Connection, tuple | Exception] = {}
    while len(answers) < len(pipes):
        failed = any(isinstance(answer, Exception) for answer in answers.values())
        ready = wait([pipe for pipe in pipes if pipe not in answers], timeout=2 if failed else None)
        for pipe in ready:
            try:
                answers[pipe] = pipe.recv()
            except EOFError:
                answers[pipe] = ProcessLostError("another process has ended without a word; look at what it printed")
        if failed and not ready:
            break
    return list(answers.values()) if len(answers) < len(pipes) else [answers[pipe] for pipe in pipes]


def _work(
    pipe: Connection,
    port: int,
    rank: int,
    size: int,
    device: str,
    patience: float,
    function: Callable,
    arguments: Sequence,
) -> None:
    """The whole life of a process of `together`."""
    torch.set_num_threads(1)
    try:
        store = dist.TCPStore("127.0.0.1", port, is_master=False)
        with member(store, rank, size, device, patience) as processes:
            pipe.send((function(processes, *arguments),))
    except (InputError, LossNotFiniteError, ProcessLostError) as error:
        pipe.send(error)
    except Exception:
        pipe.send(RuntimeError(traceback.format_exc()))
