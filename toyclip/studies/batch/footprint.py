"""Time and memory of one step, plain and in chunks, batch size by batch size."""

import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import torch

from toyclip.chunked import cached_step, check_sizes, plain_step
from toyclip.data import CAPTIONS, Rendering, Tokenizer
from toyclip.encoders import Config, ToyCLIP
from toyclip.errors import RecipeError
from toyclip.lab.study import Study


def measure(step: str, batch_size: int, chunk: int = 128, seed: int = 0, threads: int = 1) -> dict:
    """Time and memory of one step of the fast model on random pictures, in a process of its own.

    Neither depends on what the pictures show. The new process imports the script that calls this: guard it by __name__.

    Args:
        step: "cached" or "plain", which has no use for `chunk`.
        seed: of weights, pictures and captions.

    Returns:
        The arguments but the seed, "loss" in nats, "seconds", and resident memory in MiB: "idle_mb", the most that the
        process held before the batch was made (Python, torch, the model, a step on 64 pairs), "peak_mb", the most until
        the step was over, and "above_mb", what the step added, its pictures included.

    Raises:
        RecipeError: if step is another word, the batch is below 2, or chunk below 1.
    """
    if step not in ("cached", "plain"):
        raise RecipeError(f'there is no step {step!r}; take "cached" or "plain"')
    check_sizes(batch_size, chunk)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:  # forked, it would hold the parent's memory
        return pool.submit(_measure_here, step, batch_size, chunk, seed, threads).result()


def _measure_here(step: str, batch_size: int, chunk: int, seed: int, threads: int) -> dict:
    torch.set_num_threads(threads)
    generator = torch.Generator().manual_seed(seed)
    model = ToyCLIP(Config(image_encoder="strided"), seed)
    captions, side = Tokenizer().encode(CAPTIONS), Rendering().size  # (16, L)
    for pairs in (64, batch_size):  # what torch sets up in its first step is no part of the bill
        idle = _peak_mb()
        images = torch.randint(256, (pairs, 3, side, side), dtype=torch.uint8, generator=generator)
        tokens = captions[torch.randint(len(captions), (pairs,), generator=generator)]  # (B, L)
        start = time.perf_counter()
        loss = plain_step(model, images, tokens) if step == "plain" else cached_step(model, images, tokens, chunk)
        seconds, peak = time.perf_counter() - start, _peak_mb()
    given = {"step": step, "batch_size": batch_size, "chunk": chunk, "threads": threads, "loss": loss.item()}
    return given | {"seconds": seconds, "idle_mb": idle, "peak_mb": peak, "above_mb": peak - idle}


def _peak_mb() -> float:
    """Most memory this process has held so far, MiB resident."""
    if sys.platform == "linux":  # not ru_maxrss: a process started from a large one begins with that one's peak
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        return int(status.partition("VmHWM:")[2].split()[0]) / 2**10  # from KiB
    import resource  # not on Windows

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10  # bytes on macOS, KiB elsewhere


def footprint(seed: int) -> list[dict]:
    """What `measure` finds for both kinds of step, batch size by batch size; the plain one as far as it is safe."""
    steps = [("cached", 2**k) for k in range(9, 16)] + [("plain", 2**k) for k in range(9, 15)]
    return [measure(step, batch_size, seed=seed) for step, batch_size in steps]


STUDIES = (Study("footprint", footprint, seeds=1, alone=True),)
