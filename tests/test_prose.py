"""Numbers in prose are those of the code: shown or written on the same page, computed here, or somebody else's.

A number counts if it has three digits or more, a decimal point, or a percent sign. It may stand in the prose of a page
if an output or the code of that page has it, if `constants` has it, if it is a year, or if its sentence has a citation
or link.
"""

import functools
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import execute
import nbformat
import pytest
from scipy.stats import norm

from toyclip.data import world
from toyclip.encoders import ToyCLIP
from toyclip.loss_floor import floor
from toyclip.pictures import WORLD_EMOJI, emoji
from toyclip.studies.composition import unseen
from toyclip.studies.frequency.interventions import CONDITIONS

ROOT = execute.BOOK.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PAGES = [*execute.chapters(), *(execute.BOOK / f"{name}.md" for name in ("about", "your_own")), ROOT / "README.md"]
NUMBER = re.compile(r"(?<![\w.,-])\d+(?:,\d{3})*(?:\.\d+)?(?:\s?%)?(?!\w)")
NO_PROSE = re.compile(
    r"<!--.*?-->|^```.*?^```|^\s*:(?:label|class):.*?$|`[^`]*`|CC BY-SA 4\.0|Apache licence 2\.0",
    re.DOTALL | re.MULTILINE,
)
CONSOLE = re.compile(r"^```console\n.*?^```$", re.DOTALL | re.MULTILINE)  # tests/test_your_own.py runs it
FILE = re.compile(r"^```\{code-block\}.*?^```$", re.DOTALL | re.MULTILINE)  # that a page shows, blank lines and all
SENTENCE = re.compile(r"(?<=[.!?])\)?\s+(?=[A-Z(*$])")


def constants() -> Iterator[str]:
    """Numbers of this book that prose may name anywhere, as the package has them now."""
    training, held_out = world(0)
    yield f"{sum(p.numel() for p in ToyCLIP().parameters())}"
    yield f"{len(training) + len(held_out)}"
    yield f"{len(training)}"
    yield f"{len(held_out)}"
    yield f"{100 * len(held_out) / (len(training) + len(held_out)):.0f} %"  # held out of every class
    yield f"{floor(training.captions.bincount(), 64):.1f}"  # where the loss stops, nats
    yield f"{len(emoji())}"
    yield f"{len(emoji()) - len(WORLD_EMOJI)}"
    yield f"{2**15}"  # the batch of OpenAI, which `footprint` goes up to
    yield f"{100 - max(int(name.split()[0]) for name in CONDITIONS if 'mismatched' in name)} %"  # of captions are right
    yield f"{norm.ppf(0.975) ** 2:.1f}"  # of Wilson's interval of a perfect score
    yield f"{unseen.FULL.pictures}"  # of colours and shapes, spread over the diagonals
    yield PYPROJECT["requires-python"].removeprefix(">=")
    (font,) = PYPROJECT["optional-dependencies"]["emoji"]
    yield font.partition(">=")[2]  # OpenMoji's version is Unicode's
    yield "120"  # the seeds below which the fast recipe was tuned: nothing can compute that


def numbers(text: str) -> Iterator[str]:
    """The numbers of a text that count, all in one form.

    >>> list(numbers("of 1,024 seeds 99% reach 1.50, 12 at once; LAION-400M; p100"))
    ['1024', '99 %', '1.5']
    """
    for match in NUMBER.finditer(text):
        digits, percent, _ = match.group().replace(",", "").replace(" ", "").partition("%")
        if percent or "." in digits or len(digits) >= 3:
            yield plain(digits) + (" %" if percent else "")


def plain(digits: str) -> str:
    """A number without trailing zeros behind its point."""
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


@functools.cache
def known() -> set[str]:
    """All of `constants`, as `plain` writes them."""
    return {plain(number) for number in constants()}


def shown(notebook: nbformat.NotebookNode) -> set[str]:
    """Every number that a notebook's outputs, alternative texts and code hold; a share also in per cent."""
    told = [execute.code(notebook).replace("_", "")]
    for output in (output for cell in execute.code_cells(notebook) for output in cell.outputs):
        data = output.get("data", {})
        alt = output.get("metadata", {}).get("image/png", {}).get("alt", "")
        told += [output.get("text", ""), data.get("text/markdown", ""), data.get("text/plain", ""), alt]
    found = {plain(n) for n in re.findall(r"\d+(?:\.\d+)?", re.sub(r"(?<=\d),(?=\d{3})", "", "\n".join(told)))}
    return found | {f"{n} %" for n in found} | {f"{100 * float(n):g} %" for n in found if n.startswith("0.")}


def sentences(text: str) -> Iterator[str]:
    """The sentences of Markdown; a table is one. Code, comments and labels are left out."""
    for block in re.split(r"\n\s*\n", execute.MARK.sub("", text)):
        prose = NO_PROSE.sub("", block)
        yield from [prose] if prose.lstrip().startswith("|") else SENTENCE.split(prose)


def unguarded(text: str, known: set[str]) -> list[str]:
    """Numbers of a Markdown text that nothing on the page and no constant stands for."""
    return [
        f"{number}: {' '.join(sentence.split())[:100]}"
        for sentence in sentences(text)
        if "{cite" not in sentence and "](http" not in sentence
        for number in numbers(sentence)
        if number not in known and not re.fullmatch(r"(19|20)\d\d", number)
    ]


def page(path: Path) -> tuple[str, set[str]]:
    """The prose of a page, and the numbers that may stand in it."""
    if path.suffix == ".md":
        text = path.read_text(encoding="utf-8")
        code = CONSOLE.findall(text) + FILE.findall(text)
        return FILE.sub("", text), known() | set(numbers("\n".join(code)))
    notebook = nbformat.read(path, as_version=4)
    figures = [cell.metadata.get("mystnb", {}).get("figure", {}) for cell in notebook.cells]
    texts = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    prose = "\n\n".join([*texts, *(figure["caption"] for figure in figures if figure)])
    return prose, known() | shown(notebook)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_numbers_in_prose_come_from_the_code(path):
    assert unguarded(*page(path)) == []


def test_changed_number_is_noticed():
    """Nearly always: another number of the page may be the same by chance."""
    tried = noticed = 0
    for text, known in map(page, PAGES):
        for sentence in (s for s in sentences(text) if unguarded(s, set())):
            for match in NUMBER.finditer(sentence):
                digit = re.search(r"\d(?=\D*$)", match.group()).start()
                changed = f"{match.group()[:digit]}{(int(match.group()[digit]) + 3) % 10}{match.group()[digit + 1 :]}"
                if unguarded(match.group(), set()):
                    tried, noticed = tried + 1, noticed + bool(unguarded(changed, known))
    assert tried > 80
    assert noticed >= 0.85 * tried, f"{noticed} of {tried}"


@pytest.mark.parametrize("wrong", ["All 490 are right.", "It has 74,931 parameters.", "Some 99.7 % do.", "| 1,378 |"])
def test_wrong_number_is_noticed(wrong):
    assert unguarded(wrong, known())


@pytest.mark.parametrize(
    "right",
    [
        "All 480 are right.",
        "So in 2021.",
        "76.2 % {cite:p}`radford2021`.",
        "`seed=123`",
        "<!-- cost -->500 s<!-- /cost -->",
    ],
)
def test_right_number_passes(right):
    assert unguarded(right, known()) == []
