"""Checks of a reader's own answers to the exercises (helper, no chapter)."""

import functools
from collections.abc import Callable

Check = Callable[..., str | None]  # the answer -> what is wrong with it, in a sentence; None if nothing is


def answer(check: Check) -> Callable[[object], None]:
    """Make a check of an answer into a function that prints what became of it and never raises.

    An exercise begins with an empty answer, None, or with a function whose body is still `...`; that is no mistake.

    >>> @answer
    ... def even(number: int) -> str | None:
    ...     return None if number % 2 == 0 else f"{number} leaves a remainder"
    >>> even(None)
    Nothing to check yet: fill in your answer and run this cell again.
    >>> even(3)
    Not yet: 3 leaves a remainder.
    >>> even(4)
    Right.
    """

    @functools.wraps(check)
    def judge(given: object) -> None:
        if given is None or unfinished(given):
            print("Nothing to check yet: fill in your answer and run this cell again.")
            return
        try:
            wrong = check(given)
        except Exception as error:  # of the reader's code, or of a check that could not use what it was given
            wrong = f"your answer stopped with {type(error).__name__}: {error}"
        print(f"Not yet: {wrong}." if wrong else "Right.")

    judge.check = check
    return judge


def unfinished(function: Callable) -> bool:
    """Whether a function's body is still `...` or `pass`.

    >>> def mine(x): ...
    >>> unfinished(mine), unfinished(answer)
    (True, False)
    """
    code = getattr(function, "__code__", None)

    def empty(x): ...

    return code is not None and code.co_code == empty.__code__.co_code and code.co_consts[-1:] in ((None,), ())
