"""Figures of the closing chapter."""

from collections.abc import Mapping

import numpy as np

from toyclip.figures.style import ACCENT, CONTRAST, GREY, INK, THIRD, interval, new, show, title

COLORS = (ACCENT, CONTRAST, THIRD)


def cells(values: Mapping[tuple[str, str, str], np.ndarray], message: str) -> None:
    """Every cell of the experiment: data and encoder in rows, the loss as colour and place within the row.

    Args:
        values: (data, encoder, loss) -> (S,) accuracies, 0 to 1, in the order of the experiment.
    """
    rows = list(dict.fromkeys((data, encoder) for data, encoder, _ in values))
    losses = list(dict.fromkeys(loss for *_, loss in values))
    figure, axes = new(0.9 + 0.52 * len(rows))
    for (data, encoder, loss), accuracies in values.items():
        place, color = losses.index(loss), COLORS[losses.index(loss)]
        y = rows.index((data, encoder)) + 0.24 * (place - 1)
        axes.plot(100 * accuracies, np.full(len(accuracies), y), "os^"[place], color=color, ms=4.5, alpha=0.7, mew=0)
    for i, (data, _) in enumerate(rows):
        if i and data != rows[i - 1][0]:
            axes.axhline(i - 0.5, color=GREY, lw=0.6)
    for place, loss in enumerate(losses):
        axes.text(0.03 + 0.32 * place, 1.01, "●■▲"[place] + " " + loss, transform=axes.transAxes, fontsize=9,
                  color=COLORS[place])  # fmt: skip
    axes.set_yticks(range(len(rows)), [f"{data},\n{encoder}" for data, encoder in rows], fontsize=9)
    axes.invert_yaxis()
    axes.set(xlabel="held-out accuracy, %", xlim=(0, 100))
    title(figure, message)
    by_data = {d: np.mean([100 * v.mean() for (data, *_), v in values.items() if data == d]) for d, *_ in values}
    means = ", ".join(f"{data} {mean:.0f} %" for data, mean in by_data.items())
    show(figure, f"{message}. {len(values)} ways to train, grouped by data; mean accuracy: {means}.", stored=True)


def shares(found: Mapping[str, float], bounds: Mapping[str, tuple[float, float]], message: str) -> None:
    """Each factor's share of the variance as a bar, with its interval."""
    figure, axes = new(0.9 + 0.36 * len(found))
    for i, (name, share) in enumerate(found.items()):
        low, high = bounds[name]
        axes.barh(i, 100 * share, color=ACCENT if " x " not in name and name != "seed" else GREY, height=0.6)
        axes.plot([100 * low, 100 * high], [i, i], color=INK, lw=1.4)
        axes.text(100 * max(share, high) + 1.5, i, f"{100 * share:.0f} %", va="center", fontsize=11)
    axes.set_yticks(range(len(found)), [name.replace(" x ", " × ") for name in found], fontsize=10)
    axes.invert_yaxis()
    axes.set(xlabel="share of the variance, %", xlim=(0, 108))
    title(figure, message)
    told = ", ".join(f"{name} {100 * share:.0f} %" for name, share in found.items())
    show(figure, f"{message}. Share of the variance: {told}.", stored=True)


def knobs(effects: Mapping[str, np.ndarray], message: str) -> None:
    """What each change of one thing costs or brings: seeds as dots, the mean with its 95 % interval.

    Args:
        effects: change -> (S,) differences to the standard run of the same seed, in points.
    """
    figure, axes = new(0.9 + 0.36 * len(effects))
    axes.axvline(0, color=GREY, lw=1)
    for i, differences in enumerate(effects.values()):
        axes.plot(differences, np.full(len(differences), i), "o", color=ACCENT, ms=4.5, alpha=0.5, mew=0)
        half = interval(differences)
        axes.errorbar(differences.mean(), i, xerr=half, color=INK, marker="|", ms=12, mew=2.2, lw=1.2, capsize=3)
    axes.set_yticks(range(len(effects)), list(effects), fontsize=10)
    axes.invert_yaxis()
    axes.set(xlabel="points, against the standard")
    title(figure, message)
    told = ", ".join(f"{name} {differences.mean():+.0f}" for name, differences in effects.items())
    message = message.replace("\n", " ")
    show(figure, f"{message}. Points against the standard: {told}.", stored=True)
