"""Every chapter was run as it stands, from the code in this tree, and every figure says in words what it shows.

Each check below returns its complaints, and is itself tested on a small sound notebook broken in one place.
"""

import base64
import copy
import functools
import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import execute
import nbformat
import packing
import pytest
import yaml
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image, PngImagePlugin

from toyclip.figures.style import without_numbers
from toyclip.lab import provenance
from toyclip.lab.study import stale
from toyclip.studies import all_studies

BUDGET = 1 / 4  # share of all code cells whose output nbval may ignore
LARGEST = 2_000_000  # bytes of a notebook
ALT_LENGTH = (40, 400)  # characters
EXERCISES = (3, 5)  # in a numbered chapter
WIDEST, LONGEST = 76, 18  # characters of a line and lines of a cell that a reader sees
CAPTION = (20, 300)  # characters
LONGEST_READING = {"lots": 15, "variety": 15, "composition": 15, "real_encoders": 15}  # minutes; all others:
READING = 20
IGNORED = {"nbval-ignore-output", "nbval-skip"}
GATE = re.compile(
    r"^\s*(?::{3,}|`{3,})\{(exercise|exercise-start|exercise-end|solution-start|solution-end)\}(.*)$", re.M
)
LEVEL, HINT = re.compile(r"\*\*Level [123]\.\*\*"), re.compile(r"\{admonition\} Hint")
LABEL = re.compile(r"^\s*:label:\s*(\S+)", re.M)

CHAPTERS = execute.chapters()


@functools.cache
def read(path: Path) -> NotebookNode:
    """A chapter, at which all checks look and which none changes."""
    return nbformat.read(path, as_version=4)


def skipped(cell: NotebookNode) -> bool:
    """Whether neither `make notebooks` nor `make test` runs a cell."""
    return "skip-execution" in execute.tags(cell)


def run_in_order(notebook: NotebookNode) -> list[str]:
    """All code cells were executed, once, from first to last, in one session."""
    counts = [cell.execution_count for cell in execute.code_cells(notebook) if not skipped(cell)]
    if counts == list(range(1, len(counts) + 1)):
        return []
    return [f"execution counts are {counts}, not 1 to {len(counts)} in order"]


def no_stderr(notebook: NotebookNode) -> list[str]:
    """No cell stored a warning or other text from the error stream."""
    outputs = [output for cell in execute.code_cells(notebook) for output in cell.outputs]
    return [f"stored stderr: {output.text[:60]!r}" for output in outputs if output.get("name") == "stderr"]


def no_error(notebook: NotebookNode) -> list[str]:
    """No cell stored an exception, unless it is there to show one."""
    return [
        f"stored {output.ename}: {output.evalue[:60]}"
        for cell in execute.code_cells(notebook)
        for output in cell.outputs
        if output.output_type == "error" and "raises-exception" not in execute.tags(cell)
    ]


def figures(notebook: NotebookNode) -> list[tuple[int, NotebookNode, NotebookNode, dict[str, str]]]:
    """Every figure: the number of its code cell, the cell, the output, and the text that lies before the pixels."""
    return [
        (number, cell, output, Image.open(io.BytesIO(base64.b64decode(output.data["image/png"]))).info)
        for number, cell in enumerate(execute.code_cells(notebook), start=1)
        for output in cell.outputs
        if "image/png" in output.get("data", {})
    ]


def alternative_text(notebook: NotebookNode) -> list[str]:
    """Every figure has one text: in its output, for other readers of notebooks, in its cell, for the site, in the
    picture, and in the plain text that nbval compares: there without the numbers of a training just run, or with a hash
    of what was drawn, which lies in the picture as well."""
    complaints, cells = [], []
    for number, cell, output, inside in figures(notebook):
        cells.append(number)
        image = cell.metadata.get("mystnb", {}).get("image", {})
        alt = output.metadata.get("image/png", {}).get("alt", "")
        if not ALT_LENGTH[0] <= len(alt) <= ALT_LENGTH[1] or " " not in alt:
            complaints.append(f"code cell {number}: expected a text of {ALT_LENGTH} characters, got {alt!r}")
        if image.get("alt") != alt:
            complaints.append(f"code cell {number}: output and cell have different texts")
        if output.data.get("text/plain") not in (alt, without_numbers(alt), f"{alt} [drawn: {inside.get('Comment')}]"):
            complaints.append(f"code cell {number}: another text, or another hash of what was drawn, is compared")
        if inside.get("Description") != alt:
            complaints.append(f"code cell {number}: the picture is another one's")
        if "dark-light" not in image.get("classes", ""):
            complaints.append(f"code cell {number}: without the class dark-light the dark theme changes the colours")
    return complaints + [f"code cell {n} shows several figures" for n in set(cells) if cells.count(n) > 1]


def captions(notebook: NotebookNode) -> list[str]:
    """Every figure has a name of its own that says which chapter it is in, a caption, and a mention in the prose."""
    complaints, names = [], []
    prose = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    for number, cell, *_ in figures(notebook):
        figure = cell.metadata.get("mystnb", {}).get("figure", {})
        name, caption = figure.get("name", ""), figure.get("caption", "")
        names.append(name)
        if not re.fullmatch(r"fig-[a-z_]+-[a-z0-9-]+", name) or not CAPTION[0] <= len(caption) <= CAPTION[1]:
            complaints.append(f"code cell {number}: name {name!r} or caption {caption!r} will not do")
        elif f"{{numref}}`{name}`" not in prose:
            complaints.append(f"code cell {number}: no text refers to {name}")
    return complaints + [f"two figures are called {name}" for name in set(names) if names.count(name) > 1]


def in_sight(notebook: NotebookNode) -> list[NotebookNode]:
    """The code cells whose code a reader sees without unfolding anything."""
    return [cell for cell in execute.code_cells(notebook) if not execute.tags(cell) & execute.UNREAD]


def code_in_sight_is_short(notebook: NotebookNode) -> list[str]:
    """What is seen fits a page's width, and no cell is a listing."""
    wide = [line for cell in in_sight(notebook) for line in cell.source.splitlines() if len(line) > WIDEST]
    long = [cell.source for cell in in_sight(notebook) if len(cell.source.splitlines()) > LONGEST]
    return [f"wider than {WIDEST}: {line}" for line in wide] + [f"longer than {LONGEST}: {c[:60]!r}" for c in long]


def checks_fold(notebook: NotebookNode) -> list[str]:
    """A check stands in a folded cell: the page is for the reader, who sees the number itself."""
    return [
        f"in sight: {cell.source[:60]!r}"
        for cell in execute.code_cells(notebook)
        if "hide-cell" not in execute.tags(cell)
        if any("passed: " in output.get("text", "") for output in cell.outputs)
        or re.search(r"(?<![\w.])check\(", cell.source)
    ]


def folds_alike(notebook: NotebookNode) -> list[str]:
    """What the site folds, Jupyter folds too."""
    complaints = []
    for cell in execute.code_cells(notebook):
        again = copy.deepcopy(cell)
        execute.fold(again)
        if again.metadata != cell.metadata:
            complaints.append(f"folded in one place only: {cell.source[:60]!r}")
    return complaints


def no_semicolon(notebook: NotebookNode) -> list[str]:
    """No cell hides its value by a semicolon, which nbval does not honour."""
    cells = execute.code_cells(notebook)
    return [f"ends with a semicolon: {cell.source[-40:]!r}" for cell in cells if cell.source.rstrip().endswith(";")]


def kernel(notebook: NotebookNode) -> list[str]:
    """The kernel is called python3, as on every other machine."""
    name = notebook.metadata.get("kernelspec", {}).get("name")
    return [] if name == "python3" else [f"the kernel is {name!r}, not 'python3'"]


def no_timestamps(notebook: NotebookNode) -> list[str]:
    """No cell stored when it ran: such text changes without meaning."""
    return ["a cell stored when it ran"] if any("execution" in cell.metadata for cell in notebook.cells) else []


def size(notebook: NotebookNode) -> list[str]:
    """A notebook stays small enough for the web, and so do the pages, which show its pictures byte for byte."""
    stored = len(nbformat.writes(notebook).encode())
    complaints = [] if stored < LARGEST else [f"{stored} bytes, not below {LARGEST}"]
    for number, _, output, _ in figures(notebook):
        picture = base64.b64decode(output.data["image/png"])
        if len(picture) > packing.LARGE and not packing.is_packed(picture):
            complaints.append(f"code cell {number}: a picture of {len(picture)} bytes is not packed")
    return complaints


def skip_tags(notebook: NotebookNode) -> list[str]:
    """A cell that is skipped is skipped by `make notebooks` and by `make test`."""
    pair = {"nbval-skip", "skip-execution"}
    return [f"only {execute.tags(c) & pair}" for c in execute.code_cells(notebook) if len(execute.tags(c) & pair) == 1]


def fresh(notebook: NotebookNode) -> list[str]:
    """The outputs came from the code that is in the tree."""
    stored, now = notebook.metadata.get("toyclip", {}).get("code"), execute.fingerprint(notebook)
    return [] if stored == now else [f"stale outputs: stored from {stored}, the tree has {now}; run `make notebooks`"]


def gates(notebook: NotebookNode) -> list[str]:
    """Every exercise and solution that is opened is closed before the next one opens."""
    complaints, opened = [], None
    for name, _ in gate_lines(notebook):
        kind, _, side = name.partition("-")
        if side == "end":
            if opened != kind:
                complaints.append(f"{name} closes nothing")
            opened = None
        else:
            if opened:
                complaints.append(f"{name} stands inside an open {opened}")
            opened = kind if side == "start" else None
    return [*complaints, f"an {opened} is not closed"] if opened else complaints


def gate_lines(notebook: NotebookNode) -> list[tuple[str, str]]:
    """(directive, what follows it) of all exercises and solutions."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "markdown"]
    return [(name, rest.strip()) for cell in cells for name, rest in GATE.findall(cell.source)]


def exercises(notebook: NotebookNode) -> list[str]:
    """A chapter has three to five exercises, each with a level, a hint, and a solution that was run."""
    asked, solved, current, complaints = set(), set(), None, []
    for cell in notebook.cells:
        if cell.cell_type == "code":
            if current and execute.was_run(cell):
                solved.add(current)
            continue
        for match in GATE.finditer(cell.source):
            name, rest = match.group(1), match.group(2).strip()
            if name in ("exercise", "exercise-start"):
                label = LABEL.search(cell.source, match.end())
                asked.add(label.group(1) if label else f"unlabelled {len(asked)}")
                if not LEVEL.search(cell.source, match.end()) or not HINT.search(cell.source, match.end()):
                    complaints.append(f"the exercise {rest!r} has no level or no hint")
            elif name == "solution-start":
                current = rest
            elif name == "solution-end":
                current = None
    complaints += [f"exercise {label} has no solution with an executed cell" for label in sorted(asked - solved)]
    if not EXERCISES[0] <= len(asked) <= EXERCISES[1]:
        complaints.append(f"{len(asked)} exercises, not {EXERCISES[0]} to {EXERCISES[1]}")
    return complaints


def header(notebook: NotebookNode, cost: dict | None) -> list[str]:
    """The line under the title states the reading time and the measured cost."""
    lines = [line for cell in notebook.cells for line in execute.MARK.findall(cell.source)]
    if cost is None:
        return ["cost.json does not know this chapter"]
    expected = [execute.cost_line(notebook, cost)]
    return [] if lines == expected else [f"the header says {lines}, cost.json {expected}; run `make notebooks`"]


def ignored_cells(notebook: NotebookNode) -> tuple[int, int]:
    """How many code cells nbval does not compare, and how many there are."""
    cells = execute.code_cells(notebook)
    return sum(bool(execute.tags(cell) & IGNORED) for cell in cells), len(cells)


def within_budget(notebooks: list[NotebookNode]) -> bool:
    """Whether nbval ignores at most a quarter of all code cells."""
    counts = [ignored_cells(notebook) for notebook in notebooks]
    return sum(part for part, _ in counts) <= BUDGET * sum(whole for _, whole in counts)


EVERY = [run_in_order, no_stderr, no_error, alternative_text, no_semicolon, kernel, no_timestamps,
         size, skip_tags, fresh, gates, captions, code_in_sight_is_short, checks_fold, folds_alike]  # fmt: skip
TOC = yaml.safe_load((execute.BOOK.parent / "_toc.yml").read_text(encoding="utf-8"))
NUMBERED = [
    execute.BOOK.parent / f"{c['file']}.ipynb" for p in TOC["parts"] if p.get("numbered") for c in p["chapters"]
]


@pytest.mark.parametrize("check", EVERY, ids=lambda check: check.__name__)
@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_chapter(path, check):
    assert check(read(path)) == []


@pytest.mark.parametrize("path", NUMBERED, ids=lambda path: path.stem)
def test_numbered_chapter(path):
    notebook = read(path)
    costs = json.loads(execute.COST.read_text(encoding="utf-8"))
    assert exercises(notebook) == []
    assert header(notebook, costs.get(path.stem)) == []
    assert execute.reading_minutes(notebook) <= LONGEST_READING.get(path.stem, READING)


def test_there_are_chapters_and_all_are_listed():
    assert CHAPTERS
    assert set(execute.BOOK.glob("*.ipynb")) == set(CHAPTERS)
    assert set(NUMBERED) <= set(CHAPTERS)


def test_figures_are_compared():
    """Those drawn from stored results by their data; few of the others by their words alone."""
    outputs = [output for path in CHAPTERS for _, _, output, _ in figures(read(path))]
    compared = [output.data["text/plain"] for output in outputs]
    assert len(outputs) > 50
    assert sum("#" in text for text in compared) <= 5
    assert sum("[drawn: " in text for text in compared) >= 25


def test_most_outputs_are_compared():
    assert within_budget([read(path) for path in CHAPTERS])


def test_stored_results_hold():
    """Each is whole, as its study wrote it, made by the code in the tree; there is no other; a chapter reads each."""
    studies = all_studies()
    assert stale(studies.values(), execute.RESULTS) == {}, "run `make results`"
    assert {path.stem for path in (execute.RESULTS).iterdir() if path.suffix} == studies.keys()
    asked = [execute.results_read(execute.code(read(path))) for path in CHAPTERS]
    assert {name for names in asked for name in names} == studies.keys()


# --- the checks, checked -------------------------------------------------------------------------------------------

ALT = "Loss falls from 3.5 to 1.5 nats in 30 epochs and stays there."
COST = {"seconds": 12, "peak_mb": 400, "cores": 2, "processor": "any"}


def png(alt: str | None = None, data: str = "c0ffee") -> NotebookNode:
    """A figure as `style.show` displays it."""
    inside, file = PngImagePlugin.PngInfo(), io.BytesIO()
    inside.add_text("Description", str(alt))
    inside.add_text("Comment", data)
    Image.new("L", (1, 1)).save(file, "png", pnginfo=inside)
    bundle = {"image/png": base64.b64encode(file.getvalue()).decode(), "text/plain": f"{alt} [drawn: c0ffee]"}
    return new_output("display_data", data=bundle, metadata={"image/png": {"alt": alt}} if alt else {})


FIGURE = {"name": "fig-data-loss", "caption": "The loss of one run, epoch by epoch."}
HINTED = ":::{admonition} Hint\n:class: dropdown tip\n\nLook.\n:::"


@pytest.fixture
def sound() -> NotebookNode:
    """A notebook with a figure, a skipped cell and three solved exercises, as `make notebooks` would store it."""
    return copy.deepcopy(stored())


@functools.cache
def stored() -> NotebookNode:
    cells = [
        new_markdown_cell("# Title\n\n<!-- cost --><!-- /cost -->\n\nSee {numref}`fig-data-loss`."),
        new_code_cell("from toyclip import data", execution_count=1),
        new_code_cell("show(figure)", execution_count=2, outputs=[png(ALT)], metadata={"mystnb": {"figure": FIGURE}}),
        new_code_cell("1 / 0", metadata={"tags": ["nbval-skip", "skip-execution"]}),
        new_code_cell("print(1)", execution_count=3, outputs=[new_output("stream", name="stdout", text="1\n")]),
        new_code_cell(
            'check("two", 2, "> 1")',
            execution_count=4,
            outputs=[new_output("stream", name="stdout", text="passed: two > 1\n")],
            metadata={"tags": ["hide-cell"]},
        ),
    ]
    for i in range(3):
        cells += [
            new_markdown_cell(f":::{{exercise}}\n:label: ex-{i}\n\n**Level 1.** Why?\n:::\n\n{HINTED}"),
            new_markdown_cell(f":::{{solution-start}} ex-{i}\n:class: dropdown\n:::"),
            new_code_cell("3", execution_count=5 + i),
            new_markdown_cell(":::{solution-end}\n:::"),
        ]
    notebook = new_notebook(cells=cells)
    execute.normalise(notebook)
    execute.write_cost_line(notebook, COST)
    return notebook


def complaints(check: Callable, notebook: NotebookNode) -> list[str]:
    return check(notebook, COST) if check is header else check(notebook)


@pytest.mark.parametrize("check", [*EVERY, exercises, header], ids=lambda check: check.__name__)
def test_sound_notebook_passes(sound, check):
    assert complaints(check, sound) == []


def error() -> NotebookNode:
    return new_output("error", ename="ValueError", evalue="no", traceback=[])


def warning() -> NotebookNode:
    return new_output("stream", name="stderr", text="UserWarning: old")


BROKEN: list[tuple[Callable, str, Callable[[list[NotebookNode]], object]]] = [
    (run_in_order, "not run", lambda c: c[1].update(execution_count=None)),
    (run_in_order, "run out of order", lambda c: (c[1].update(execution_count=2), c[2].update(execution_count=1))),
    (run_in_order, "run twice", lambda c: c[-2].update(execution_count=9)),
    (no_stderr, "warning", lambda c: c[1].outputs.append(warning())),
    (no_error, "exception", lambda c: c[1].outputs.append(error())),
    (alternative_text, "none in the output", lambda c: c[2].outputs[0].metadata.clear()),
    (alternative_text, "none in the cell", lambda c: c[2].metadata.clear()),
    (alternative_text, "two texts", lambda c: c[2].metadata.mystnb.image.update(alt=ALT + " Or not.")),
    (alternative_text, "too short", lambda c: set_alt(c[2], "A plot of the loss.")),
    (alternative_text, "too long", lambda c: set_alt(c[2], 10 * ALT)),
    (alternative_text, "a hash", lambda c: set_alt(c[2], "_images/" + 8 * "c0ffee" + ".png")),
    (alternative_text, "two figures", lambda c: c[2].outputs.append(png(ALT))),
    (alternative_text, "another text compared", lambda c: c[2].outputs[0].data.update({"text/plain": ALT + "!"})),
    (alternative_text, "another picture", lambda c: swap_picture(c[2], png("Loss rises."))),
    (alternative_text, "a picture of other data", lambda c: swap_picture(c[2], png(ALT, "0ff"))),
    (alternative_text, "no class", lambda c: c[2].metadata.mystnb.image.pop("classes")),
    (captions, "no caption", lambda c: c[2].metadata.mystnb.figure.update(caption="")),
    (captions, "no name", lambda c: c[2].metadata.mystnb.figure.update(name="loss")),
    (captions, "not mentioned", lambda c: c[0].update(source=c[0].source.replace("numref", "ref"))),
    (captions, "one name twice", lambda c: c.append(copy.deepcopy(c[2]))),
    (captions, "no figure", lambda c: c[2].metadata.mystnb.pop("figure")),
    (code_in_sight_is_short, "wide", lambda c: c[1].update(source="x" * (WIDEST + 1))),
    (code_in_sight_is_short, "long", lambda c: c[1].update(source="x\n" * (LONGEST + 1))),
    (checks_fold, "check in sight", lambda c: c[5].metadata.update(tags=[])),
    (checks_fold, "check beside a figure", lambda c: c[2].update(source='show()\ncheck("two", 2, "> 1")')),
    (checks_fold, "told only that it passed", lambda c: c[4].outputs[0].update(text="passed: two > 1\n")),
    (folds_alike, "not in Jupyter", lambda c: c[5].metadata.pop("jupyter")),
    (folds_alike, "only in Jupyter", lambda c: c[1].metadata.update(jupyter={"source_hidden": True})),
    (no_semicolon, "semicolon", lambda c: c[1].update(source="plot();\n")),
    (no_timestamps, "timestamps", lambda c: c[1].metadata.update(execution={"iopub.status.idle": "2026"})),
    (size, "too large", lambda c: c[4].outputs[0].update(text="1" * LARGEST)),
    (size, "a picture not packed", lambda c: swap_picture(c[2], png(ALT, packing.LARGE * "0"))),
    (skip_tags, "skipped by one only", lambda c: c[1].metadata.update(tags=["nbval-skip"])),
    (skip_tags, "skipped by the other only", lambda c: c[1].metadata.update(tags=["skip-execution"])),
    (fresh, "cell changed", lambda c: c[4].update(source="print(2)")),
    (fresh, "cell removed", lambda c: c.pop(4)),
    (fresh, "other module imported", lambda c: c[1].update(source="from toyclip import errors")),
    (gates, "solution left open", lambda c: c.pop(-1)),
    (gates, "solution closed twice", lambda c: c.append(c[-1])),
    (gates, "solution in solution", lambda c: c.insert(-2, c[-3])),
    (exercises, "no level", lambda c: c[6].update(source=c[6].source.replace("Level 1", "Easy"))),
    (exercises, "no hint", lambda c: c[6].update(source=c[6].source.replace("Hint", "Note"))),
    (exercises, "two only", lambda c: c.pop(6)),
    (exercises, "six", lambda c: c.extend(copy_exercise(c, i) for i in (7, 8, 9))),
    (exercises, "no solution", lambda c: c.__delitem__(slice(-3, None))),
    (exercises, "solution of another", lambda c: c[-3].update(source=c[-3].source.replace("ex-2", "ex-1"))),
    (exercises, "solution without code", lambda c: c.pop(-2)),
    (exercises, "solution not run", lambda c: c[-2].update(execution_count=None)),
    (header, "no line", lambda c: c[0].update(source="# Title")),
    (header, "old line", lambda c: c[0].update(source=c[0].source.replace("12 s", "2 s"))),
    (header, "text grew", lambda c: c.append(new_markdown_cell("word " * 1000))),
]  # fmt: skip


def set_alt(cell: NotebookNode, alt: str) -> None:
    cell.outputs = [png(alt)]
    cell.metadata.mystnb.image["alt"] = alt


def swap_picture(cell: NotebookNode, other: NotebookNode) -> None:
    cell.outputs[0].data["image/png"] = other.data["image/png"]


def copy_exercise(cells: list[NotebookNode], number: int) -> NotebookNode:
    return new_markdown_cell(cells[6].source.replace("ex-0", f"ex-{number}"))


@pytest.mark.parametrize(
    ("check", "break_it"), [(c, b) for c, _, b in BROKEN], ids=[f"{c.__name__}: {n}" for c, n, _ in BROKEN]
)
def test_broken_notebook_is_noticed(sound, check, break_it):
    break_it(sound.cells)
    assert complaints(check, sound)


def test_every_check_is_checked():
    assert {check for check, _, _ in BROKEN} | {kernel} == {*EVERY, exercises, header}


def test_foreign_kernel_is_noticed(sound):
    sound.metadata.kernelspec["name"] = "my-env"
    assert kernel(sound)


def test_too_many_ignored_cells_are_noticed(sound):
    assert within_budget([sound])
    for cell in execute.code_cells(sound)[:3]:
        cell.metadata["tags"] = ["nbval-ignore-output"]
    assert not within_budget([sound])


def test_changed_module_is_noticed(sound, monkeypatch):
    monkeypatch.setattr(provenance, "fingerprint_source", lambda text: "changed")
    assert fresh(sound)


def test_changed_result_is_noticed_by_who_reads_it(sound, tmp_path, monkeypatch):
    monkeypatch.setattr(execute, "RESULTS", tmp_path / "results")
    (tmp_path / "results").mkdir()
    result = tmp_path / "results" / "seeds.json"
    for source, answer in (("results = stored('seeds')", True), ("seeds = print('seeds')", False)):
        result.write_text("{}")
        sound.cells[4].source = source
        execute.normalise(sound)
        assert fresh(sound) == []
        result.write_text('{"accuracy": 1}')
        assert bool(fresh(sound)) is answer


def test_changed_verdict_is_noticed_by_who_shows_them_all(sound, tmp_path, monkeypatch):
    verdicts = tmp_path / "verdicts.json"
    monkeypatch.setattr(execute.claims, "COLLECTED", verdicts)
    for source, answer in (("print(len(claims.collected()))", True), ("collected = 3", False)):
        verdicts.write_text("[]")
        sound.cells[4].source = source
        execute.normalise(sound)
        assert fresh(sound) == []
        verdicts.write_text("[{}]")
        assert bool(fresh(sound)) is answer


@pytest.mark.parametrize("call", ["stored(name)", "stored()", "stored('a', folder='b')", "checks.stored(*names)"])
def test_call_that_hides_which_result_it_reads_is_refused(call):
    with pytest.raises(ValueError, match="hides what it reads"):
        execute.results_read(f"x = [{call} for name in 'ab']")


def test_figure_without_text_is_refused(sound):
    for outputs in ([png()], [png(ALT)] * 2):
        broken = copy.deepcopy(sound)
        broken.cells[2].outputs = outputs
        with pytest.raises(ValueError, match="code cell 2"):
            execute.normalise(broken)
