"""Run the chapters and store what they print and show, with what it cost and which code it came from.

    python book/execute.py                      # all chapters, in the order of _toc.yml (`make notebooks`)
    python book/execute.py book/infonce.ipynb

A chapter is replaced only when all of it ran. Its header line between the marks <!-- cost --> and <!-- /cost --> and
`book/cost.json` get the measured cost; tests/test_notebooks.py uses the functions below to find what is out of date.
"""

import ast
import hashlib
import json
import os
import re
import sys
import threading
import time
from pathlib import Path

import colab
import nbformat
import psutil
import this_checkout  # noqa: F401 - ends here if toyclip is another checkout's
import yaml
from nbclient import NotebookClient
from nbclient.exceptions import (
    CellExecutionError,
    CellTimeoutError,
    DeadKernelError,
)
from nbformat import NotebookNode
from packing import pack_pictures

from toyclip.lab import claims, provenance

BOOK = Path(__file__).resolve().parent
COST = BOOK / "cost.json"
RESULTS = BOOK.parent / "toyclip" / "results"
TIMEOUT = 300  # seconds for one cell
WORDS_PER_MINUTE = 200
WORDS_PER_LINE = 8  # a line of code takes as long to read as this many words of prose
UNREAD = {"remove-cell", "remove-input", "hide-cell", "hide-input"}  # tags of cells whose code a reader does not see
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
LANGUAGE = {"name": "python", "pygments_lexer": "ipython3"}
PROMPTS = {True: "the checks", False: "the code"}  # what unfolds, by whether a folded cell only checks
MARK = re.compile(r"<!-- cost -->.*?<!-- /cost -->", re.DOTALL)
CORES = {1: "one CPU core", 2: "two CPU cores"}


def chapters() -> list[Path]:
    """The notebooks that _toc.yml lists, in its order; pages that are plain Markdown are left out."""
    toc = yaml.safe_load((BOOK.parent / "_toc.yml").read_text(encoding="utf-8"))
    files = [toc["root"], *(chapter["file"] for part in toc["parts"] for chapter in part["chapters"])]
    return [path for path in (BOOK.parent / f"{file}.ipynb" for file in files) if path.exists()]


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """The code cells that hold code."""
    return [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]


def was_run(cell: NotebookNode) -> bool:
    """Whether a cell has been executed."""
    return cell.execution_count is not None


def tags(cell: NotebookNode) -> set[str]:
    """The tags of a cell."""
    return set(cell.metadata.get("tags", []))


def code(notebook: NotebookNode) -> str:
    """All code of a notebook as one piece of Python; lines of IPython magic become blank lines."""
    return re.sub(r"^\s*[%!].*$", "", "\n".join(cell.source for cell in code_cells(notebook)), flags=re.MULTILINE)


def results_read(text: str) -> list[str]:
    """Names of the stored results that a piece of Python reads, each by a call `stored("NAME")`.

    Raises:
        ValueError: if a call does not say in so many words what it reads.

    >>> results_read("fast = stored('fast')['results']; other = checks.stored('captions')")
    ['captions', 'fast']
    """
    names = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "stored":
            if len(node.args) != 1 or not isinstance(node.args[0], ast.Constant) or node.keywords:
                raise ValueError(f"{ast.unparse(node)} hides what it reads; write the name, as in stored('fast')")
            names.add(node.args[0].value)
    return sorted(names)


def fingerprint(notebook: NotebookNode) -> str:
    """Hash of all that can change a notebook's output: its code, what of toyclip it reaches, results and verdicts it reads.

    Comments and layout do not count, nor what `provenance.fingerprint` leaves out of toyclip.
    """
    text = code(notebook)
    parts = [provenance.fingerprint_source(text)]
    for name in results_read(text):
        path = RESULTS / f"{name}.json"
        parts.append(path.read_text(encoding="utf-8") if path.exists() else f"no {name}")
    if re.search(r"\bcollected\(", text):  # shows the verdicts of all chapters
        parts.append(claims.COLLECTED.read_text(encoding="utf-8"))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def reading_minutes(notebook: NotebookNode) -> int:
    """Minutes to read a notebook, rounded up: prose and code in sight, without solutions, which are folded away."""
    words, in_solution = 0, False
    for cell in notebook.cells:
        if "{solution-start}" in cell.source:
            in_solution = True
        elif "{solution-end}" in cell.source:
            in_solution = False
        elif cell.cell_type == "markdown" and not in_solution:
            words += len(re.sub(r"<!--.*?-->", "", cell.source, flags=re.DOTALL).split())
        elif cell.cell_type == "code" and not in_solution and not tags(cell) & UNREAD:
            words += WORDS_PER_LINE * sum(bool(line.strip()) for line in cell.source.splitlines())
    return -(-words // WORDS_PER_MINUTE)


def cost_line(notebook: NotebookNode, cost: dict) -> str:
    """The marked text for a chapter's header, from its words and its entry in cost.json."""
    minutes, cores = reading_minutes(notebook), CORES.get(cost["cores"], f"{cost['cores']} CPU cores")
    return (
        f"<!-- cost -->Reading time {minutes} minute{'s'[: minutes != 1]} · "
        f"run time {cost['seconds']} s and {cost['peak_mb']} MB on {cores}<!-- /cost -->"
    )


def write_cost_line(notebook: NotebookNode, cost: dict) -> None:
    """Put the measured cost into the marked place of the notebook, if it has one."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = MARK.sub(lambda _: cost_line(notebook, cost), cell.source)


def fold(cell: NotebookNode) -> None:
    """Fold in Jupyter what the site folds, and name on the site what unfolds there."""
    hidden, described = tags(cell) & UNREAD, cell.metadata.get("mystnb", {})
    cell.metadata.pop("jupyter", None)
    described.pop("code_prompt_show", None)
    described.pop("code_prompt_hide", None)
    if hidden:
        cell.metadata["jupyter"] = {"source_hidden": True}
        if hidden & {"remove-cell", "hide-cell"}:
            cell.metadata["jupyter"]["outputs_hidden"] = True
        what = PROMPTS["hide-cell" in hidden and "check(" in cell.source]
        cell.metadata["mystnb"] = described | {"code_prompt_show": f"Show {what}", "code_prompt_hide": f"Hide {what}"}


def copy_alternative_text(cell: NotebookNode) -> None:
    """Copy the alternative text of a cell's figure from the output to the cell, where Jupyter Book reads it.

    Raises:
        ValueError: if the cell shows several figures, or one without alternative text.
    """
    figures = [output for output in cell.outputs if "image/png" in output.get("data", {})]
    if len(figures) > 1:
        raise ValueError(f"a cell shows {len(figures)} figures, which would share one alternative text; split the cell")
    described = cell.metadata.pop("mystnb", {})
    described.pop("image", None)
    if figures:
        alt = figures[0].metadata.get("image/png", {}).get("alt")
        if not alt:
            raise ValueError("a figure has no alternative text; show it with toyclip.figures.style.show")
        described["image"] = {"alt": alt, "classes": "dark-light"}  # the class keeps the dark theme from filtering it
    if described:
        cell.metadata["mystnb"] = described


class PeakMemory:
    """The most resident memory that all processes below this one held at a time, while a `with` block ran.

    A thread looks five times a second and at the end of the block. The kernel of a notebook is such a process.

    Args:
        besides: a process that does not count, though those below it do.
    """

    def __init__(self, besides: int | None = None) -> None:
        self.bytes, self.besides = 0, besides
        self._over = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "PeakMemory":
        self._watcher.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._over.set()
        self._watcher.join()

    @property
    def mb(self) -> int:
        """The peak in MB, rounded to tens."""
        return 10 * round(self.bytes / 1e7)

    def _watch(self) -> None:
        over = False
        while not over:
            over = self._over.wait(0.2)
            memory = 0
            for process in psutil.Process().children(recursive=True):
                try:
                    memory += process.memory_info().rss if process.pid != self.besides else 0
                except psutil.Error:  # it has just ended
                    continue
            self.bytes = max(self.bytes, memory)


def run(notebook: NotebookNode) -> dict:
    """Run a notebook in a fresh kernel, in place; measures seconds and the peak memory of the kernel's processes."""
    for cell in code_cells(notebook):
        cell.execution_count, cell.outputs = None, []
    start = time.perf_counter()
    try:
        with PeakMemory() as memory:
            NotebookClient(
                notebook,
                timeout=TIMEOUT,
                kernel_name="python3",
                record_timing=False,
                coalesce_streams=True,
                resources={"metadata": {"path": str(BOOK)}},
            ).execute()
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        raise RuntimeError(f"code cell {sum(map(was_run, code_cells(notebook)))} failed: {error}") from error
    return {
        "seconds": round(time.perf_counter() - start),
        "peak_mb": memory.mb,
        "cores": psutil.cpu_count(),
        "processor": provenance.processor(),
    }


def normalise(notebook: NotebookNode) -> None:
    """Leave nothing in the metadata that differs between machines, note the code of the output, and pack its pictures."""
    notebook.metadata = NotebookNode(
        kernelspec=KERNEL, language_info=LANGUAGE, toyclip=NotebookNode(code=fingerprint(notebook))
    )
    for number, cell in enumerate(code_cells(notebook), start=1):
        cell.metadata.pop("execution", None)
        fold(cell)
        pack_pictures(cell)
        try:
            copy_alternative_text(cell)
        except ValueError as error:
            raise ValueError(f"code cell {number}: {error}") from None


def write(path: Path, text: str) -> None:
    """Replace a file at once, so that it is never half-written."""
    beside = path.with_name(path.name + ".part")
    beside.write_text(text.rstrip("\n") + "\n", encoding="utf-8")
    beside.replace(path)


def execute(path: Path) -> None:
    """Run one chapter and replace it; raises, and leaves the file as it was, if a cell fails."""
    notebook = nbformat.read(path, as_version=4)
    colab.put_first(notebook)
    cost = run(notebook)
    normalise(notebook)
    write_cost_line(notebook, cost)
    nbformat.validate(notebook)
    costs = json.loads(COST.read_text(encoding="utf-8")) if COST.exists() else {}
    costs[path.stem] = cost
    write(path, nbformat.writes(notebook))
    write(COST, json.dumps(dict(sorted(costs.items())), indent=1, ensure_ascii=False))
    claims.collect(chapters())
    print(f"{path.stem}: {cost['seconds']} s, {cost['peak_mb']} MB", flush=True)


def main(arguments: list[str]) -> int:
    """Run the given notebooks, or all; 1 if any failed."""
    os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"  # before the kernels start
    failed = False
    for path in [Path(argument).resolve() for argument in arguments] or chapters():
        try:
            execute(path)
        except (RuntimeError, ValueError, SyntaxError) as error:
            failed = True
            print(f"{path.name} was left as it was: {error}", file=sys.stderr)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
