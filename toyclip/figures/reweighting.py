"""Figures of the chapter Re-weighting what is there (helper, no chapter)."""

from collections.abc import Mapping, Sequence

import numpy as np

from toyclip.figures.style import ACCENT, CONTRAST, GREY, INK, THIRD, new, show, title
from toyclip.trend import mean_interval


def brought_out(rows: Mapping[str, Mapping[str, np.ndarray]], message: str, luck: float) -> None:
    """How probable the right answer is before and after adaptation, a row for each pretraining, a dot for each seed.

    Args:
        rows: how it was pretrained -> "before", "a linear probe", "all weights" -> probabilities, (S,).
        message: the title.
        luck: the probability that guessing gives.
    """
    figure, axes = new(1.1 + 0.62 * len(rows))
    looks = {"before": (GREY, "D", 0.2), "a linear probe": (CONTRAST, "s", 0.0), "all weights": (ACCENT, "o", -0.2)}
    told = []
    for i, (name, arms) in enumerate(rows.items()):
        patch = {"facecolor": "white", "edgecolor": "none", "pad": 1}
        axes.text(-0.02, i - 0.38, name, ha="left", va="center", fontsize=11, color=INK, bbox=patch)
        for arm, (color, marker, up) in looks.items():
            values = arms[arm]  # (S,)
            axes.plot(values, np.full(len(values), i - up * 0.6 + 0.1), marker, color=color, ms=6, alpha=0.7, mew=0)
        told.append(f"{name} " + ", ".join(f"{arms[arm].mean():.2f}" for arm in looks))
    axes.axvline(luck, color=GREY, lw=1, ls=":")
    axes.text(luck + 0.01, len(rows) - 0.55, "luck", color=GREY, fontsize=10, ha="left", va="bottom")
    for (name, (color, *_)), x in zip(looks.items(), (0.0, 0.22, 0.56), strict=True):
        axes.text(x, 1.0, name, color=color, fontsize=10.5, transform=axes.transAxes, ha="left", va="bottom")
    axes.set(xlim=(-0.03, 1.03), ylim=(len(rows) - 0.5, -0.7), yticks=[], xlabel="probability of the right answer")
    axes.spines["left"].set_visible(False)
    title(figure, message)
    show(
        figure,
        f"{message.replace(chr(10), ' ')}. Probability before, by a probe, after: {'; '.join(told)}.",
        stored=True,
    )


def few_and_many(arms: Mapping[str, Sequence[Sequence[float]]], lines: Mapping[str, float], message: str) -> None:
    """Pairs of arms, each a row: few examples against many, seeds as dots, means as strokes with their intervals.

    Args:
        arms: name -> (with few, with many), (S,) shares each, 0 to 1.
        lines: name -> share, dotted lines such as luck.
        message: the title.
    """
    figure, axes = new(1.3 + 0.62 * len(arms))
    for name, share in lines.items():
        axes.axvline(100 * share, color=GREY, ls=":", lw=1.3)
        axes.text(100 * share, -0.72, name, ha="center", fontsize=9, color=GREY)
    told = []
    for row, (name, pair) in enumerate(arms.items()):
        for values, shift, color, marker in zip(pair, (-0.17, 0.17), (ACCENT, CONTRAST), "os", strict=True):
            shares = 100 * np.array(values)  # (S,)
            axes.plot(shares, np.full(len(shares), row + shift), marker, color=color, ms=4.5, alpha=0.4, mew=0)
            mean, low, high = mean_interval(shares)
            ends = [[mean - low], [high - mean]]
            axes.errorbar(mean, row + shift, xerr=ends, color=color, marker="|", ms=11, mew=2.2, lw=1.1, capsize=2)
        few, many = (100 * np.mean(values) for values in pair)
        told.append(f"{name} {few:.0f} and {many:.0f} %")
    patch = {"facecolor": "white", "edgecolor": "none", "pad": 1}
    for name, shift, color in (("64 examples", -0.17, ACCENT), ("4,096 examples", 0.17, CONTRAST)):
        axes.text(2, shift, name, color=color, fontsize=10, va="center", bbox=patch)
    axes.set_yticks(range(len(arms)), list(arms), fontsize=10)
    axes.set(xlabel="right answers, %", xlim=(0, 104), ylim=(len(arms) - 0.5, -1.0))
    title(figure, message)
    message = message.replace("\n", " ")
    show(figure, f"{message}. With few and with many examples: {'; '.join(told)}.", stored=True)


def said(arms: Mapping[str, tuple[Sequence[float], Sequence[float]]], message: str) -> None:
    """How much of what a student says is useful, against how much of it is true: seeds as dots, a name at each mean.

    Args:
        arms: selection -> (useful, true), (S,) shares each, 0 to 1.
        message: the title.
    """
    figure, axes = new(3.6)
    colors = (GREY, CONTRAST, ACCENT, THIRD, INK)
    told = []
    for (name, (useful, true)), color, marker in zip(arms.items(), colors, "Ds^ov", strict=False):
        x, y = 100 * np.array(useful), 100 * np.array(true)  # (S,) each
        axes.plot(x, y, marker, color=color, ms=5, alpha=0.45, mew=0)
        axes.plot(x.mean(), y.mean(), marker, color=color, ms=9)
        axes.annotate(name, (x.mean(), y.mean()), (0, 14), textcoords="offset points", color=color, ha="center")
        told.append(f"{name} {x.mean():.0f} and {y.mean():.0f} %")
    axes.set(xlabel="answers that answer the question, %", ylabel="answers that are true, %", ylim=(None, 104))
    axes.margins(x=0.22)
    title(figure, message)
    message = message.replace("\n", " ")
    show(figure, f"{message}. Useful and true answers: {'; '.join(told)}.", stored=True)


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
