"""Figures of the chapter Re-weighting: what instructions buy, and what a student says after its teacher."""

from collections.abc import Mapping, Sequence

import numpy as np

from toyclip.figures import style
from toyclip.trend import mean_interval


def bought(arms: Mapping[str, Sequence[Sequence[float]]], lines: Mapping[str, float], message: str) -> None:
    """Pairs of arms, each a row: few examples against many, seeds as dots, means as strokes with their intervals.

    Args:
        arms: name -> (with few, with many), (S,) shares each, 0 to 1.
        lines: name -> share, dotted lines such as luck.
        message: the title.
    """
    figure, axes = style.new(1.3 + 0.62 * len(arms))
    for name, share in lines.items():
        axes.axvline(100 * share, color=style.GREY, ls=":", lw=1.3)
        axes.text(100 * share, -0.72, name, ha="center", fontsize=9, color=style.GREY)
    told = []
    for row, (name, pair) in enumerate(arms.items()):
        for values, shift, color, marker in zip(pair, (-0.17, 0.17), (style.ACCENT, style.CONTRAST), "os", strict=True):
            shares = 100 * np.array(values)  # (S,)
            axes.plot(shares, np.full(len(shares), row + shift), marker, color=color, ms=4.5, alpha=0.4, mew=0)
            mean, low, high = mean_interval(shares)
            ends = [[mean - low], [high - mean]]
            axes.errorbar(mean, row + shift, xerr=ends, color=color, marker="|", ms=11, mew=2.2, lw=1.1, capsize=2)
        few, many = (100 * np.mean(values) for values in pair)
        told.append(f"{name} {few:.0f} and {many:.0f} %")
    names = (("64 examples", -0.17, style.ACCENT), ("4,096 examples", 0.17, style.CONTRAST))
    for name, shift, color in names:
        patch = {"facecolor": "white", "edgecolor": "none", "pad": 1}
        axes.text(2, shift, name, color=color, fontsize=10, va="center", bbox=patch)
    axes.set_yticks(range(len(arms)), list(arms), fontsize=10)
    axes.set(xlabel="right answers, %", xlim=(0, 104), ylim=(len(arms) - 0.5, -1.0))
    style.title(figure, message)
    message = message.replace("\n", " ")
    style.show(figure, f"{message}. With few and with many examples: {'; '.join(told)}.", stored=True)


def said(arms: Mapping[str, tuple[Sequence[float], Sequence[float]]], message: str) -> None:
    """How much of what a student says is useful, against how much of it is true: seeds as dots, a name at each mean.

    Args:
        arms: selection -> (useful, true), (S,) shares each, 0 to 1.
        message: the title.
    """
    figure, axes = style.new(3.6)
    colors = (style.GREY, style.CONTRAST, style.ACCENT, style.THIRD, style.INK)
    told = []
    for (name, (useful, true)), color, marker in zip(arms.items(), colors, "Ds^ov", strict=False):
        x, y = 100 * np.array(useful), 100 * np.array(true)  # (S,) each
        axes.plot(x, y, marker, color=color, ms=5, alpha=0.45, mew=0)
        axes.plot(x.mean(), y.mean(), marker, color=color, ms=9)
        axes.annotate(name, (x.mean(), y.mean()), (0, 14), textcoords="offset points", color=color, ha="center")
        told.append(f"{name} {x.mean():.0f} and {y.mean():.0f} %")
    axes.set(xlabel="answers that answer the question, %", ylabel="answers that are true, %", ylim=(None, 104))
    axes.margins(x=0.22)
    style.title(figure, message)
    message = message.replace("\n", " ")
    style.show(figure, f"{message}. Useful and true answers: {'; '.join(told)}.", stored=True)
