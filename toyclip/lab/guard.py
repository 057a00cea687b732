"""Alone in a folder, and stopped by signals at a moment of one's own choice (helper)."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from toyclip.errors import InputError

STOP = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Holds a folder, which is made if there is none, against all other processes; given back when this one ends.

    Raises:
        InputError: if another process holds it, or it cannot be written to.
    """
    try:
        if not folder.is_dir():
            folder.mkdir()
        (folder / ".runs").mkdir(exist_ok=True)
        lock = FileLock(folder / ".runs" / "lock", timeout=0)
        lock.acquire()
    except Timeout:
        raise InputError(f"another process is at work in {str(folder)!r}; wait for it, or give another --out") from None
    except OSError as error:
        raise InputError(f"cannot write into {str(folder)!r} ({error.strerror}); give another --out") from None
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def stop_signals() -> Iterator[list[int]]:
    """Collects Ctrl-C and SIGTERM in a list, instead of breaking off whatever is being done.

    A signal that was ignored stays so. In a thread other than the main one the list stays empty.
    """
    came: list[int] = []
    before = {}
    if threading.current_thread() is threading.main_thread():
        before = {number: signal.getsignal(number) for number in STOP}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, lambda number, frame: came.append(number))
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
