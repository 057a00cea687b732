"""Runs on a Dask cluster: what each left, as it comes (helper)."""

import concurrent.futures
import logging
from collections.abc import Callable, Iterator, Sequence

from toyclip.errors import InputError
from toyclip.lab.pool import LOOK, LostError, Task, perform

REACH = 5  # seconds that a cluster has to answer


def on_cluster(
    tasks: Sequence[Task],
    address: str,
    at_once: int,
    codes: dict[str, str],
    stopped: Callable[[], object] = lambda: False,
) -> Iterator[tuple[Task, dict]]:
    """Do the tasks on the workers of a cluster; yields what `perform` returned, an error as the last.

    Args:
        address: of the scheduler, such as tcp://10.0.0.1:8786.
        at_once: how many tasks are handed out at a time.
        codes: the fingerprint of each study by its name; a worker with other code refuses.
        stopped: asked several times a second; once it is true, what is finished is yielded, and the rest left.

    Raises:
        InputError: if distributed is not installed, or there is no cluster at the address.
        LostError: if the cluster gives a task up.
    """
    try:
        from distributed import Client
    except ImportError:
        raise InputError("a cluster needs the package distributed; run pip install -e '.[cluster]'") from None
    logging.getLogger("distributed").setLevel(logging.CRITICAL + 1)  # it tells of every connection that breaks
    try:
        client = Client(address, timeout=REACH, set_as_default=False)
    except Exception as error:  # whatever it is, from a misspelt protocol to a name that nobody knows
        reason = " ".join(str(error).split())
        raise InputError(f"no Dask scheduler answers at {address!r} ({reason}); give the address it prints") from None
    waiting, running = list(reversed(tasks)), {}
    try:
        try:
            client.wait_for_workers(1, timeout=REACH)
        except TimeoutError:
            raise InputError(f"the Dask scheduler at {address!r} has no worker; run dask worker {address}") from None
        pool = client.get_executor(pure=False)
        while waiting or running:
            ending = bool(stopped())
            while waiting and len(running) < at_once and not ending:
                task = waiting.pop()
                running[pool.submit(perform, task, codes[task.name])] = task
            finished, _ = concurrent.futures.wait(running, 0 if ending else LOOK, concurrent.futures.FIRST_COMPLETED)
            outcomes = [(running.pop(future), _outcome(future)) for future in finished]
            yield from outcomes
            if ending or any("error" in outcome for _, outcome in outcomes):
                break
    finally:
        for future in running:
            future.cancel()
        client.close()


def _outcome(future: concurrent.futures.Future) -> dict:
    try:
        return future.result()
    except (Exception, concurrent.futures.CancelledError) as error:
        raise LostError(f"was given up by the cluster ({' '.join(str(error).split())})") from None
