"""The claims under test, in one table, and verdicts on them that follow from what was measured (helper, no chapter)."""

import csv
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from toyclip.errors import InputError, lookup

VERDICTS = ("holds", "holds in part", "wrong", "not here")


@dataclass(frozen=True)
class Claim:
    """One row of the table."""

    id: str  # S1 to S18 for the article series, F1 to F9 for what others found about frequency
    source: str  # a key of the bibliography
    sentence: str  # what the source says, in our words


def claims(table: str | Path = "claims.csv") -> dict[str, Claim]:
    """All claims by id, in the order of the table, which chapters find beside them.

    Raises:
        InputError: if the table is missing, or has another head, a row that is not whole, or one id twice.
    """
    try:
        head, *rows = csv.reader(Path(table).read_text(encoding="utf-8").splitlines())
    except (OSError, ValueError):
        raise InputError(
            f"there is no table of claims {str(table)!r}; run this in the folder of the chapters"
        ) from None
    found = {row[0]: Claim(*row) for row in rows if len(row) == 3 and all(row)}
    if head != ["id", "source", "sentence"] or len(found) != len(rows):
        raise InputError(f"{str(table)!r} must have the columns id, source, sentence, all filled in, and every id once")
    return found


def outcome(parts: Mapping[str, bool]) -> str:
    """What becomes of a claim: all parts true, some, none; "not here" if nothing of it can be measured here.

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


def verdict(claim: str, parts: Mapping[str, bool], because: str, table: str | Path = "claims.csv") -> None:
    """Print a claim and what became of it; the ledger collects these lines.

    Args:
        claim: its id in the table.
        parts: what the claim says, part by part, and whether the measured numbers agree.
        because: the numbers, and on how many seeds they rest.

    Raises:
        InputError: if the table has no such claim.
        TypeError: if a part is anything but true or false.
    """
    sentence = lookup(claims(table), claim, "claim").sentence
    print(f"{claim}: {sentence}\nVerdict: {outcome(parts)}. {because}")


@dataclass(frozen=True)
class Verdict:
    """A verdict as a chapter printed it."""

    claim: str
    says: str
    outcome: str
    because: str


def read_verdicts(notebook: Path) -> list[Verdict]:
    """The verdicts in the stored output of a notebook, in the order of its cells."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", []) if output.get("name") == "stdout"]
    printed = "\n".join("".join(output["text"]) for output in outputs)
    pattern = rf"^([SF]\d+): (.+)\nVerdict: ({'|'.join(sorted(VERDICTS, key=len, reverse=True))})\. (.+)$"
    return [Verdict(*match) for match in re.findall(pattern, printed, flags=re.MULTILINE)]
