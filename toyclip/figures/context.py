"""Figures of the chapter What scale and context buy (helper, no chapter)."""

from collections.abc import Mapping, Sequence

import numpy as np

from toyclip.figures.style import ACCENT, CONTRAST, GREY, INK, THIRD, new, show, title

LOOKS = ((ACCENT, "o"), (CONTRAST, "s"), (THIRD, "^"), (GREY, "D"), (INK, "v"))


def bought(rows: Mapping[str, tuple[Sequence[float], Sequence[float]]], message: str) -> None:
    """Shares before and after, a row each, seeds as dots and an arrow between their means.

    Args:
        rows: what was done -> (S,) before and (S,) after, 0 to 1.
        message: the title.
    """
    figure, axes = new(1.2 + 0.95 * len(rows))
    told = []
    for i, (name, pair) in enumerate(rows.items()):
        before, after = (100 * np.array(values) for values in pair)  # (S,) each
        axes.plot(before, np.full(len(before), i), "D", color=GREY, ms=6, alpha=0.6, mew=0)
        axes.plot(after, np.full(len(after), i), "o", color=ACCENT, ms=7, alpha=0.6, mew=0)
        arrow = {"arrowstyle": "->", "color": INK, "lw": 1.3}
        axes.annotate("", (after.mean(), i + 0.13), (before.mean(), i + 0.13), arrowprops=arrow)
        axes.text(0, i - 0.14, name, va="bottom", fontsize=11, color=INK)
        told.append(f"{' '.join(name.split())} {before.mean():.0f} to {after.mean():.0f} %")
    axes.set(xlabel="right answers, %", xlim=(-3, 105), ylim=(len(rows) - 0.65, -0.75), yticks=[])
    axes.spines["left"].set_visible(False)
    title(figure, message)
    show(figure, f"{message.replace(chr(10), ' ')}. {'; '.join(told)}.", stored=True)


def thinking(arms: Mapping[str, tuple[np.ndarray, np.ndarray]], message: str) -> None:
    """Questions answered rightly with and without a thought, one row an arm, a dot for each seed.

    Args:
        arms: name -> (S,) without and (S,) with a thought, 0 to 1.
        message: the title.
    """
    figure, axes = new(1.3 + 0.62 * len(arms))
    told = []
    for i, (name, (without, after)) in enumerate(arms.items()):
        axes.plot(100 * without, np.full(len(without), i), "o", color=GREY, mfc="white", ms=7)
        axes.plot(100 * after, np.full(len(after), i), "o", color=ACCENT, ms=7, alpha=0.6, mew=0)
        axes.text(0, i - 0.22, name, va="bottom", fontsize=11, color=INK)
        told.append(f"{name} {100 * after.mean():.0f} % ({100 * without.mean():.0f} % without)")
    first = next(iter(arms.values()))
    axes.text(100 * first[0].mean(), 0.2, "without", color=GREY, ha="center", va="top", fontsize=11)
    axes.text(100 * first[1].mean(), 0.2, "after a thought", color=ACCENT, ha="right", va="top", fontsize=11)
    axes.set(xlabel="answered rightly, %", xlim=(-3, 105), ylim=(len(arms) - 0.5, -0.75), yticks=[])
    axes.spines["left"].set_visible(False)
    title(figure, message)
    show(figure, f"{message.replace(chr(10), ' ')}. After a thought: {'; '.join(told)}.", stored=True)


def leaks(prior: np.ndarray, rises: Mapping[str, np.ndarray], message: str) -> None:
    """Lessons as faint dots, one panel for each way to measure a leak, with the means of six bins of equal size.

    Args:
        prior: (N,) log10 probability of the keyword before its lesson.
        rises: label of the vertical axis -> (N,).
        message: the title.
    """
    figure, panels = new(2.0 * len(rises) + 0.9, len(rises), 1, sharex=True)
    sixths = np.array_split(np.argsort(prior), 6)
    told = []
    for axes, (name, rise), color in zip(np.atleast_1d(panels), rises.items(), (ACCENT, CONTRAST), strict=False):
        axes.plot(prior, rise, "o", color=GREY, ms=3.5, alpha=0.35, mew=0)
        means = [rise[part].mean() for part in sixths]
        axes.plot([prior[part].mean() for part in sixths], means, "o-", color=color, ms=5)
        axes.set(ylabel=name)
        told.append(f"{name} from {means[0]:.2g} for the rarest sixth to {means[-1]:.2g} for the commonest")
    np.atleast_1d(panels)[-1].set(xlabel="log10 probability of the word before")
    title(figure, message)
    show(figure, f"{message.replace(chr(10), ' ')}. {len(prior)} lessons, means: {'; '.join(told)}.", stored=True)


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
