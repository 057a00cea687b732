"""Checks that a notebook shows and that raise when missed (helper, no chapter)."""

import operator
from collections.abc import Sequence

BOUNDS = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt, "==": operator.eq}


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


def span(values: Sequence[float], form: str) -> str:
    """The smallest and the largest of some numbers, or the one number where both look the same.

    >>> span([0.98, 1.0], ".0%"), span([1.0, 1.0], ".0%")
    ('98% to 100%', '100%')
    """
    low, high = f"{min(values):{form}}", f"{max(values):{form}}"
    return low if low == high else f"{low} to {high}"
