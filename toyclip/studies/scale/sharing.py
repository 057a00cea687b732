"""One batch in several processes: how much faster is it, and where does the time go (from toy to CLIP)."""

import time

from toyclip.lab.study import Study
from toyclip.large.measure import scaling, speedups

ROUNDS, STEPS = 9, 4


def processes(seed: int) -> dict:
    """A step of training in one, two and four processes, in turn.

    Returns:
        For batches of 256 and 1,024 pairs what `speedups` tells of each number of processes; seconds of the whole
        measurement.
    """
    start = time.perf_counter()
    found = {
        str(batch): {str(n): told for n, told in speedups(scaling((1, 2, 4), batch, ROUNDS, STEPS, seed)).items()}
        for batch in (256, 1024)
    }
    return found | {"measured": time.perf_counter() - start}


STUDIES = (Study("processes", processes, seeds=5, alone=True),)
