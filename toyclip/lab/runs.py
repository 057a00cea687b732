"""Many runs, one line on disk for each that is finished: stopped at any moment, they go on where they were (helper)."""

import json
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from pathlib import Path

import torch

from toyclip.files import write_whole
from toyclip.errors import InputError
from toyclip.lab.provenance import fingerprint, machine

LINES = "runs.jsonl"
Lines = dict[tuple[str, str, int], dict]  # key of a run -> code (fingerprint), machine, result


@dataclass(frozen=True)
class Run:
    """One call, and where its result belongs."""

    part: str  # of the study; each has a table of its own
    name: str
    seed: int
    once: Callable[..., object]  # of a module of toyclip, so that it can be sent to another process
    arguments: tuple  # for `once`

    @property
    def key(self) -> tuple[str, str, int]:
        """What tells the run from all others."""
        return self.part, self.name, self.seed

    @property
    def module(self) -> str:
        """The module whose code, with all that it imports, decides the result."""
        return self.once.__module__.removeprefix("toyclip.")


def finished(folder: Path) -> Lines:
    """The lines of a folder by the key of their run.

    Raises:
        InputError: if a line is no result.
    """
    path, lines = folder / LINES, {}
    if not path.exists():
        return lines
    for number, text in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            line = json.loads(text)
            lines[line["part"], line["name"], line["seed"]] = {k: line[k] for k in ("code", "machine", "result")}
        except (ValueError, KeyError, TypeError):
            raise InputError(
                f"line {number} of {str(path)!r} is no result; remove the line, or give another folder"
            ) from None
    return lines


def complete(
    runs: Sequence[Run], folder: Path, workers: int, on_result: Callable[[int, int], None] = lambda done, total: None
) -> Lines:
    """Do all runs that have no line in the folder, or one that other code has made, in several processes.

    After each run the file with all lines is written anew beside the old one and renamed: whenever this process is
    killed, the file holds whole lines, one for every run that was finished.

    Args:
        on_result: called with the number of runs done and to do, at the start and after each.

    Raises:
        InputError: if a line of the folder is no result, or the folder cannot be written to.
    """
    lines, about = finished(folder), machine()
    for half_written in folder.glob(f".{LINES}.*"):  # by a process that was killed
        half_written.unlink()
    codes = {module: fingerprint(module) for module in {run.module for run in runs}}
    todo = [run for run in runs if run.key not in lines or lines[run.key]["code"] != codes[run.module]]
    on_result(0, len(todo))
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_prepare_process) as pool:
        jobs = {pool.submit(run.once, *run.arguments): run for run in todo}
        try:
            for done, job in enumerate(as_completed(jobs), start=1):
                run = jobs[job]
                lines[run.key] = {"code": codes[run.module], "machine": about, "result": job.result()}
                write_whole(folder / LINES, lambda beside: beside.write_text(_text(lines), encoding="utf-8"))
                on_result(done, len(todo))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return lines


def _text(lines: Lines) -> str:
    rows = (dict(zip(("part", "name", "seed"), key, strict=True)) | line for key, line in lines.items())
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _prepare_process() -> None:
    """One thread, so that sums keep their order; and an end when the process that started this one is gone."""
    torch.set_num_threads(1)

    def watch() -> None:
        parent_process().join()
        os._exit(1)  # by itself it would wait for work for ever

    threading.Thread(target=watch, daemon=True).start()


def write_tables(runs: Sequence[Run], lines: Lines, folder: Path, command: str, prefix: str) -> list[Path]:
    """Write the results of each part into a file of its own, PREFIX_PART.json, one run a line.

    Returns:
        The files.
    """
    paths = []
    for part in dict.fromkeys(run.part for run in runs):
        mine = [run for run in runs if run.part == part]
        machines = [lines[run.key]["machine"] for run in mine]
        modules = sorted({run.module for run in mine})
        about = {
            "command": command,
            "seeds": sorted({run.seed for run in mine}),
            "machine": machines[0] if all(m == machines[0] for m in machines) else "several",
            "modules": modules,
            "code": fingerprint(*modules),
        }
        names = dict.fromkeys(run.name for run in mine)
        results = {
            name: [json.dumps(lines[run.key]["result"], ensure_ascii=False) for run in mine if run.name == name]
            for name in names
        }
        head = "".join(f" {json.dumps(key)}: {json.dumps(value)},\n" for key, value in about.items())
        body = ",\n".join(
            f"  {json.dumps(name, ensure_ascii=False)}: [\n   " + ",\n   ".join(rows) + "\n  ]"
            for name, rows in results.items()
        )
        text = "{\n" + head + ' "results": {\n' + body + "\n }\n}\n"
        paths.append(folder / f"{prefix}_{part}.json")
        write_whole(paths[-1], lambda beside, text=text: beside.write_text(text, encoding="utf-8"))
    return paths
