"""Pictures that nobody here drew: any file Pillow reads, and a sheet of 1,377 OpenMoji emoji (chapter 1)."""

import csv
import itertools
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
CONTRAST = 32  # of 255: how far a pixel must be from the border's colour to belong to the subject

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
    """A picture of 16-bit grey levels scaled to 8 bits, which Pillow would cut off instead; any other as it is."""
    if not picture.mode.startswith("I;16"):
        return picture
    return Image.fromarray((np.asarray(picture) / 257).round().astype(np.uint8))


def frame(picture: Image.Image) -> Image.Image:
    """Crop or pad an RGB picture to a square in which its subject takes up `FILL` of the width, as in the world.

    The subject is the box around all pixels that differ clearly from the colour of the border. A picture of one colour,
    or one without a plain border, comes back as the square around it.
    """
    pixels = np.asarray(picture, dtype=np.int16)  # (H, W, 3)
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])  # (2H + 2W, 3)
    plain = np.median(border, axis=0)  # (3,)
    subject = Image.fromarray(np.abs(pixels - plain).max(axis=2) > CONTRAST).getbbox()
    left, top, right, bottom = subject or (0, 0, *picture.size)
    side = max(right - left, bottom - top) / (FILL if subject else 1)
    x, y = round((left + right - side) / 2), round((top + bottom - side) / 2)
    square = Image.new("RGB", (round(side), round(side)), tuple(int(v) for v in plain))
    square.paste(picture, (-x, -y))
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
        ImageError: if the file is missing, is no picture, is damaged, or has no pixels.
    """
    try:
        with Image.open(path) as file:
            picture = on_background(eight_bits(ImageOps.exif_transpose(file)))
    except FileNotFoundError:
        raise ImageError(f"there is no file {str(path)!r}; give the path of a picture") from None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ImageError(f"cannot read {str(path)!r} as a picture ({error}); give a whole PNG or JPEG") from None
    if 0 in picture.size:
        raise ImageError(f"{str(path)!r} has size {picture.size}; give a picture with at least one pixel")
    picture.thumbnail((LARGEST, LARGEST))
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
