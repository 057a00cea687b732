"""The corners of the shapes that have some (chapter 1)."""

import math


def outline(shape: str, center: tuple[float, float], extent: float, angle: float, arm: float) -> list[float]:
    """Corners of a square, triangle or cross as a flat list x0, y0, x1, y1, ... in pixels.

    Args:
        center: (x, y) of the circle through the outermost corners, in pixels.
        extent: half the width of the shape before it is turned, in pixels.
        angle: of rotation, in radians.
        arm: width of the cross's arm as a part of its length (read for the cross only).
    """
    if shape == "square":
        corners = [(1, 1), (-1, 1), (-1, -1), (1, -1)]
    elif shape == "triangle":  # equilateral, on its base
        corners = [(1, 1 / math.sqrt(3)), (-1, 1 / math.sqrt(3)), (0, -2 / math.sqrt(3))]
    else:
        quarter = [(arm, 1), (arm, arm), (1, arm)]  # the rest of a plus sign follows by quarter turns
        corners = []
        for _ in range(4):
            corners += quarter
            quarter = [(y, -x) for x, y in quarter]
    c, s = extent * math.cos(angle), extent * math.sin(angle)
    return [v for x, y in corners for v in (center[0] + c * x - s * y, center[1] + s * x + c * y)]
