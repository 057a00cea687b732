"""Letters of eight scripts, equally complex, drawn small (chapter Generation)."""

import functools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

import numpy as np
from PIL import Image

from toyclip import streams
from toyclip.errors import InputError
from toyclip.pairs import Pairs, render

SPRITE = 40  # px, side of a cell of the sheet, which the letter fills
CUTS = 4  # of each letter: sans and serif, regular and bold
TARGET = 7.7  # perimetric complexity that every script can come near with six letters
SIZE = 16  # px, width and height of a picture
EXTENT = (12.0, 15.0)  # px, longer side of the letter before it is turned
ROTATION = 6.0  # degrees either way
GROUND, INK = (0.0, 0.2), (0.75, 1.0)  # grey levels, 0 black to 1 white
NOISE = 0.02  # standard deviation of the Gaussian noise on every pixel, 0 to 1


@dataclass(frozen=True)
class Letter:
    """A letter and what it looks like."""

    script: str
    letter: str
    complexity: float  # perimeter squared over 4 pi times the ink (Pelli et al. 2006), mean of sans and serif
    joined: bool  # whether the letters of its script touch in a word
    cuts: tuple[Image.Image, ...]  # CUTS pictures of the ink, SPRITE px high and wide


@functools.cache
def letters() -> tuple[Letter, ...]:
    """All letters of the sheet, script by script.

    >>> len({letter.script for letter in letters()})
    8
    """
    folder = files("toyclip.assets")
    about = json.loads((folder / "scripts.json").read_text(encoding="utf-8"))
    with (folder / "scripts.png").open("rb") as file:
        sheet = Image.open(file).convert("L")
    found = []
    for y, row in enumerate(about["letters"]):
        boxes = [(x * SPRITE, y * SPRITE, (x + 1) * SPRITE, (y + 1) * SPRITE) for x in range(CUTS)]
        cuts = tuple(sheet.crop(box) for box in boxes)
        found.append(Letter(**row, joined=row["script"] in about["joined"], cuts=cuts))
    return tuple(found)


def scripts() -> tuple[str, ...]:
    """The names of the scripts, in their order."""
    return tuple(dict.fromkeys(letter.script for letter in letters()))


def _of(script: str, per_script: int) -> list[Letter]:
    """A script's letters from the simplest to the most complex; InputError if there are fewer than asked for."""
    ordered = sorted((x for x in letters() if x.script == script), key=lambda x: (x.complexity, x.letter))
    if not 1 <= per_script <= len(ordered):
        raise InputError(f"{script} has {len(ordered)} letters here; ask for 1 to {len(ordered)}, not {per_script}")
    return ordered


def alike(per_script: int) -> tuple[Letter, ...]:
    """So many letters of each script, of nearly the same mean complexity, script by script.

    Of a script's letters in the order of their complexity, it is the run of neighbours whose mean is nearest to TARGET.

    Raises:
        InputError: if a script has not so many.

    >>> len(alike(6))
    48
    """
    chosen = []
    for script in scripts():
        ordered = _of(script, per_script)
        runs = [ordered[i : i + per_script] for i in range(len(ordered) - per_script + 1)]
        chosen += min(runs, key=lambda run: abs(sum(x.complexity for x in run) / per_script - TARGET))
    return tuple(chosen)


def unlike(per_script: int) -> tuple[Letter, ...]:
    """So many letters of each script, script by script: the simplest that it has, and the most complex.

    Raises:
        InputError: if a script has not so many.

    >>> [round(x.complexity, 1) for x in unlike(2)[:2]]
    [4.3, 12.9]
    """
    chosen = []
    for script in scripts():
        ordered, simple = _of(script, per_script), per_script // 2
        chosen += ordered[:simple] + ordered[len(ordered) - (per_script - simple) :]
    return tuple(chosen)


def draw_letter(letter: Letter, rng: np.random.Generator) -> np.ndarray:
    """One picture of a letter in one of its cuts, light on dark, at a random place, size and slight turn.

    Returns:
        (SIZE, SIZE, 3) uint8 grey.

    >>> draw_letter(letters()[0], np.random.default_rng(0)).shape
    (16, 16, 3)
    """
    low, high = (EXTENT[0], -ROTATION, GROUND[0], INK[0]), (EXTENT[1], ROTATION, GROUND[1], INK[1])
    extent, angle, ground, ink = rng.uniform(low, high)
    cut = letter.cuts[rng.integers(CUTS)].rotate(angle, Image.Resampling.BILINEAR, expand=True)
    cut = cut.crop(cut.getbbox())
    width, height = (max(1, round(side * extent / max(cut.size))) for side in cut.size)
    x, y = rng.integers(0, (SIZE - width, SIZE - height), endpoint=True)
    strength = np.zeros((SIZE, SIZE))  # how much ink a pixel holds, 0 to 1
    strength[y : y + height, x : x + width] = np.asarray(cut.resize((width, height), Image.Resampling.BOX)) / 255
    grey = ground + (ink - ground) * strength + rng.normal(0, NOISE, strength.shape)
    return (255 * grey).round().clip(0, 255).astype(np.uint8)[:, :, None].repeat(3, axis=2)


def draw_letters(chosen: Sequence[Letter], counts: Sequence[int], seed: int) -> Pairs:
    """So many pictures of each letter; of its first n, none changes when more are drawn."""
    each = [streams.rng(seed, "pictures", c) for c in range(len(counts))]
    return render(lambda c, rng: draw_letter(chosen[c], rng), counts, each)
