"""The same leaves drawn by other hands: Twemoji's, of which nothing in this chapter is ever trained.

`python -m toyclip.assets.make_kinds` made the sheet; kinds.json beside it says from what.
"""

import functools
import json
from collections.abc import Sequence
from dataclasses import replace
from importlib.resources import files

from PIL import Image

from toyclip.errors import InputError
from toyclip.pictures import COLUMNS, Emoji

SIDE = 48  # px of a drawing in the sheet


@functools.cache
def description() -> dict:
    """What kinds.json says: which leaves are drawn, their kinds in WordNet, what was read and by what."""
    return json.loads((files("toyclip.assets") / "kinds.json").read_text(encoding="utf-8"))


def redrawn(leaves: Sequence[Emoji]) -> list[Emoji]:
    """The leaves with another vendor's drawings in place of OpenMoji's.

    Raises:
        InputError: if the vendor's sheet lacks one.

    >>> from toyclip.studies.taxonomy.kinds import deal
    >>> redrawn(deal(0).leaves)[0].sprite.size
    (48, 48)
    """
    places = {character: i for i, character in enumerate(description()["drawn"])}
    lacking = [leaf.name for leaf in leaves if leaf.character not in places]
    if lacking:
        raise InputError(f"the other vendor's sheet lacks {', '.join(lacking)}; choose from its {len(places)} leaves")
    with (files("toyclip.assets") / "kinds.png").open("rb") as file:
        sheet = Image.open(file).convert("RGBA")
    found = []
    for leaf in leaves:
        row, column = divmod(places[leaf.character], COLUMNS)
        x, y = SIDE * column, SIDE * row
        found.append(replace(leaf, sprite=sheet.crop((x, y, x + SIDE, y + SIDE))))
    return found
