"""Figures of the baselines that pixels give (chapter Data)."""

from collections.abc import Mapping, Sequence

import numpy as np
from torch import Tensor

from toyclip.data import SHAPES
from toyclip.figures import style
from toyclip.figures.data import bare


def leaks(distances: Mapping[str, np.ndarray]) -> None:
    """Histograms of the distance from held-out pictures to their nearest training picture, for two training sets."""
    figure, axis = style.new(3.0)
    places = ((7.2, 90), (1.7, 370))
    for (name, values), color, place in zip(distances.items(), (style.ACCENT, style.CONTRAST), places, strict=True):
        axis.hist(values, np.linspace(0, 12, 49), color=color, alpha=0.9)
        axis.text(*place, name, color=color, va="top", fontsize=11)
    honest, leaked = distances.values()
    axis.set(xlabel="distance to the nearest training picture", ylabel="held-out pictures", xlim=(0, 12))
    style.title(figure, "Copies lie nearer than any neighbour")
    style.show(
        figure,
        f"Nearest training picture of the held-out ones: {honest.min():.1f} to {honest.max():.1f} away with the honest "
        f"split, {leaked.min():.1f} to {leaked.max():.1f} with noisy copies of them in training.",
    )


def attributes(shares: Mapping[str, Mapping[str, np.ndarray]]) -> None:
    """Bars of the share right, for each question one bar a method, with a dot for each world.

    Args:
        shares: question -> method -> (worlds,).
    """
    figure, axis = style.new(3.3)
    for group, methods in enumerate(shares.values()):
        for i, ((name, values), color) in enumerate(zip(methods.items(), (style.CONTRAST, style.THIRD), strict=True)):
            y, percent = group + 0.4 * i - 0.2, 100 * np.asarray(values)
            axis.barh(y, percent.mean(), color=color, height=0.36)
            axis.plot(percent, np.full_like(percent, y), "o", color="white", markeredgecolor=style.INK, markersize=4)
            axis.text(4, y, f"{name} {percent.mean():.0f} %", color="white", va="center", fontsize=10.5)
    axis.set_yticks(range(len(shares)), shares)
    axis.set(xlim=(0, 104), xlabel="right answers, %")
    axis.invert_yaxis()
    style.title(figure, "Each method has its own weak half")
    told = "; ".join(
        f"{question}: " + ", ".join(f"{name} {np.mean(values):.0%}" for name, values in methods.items())
        for question, methods in shares.items()
    )
    style.show(figure, f"Bars of right answers, mean of three worlds, a dot for each world. {told}.", live=True)


def averages(rows: Mapping[str, Tensor]) -> None:
    """Mean pictures (4, 3, H, W) of the four shapes, one row for each way to draw."""
    figure, axes = style.new(0.7 + 1.35 * len(rows), len(rows), len(SHAPES))
    for line, (name, images) in zip(axes, rows.items(), strict=True):
        for axis, image, shape in zip(line, images, SHAPES, strict=True):
            bare(axis, image.permute(1, 2, 0), shape)
        line[0].set_ylabel(name, fontsize=10)
    style.title(figure, "With room to move, the average is a blur")
    style.show(
        figure,
        f"Average red circle, square, triangle and cross, one row for each width: {', '.join(rows)}. In the narrow "
        "pictures all but the cross, which turns, keep their outline; in the wide ones all are blurs.",
    )


def room(sizes: Sequence[int], shares: Mapping[str, np.ndarray]) -> None:
    """Share right against the width of the picture, a thin line for each world.

    Args:
        shares: for each classifier (worlds, sizes).
    """
    figure, axis = style.new(3.4)
    colors = (style.CONTRAST, style.THIRD, style.ACCENT)
    for (name, values), color, marker in zip(shares.items(), colors, "osD", strict=True):
        axis.plot(sizes, 100 * values.T, color=color, linewidth=0.8, alpha=0.6)
        means = 100 * values.mean(axis=0)
        axis.plot(sizes, means, marker, color=color, markersize=6)
        axis.text(sizes[-1] + 0.6, means[-1], name, color=color, va="center", fontsize=11)
    axis.set(xlim=(21, 44), ylim=(50, 104), xticks=sizes, xlabel="width of the picture, px", ylabel="right answers, %")
    style.title(figure, "Room to move defeats pixels,\nnot the model")
    ends = {name: values.mean(axis=0)[[0, -1]] for name, values in shares.items()}
    told = "; ".join(f"{name} {first:.0%} to {last:.0%}" for name, (first, last) in ends.items())
    style.show(
        figure, f"Right answers, pictures {sizes[0]} to {sizes[-1]} pixels wide around equal shapes: {told}.", live=True
    )


def more(counts: Sequence[int], shares: Mapping[str, np.ndarray]) -> None:
    """Share right of the nearest neighbour against the pictures of each class it can search, a thin line a world.

    Args:
        shares: question -> (worlds, counts).
    """
    figure, axis = style.new(3.4)
    colors = (style.ACCENT, style.CONTRAST, style.INK)
    for (name, values), color, marker, lift in zip(shares.items(), colors, "osD", (0, 0.7, -0.7), strict=True):
        axis.plot(counts, 100 * values.T, color=color, linewidth=0.8, alpha=0.5)
        means = 100 * values.mean(axis=0)
        axis.plot(counts, means, marker, color=color, markersize=6)
        ends = means[-1] + lift
        axis.text(1.12 * counts[-1], ends, f"{name} {means[-1]:.1f} %", color=color, va="center", fontsize=11)
    axis.set_xscale("log")
    axis.set_xticks(counts, [f"{count:,}" for count in counts])
    axis.minorticks_off()
    axis.set(xlim=(0.9 * counts[0], 4.2 * counts[-1]), ylim=(80, 101.5))
    axis.set(xlabel="training pictures of each class", ylabel="right answers, %")
    style.title(figure, "More pictures mend the shape,\nless so the colour")
    worlds = len(next(iter(shares.values())))
    told = "; ".join(
        f"{name} {100 * v.mean(axis=0)[0]:.1f} to {100 * v.mean(axis=0)[-1]:.1f} %" for name, v in shares.items()
    )
    style.show(
        figure,
        f"Right answers of the nearest neighbour, mean of {worlds} worlds, from {counts[0]} to "
        f"{counts[-1]:,} training pictures of each class: {told}.",
    )
