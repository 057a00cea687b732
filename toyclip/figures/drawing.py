"""CLIP in one drawing that comes back in every chapter: two towers, a batch, the matrix (helper, no chapter)."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Polygon, Rectangle

from toyclip.errors import lookup
from toyclip.figures.style import ACCENT, GREY, INK, MARKER, PAINT, new, show, title

SAYS = {  # the part that is lit -> what the alternative text says of it
    "pairs": "the batch of pictures and captions that goes in",
    "encoders": "the two encoders that turn both into vectors",
    "loss": "the matrix of cosines with its diagonal, which the loss asks for",
    "classifier": "one picture's row of the matrix, which classifies it",
    "batch": "the size of the matrix, which grows with the batch",
    "whole": "all of it",
}
PALE = "#d9d9d9"
FOUR = [("red", "circle"), ("blue", "square"), ("green", "triangle"), ("yellow", "cross")]


def clip(lit: str, message: str) -> None:
    """Draw CLIP with one part in colour and the rest pale: "pairs", "encoders", "loss", "classifier", ... (`SAYS`).

    Raises:
        InputError: if CLIP has no such part.
    """
    says = lookup(SAYS, lit, "part of CLIP")
    figure, axes = new(3.3)
    axes.set(xlim=(0, 10), ylim=(0, 7.4), aspect="equal")
    axes.axis("off")
    _pairs(axes, lit in ("pairs", "whole"))
    _towers(axes, lit in ("encoders", "whole"))
    _matrix(axes, lit)
    title(figure, message)
    alt = (
        "CLIP as a drawing. Four pictures enter an image encoder, their four captions a text encoder; the vectors that "
        f"come out meet in a matrix of four by four cosines. In colour: {says}."
    )
    show(figure, alt)


def _pairs(axes: Axes, lit: bool) -> None:
    """Four captions on the left below, four pictures above them."""
    for i, (color, shape) in enumerate(FOUR):
        axes.plot(0.55 + 0.62 * i, 6.3, MARKER[shape], ms=12, color=PAINT[color] if lit else PALE, mec="none")
        axes.text(0.3, 2.55 - 0.62 * i, f"a {color} {shape}", fontsize=9.5, color=INK if lit else GREY, va="center")
    axes.text(0.3, 6.95, "pictures", fontsize=10, color=GREY)
    axes.text(0.3, 3.1, "captions", fontsize=10, color=GREY)


def _towers(axes: Axes, lit: bool) -> None:
    """Two trapezes, from wide to narrow, and the arrows through them."""
    for y, name in ((6.3, "image\nencoder"), (1.65, "text\nencoder")):
        corners = [(3.3, y - 0.95), (5.0, y - 0.55), (5.0, y + 0.55), (3.3, y + 0.95)]
        axes.add_patch(Polygon(corners, facecolor=ACCENT if lit else PALE, edgecolor="none"))
        axes.text(4.12, y, name, ha="center", va="center", fontsize=9.5, color="white" if lit else INK)
    axes.annotate("", (6.1, 6.3), (5.1, 6.3), arrowprops={"arrowstyle": "->", "color": GREY})
    bend = "angle,angleA=0,angleB=90,rad=6"
    axes.annotate("", (8, 2.9), (5.1, 1.65), arrowprops={"arrowstyle": "->", "color": GREY, "connectionstyle": bend})


def _matrix(axes: Axes, lit: str) -> None:
    """Pictures in rows, captions in columns; the diagonal holds the pairs."""
    left, top, side = 6.3, 6.9, 0.85
    for i, j in np.ndindex(4, 4):
        on = {"loss": i == j, "whole": i == j, "classifier": i == 1, "batch": True}.get(lit, False)
        strong = on and (i == j or lit == "loss")
        face = ACCENT if strong else "#a6cbe3" if on else "#f2f2f2" if i != j else PALE
        axes.add_patch(
            Rectangle((left + side * j, top - side * (i + 1)), side, side, facecolor=face, edgecolor="white")
        )
    axes.text(left + 2 * side, top - 4 * side - 0.1, "cosines", ha="center", va="top", fontsize=10, color=GREY)
