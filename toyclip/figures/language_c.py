"""Figures of the chapter What scale and context buy: thoughts, and the leak of a taught word (helper, no chapter)."""

from collections.abc import Mapping

import numpy as np

from toyclip.figures.style import ACCENT, CONTRAST, GREY, INK, new, show, title


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
