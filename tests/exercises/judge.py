"""What all tests of answers do: judge each answer of a table, and see that the table is complete."""

from collections import Counter
from collections.abc import Callable, Sequence
from types import ModuleType

import pytest

Case = tuple[Callable, object, str | None]  # a check, an answer, and a part of what it says; None: the answer is right
LEAST = {True: 1, False: 2}  # right answers to every check, and wrong ones


def checks(chapter: ModuleType) -> set[str]:
    """The names of a chapter's checks of answers."""
    return {name for name, thing in vars(chapter).items() if hasattr(thing, "check") and not name.startswith("_")}


def lacking(chapter: ModuleType, cases: Sequence[Case]) -> list[str]:
    """The checks of a chapter for which the table has too few right answers, or too few wrong ones."""
    found = Counter((case[0].__name__, case[2] is None) for case in cases)
    return [
        f"{name}: {found[name, right]} {'right' if right else 'wrong'} answers, not {least}"
        for name in sorted(checks(chapter))
        for right, least in LEAST.items()
        if found[name, right] < least
    ]


def answers(chapter: ModuleType, cases: Sequence[Case]) -> Callable:
    """The test of a chapter's answers, to be given a name that begins with `test_` in its module.

    Raises:
        ValueError: if a check of the chapter has no right answer in the table, or fewer than two wrong ones.
    """
    if complaints := lacking(chapter, cases):
        raise ValueError("; ".join(complaints))

    @pytest.mark.parametrize(("check", "given", "says"), cases)
    def judged(check: Callable, given: object, says: str | None) -> None:
        said = check.check(given)
        assert said is None if says is None else said is not None and says in said, said

    return judged
