"""Plants faults in a copy of the package, one at a time, and reports which test catches each.

    python tests/faults/plant_faults.py [--list] [--mutants N] [--workers N] [PART_OF_A_NAME ...]

Without --mutants the faults are those of `fault_list.py`; with it, N slips in the core chosen at random, always the
same. The tests of the faulty module run first, then all other unit tests of the package (of the core, for slips), until
one fails. Left out are the tests of the book and of the house: they would notice any change. Ends with exit code 1 if
a fault survives, or if the tests fail without one.

Every fault gets a process of its own, forked from one in which the libraries are loaded already.
"""

import argparse
import importlib
import os
import random  # of a seed, and outside the package
import re
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

from fault_list import FAULTS, Fault
from mutants import Mutant, mutants, slips

ROOT = Path(__file__).parents[2]
CORE = ("data", "outlines", "encoders", "vit", "infonce", "loss_floor", "recipes", "train", "zero_shot", "metrics",
        "muon", "chunked", "checkpoint", "files", "pictures")  # fmt: skip
NOT_HERE = ("test_cascade_sounds.py", "test_chapter_cost.py", "test_colab.py", "test_glossary_tips.py",
            "test_house.py", "test_notebooks.py", "test_packing.py", "test_plant_faults.py", "test_prose.py",
            "test_reference.py", "test_repository.py", "test_site_extensions.py", "test_site_metadata.py",
            "test_startup.py", "test_this_checkout.py", "test_verdicts.py", "test_wheel.py", "test_workflows.py",
            "test_your_own.py")  # fmt: skip
PAGES = ("live", "site")  # folders of tests that need a browser and the book; they plant faults of their own
LIBRARIES = ("torch", "scipy.stats", "scipy.optimize", "sklearn.metrics", "PIL.Image", "safetensors.torch",
             "pytest", "matplotlib.pyplot", "typer", "statsmodels.api")  # fmt: skip
TESTED_WITH = {  # module -> the one whose tests are its own
    "outlines": "data",
    "hops": "thoughts",
    "threshold": "leak",
    "examples": "shots",
    "lessons": "frontier",
    "scenes": "instructions",
    "openings": "formats",
}
BROKEN = 70  # exit code of a process that did not come to the tests
LIMIT = 900  # seconds for the tests, which take five minutes in one process; a fault that makes them hang is caught


@contextmanager
def copy_of(tree: Path) -> Iterator[Path]:
    """A folder with the package and its tests, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="toyclip-fault-") as folder:
        root = Path(folder)
        for name in ("toyclip", "tests"):
            shutil.copytree(tree / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(tree / "pyproject.toml", root)
        yield root


def tests_for(root: Path, module: str, only_core: bool) -> list[list[Path]]:
    """Unit test files of the copy, all or the core's, in two parts: the module's own; the others, its wing first."""
    *folders, name = module.split(".")
    own = root.joinpath("tests", *folders, f"test_{TESTED_WITH.get(name, name)}.py")
    files = [path for path in sorted((root / "tests").rglob("test_*.py")) if path.name not in NOT_HERE]
    files = [path for path in files if path.parent.name not in PAGES]
    files = [path for path in files if path.stem.removeprefix("test_") in CORE] if only_core else files
    others = sorted((path for path in files if path != own), key=lambda p: p.parts[len(root.parts) + 1] not in folders)
    return [part for part in ([path for path in files if path == own], others) if part]


def run_tests(root: Path, module: str, fault: Fault | None = None, only_core: bool = False) -> tuple[bool, str]:
    """Run the unit tests in forked processes until one fails: whether all passed, and the test that did not."""
    for files in tests_for(root, module, only_core):
        passed, test = _run_files(root, files, fault)
        if not passed:
            return False, test
    return True, ""


def _run_files(root: Path, files: list[Path], fault: Fault | None) -> tuple[bool, str]:
    log = root / "pytest.log"
    child = os.fork()
    if child == 0:
        code = BROKEN
        try:
            os.setsid()
            os.chdir(root)
            sys.path.insert(0, str(root))
            sys.dont_write_bytecode = True
            os.environ |= {"PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
            with log.open("w") as file, redirect_stdout(file), redirect_stderr(file):
                code = _pytest(root, files, fault)
        except BaseException:
            log.write_text(traceback.format_exc())
        finally:
            os._exit(code)
    code = _wait(child)
    text = log.read_text(errors="replace") if log.exists() else ""
    failed = re.search(r"^(?:FAILED|ERROR) (?:\S*/)?tests/(\S+)", text, re.MULTILINE)
    if code is None:
        return False, f"a limit of {LIMIT} s"
    if code == BROKEN:
        raise RuntimeError(f"the tests could not be run:\n{text[-2000:]}")
    return code == 0, failed.group(1) if failed else "an import"


def _pytest(root: Path, files: list[Path], fault: Fault | None) -> int:
    import pytest

    import toyclip

    if Path(toyclip.__file__).parent != root / "toyclip":
        raise RuntimeError(f"the tests would import {toyclip.__file__}, not the copy in {root}")
    if fault:
        fault.plant()
    without_book = ["--noconftest", "-p", "command", "-p", "no:cacheprovider"]  # and with the one fixture they need
    options = ["-x", "-q", *without_book, "--tb=line", "--import-mode=prepend"]
    return int(pytest.main([*options, *map(str, files)]))


def _wait(child: int) -> int | None:
    """Exit code of a process; None if it took too long and was ended."""
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.05)
    os.killpg(child, 9)
    os.waitpid(child, 0)
    return None


def try_fault(fault: Fault | Mutant, sound: Path) -> tuple[bool, str, float]:
    """Whether the tests catch a fault in a copy of a sound tree, which one does, and after how many seconds."""
    start = time.monotonic()
    with copy_of(sound) as root:
        if isinstance(fault, Mutant):
            root.joinpath("toyclip", *fault.module.split(".")).with_suffix(".py").write_text(fault.source)
            passed, test = run_tests(root, fault.module, only_core=True)
        else:
            passed, test = run_tests(root, fault.module, fault)
    return not passed, test, time.monotonic() - start


def sample(count: int, seed: int = 0) -> list[Mutant]:
    """So many of all slips that can be made in the core."""
    sources = {name: (ROOT / "toyclip" / f"{name}.py").read_text("utf-8") for name in CORE}
    everything = [(name, number) for name, source in sources.items() for number in range(slips(source))]
    chosen = sorted(random.Random(seed).sample(range(len(everything)), min(count, len(everything))))
    return [m for name, number in map(everything.__getitem__, chosen) for m in mutants(name, sources[name], [number])]


def main(arguments: list[str]) -> int:
    """Try the faults whose name contains one of the arguments, or all; return the exit code."""
    parser = argparse.ArgumentParser(description="Plant faults and see which test catches each.")
    parser.add_argument("names", nargs="*", metavar="PART_OF_A_NAME")
    parser.add_argument("--list", action="store_true", help="only list the faults")
    parser.add_argument("--mutants", type=int, default=0, metavar="N", help="N slips in the core instead")
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    given = parser.parse_args(arguments)
    everything = sample(given.mutants) if given.mutants else FAULTS
    chosen = [f for f in everything if not given.names or any(part in f.title for part in given.names)]
    if given.list or not chosen:
        print("\n".join(f"{f.title:<60}{f.module}" for f in everything))
        return 0 if chosen else 2
    survivors, start = [], time.monotonic()
    with copy_of(ROOT) as sound, ThreadPoolExecutor(given.workers) as pool:  # a snapshot: edits meanwhile do not count
        passed, test = run_tests(sound, "data", only_core=bool(given.mutants))
        if not passed:
            print(f"without any fault {test} fails already; mend that first")
            return 1
        print(f"{'no fault':<70}{time.monotonic() - start:5.1f} s  all tests pass", flush=True)
        for fault, (caught, test, seconds) in zip(chosen, pool.map(lambda f: try_fault(f, sound), chosen), strict=True):
            survivors += [] if caught else [fault.title]
            print(f"{fault.title:<70}{seconds:5.1f} s  {'caught by ' + test if caught else 'SURVIVED'}", flush=True)
    print(f"{len(chosen) - len(survivors)} of {len(chosen)} caught in {(time.monotonic() - start) / 60:.0f} minutes")
    print("".join(f"survived: {title}\n" for title in survivors), end="")
    return 1 if survivors else 0


def load_libraries() -> None:
    """What the tests import anyway, so that a forked process need not; nothing of toyclip."""
    for name in LIBRARIES:
        try:
            importlib.import_module(name)
        except ImportError:
            continue
    sys.modules["torch"].set_num_threads(1)  # whatever it found out about this machine


if __name__ == "__main__":
    os.environ |= {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "MPLBACKEND": "agg"}
    load_libraries()
    sys.exit(main(sys.argv[1:]))
