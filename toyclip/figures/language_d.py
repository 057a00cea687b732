"""Figures of the chapter What scale and context buy: shots and sizes (helper, no chapter)."""

from collections.abc import Mapping, Sequence

import numpy as np

from toyclip.figures.style import ACCENT, CONTRAST, GREY, INK, THIRD, new, show, title

LOOKS = ((ACCENT, "o"), (CONTRAST, "s"), (THIRD, "^"), (GREY, "D"), (INK, "v"))


def curves(
    groups: Mapping[str, np.ndarray],
    ticks: Sequence[str],
    message: str,
    axes_of: tuple[str, str],
    level: tuple[str, float] | None = None,
) -> None:
    """Curves over steps that are drawn evenly, seeds as thin lines, their mean as a thick one with its name at its end.

    Args:
        groups: name -> (S, X), one row per seed.
        ticks: what the X steps are called.
        message: the title.
        axes_of: what goes along and what goes up.
        level: a name and a value that all are compared with.
    """
    figure, axes = new(3.7)
    x, ends, told = np.arange(len(ticks)), [], []
    if level:
        axes.plot(x, np.full(len(x), level[1]), color=INK, lw=1.2, ls=":")
        ends.append((level[1], level[0], INK))
        told.append(f"{level[0]} {level[1]:.2f}")
    for (name, values), (color, marker) in zip(groups.items(), LOOKS, strict=False):
        axes.plot(x, values.T, color=color, lw=0.7, alpha=0.45)
        mean = values.mean(axis=0)
        axes.plot(x, mean, color=color, marker=marker, ms=5)
        ends.append((mean[-1], name, color))
        told.append(f"{name} {mean[0]:.2f} to {mean[-1]:.2f}")
    low, high = axes.get_ylim()
    below, apart = -np.inf, 0.085 * (high - low)
    for y, name, color in sorted(ends):
        below = max(y, below + apart)  # so that no name covers another
        axes.text(len(x) - 0.8, below, name, va="center", color=color, fontsize=10)
    every = 1 + len(ticks) // 8  # so that no tick covers another
    axes.set_xticks(x[::every], ticks[::every])
    axes.set(xlim=(-0.2, 1.62 * len(x) - 0.6), xlabel=axes_of[0], ylabel=axes_of[1])
    axes.xaxis.set_label_coords(0.3, -0.13)
    title(figure, message)
    words = message.replace("\n", " ")
    show(figure, f"{words}. {axes_of[1]} from {ticks[0]} to {ticks[-1]} {axes_of[0]}: {'; '.join(told)}.", stored=True)


def in_time(groups: Mapping[str, np.ndarray], updates: int, message: str, unit: str, level: tuple[str, float]) -> None:
    """One line a seed over the updates of a training, a colour for each size, its name where its last seed ends.

    Args:
        groups: name -> (S, T), looks evenly from 0 to `updates`.
        level: a name and a value that all are compared with.
    """
    figure, axes = new(3.7)
    x = np.linspace(0, updates, next(iter(groups.values())).shape[1])
    axes.plot(x, np.full(len(x), level[1]), color=INK, lw=1.2, ls=":")
    ends, told = [(level[1], level[0], INK)], []
    for (name, values), (color, _) in zip(groups.items(), LOOKS, strict=False):
        axes.plot(x, values.T, color=color, lw=1.4, alpha=0.8)
        ends.append((float(values[:, -1].mean()), name, color))
        through = (values > level[1] / 2).any(axis=1)
        first = [updates * int((row > level[1] / 2).argmax()) // (len(x) - 1) for row in values[through]]
        when = f" after {min(first)} to {max(first)} updates" if first else ""
        told.append(f"{name} {through.sum()} of {len(values)} seeds{when}")
    axes.set_ylim(3 * level[1], 0.1)
    below = -np.inf
    for y, name, color in sorted(ends):
        below = max(y, below + 0.15, 3 * level[1])
        axes.text(1.04 * updates, below, name, va="center", color=color, fontsize=10)
    axes.set(xlim=(0, 1.5 * updates), xlabel="updates", ylabel=unit)
    axes.set_xticks([0, updates // 2, updates])
    title(figure, message)
    words = message.replace("\n", " ")
    show(figure, f"{words}. {level[0]} is {level[1]:.2f} nats; halfway above it: {'; '.join(told)}.", stored=True)
