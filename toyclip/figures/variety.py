"""Figures of the chapter on what a frequency is made of: repetition beside variety, and concepts unequally hard."""

from collections.abc import Mapping, Sequence

import numpy as np
from torch import Tensor

from toyclip.figures import style
from toyclip.figures.data import bare
from toyclip.figures.frequency import COLORS, label

SHADES = ("#9ecae1", "#6baed6", "#4292c6", "#2171b5", "#08306b")  # from easy to hard


def rows(images: Sequence[Tensor], names: Sequence[str], message: str, alt: str) -> None:
    """Rows of pictures, (N, 3, H, W) each, the name of each row above it."""
    figure, axes = style.new(
        0.4 + (0.3 + 3.8 / len(images[0])) * len(images), len(images), len(images[0]), squeeze=False
    )
    for line, shown, name in zip(axes, images, names, strict=True):
        for axis, image in zip(line, shown, strict=True):
            bare(axis, image.permute(1, 2, 0), "")
        above = line[0].annotate(
            name, (0, 1), (0, 4), xycoords="axes fraction", textcoords="offset points", fontsize=11
        )
        above.set_in_layout(False)  # it may run on over the next picture
    style.title(figure, message)
    style.show(figure, alt)


def crossing(
    levels: np.ndarray, single: Mapping[str, np.ndarray], mean: np.ndarray, spots: Mapping[str, tuple], message: str
) -> None:
    """Curves of concepts that are equally hard, (L,) each, 0 to 1, thin, and the mean of all of them as a thick line.

    Args:
        spots: name -> (which rung, points to the right, points up) of its label; "all together" is the mean's.
    """
    figure, axes = style.new(3.7)
    for (name, values), color in zip(single.items(), SHADES, strict=True):
        axes.plot(levels, 100 * values, "o-", color=color, ms=3, lw=1.2)
        if name in spots:
            label(axes, name, levels, 100 * values, spots[name], style.INK)
    axes.plot(levels, 100 * mean, "o-", color=style.CONTRAST, ms=6, lw=3)
    label(axes, "all together", levels, 100 * mean, spots["all together"], style.CONTRAST)
    axes.texts[-1].set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 1.5})
    axes.set(xlabel="pictures of the concept in the corpus", ylabel="test accuracy, %", ylim=(-4, 110), xscale="log")
    axes.set_xticks(levels, [f"{level:,}" for level in levels])
    axes.minorticks_off()
    style.title(figure, message)
    told = "; ".join(f"{name} {100 * v[0]:.0f}, {100 * v[3]:.0f}, {100 * v[-1]:.0f}" for name, v in single.items())
    style.show(
        figure,
        f"Accuracy in % at {levels[0]}, {levels[3]} and {levels[-1]} pictures, by how hard the concepts are: {told}. "
        f"All together {100 * mean[0]:.0f}, {100 * mean[3]:.0f}, {100 * mean[-1]:.0f}.",
        stored=True,
    )


def grid(series: Mapping[str, tuple[Sequence[int], np.ndarray]], spots: Mapping[str, tuple], message: str) -> None:
    """Accuracy against exposures, a line for each number of different pictures; the last may be a single point.

    Args:
        series: name -> exposures (E,) and a row a seed, (S, E), 0 to 1.
    """
    figure, axes = style.new(3.6)
    told = []
    for (name, (x, values)), color in zip(series.items(), COLORS, strict=True):
        mean = 100 * values.mean(axis=0)
        half = np.array([100 * style.interval(column) for column in values.T])
        axes.errorbar(x, mean, yerr=half, fmt="o-", color=color, ms=5, lw=1.8, capsize=2.5)
        label(axes, name, x, mean, spots[name], color)
        told.append(f"{name}: " + ", ".join(f"{m:.0f} % at {e}" for m, e in zip(mean, x, strict=True)))
    axes.set(xlabel="exposures, all its pictures together", ylabel="test accuracy, %", ylim=(-4, 108), xscale="log")
    axes.set(xlim=(25, 1500))
    axes.set_xticks([32, 128, 512], ["32", "128", "512"])
    axes.minorticks_off()
    style.title(figure, message)
    style.show(figure, f"{message}. {'; '.join(told)}. Means of {len(values)} seeds.", stored=True)
