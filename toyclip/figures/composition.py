"""Figures of the chapter Composition: the table of colours and shapes with what is left out of it."""

from collections.abc import Sequence

import numpy as np
from matplotlib.patches import Rectangle
from torch import Tensor

from toyclip.figures import style


def board(
    pictures: Tensor, seen: np.ndarray, colors: Sequence[str], shapes: Sequence[str], message: str, alt: str
) -> None:
    """A picture of every pair, colours in rows, shapes in columns; a question mark where the pair is never seen.

    Args:
        pictures: (64, 3, H, W) uint8, pair by pair.
        seen: (8, 8) bool.
    """
    figure, axes = style.new(4.1)
    rows, columns = seen.shape
    for i, (row, column) in enumerate(np.ndindex(rows, columns)):
        if seen[row, column]:
            corners = (column - 0.46, column + 0.46, row + 0.46, row - 0.46)
            axes.imshow(pictures[i].permute(1, 2, 0).numpy(), extent=corners)
        else:
            axes.add_patch(Rectangle((column - 0.44, row - 0.44), 0.88, 0.88, fill=False, ls=":", ec=style.GREY))
            axes.text(column, row, "?", ha="center", va="center", fontsize=13, color=style.CONTRAST, fontweight="bold")
    axes.set(xlim=(-0.55, columns - 0.45), ylim=(rows - 0.45, -0.55), aspect="equal")
    axes.set_xticks(range(columns), shapes, rotation=45, ha="right", rotation_mode="anchor", fontsize=10)
    axes.set_yticks(range(rows), colors, fontsize=10)
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    style.title(figure, message)
    style.show(figure, alt)
