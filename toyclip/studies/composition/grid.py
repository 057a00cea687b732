"""The colour-shape world with eight of each, and any of their 64 pairs in it (chapter Composition)."""

import colorsys
import math
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from toyclip import streams
from toyclip.data import Pairs, Rendering, Tokenizer, caption, render
from toyclip.errors import InputError

HUES = {"red": 0, "orange": 28, "yellow": 55, "green": 115, "cyan": 180, "blue": 225, "purple": 272, "pink": 318}
COLORS = tuple(HUES)
SHAPES = ("circle", "ring", "crescent", "square", "bar", "triangle", "star", "cross")
PAIRS = tuple((color, shape) for color in COLORS for shape in SHAPES)  # a pair's number is its position here
HUE_JITTER = 9.0  # degrees either way
SATURATION = (0.6, 1.0)  # HSV saturation
EXTENT = (7.0, 11.0)  # px, radius of the circle around the shape
REACH = 1.21  # radii from the middle to the farthest corner of any shape, the square's: nothing is cut off
LOOK = Rendering()  # picture size, value, background, noise and supersampling are those of chapter 1
TOKENIZER = Tokenizer(("a", *COLORS, *SHAPES))
CAPTIONS = TOKENIZER.encode([caption(*pair) for pair in PAIRS])  # (64, 4)
DISCS = {"circle": None, "ring": (0.0, 0.55), "crescent": (0.4, 0.85)}  # (shift, radius) of the hole, in radii


def corners(shape: str) -> list[tuple[float, float]]:
    """The corners of a shape that has some, in units of its radius, around (0, 0).

    >>> len(corners("star")), len(corners("cross"))
    (10, 12)
    """
    if shape in ("square", "bar"):
        x, y = (0.85, 0.85) if shape == "square" else (1.0, 0.35)
        return [(-x, -y), (x, -y), (x, y), (-x, y)]
    if shape == "cross":
        arm = [(0.33, 1.0), (0.33, 0.33), (1.0, 0.33)]  # the rest follows by quarter turns
        turns = [(1, 0, 0, 1), (0, 1, -1, 0), (-1, 0, 0, -1), (0, -1, 1, 0)]
        return [(a * x + b * y, c * x + d * y) for a, b, c, d in turns for x, y in arm]
    radii = (1.0, 1.0, 1.0) if shape == "triangle" else (1.0, 0.4) * 5
    angles = [2 * math.pi * k / len(radii) for k in range(len(radii))]
    return [(r * math.sin(a), -r * math.cos(a)) for r, a in zip(radii, angles, strict=True)]


def stencil(shape: str, radius: float, side: int) -> Image.Image:
    """A shape in the middle of a square of `side` pixels, white on black, (side, side) grey levels."""
    picture = Image.new("L", (side, side))
    pen = ImageDraw.Draw(picture)
    if shape in DISCS:
        for (shift, r), fill in zip([(0.0, 1.0), DISCS[shape] or (0.0, 0.0)], (255, 0), strict=True):
            x, y, r = side / 2 + shift * radius, side / 2, r * radius
            if r:
                pen.ellipse([x - r, y - r, x + r, y + r], fill=fill)
    else:
        pen.polygon([side / 2 + radius * v for corner in corners(shape) for v in corner], fill=255)
    return picture


def draw(color: str, shape: str, rng: np.random.Generator) -> np.ndarray:
    """One picture of a shape at a random place, size, rotation and shade.

    Returns:
        (32, 32, 3) uint8 RGB.

    Raises:
        InputError: if the colour or the shape is not one of this world's.

    >>> draw("pink", "star", np.random.default_rng(0)).shape
    (32, 32, 3)
    """
    if color not in COLORS or shape not in SHAPES:
        raise InputError(f"cannot draw {color!r} {shape!r}: colours are {COLORS}, shapes are {SHAPES}")
    low, high = np.array(
        [EXTENT, (0, 360), (HUES[color] - HUE_JITTER, HUES[color] + HUE_JITTER), SATURATION, LOOK.value,
         LOOK.background]
    ).T  # fmt: skip
    radius, angle, hue, saturation, value, background = rng.uniform(low, high)
    scale = LOOK.supersampling
    side, grey = LOOK.size * scale, (round(255 * background),) * 3
    canvas = Image.new("RGB", (side, side), grey)
    room = (LOOK.size / 2 - REACH * radius) * scale  # how far the middle may lie from the picture's
    x, y = rng.uniform(-room, room, size=2).round().astype(int).tolist()
    paint = tuple(round(255 * v) for v in colorsys.hsv_to_rgb(hue / 360 % 1, saturation, value))
    canvas.paste(paint, (x, y), stencil(shape, radius * scale, side).rotate(angle, Image.Resampling.BILINEAR))
    pixels = np.asarray(canvas.reduce(scale), dtype=np.float32)
    return (pixels + rng.normal(0, 255 * LOOK.noise, pixels.shape)).round().clip(0, 255).astype(np.uint8)


def draw_grid(counts: Sequence[int], seed: int) -> Pairs:
    """So many pictures of each of the 64 pairs, each with its own caption.

    Raises:
        InputError: if there is not one count, 0 or more, for each pair, or nothing to draw.

    >>> len(draw_grid([1] * 63 + [0], seed=0))
    63
    """
    rng = streams.rng(seed, "pictures")
    return render(lambda pair, rng: draw(*PAIRS[pair], rng), counts, streams=[rng] * len(PAIRS))
