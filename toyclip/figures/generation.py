"""Figures of the chapter Drawing what was rarely seen: small pictures side by side, the way to them, scripts (helper).

Curves over counts are drawn by `toyclip.figures.frequency.lines`.
"""

import textwrap
from collections.abc import Collection, Mapping, Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from torch import Tensor

from toyclip.errors import InputError
from toyclip.figures import style
from toyclip.figures.frequency import COUNTS

GAP = 0.4  # between two groups of pictures, in pictures
HALF = 0.47  # of a picture, of which the next is 1 away
LARGEST = 0.8  # inches, of a picture and what is between it and the next
LETTER, LINE = 0.088, 16  # inches of a letter, and letters of a line, of a label
JOINED, APART = (style.CONTRAST, "s"), (style.ACCENT, "o")  # color and marker of scripts


def sheet(
    rows: Mapping[str, tuple[Tensor, Tensor]], message: str, alt: str, heads: tuple[str, str] = ("pictures", "drawings")
) -> None:
    """Rows of small pictures in two groups, such as real ones and drawings, or drawings and what is nearest to them.

    Args:
        rows: what is written at the left, such as "1,024 · tiger" -> (n, 3, H, W) and (m, 3, H, W) uint8.
        message: the title.
        alt: the alternative text.
        heads: what is written above the two groups.

    Raises:
        InputError: if something is no picture.
    """
    left, right = (max(len(row[group]) for row in rows.values()) for group in (0, 1))
    labels = [wrapped(name) for name in rows]
    label = LETTER * max(len(line) for text in labels for line in text.split("\n"))  # inches
    wide = left + GAP + right  # pictures
    figure, axes = style.new(0.6 + min(LARGEST, (style.WIDTH - label) / wide) * len(rows))
    for y, row in enumerate(rows.values()):
        for group, start in zip(row, (0, left + GAP), strict=True):
            for i, picture in enumerate(group):
                _put(axes, picture, start + i, y)
    for head, start in zip(heads, (0, left + GAP), strict=True):
        axes.annotate(head, (start - HALF, -HALF), (0, 5), textcoords="offset points", fontsize=11, color=style.GREY)
    axes.set(xlim=(-0.5, wide - 0.5), ylim=(len(rows) - 0.5, -0.5), xticks=[])
    axes.set_yticks(range(len(rows)), labels, fontsize=11)
    _bare(axes)
    axes.set_anchor("W")
    style.title(figure, message)
    style.show(figure, alt)


def wrapped(label: str) -> str:
    """A label in short lines, the number of "1,024 · tiger" and the next word always in one.

    >>> wrapped("64 · stuffed flatbread")
    '64 · stuffed\\nflatbread'
    """
    lines = textwrap.wrap(label.replace(" · ", "\N{NO-BREAK SPACE}·\N{NO-BREAK SPACE}"), LINE,
                          break_long_words=False, break_on_hyphens=False)  # fmt: skip
    return "\n".join(lines).replace("\N{NO-BREAK SPACE}", " ")


def film(films: Mapping[str, Sequence[Tensor]], times: Sequence[float], message: str, alt: str) -> None:
    """Pictures on their way from noise, a strip each with its name above and the time below every frame.

    Args:
        films: name -> one (3, H, W) uint8 for each of `times`.
        times: from 0, noise, to 1, a picture.
        message: the title.
        alt: the alternative text.

    Raises:
        InputError: if a strip has not one frame for each time, or something is no picture.
    """
    figure, axes = style.new(0.45 + len(films) * 1.75 * style.WIDTH / len(times))
    for strip, (name, frames) in enumerate(films.items()):
        if len(frames) != len(times):
            raise InputError(f"{name}: {len(frames)} frames for {len(times)} times; give one frame for each time")
        y = 1.8 * strip
        axes.text(-HALF, y - 0.55, name, va="bottom", fontsize=11, color=style.INK)
        for x, (time, frame) in enumerate(zip(times, frames, strict=True)):
            _put(axes, frame, x, y)
            axes.text(x, y + 0.53, f"{time:g}", ha="center", va="top", fontsize=11, color=style.GREY)
    axes.set(xlim=(-0.5, len(times) - 0.5), ylim=(1.8 * len(films) - 1, -0.85), xticks=[], yticks=[])
    _bare(axes)
    style.title(figure, message)
    style.show(figure, alt)


def scripts(
    counts: Sequence[int],
    accuracy: np.ndarray,
    overall: Mapping[str, tuple[float, float, float]],
    joined: Collection[str],
    message: str,
    unit: str = "recognised, %",
) -> None:
    """Above, each script's curve over the counts it got, and their mean; below, each script's mean over all counts.

    Args:
        counts: (L,), rising.
        accuracy: (scripts, L), 0 to 1, in the order of `overall`; NaN where a script did not get a count.
        overall: script -> mean, lower and upper end of its interval, 0 to 1, as of `trend.mean_interval`.
        joined: the scripts whose letters join.

    Raises:
        InputError: if accuracy has another shape, if nothing has got a count, or if a joined script is unknown.
    """
    values = 100 * np.asarray(accuracy, dtype=float)  # (scripts, L)
    if values.shape != (len(overall), len(counts)) or np.isnan(values).all(axis=0).any():
        raise InputError(
            f"expected {len(overall)} scripts by {len(counts)} counts with a number at each count, "
            f"got the shape {values.shape} with {np.isnan(values).sum()} gaps"
        )
    if unknown := set(joined) - set(overall):
        raise InputError(f"{', '.join(sorted(unknown))} is none of the scripts: {', '.join(overall)}")
    looks = {name: JOINED if name in joined else APART for name in overall}
    figure, (above, below) = style.new(3.5 + 0.27 * len(overall), 2, 1, height_ratios=(2.3, 0.5 + 0.27 * len(overall)))
    _curves(above, np.asarray(counts), values, [color for color, _ in looks.values()], unit)
    order = sorted(overall, key=lambda name: -overall[name][0])
    for y, name in enumerate(order):
        (mean, low, high), (color, marker) = (100 * np.array(overall[name]), looks[name])
        below.errorbar(mean, y, xerr=[[mean - low], [high - mean]], fmt=marker, color=color, ms=6, lw=1.4, capsize=3)
    below.set_yticks(range(len(order)), order, fontsize=11)
    below.set(ylim=(len(order) - 0.5, -0.7), xlabel=f"{unit}, mean over all counts")
    _say_what_joins(below, order, overall, joined)
    style.title(figure, message)
    mean = np.nanmean(values, axis=0)  # (L,)
    widest = max(high - low for _, low, high in overall.values())
    means = ", ".join(f"{name} {100 * overall[name][0]:.0f}" for name in order)
    style.show(
        figure,
        f"{message.replace(chr(10), ' ')}. Mean of {len(overall)} scripts: {mean[0]:.0f} % at {counts[0]:,}, "
        f"{mean[-1]:.0f} % at {counts[-1]:,}. Over all counts: {means} %; widest interval {100 * widest:.0f} points. "
        f"Joined: {', '.join(name for name in order if name in joined) or 'none'}.",
        stored=True,
    )


def _curves(axes: Axes, counts: np.ndarray, values: np.ndarray, colors: Sequence[str], unit: str) -> None:
    """A faint line a script, across the counts that it did not get, and a heavy one for their mean."""
    for row, color in zip(values, colors, strict=True):
        got = ~np.isnan(row)  # (L,)
        axes.plot(counts[got], row[got], color=color, lw=1, alpha=0.45)
    mean = np.nanmean(values, axis=0)  # (L,)
    axes.plot(counts, mean, "o-", color=style.INK, lw=2.6, ms=5)
    axes.annotate("mean", (counts[-1], mean[-1]), (7, 0), textcoords="offset points", va="center", fontsize=11,
                  fontweight="bold", color=style.INK)  # fmt: skip
    axes.set(xscale="log", xlabel="pictures of each letter", ylabel=unit, ylim=(-4, 104), yticks=range(0, 101, 25))
    axes.set_xlim(counts[0] / 1.15, counts[-1] * (counts[-1] / counts[0]) ** 0.25)  # room for a word
    axes.set_xticks(*zip(*((at, text) for at, text in zip(*COUNTS, strict=True) if at <= counts[-1]), strict=True))
    axes.minorticks_off()


def _say_what_joins(axes: Axes, order: Sequence[str], overall: Mapping, joined: Collection[str]) -> None:
    """Say beside the first joined script, and beside the first other one, what its sign means; where there is room."""
    middle = np.mean(axes.get_xlim())
    for says, (color, _), which in (("joined", JOINED, True), ("not joined", APART, False)):
        first = next((y for y, name in enumerate(order) if (name in joined) is which), None)
        if first is not None:
            mean, low, high = 100 * np.array(overall[order[first]])
            end, off, side = (low, -7, "right") if mean > middle else (high, 7, "left")
            axes.annotate(says, (end, first), (off, 0), textcoords="offset points", va="center", ha=side, fontsize=11,
                          color=color, fontweight="bold")  # fmt: skip


def _put(axes: Axes, picture: Tensor, x: float, y: float) -> None:
    """One small picture, each of its pixels a square."""
    if picture.ndim != 3 or len(picture) != 3 or picture.dtype != torch.uint8:
        raise InputError(f"expected pictures (3, H, W) of uint8, got {tuple(picture.shape)} of {picture.dtype}")
    extent = (x - HALF, x + HALF, y + HALF, y - HALF)
    axes.imshow(picture.permute(1, 2, 0).cpu().numpy(), extent=extent, interpolation="nearest")


def _bare(axes: Axes) -> None:
    """Nothing around the pictures but the words."""
    axes.set_aspect("equal")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
