"""A reader's answer is judged, whatever it is; an empty one is no mistake."""

import pytest

from toyclip.lab.answers import answer, unfinished


@answer
def even(number: int) -> str | None:
    """Divides, so that an answer that is no number stops it."""
    return None if number % 2 == 0 else f"{number} leaves a remainder"


@answer
def doubles(function) -> str | None:
    """Calls what it is given."""
    return None if function(3) == 6 else "3 does not become 6"


def stub(x): ...


def passes(x):
    pass


def crashes(x):
    return 1 / 0


@pytest.mark.parametrize(
    ("check", "given", "printed"),
    [
        (even, None, "Nothing to check yet: fill in your answer and run this cell again."),
        (even, 2, "Right."),
        (even, 3, "Not yet: 3 leaves a remainder."),
        (even, [], "Not yet: your answer stopped with TypeError: unsupported operand type(s) for %: 'list' and 'int'."),
        (doubles, stub, "Nothing to check yet: fill in your answer and run this cell again."),
        (doubles, lambda x: 2 * x, "Right."),
        (doubles, lambda x: x, "Not yet: 3 does not become 6."),
        (doubles, crashes, "Not yet: your answer stopped with ZeroDivisionError: division by zero."),
    ],
)
def test_answer_is_judged(check, given, printed, capsys):
    check(given)
    assert capsys.readouterr().out == printed + "\n"


def test_interrupt_is_no_answer():
    def stop(x):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        doubles(stop)


@pytest.mark.parametrize(
    ("thing", "empty"),
    [(stub, True), (passes, True), (lambda x: x, False), (lambda x: 5, False), (5, False)],
)
def test_only_an_empty_body_is_unfinished(thing, empty):
    assert unfinished(thing) is empty
