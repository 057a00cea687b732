"""Pictures that nobody here drew: any file Pillow reads, and a sheet of 1,377 OpenMoji emoji (chapter 1)."""

import csv
import itertools
import warnings
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from toyclip.data import CLASSES, Pairs
from toyclip.errors import ImageError, InputError

SPRITE, COLUMNS = 64, 37  # px of one emoji in the sheet, emoji in a row of it
BACKGROUND = (13, 13, 13)  # a grey from the middle of the world's backgrounds
FILL = 0.625  # part of the picture's width that a shape of the world takes up on average
LARGEST = 2048  # px; a larger picture is shrunk first, so that one of 40,000 x 1 does not become a square of its width
MOST_PIXELS = 50_000_000  # of a file that is opened at all; a JPEG that is not progressive is read smaller than it is
ROWS = 256  # of a picture of more than 8 bits, converted at a time
BITS_PER_SAMPLE = 258  # a tag of TIFF
CONTRAST = 32  # of 255: how far a pixel must be from the border's colour to belong to the subject
PLAIN = 0.6  # part of the border that must have one colour, up to CONTRAST, for it to be a ground

WORLD_EMOJI = {
    "🔴": ("red", "circle"), "🔵": ("blue", "circle"), "🟢": ("green", "circle"), "🟡": ("yellow", "circle"),
    "🟥": ("red", "square"), "🟦": ("blue", "square"), "🟩": ("green", "square"), "🟨": ("yellow", "square"),
    "🔺": ("red", "triangle"), "❌": ("red", "cross"),
}  # fmt: skip


def on_background(picture: Image.Image) -> Image.Image:
    """The picture as RGB; where it is transparent, the dark background of the world shows."""
    rgba = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", rgba.size, (*BACKGROUND, 255)), rgba).convert("RGB")


def eight_bits(picture: Image.Image) -> Image.Image:
    """A picture of more than 8 bits scaled to 8 bits, which Pillow would cut off instead; any other as it is.

    Integers of 16 bits count from 0 to 65,535, those of a 12-bit TIFF to 4,095, floats from 0 to 1.

    Args:
        picture: as opened; of 32-bit integers only PGM says how far they reach, to 65,535.

    Raises:
        ImageError: if there are 32-bit integers of another format, or floats outside 0 to 1.
    """
    if picture.mode not in ("I", "F") and not picture.mode.startswith("I;16"):
        return picture
    if picture.mode == "I" and picture.format != "PPM":
        raise ImageError("its grey levels are 32-bit integers; save it with 8 or 16 bits")
    bits = picture.tag_v2.get(BITS_PER_SAMPLE, (16,))[0] if picture.format == "TIFF" else 16
    most = 1.0 if picture.mode == "F" else 2.0**bits - 1
    levels = np.asarray(picture)  # (H, W)
    if not (levels.size and levels.min() >= 0 and levels.max() <= most):  # NaN, too, is neither
        raise ImageError(f"its grey levels are not between 0 and {most:g}; scale them")
    flat = np.empty(levels.shape, dtype=np.uint8)  # (H, W)
    for top in range(0, len(levels), ROWS):  # in parts: as floats, all of them would take 400 MB
        flat[top : top + ROWS] = (255 / most * levels[top : top + ROWS].astype(np.float64)).round()
    grey = Image.fromarray(flat)
    grey.info = picture.info  # which way is up
    return grey


def frame(picture: Image.Image) -> Image.Image:
    """Put the subject of an RGB picture on the world's dark ground, as large as the world's shapes: a square.

    If most of the border has one colour, that is the ground, whatever colour it is: all that is near to it becomes
    `BACKGROUND`, and the box around the rest takes up `FILL` of the width. A picture of one colour, or one without a
    plain border, such as a photograph, comes back as the square around it. Out of reach are patterned grounds, and
    subjects nearly of the ground's colour.
    """
    pixels = np.asarray(picture, dtype=np.int16)  # (H, W, 3)
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])  # (2H + 2W, 3)
    plain = np.median(border, axis=0)  # (3,)
    apart = np.abs(pixels - plain).max(axis=2) > CONTRAST  # (H, W)
    subject = None
    if (np.abs(border - plain).max(axis=1) <= CONTRAST).mean() >= PLAIN:
        subject = Image.fromarray(apart).getbbox()
    left, top, right, bottom = subject or (0, 0, *picture.size)
    side = max(right - left, bottom - top) / (FILL if subject else 1)
    x, y = round((left + right - side) / 2), round((top + bottom - side) / 2)
    ground = BACKGROUND if subject else tuple(int(v) for v in plain)
    square = Image.new("RGB", (round(side), round(side)), ground)
    square.paste(picture, (-x, -y), Image.fromarray(apart) if subject else None)
    return square


def to_pixels(picture: Image.Image, size: int = 32) -> Tensor:
    """A square RGB picture as (3, size, size) uint8, averaged down."""
    enlarges = min(picture.size) < size
    small = picture.resize((size, size), Image.Resampling.BILINEAR if enlarges else Image.Resampling.BOX)
    return torch.from_numpy(np.array(small)).permute(2, 0, 1)


def load_picture(path: str | Path, framed: bool = True) -> Tensor:
    """Read any picture file into (3, 32, 32) float32 in [0, 1].

    Args:
        framed: move and scale the subject to where the world's shapes are; otherwise just squeeze to 32 x 32.

    Raises:
        ImageError: if the file is missing, is no picture, is damaged, has too many pixels or none, or grey levels of
            unknown range.
    """
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path) as file:  # whatever is wrong ends in an error
            if not file.info.get("progressive"):  # of which all is held in memory, however small it is read
                file.draft("RGB", (LARGEST, LARGEST))
            if file.width * file.height > MOST_PIXELS:
                raise ImageError(
                    f"{str(path)!r} has {file.width} x {file.height} pixels; give one of at most {MOST_PIXELS:,}"
                )
            picture = eight_bits(file)
            picture = picture.convert("RGBA") if picture.mode in ("1", "P", "PA") else picture
            picture.thumbnail((LARGEST, LARGEST))
            picture = on_background(ImageOps.exif_transpose(picture))
    except ImageError as error:
        raise ImageError(str(error) if str(path) in str(error) else f"cannot use {str(path)!r}: {error}") from None
    except FileNotFoundError:
        raise ImageError(f"there is no file {str(path)!r}; give the path of a picture") from None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ImageError(f"cannot read {str(path)!r} as a picture ({error}); give a whole PNG or JPEG") from None
    if 0 in picture.size:
        raise ImageError(f"{str(path)!r} has size {picture.size}; give a picture with at least one pixel")
    return to_pixels(frame(picture) if framed else picture) / 255


@dataclass(frozen=True)
class Emoji:
    """One picture of the sheet, with what Unicode says of it."""

    character: str
    name: str
    group: str
    subgroup: str
    sprite: Image.Image  # RGBA, SPRITE x SPRITE


def emoji() -> list[Emoji]:
    """All 1,377 single-codepoint emoji of Unicode 15.0, drawn by OpenMoji (CC BY-SA 4.0), in Unicode's order.

    >>> emoji()[0].name
    'grinning face'
    """
    assets = files("toyclip.assets")
    rows = csv.DictReader((assets / "emoji.csv").read_text(encoding="utf-8").splitlines())
    with (assets / "emoji.png").open("rb") as file:
        sheet = Image.open(file).convert("RGBA")
    corners = ((i % COLUMNS * SPRITE, i // COLUMNS * SPRITE) for i in itertools.count())  # (x, y) of each cell
    return [
        Emoji(**row, sprite=sheet.crop((x, y, x + SPRITE, y + SPRITE)))
        for row, (x, y) in zip(rows, corners, strict=False)
    ]


def world_emoji(framed: bool = True) -> Pairs:
    """The ten emoji that the world's captions can name, as 32 x 32 pictures with their classes.

    >>> world_emoji().images.shape
    torch.Size([10, 3, 32, 32])
    """
    sprites = {e.character: e.sprite for e in emoji()}
    missing = WORLD_EMOJI.keys() - sprites.keys()
    if missing:
        raise InputError(f"the emoji sheet lacks {sorted(missing)}; make it again with toyclip.assets.make_emoji")
    pictures = [on_background(sprites[character]) for character in WORLD_EMOJI]
    pixels = torch.stack([to_pixels(frame(p) if framed else p) for p in pictures])  # (10, 3, 32, 32)
    classes = torch.tensor([CLASSES.index(pair) for pair in WORLD_EMOJI.values()])  # (10,)
    return Pairs(pixels, classes, classes)
