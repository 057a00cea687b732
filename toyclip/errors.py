"""The exceptions of toyclip: each is one sentence that says what was wrong, what was expected and what to do."""

from collections.abc import Mapping
from typing import TypeVar

T = TypeVar("T")


class InputError(ValueError):
    """Something handed to toyclip cannot be used; the command line turns it into exit code 2."""


class CaptionError(InputError):
    """A caption is empty, too long, or holds a word the tokenizer was not built with."""


class ImageError(InputError):
    """A picture cannot be read, or its tensor has the wrong shape, dtype or range."""


class ModelFileError(InputError):
    """A file is not a toyclip model, or is damaged."""


class RecipeError(InputError):
    """A training run was asked for something that cannot be trained, such as a batch of one."""


class LossNotFiniteError(ArithmeticError):
    """The training loss became NaN or infinite; the weights are worthless from that step on."""


class ProcessLostError(RuntimeError):
    """Another process that trains the same model is gone, or does not answer."""


def lookup(table: Mapping[str, T], name: str, what: str) -> T:
    """What `table` holds under a name.

    Raises:
        InputError: if there is no such name; says which there are.

    >>> lookup({"red": 1}, "rot", "color")
    Traceback (most recent call last):
    ...
    toyclip.errors.InputError: there is no color 'rot'; choose one of red
    """
    if name not in table:
        raise InputError(f"there is no {what} {name!r}; choose one of {', '.join(table)}")
    return table[name]
