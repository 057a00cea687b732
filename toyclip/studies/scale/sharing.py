"""One batch in several processes: are the gradients those of one, and how much faster is it (from toy to CLIP)."""

import time
from dataclasses import asdict

from toyclip.lab.study import Study
from toyclip.large.measure import scaling, speedups
from toyclip.large.processes import Processes
from toyclip.large.proof import LOSSES, gap_in
from toyclip.large.together import together

ROUNDS, STEPS = 9, 4


def gaps(processes: int = 2, batch_size: int = 64, seed: int = 0) -> dict[str, dict[str, float]]:
    """How far one step is from that of a single process, for the right loss and for each that loses gradients."""
    return together(_gaps, processes, batch_size, seed)[0]


def _gaps(here: Processes, batch_size: int, seed: int) -> dict[str, dict[str, float]]:
    return {name: asdict(gap_in(here, name, batch_size, None, seed, doubles=True)) for name in LOSSES}


def processes(seed: int) -> dict:
    """A step of training in one, two and four processes, in turn; the seed numbers repetitions and changes nothing.

    Returns:
        For batches of 256 and 1,024 pairs and each number of processes: seconds of a step, pairs a second as a multiple
        of one process's, and the share of the time that goes into the gather; seconds of the whole measurement.
    """
    start = time.perf_counter()
    found = {
        str(batch): {str(n): told for n, told in speedups(scaling((1, 2, 4), batch, ROUNDS, STEPS)).items()}
        for batch in (256, 1024)
    }
    return found | {"measured": time.perf_counter() - start}


STUDIES = (Study("processes", processes, seeds=5, alone=True),)
