"""The picture that social networks show of the book: its title, and the sixteen classes as the package draws them."""

from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

SIZE = (1200, 630)  # px, as the networks ask for
ALT = "Deconstructing CLIP: a book that runs. Sixteen small pictures: circle, square, triangle and cross in four colours."
GROUND, INK, QUIET = (13, 13, 13), (255, 255, 255), (190, 190, 190)
CELL, GAP = 128, 8  # px of one picture, and between two
LINES = (  # text, size in px, colour, y in px
    ("Deconstructing", 58, INK, 150),
    ("CLIP", 58, INK, 222),
    ("a book that runs", 40, QUIET, 322),
    ("How much is in the data,", 27, QUIET, 420),
    ("how much in the encoders,", 27, QUIET, 458),
    ("how much in the loss?", 27, QUIET, 496),
)


def draw(path: Path) -> None:
    """Write the picture as PNG."""
    from toyclip import (
        data,  # takes seconds, and a site without an address does without
    )

    rendering = data.Rendering(size=CELL, extent=(38.0, 44.0), noise=0.0, background=(0.10, 0.10))
    image = Image.new("RGB", SIZE, GROUND)
    pen, rng = ImageDraw.Draw(image), np.random.default_rng(0)
    fonts = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    for text, size, color, y in LINES:
        font = fonts / ("DejaVuSans-Bold.ttf" if color == INK else "DejaVuSans.ttf")
        pen.text((56, y), text, fill=color, font=ImageFont.truetype(str(font), size), anchor="lm")
    side = 4 * CELL + 3 * GAP
    left, top = SIZE[0] - side - 44, (SIZE[1] - side) // 2
    for c, (color, shape) in enumerate(data.CLASSES):
        picture = Image.fromarray(data.draw(color, shape, rng, rendering))
        image.paste(picture, (left + c % 4 * (CELL + GAP), top + c // 4 * (CELL + GAP)))
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, optimize=True)
