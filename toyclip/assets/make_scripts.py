"""Letters of eight scripts from the Noto fonts, each in four cuts, on one sheet: scripts.png and scripts.json.

npm pack @fontsource/noto-sans ...                       # `FONTS` below; each is one .tgz file
python -m toyclip.assets.make_scripts FOLDER             # where they lie

One row of the sheet is a letter, its columns are the cuts: sans and serif, regular and bold. Letters that look like
another one, of their script or of another (o and omicron, w and W), are left out. Arabic letters are in the form they
take in the middle of a word, their joining strokes kept; those of Devanagari and Bengali hang on their headline.
"""

import hashlib
import io
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from toyclip.files import write_json, write_whole
from toyclip.studies.generation.letters import CUTS, SPRITE

VERSION = "5.3.0"  # of all packages
DRAWN = 160  # px, size of the font when a letter is drawn
CANVAS = 480  # px, holds the widest letter
LICENCE = "OFL-1.1"


@dataclass(frozen=True)
class Script:
    """Where a script's letters come from."""

    sans: str  # package, after "@fontsource/noto-"
    serif: str
    subset: str  # as in the names of the font files
    letters: str
    joined: bool = False  # whether letters touch their neighbours in a word


FONTS = {
    "Latin": Script("sans", "serif", "latin", "abdefghkmnprstwyzABDEGKMNQRS"),
    "Greek": Script("sans", "serif", "greek", "βγδζηθλμξπσφψωΓΔΘΛΞΠΣΦΨΩ"),
    "Hebrew": Script("sans-hebrew", "serif-hebrew", "hebrew", "אבגדהחטכלמםנעפףצץקרשת"),
    "Georgian": Script("sans-georgian", "serif-georgian", "georgian", "აბგდევზთიკლმნოპჟრსტუფქღყშჩცძწჭხჯჰ"),
    "Thai": Script("sans-thai", "serif-thai", "thai", "กขคฆงจฉชซฌญฎฐฑฒณดตถทธนบปผฝพฟภมยรลวศษสหฬอฮ"),
    "Arabic": Script("sans-arabic", "naskh-arabic", "arabic", "ﺒﺘﺜﺠﺤﺨﺴﺸﺼﻀﻄﻌﻐﻔﻘﻜﻠﻤﻨﻬﻴ", joined=True),
    "Devanagari": Script(
        "sans-devanagari", "serif-devanagari", "devanagari", "अइउएकखगघचछजझञटठडढणतथदधनपफबभमयरलवशषसह", joined=True
    ),
    "Bengali": Script(
        "sans-bengali", "serif-bengali", "bengali", "অআইঈউঊএঐকখগঘঙচছজঝঞটঠডঢণতথদধনপফবভমযরলশষসহ", joined=True
    ),
}


def archive(folder: Path, package: str) -> Path:
    """The file that `npm pack` makes of a package.

    >>> archive(Path(), "sans-thai").name
    'fontsource-noto-sans-thai-5.3.0.tgz'
    """
    return folder / f"fontsource-noto-{package}-{VERSION}.tgz"


def font(folder: Path, package: str, subset: str, weight: int) -> ImageFont.FreeTypeFont:
    """A font out of its package, nothing of it written to the disk."""
    with tarfile.open(archive(folder, package)) as packed:
        inside = packed.extractfile(f"package/files/noto-{package}-{subset}-{weight}-normal.woff")
        return ImageFont.truetype(io.BytesIO(inside.read()), DRAWN, layout_engine=ImageFont.Layout.BASIC)


def glyph(of: ImageFont.FreeTypeFont, letter: str) -> Image.Image:
    """A letter, white on black, cropped to its ink.

    Raises:
        ValueError: if the font has no such letter.
    """
    if of.getmask(letter).getbbox() is None or bytes(of.getmask(letter)) == bytes(of.getmask("\uffff")):
        raise ValueError(f"the font {of.getname()} has no letter {letter!r}; leave it out")
    canvas = Image.new("L", (CANVAS, CANVAS))
    ImageDraw.Draw(canvas).text((CANVAS // 2, CANVAS // 2), letter, fill=255, font=of, anchor="mm")
    return canvas.crop(canvas.getbbox())


def complexity(ink: Image.Image) -> float:
    """Perimeter squared over 4 pi times the area of the ink: 1 for a disc, more for a letter of many strokes.

    As Attneave and Arnoult 1956 and Pelli et al. 2006 define it, who found that it predicts how well people read a
    letter. The perimeter is the sum of the brightness's steepness, which is right for smooth edges.

    >>> square = Image.new("L", (100, 100), 255)
    >>> round(complexity(square) * np.pi / 4, 1)
    1.0
    """
    brightness = np.pad(np.asarray(ink, dtype=float) / 255, 2)  # (H, W)
    perimeter = np.hypot(*np.gradient(brightness)).sum()
    return float(perimeter**2 / (4 * np.pi * brightness.sum()))


def sprite(ink: Image.Image) -> Image.Image:
    """The letter scaled to fill a cell, in its middle."""
    size = [max(1, round(side * SPRITE / max(ink.size))) for side in ink.size]
    cell = Image.new("L", (SPRITE, SPRITE))
    cell.paste(ink.resize(size, Image.Resampling.BOX), tuple((SPRITE - side) // 2 for side in size))
    return cell


def main(folder: Path) -> None:
    """Draw all letters and write both files."""
    rows, cells = [], []
    for name, script in FONTS.items():
        cuts = [font(folder, package, script.subset, weight) for package, weight in
                ((script.sans, 400), (script.sans, 700), (script.serif, 400), (script.serif, 700))]  # fmt: skip
        for letter in script.letters:
            inks = [glyph(cut, letter) for cut in cuts]
            regular = [complexity(ink) for ink in inks[::2]]
            rows.append({"script": name, "letter": letter, "complexity": round(sum(regular) / 2, 2)})
            cells.append([sprite(ink) for ink in inks])
    sheet = Image.new("L", (CUTS * SPRITE, len(cells) * SPRITE))
    for y, row in enumerate(cells):
        for x, cell in enumerate(row):
            sheet.paste(cell, (x * SPRITE, y * SPRITE))
    here, content = Path(__file__).parent, io.BytesIO()
    sheet.quantize(16).save(content, "png", optimize=True)
    write_whole(here / "scripts.png", lambda beside: beside.write_bytes(content.getvalue()))
    packages = sorted({package for script in FONTS.values() for package in (script.sans, script.serif)})
    write_json(
        here / "scripts.json",
        {
            "packages": [
                {"name": f"@fontsource/noto-{package}", "version": VERSION, "licence": LICENCE,
                 "sha256": hashlib.sha256(archive(folder, package).read_bytes()).hexdigest()}
                for package in packages
            ],
            "joined": [name for name, script in FONTS.items() if script.joined],
            "letters": rows,
        },
    )  # fmt: skip
    print(f"{len(rows)} letters, {len(content.getvalue()) / 1e3:.0f} kB")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
