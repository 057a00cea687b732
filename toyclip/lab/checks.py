"""Checks that a notebook shows and that raise when missed; verdicts on the source's claims (helper, no chapter)."""

import json
import operator
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from toyclip.lab.study import stored

__all__ = [
    "VERDICTS", "CheckError", "Verdict", "check", "read_verdicts", "span", "stored", "verdict",
]  # fmt: skip
BOUNDS = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt, "==": operator.eq}
VERDICTS = ("holds", "holds in part", "wrong", "not here")


class CheckError(AssertionError):
    """A measured number missed the bound that the book states for it."""


def check(name: str, measured: float, bound: str) -> None:
    """Compare a measured number with its bound; print the check, raise when it is missed.

    What is printed names the bound only, so that the stored text is the same on every machine.

    Args:
        bound: a comparison and a number, such as ">= 0.95".

    Raises:
        CheckError: if the bound is missed, with the measured number.

    >>> check("held-out accuracy", 0.998, ">= 0.95")
    passed: held-out accuracy >= 0.95
    >>> check("held-out accuracy", 0.4, ">= 0.95")
    Traceback (most recent call last):
    ...
    toyclip.lab.checks.CheckError: held-out accuracy is 0.4, which is not >= 0.95
    """
    comparison, limit = bound.split()
    if not BOUNDS[comparison](measured, float(limit)):
        raise CheckError(f"{name} is {measured:.4g}, which is not {bound}")
    print(f"passed: {name} {bound}")


def verdict(claim: str, says: str, outcome: str, because: str) -> None:
    """Print the verdict on one claim of the ledger; the ledger page collects these lines.

    Args:
        claim: id, S1 to S18 for the article series, F1 to F9 for what others found about frequency.
        says: what the source says, in our words.
        outcome: one of VERDICTS.
        because: the numbers, and on how many seeds they rest.

    Raises:
        ValueError: if the outcome is none of VERDICTS.

    >>> verdict("S1", "the model has 74,913 parameters", "holds", "counted: 74,913")
    S1: the model has 74,913 parameters
    Verdict: holds. counted: 74,913
    """
    if outcome not in VERDICTS:
        raise ValueError(f"unknown outcome {outcome!r}; choose one of {VERDICTS}")
    print(f"{claim}: {says}\nVerdict: {outcome}. {because}")


def span(values: Sequence[float], form: str) -> str:
    """The smallest and the largest of some numbers, or the one number where both look the same.

    >>> span([0.98, 1.0], ".0%"), span([1.0, 1.0], ".0%")
    ('98% to 100%', '100%')
    """
    low, high = f"{min(values):{form}}", f"{max(values):{form}}"
    return low if low == high else f"{low} to {high}"


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
