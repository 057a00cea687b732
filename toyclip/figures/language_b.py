"""Figures about formats and emulated fine-tuning, of the chapter Re-weighting what is there (helper, no chapter)."""

from collections.abc import Mapping, Sequence

import numpy as np

from toyclip.figures.style import ACCENT, CONTRAST, GREY, INK, THIRD, new, show, title


def shares(arms: Mapping[str, np.ndarray], updates: int, what: str, message: str) -> None:
    """How the share of one format changes while answers are rewarded, each seed a thin line, the name of an arm at it.

    Args:
        arms: name -> (S, L), the share, 0 to 1, before the first update and at equal distances up to the last.
        updates: how many there were.
        what: the format.
        message: the title.
    """
    figure, axes = new(3.8)
    told, below = [], -np.inf
    colors = dict(zip(arms, (ACCENT, CONTRAST, THIRD, GREY, INK), strict=False))
    for name, values in arms.items():
        at = np.linspace(0, updates, values.shape[1])  # (L,)
        axes.plot(at, 100 * values.T, color=colors[name], lw=0.8, alpha=0.5)
        axes.plot(at, 100 * values.mean(axis=0), color=colors[name])
        first, last = 100 * values.mean(axis=0)[[0, -1]]
        told.append(f"{name} from {first:.0f} to {last:.0f} %")
    for name in sorted(arms, key=lambda name: arms[name][:, -1].mean()):
        below = max(100 * arms[name][:, -1].mean(), below + 8)  # % between two names
        axes.text(1.03 * updates, below, name, va="center", color=colors[name], fontsize=10.5)
    axes.set(xlabel="rewarded updates", ylabel=f"share of {what}, %", ylim=(-2, 112), xlim=(0, 1.75 * updates))
    axes.set_xticks(np.linspace(0, updates, 4))
    axes.set_yticks(range(0, 101, 25))
    title(figure, message)
    show(figure, f"{message.replace(chr(10), ' ')}. Mean share of {what}: {'; '.join(told)}.", stored=True)


def winners(widths: Mapping[int, np.ndarray], names: Sequence[str], message: str) -> None:
    """What share each format ends with in models of several widths, seeds as dots, their mean as a stroke.

    Args:
        widths: width -> (S, F) shares, 0 to 1.
        names: of the F formats.
        message: the title.
    """
    figure, axes = new(3.6)
    styles = list(zip((ACCENT, CONTRAST, THIRD), ("o", "s", "^"), strict=True))
    told = []
    for i, (width, values) in enumerate(widths.items()):
        for j, (color, marker) in enumerate(styles):
            x = i + 0.24 * (j - 1)
            axes.plot(np.full(len(values), x), 100 * values[:, j], marker, color=color, ms=5, alpha=0.5, mew=0)
            axes.plot([x - 0.1, x + 0.1], [100 * values[:, j].mean()] * 2, color=color, lw=2.5)
        means = ", ".join(f"{name} {100 * v:.0f} %" for name, v in zip(names, values.mean(axis=0), strict=True))
        told.append(f"width {width}: {means}")
    last = list(widths.values())[-1].mean(axis=0)
    below = -np.inf
    for j in np.argsort(last):
        below = max(100 * last[j], below + 9)
        axes.text(len(widths) - 0.55, below, names[j], va="center", color=styles[j][0], fontsize=10.5)
    axes.set_xticks(range(len(widths)), [f"width {width}" for width in widths], fontsize=11)
    axes.set(ylabel="share of the answers, %", ylim=(-2, 105), xlim=(-0.5, len(widths) + 0.55))
    title(figure, message)
    show(figure, f"{message.replace(chr(10), ' ')}. Mean shares, {'; '.join(told)}.", stored=True)


def plane(models: Mapping[str, np.ndarray], message: str) -> None:
    """Facts against manners of several models, each seed a dot, the mean a larger one.

    Args:
        models: name -> (S, 2), shares of right names and of right manners, 0 to 1.
        message: the title.
    """
    figure, axes = new(4.2)
    told = []
    styles = zip((ACCENT, CONTRAST, THIRD, INK, GREY, GREY), ("o", "s", "^", "D", "v", "P"), strict=False)
    for (name, values), (color, marker) in zip(models.items(), styles, strict=False):
        x, y = 100 * values.T
        axes.plot(x, y, marker, color=color, ms=4, alpha=0.45, mew=0)
        axes.plot([x.mean()], [y.mean()], marker, color=color, ms=9)
        above = y.mean() > 60  # its name stands above all seeds, or below them
        place, side = (y.max() + 4, "bottom") if above else (y.min() - 4, "top")
        axes.text(x.mean(), place, name.replace(" + ", " +\n"), ha="center", va=side, color=color, fontsize=10.5)
        told.append(f"{name} {x.mean():.0f} and {y.mean():.0f} %")
    axes.set(xlabel="right names, %", ylabel="right manners, %", xlim=(0, 108), ylim=(0, 120))
    axes.set_yticks(range(0, 101, 20))
    title(figure, message)
    show(figure, f"{message.replace(chr(10), ' ')}. Right names and right manners: {'; '.join(told)}.", stored=True)
