"""What the chapters on frequency draw alike: clouds of points, lines with their seeds, slopes side by side (helper)."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from toyclip.figures import style
from toyclip.trend import mean_interval

COLORS = (style.ACCENT, style.CONTRAST, style.THIRD, style.GREY, style.INK)
COUNTS = ([1, 10, 100, 1000], ["1", "10", "100", "1,000"])


def cloud(
    points: tuple[np.ndarray, np.ndarray],
    curves: Mapping[str, tuple[np.ndarray, np.ndarray]],
    message: str,
    alt: str,
    xlabel: str,
    ylabel: str = "test accuracy, %",
    spots: Mapping[str, tuple[int, float, float]] | None = None,
    ticks: tuple[list[float], list[str]] | None = COUNTS,
    stored: bool = True,
    live: bool = False,
) -> None:
    """Single points, faint, with curves over them, each named at one of its points.

    Args:
        points: (N,) and (N,), drawn with a little horizontal scatter where many share an x.
        curves: name -> (M,), (M,). The first is drawn with a mark at each point.
        spots: name -> (which point of the curve, points to the right, points up) of its label; no entry, no label.
        ticks: of a logarithmic horizontal axis; None: a linear one.
        stored, live: as of `style.show`. A curve fitted by search is not the same on every machine.
    """
    figure, axes = style.new(3.5)
    x, y = points
    jitter = np.random.default_rng(0).uniform(-0.03, 0.03, len(x))  # of a decade
    axes.plot(x * 10**jitter if ticks else x, y, "o", color=style.GREY, ms=3, alpha=0.25, mew=0)
    for (name, (a, b)), color, form in zip(curves.items(), COLORS, ("o-", "-", "--", ":"), strict=False):
        axes.plot(a, b, form, color=color, ms=5, lw=1.8)
        if spots and name in spots:
            label(axes, name, a, b, spots[name], color)
    axes.set(xlabel=xlabel, ylabel=ylabel)
    if ylabel.endswith("%"):
        axes.set_ylim(-4, 104)
    if ticks:
        axes.set_xscale("log")
        axes.set_xticks(*ticks)
        axes.minorticks_off()
    style.title(figure, message)
    style.show(figure, alt, stored=stored, live=live)


def label(axes: Axes, name: str, x: Sequence, y: Sequence, spot: tuple[int, float, float], color: str) -> None:
    """Write a curve's name at one of its points."""
    at, right, up = spot
    axes.annotate(name, (x[at], y[at]), (right, up), textcoords="offset points", color=color, fontweight="bold",
                  fontsize=11, ha="right" if right < 0 else "left", va="center")  # fmt: skip


def lines(
    series: Mapping[str, tuple[Sequence[float], np.ndarray]],
    message: str,
    xlabel: str,
    spots: Mapping[str, tuple[int, float, float]],
    ticks: tuple[list[float], list[str]] = COUNTS,
    ylabel: str = "test accuracy, %",
    chance: float | None = None,
    log: bool = True,
    tell: Sequence[int] = (0, -1),
) -> None:
    """Means over seeds as lines, with their 95 % intervals as bands.

    Args:
        series: name -> x (L,) and one row a seed, (S, L), 0 to 1.
        spots: name -> (which point, points to the right, points up) of its label.
        chance: accuracy of guessing, as a dotted line.
        tell: which points the alternative text says.
    """
    figure, axes = style.new(3.5)
    said = []
    for (name, (x, values)), color in zip(series.items(), COLORS, strict=False):
        mean, low, high = 100 * np.array([mean_interval(column) for column in values.T]).T  # (L,) each
        axes.fill_between(x, low, high, color=color, alpha=0.2, lw=0)
        axes.plot(x, mean, "o-", color=color, ms=3.5, lw=1.8)
        label(axes, name, x, mean, spots[name], color)
        said.append(f"{' '.join(name.split())}: " + ", ".join(f"{mean[i]:.0f} % at {x[i]:,g}" for i in tell))
    if chance is not None:
        axes.axhline(100 * chance, color=style.GREY, lw=1, ls=":")
    axes.set(xlabel=xlabel, ylabel=ylabel, ylim=(-4, 110), yticks=range(0, 101, 20))
    if log:
        axes.set_xscale("log")
    axes.set_xticks(*ticks)
    axes.minorticks_off()
    style.title(figure, message)
    seeds = {len(values) for _, values in series.values()}
    style.show(figure, f"{message.replace(chr(10), ' ')}. {'; '.join(said)}. Means of {max(seeds)} seeds.", stored=True)


def forest(rows: Mapping[str, np.ndarray], message: str, unit: str, height: float = 0.34) -> None:
    """One row a condition: seeds as dots, mean and 95 % interval, with a line at zero.

    Args:
        rows: name -> (S,) values, already in `unit`.
        height: inches of a row.
    """
    figure, axes = style.new(1.1 + height * len(rows))
    said = []
    for i, (name, values) in enumerate(rows.items()):
        mean, low, high = mean_interval(values)
        axes.plot(values, np.full(len(values), i), "o", color=style.ACCENT, ms=4, alpha=0.4, mew=0)
        axes.errorbar(mean, i, xerr=[[mean - low], [high - mean]], color=style.INK, marker="|", ms=12, mew=2.2, lw=1.2,
                      capsize=2.5)  # fmt: skip
        said.append(f"{' '.join(name.split())} {mean:{'.1f' if len(rows) <= 6 else '.0f'}}")
    axes.axvline(0, color=style.GREY, lw=1)
    axes.set_yticks(range(len(rows)), list(rows), fontsize=10)
    axes.invert_yaxis()
    axes.set_xlabel(unit)
    style.title(figure, message)
    text = f"{message.replace(chr(10), ' ')}. {unit}: {'; '.join(said)}."
    style.show(figure, text if len(text) <= 400 else f"{text[:396]} ...", stored=True)
