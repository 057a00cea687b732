"""The claims under test, in one table, and verdicts on them that follow from what was measured (helper, no chapter)."""

import csv
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from html import escape, unescape
from pathlib import Path

import numpy as np
from IPython.display import display

from toyclip.errors import InputError, lookup
from toyclip.files import write_json

LEDGER = Path(__file__).parents[1] / "ledger"  # comes with the package
# No file names, which a fingerprint follows: a new claim must not make every chapter stale. Tests compare both instead.
TABLE, COLLECTED = (LEDGER / "claims").with_suffix(".csv"), (LEDGER / "verdicts").with_suffix(".json")
SYMBOLS = {"holds": "✔", "holds in part": "◐", "wrong": "✘", "not here": "○"}
VERDICTS = tuple(SYMBOLS)
DATA = re.compile(r'data-verdict="([^"]*)"')  # the attribute of a box that holds its verdict as JSON


@dataclass(frozen=True)
class Claim:
    """One row of the table."""

    id: str  # S1, S2, ... for the article series, F1, ... for what others found about frequency, and so on
    source: str  # a key of the bibliography
    sentence: str  # what the source says, in our words


@dataclass(frozen=True)
class Effect:
    """The number that decides a claim: what was found, between which bounds, and what the source says."""

    what: str  # with its unit, such as "held-out accuracy, %"
    found: float
    low: float
    high: float
    claimed: float | None = None
    between: str = "95 % interval"  # what low and high are the ends of; "seeds" if the lowest and the highest of all


@dataclass(frozen=True)
class Verdict:
    """A verdict as a chapter shows it."""

    claim: str
    says: str
    outcome: str
    because: str
    seeds: str
    recipe: str
    effect: Effect | None = None


def claims(table: str | Path = TABLE) -> dict[str, Claim]:
    """All claims by id, in the order of the table.

    Raises:
        InputError: if the table is missing, or has another head, a row that is not whole, or one id twice.
    """
    try:
        head, *rows = csv.reader(Path(table).read_text(encoding="utf-8").splitlines())
    except (OSError, ValueError):
        raise InputError(f"there is no table of claims {str(table)!r}; install the package again") from None
    found = {row[0]: Claim(*row) for row in rows if len(row) == 3 and all(row)}
    if head != ["id", "source", "sentence"] or len(found) != len(rows):
        raise InputError(f"{str(table)!r} must have the columns id, source, sentence, all filled in, and every id once")
    return found


def outcome(parts: Mapping[str, bool]) -> str:
    """What becomes of a claim: all parts true, some, none; "not here" if nothing of it can be decided here.

    Raises:
        TypeError: if a part is anything but true or false.

    >>> outcome({"27 % after epoch 1": False, "100 % at the end": True})
    'holds in part'
    """
    if wrong := {name: part for name, part in parts.items() if not isinstance(part, bool | np.bool_)}:
        raise TypeError(f"the parts of a claim are true or false; got {wrong}")
    if not parts:
        return "not here"
    return "holds" if all(parts.values()) else "holds in part" if any(parts.values()) else "wrong"


def verdict(
    claim: str,
    parts: Mapping[str, bool],
    because: str,
    *,
    seeds: int | str,
    recipe: str,
    effect: Effect | None = None,
    table: str | Path = TABLE,
) -> None:
    """Display a claim and what became of it, in a box; `make notebooks` collects them for the ledger.

    Args:
        claim: its id in the table.
        parts: what the claim says, part by part, and whether the measured numbers agree.
        because: the numbers.
        seeds: how many runs they rest on; in words where that is no number, such as "none: a count".
        recipe: what trained the models, such as "fast" or "reference".

    Raises:
        InputError: if the table has no such claim.
        TypeError: if a part is anything but true or false.
    """
    sentence = lookup(claims(table), claim, "claim").sentence
    found = Verdict(claim, sentence, outcome(parts), because, str(seeds), recipe, effect and _rounded(effect))
    display({"text/html": box(found), "text/plain": _said(found)}, raw=True)


def _rounded(effect: Effect) -> Effect:
    """To three digits, so that the last bits of one machine do not show on another."""
    numbers = (
        None if v is None else float(f"{v:.3g}") for v in (effect.found, effect.low, effect.high, effect.claimed)
    )
    return Effect(effect.what, *numbers, effect.between)


def _said(verdict: Verdict) -> str:
    """The verdict in two lines and its foundation in a third."""
    word = f"{SYMBOLS[verdict.outcome]} {verdict.outcome}"
    return f"{verdict.claim}: {verdict.says}\nVerdict: {word}. {verdict.because}\n{resting(verdict)}"


def resting(verdict: Verdict) -> str:
    """What a verdict rests on, in words.

    >>> resting(Verdict("S1", "it has 74,913", "holds", "Counted.", "none", "none: a count"))
    'No run: a count.'
    """
    if verdict.recipe.startswith("none: "):
        return f"No run: {verdict.recipe.removeprefix('none: ')}."
    return f"Seeds: {verdict.seeds}. Recipe: {verdict.recipe}."


def box(verdict: Verdict) -> str:
    """A verdict as HTML, which holds all of it once more as data."""
    kind = verdict.outcome.replace(" ", "-")
    data = escape(json.dumps(asdict(verdict), ensure_ascii=False))
    return "\n".join(
        [
            f'<div class="verdict {kind}" id="verdict-{verdict.claim.lower()}" role="note" data-verdict="{data}">',
            f'<p class="verdict-head"><strong>{verdict.claim}</strong> · <span class="verdict-word">'
            f'<span aria-hidden="true">{SYMBOLS[verdict.outcome]}</span> {verdict.outcome}</span></p>',
            f'<p class="verdict-claim">“{escape(verdict.says)}”</p>',
            f"<p>{escape(verdict.because)}</p>",
            *([f'<p class="verdict-effect">{picture(verdict.effect)}</p>'] if verdict.effect else []),
            f'<p class="verdict-foot">{escape(resting(verdict))}</p>',
            "</div>",
        ]
    )


def picture(effect: Effect) -> str:
    """An effect as a small drawing, in HTML: a dot in its interval, a tick where the source sees it, both as numbers.

    >>> "claimed 76" in picture(Effect("accuracy, %", 62.5, 60, 65, claimed=76))
    True
    """
    words = f"{effect.what}: {effect.found:g} ({effect.between} {effect.low:g} to {effect.high:g})"
    words += "" if effect.claimed is None else f", claimed {effect.claimed:g}"
    marks = [v for v in (effect.low, effect.high, effect.found, effect.claimed) if v is not None]
    left, right = min(marks), max(marks)
    wide = (right - left) or 1.0

    def x(value: float) -> float:
        return round(6 + 108 * (value - left) / wide, 1) if right > left else 60

    tick = "" if effect.claimed is None else f'<path d="M{x(effect.claimed)} 2V18" class="claimed"/>'
    return (
        f'<svg class="effect" viewBox="0 0 120 20" width="120" height="20" role="img" aria-label="{escape(words)}">'
        f'{tick}<path d="M{x(effect.low)} 10H{x(effect.high)}" class="found"/>'
        f'<circle cx="{x(effect.found)}" cy="10" r="4"/></svg> {escape(words)}'
    )


def read_verdicts(notebook: Path) -> list[Verdict]:
    """The verdicts in the stored output of a notebook, in the order of its cells."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    shown = ["".join(output.get("data", {}).get("text/html", "")) for c in cells for output in c.get("outputs", [])]
    return [_verdict(json.loads(unescape(data))) for text in shown for data in DATA.findall(text)]


def collect(notebooks: list[Path]) -> None:
    """Write the verdicts of all chapters where the ledger, opened anywhere, finds them."""
    found = [{"chapter": path.stem, **asdict(verdict)} for path in notebooks for verdict in read_verdicts(path)]
    write_json(COLLECTED, found)


def collected(file: str | Path = COLLECTED) -> list[tuple[str, Verdict]]:
    """All verdicts of the book, each with the name of its chapter, in the book's order."""
    entries = json.loads(Path(file).read_text(encoding="utf-8"))
    return [(entry.pop("chapter"), _verdict(entry)) for entry in entries]


def _verdict(data: dict) -> Verdict:
    return Verdict(**{**data, "effect": data["effect"] and Effect(**data["effect"])})
