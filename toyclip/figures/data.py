"""Figures of chapter 1: the world, its data card, leaks, what pixels can tell, and the emoji."""

import colorsys
import itertools

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from PIL import Image
from torch import Tensor

from toyclip.data import COLORS, SHAPES, Rendering, caption
from toyclip.figures import style
from toyclip.pictures import BACKGROUND, FILL, WORLD_EMOJI, emoji, frame, on_background, to_pixels, world_emoji


def card() -> list[dict[str, str]]:
    """What varies in the world, as the rows of a table, with the ranges of Rendering."""
    r = Rendering()

    def span(low: float, high: float, form: str = ".2f", unit: str = "") -> str:
        return f"{low:{form}} to {high:{form}}{unit}"

    turns = ", ".join(f"±{turn:.0f}°" if turn else "none" for turn in r.rotation)
    rows = [
        ("place", "anywhere inside", "a corner may be cut off now and then"),
        ("half its width", span(*r.extent, ".0f", " px"), f"in a picture of {r.size} by {r.size}"),
        ("turn", turns, ", ".join(SHAPES)),
        ("arm of a cross", span(*r.arm), "thickness, as a part of its length"),
        ("hue", f"{len(r.hue)} ranges", "drawn below"),
        ("saturation", span(*r.saturation), "0 grey, 1 pure"),
        ("brightness", span(*r.value), "0 black, 1 as bright as can be"),
        ("ground", span(*r.background), "0 black, 1 white"),
        ("noise", f"{r.noise:.2f}", "standard deviation, on every number"),
    ]
    return [{"what": what, "range": values, "remark": remark} for what, values, remark in rows]


def bare(axis: Axes, picture: np.ndarray | Tensor | Image.Image, label: str) -> None:
    """Show a picture without frame and ticks, with a text under it."""
    axis.imshow(picture, vmin=0, vmax=1)
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set_visible(False)
    axis.set_xlabel(label, fontsize=10, linespacing=0.95)


def pictures(images: Tensor, labels: list[str], message: str, alt: str, columns: int = 4, row: float = 1.45) -> None:
    """A grid of pictures (N, 3, H, W) with a caption under each, `row` inches a row; an empty caption takes no room."""
    rows = -(-len(images) // columns)
    figure, axes = style.new(0.4 + row * rows, rows, columns, squeeze=False)
    for axis, image, label in zip(axes.flat, images, labels, strict=True):
        bare(axis, image.permute(1, 2, 0), label)
    style.title(figure, message)
    style.show(figure, alt)


def world(images: Tensor) -> None:
    """One picture of each of the 16 classes, in the order of CLASSES."""
    labels = [caption(color, shape, "a {color}\n{shape}") for color in COLORS for shape in SHAPES]
    alt = (
        f"{len(images)} small pictures on near-black ground in 4 rows and 4 columns: {', '.join(COLORS)} from top to "
        f"bottom; {', '.join(SHAPES)} from left to right. Each has its caption under it."
    )
    pictures(images, labels, "Sixteen captions, one picture of each", alt)


def matches(
    images: Tensor, names: list[str], found: Tensor, said: list[str], message: str, alt: str, columns: int = 5
) -> None:
    """Pictures (N, 3, H, W), and under each the one that a search found for it; a wrong name is marked."""
    blocks = len(images) // columns
    figure, axes = style.new(0.45 + 2.05 * blocks, 2 * blocks, columns, squeeze=False)
    for i, (image, name, other, answer) in enumerate(zip(images, names, found, said, strict=True)):
        row, column = 2 * (i // columns), i % columns
        bare(axes[row, column], image.permute(1, 2, 0), name)
        bare(axes[row + 1, column], other.permute(1, 2, 0), answer)
        if answer != name:
            axes[row + 1, column].xaxis.label.set(color=style.CONTRAST, fontweight="bold")
    style.title(figure, message)
    style.show(figure, alt)


def main_hue(image: Tensor) -> float:
    """Median hue in degrees, -60 to 300, of the pixels of a picture (3, H, W) that are not dark."""
    hsv = np.array([colorsys.rgb_to_hsv(*pixel) for pixel in image.flatten(1).T.tolist()])  # (H * W, 3)
    hue = 360 * hsv[hsv[:, 2] > 0.4, 0]
    return float(np.median(np.where(hue > 300, hue - 360, hue)))


def hues() -> None:
    """The range of hues that each colour word owns, with the hues of the ten emoji that the words name."""
    ranges = Rendering().hue
    figure, axis = style.new(3.2)
    for y, (low, high) in enumerate(ranges):
        strip = [[colorsys.hsv_to_rgb(hue / 360 % 1, 0.85, 0.95) for hue in np.linspace(low, high, 60)]]
        axis.imshow(strip, extent=(low, high, y + 0.3, y - 0.3), aspect="auto")
        axis.text(high + 8, y, f"{low}° to {high}°".replace("-", "−"), va="center", fontsize=11)
    names = [color for color, _ in WORLD_EMOJI.values()]
    found = [main_hue(image) for image in world_emoji().images]
    axis.plot(found, [COLORS.index(name) - 0.42 for name in names], "v", color=style.INK, markersize=6)
    axis.text(found[0] + 12, -0.45, "hues of the emoji", va="center", fontsize=10)
    axis.set(xlim=(-30, 330), ylim=(3.5, -0.75), xticks=range(0, 301, 60), xlabel="hue, degrees")
    axis.set_yticks(range(len(COLORS)), COLORS)
    style.title(figure, "Each colour word owns a range of hue")
    spans = "; ".join(f"{color} {low}° to {high}°" for color, (low, high) in zip(COLORS, ranges, strict=True))
    marks = ", ".join(f"{hue}°" for hue in sorted({round(hue) for hue in found}))
    style.show(
        figure,
        f"Four separate strips on a scale of hue: {spans}. Marks show the hues of the ten emoji, all inside: {marks}.",
    )


def sheet(sampled: int = 7) -> None:
    """A few emoji of every group, evenly spaced through it, with the size of the group."""
    groups = {name: list(members) for name, members in itertools.groupby(emoji(), key=lambda e: e.group)}
    figure, axis = style.new(0.39 * len(groups) + 0.6)
    for y, (name, members) in enumerate(groups.items()):
        axis.text(-0.2, y + 0.5, f"{name}\n{len(members)}", ha="right", va="center", fontsize=10)
        for x, i in enumerate(np.linspace(0, len(members) - 1, min(sampled, len(members))).astype(int)):
            axis.imshow(members[i].sprite, extent=(x + 0.06, x + 0.94, y + 0.94, y + 0.06))
    axis.set(xlim=(-4.2, sampled), ylim=(len(groups), 0), aspect="equal")
    axis.axis("off")
    total = sum(map(len, groups.values()))
    style.title(figure, f"{total:,} pictures that nobody here drew")
    told = ", ".join(f"{name} {len(members)}" for name, members in groups.items())
    style.show(figure, f"Rows of OpenMoji emoji, a sample of each of {len(groups)} groups with its size: {told}.")


def framing(character: str) -> None:
    """How any picture becomes one like the world's: an emoji off the middle, framed, at 32 x 32 pixels."""
    sprite = on_background(next(e.sprite for e in emoji() if e.character == character))
    whole = Image.new("RGB", (160, 160), BACKGROUND)
    whole.paste(sprite, (84, 70))
    small = to_pixels(frame(whole)) / 255
    figure, axes = style.new(2.2, 1, 3)
    bare(axes[0], whole, f"{whole.width} x {whole.height} px")
    bare(axes[1], frame(whole), f"subject {FILL:.1%}\nof the width")
    bare(axes[2], small.permute(1, 2, 0), f"{small.shape[2]} x {small.shape[1]} px")
    left, top, right, bottom = Image.fromarray(np.asarray(whole).max(axis=2) > 2 * max(BACKGROUND)).getbbox()
    axes[0].add_patch(Rectangle((left, top), right - left, bottom - top, fill=False, edgecolor="white", linestyle="--"))
    style.title(figure, "Found, framed, averaged down")
    style.show(
        figure,
        f"Three pictures of {caption(*WORLD_EMOJI[character])}: small and off the middle, with a dashed box around it; "
        f"the square in which it takes {FILL:.1%} of the width; and that square at 32 by 32 pixels.",
    )
