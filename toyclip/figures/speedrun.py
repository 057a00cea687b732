"""Figures of chapter 6: the ladder, where the time goes, what Muon does, what did not help (helper, no chapter)."""

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from toyclip.figures import style


def ladder(runs: dict[str, Sequence[dict]], colors: Sequence[str] = ()) -> None:
    """Held-out accuracy against the time spent training, every seed a line, time on a logarithmic axis.

    Args:
        runs: label -> for each seed the "share" of a reference run's time that the whole run took, in %, and "accuracy"
            after each epoch; slowest first.
    """
    figure, axes = style.new(3.5)
    colors = colors or (style.GREY, style.THIRD, style.CONTRAST, style.ACCENT)
    said = []
    for (label, seeds), color, height in zip(runs.items(), colors, (30, 42, 54, 66), strict=True):
        for run in seeds:
            done = np.arange(1, len(run["accuracy"]) + 1) / len(run["accuracy"])
            axes.plot(run["share"] * done, 100 * np.array(run["accuracy"]), color=color, lw=0.8)
        middle = np.median([run["share"] for run in seeds])
        axes.text(middle, height - 16, label, color=color, ha="right", fontweight="bold", fontsize=11)
        axes.plot([middle, middle], [height - 9, 99], color=color, lw=0.8, ls=":")
        said.append(f"{label}, {len(seeds)} seeds: {middle:.3g} %")
    axes.set(xscale="log", xlabel="time, % of a reference run", ylabel="held-out accuracy, %", ylim=(0, 103))
    axes.set_xticks([1, 10, 100], ["1", "10", "100"])
    style.title(figure, "Each rung buys time, not accuracy")
    style.show(
        figure,
        f"Accuracy against training time. All end near 100 %. Time in % of the reference's: {'; '.join(said)}.",
        stored=True,
    )


def where_time_goes(parts: dict[str, dict[str, float]]) -> None:
    """Seconds of a run, in parts that add up, as a share of the whole; one bar a recipe.

    Args:
        parts: recipe -> part -> seconds. All recipes have the same parts.
    """
    figure, axes = style.new(2.9)
    colors = (style.ACCENT, style.THIRD, style.CONTRAST)
    for row, seconds in enumerate(parts.values()):
        total, left = sum(seconds.values()), 0.0
        for color, (part, value) in zip(colors, seconds.items(), strict=True):
            share = 100 * value / total
            axes.barh(row, share, left=left, color=color, height=0.5)
            if share > 7:
                axes.text(left + share / 2, row, f"{share:.0f}", color="white", ha="center", va="center")
            if row == 0:
                axes.text(1, -0.5 - 0.22 * (len(seconds) - list(seconds).index(part)), part, color=color, fontsize=11)
            left += share
    axes.set_yticks(range(len(parts)), list(parts))
    axes.set(xlabel="% of the run", xlim=(0, 100), ylim=(len(parts) - 0.6, -1.3))
    style.title(figure, "Arithmetic is less than half of fast")
    shares = (
        f"{recipe}: " + ", ".join(f"{part} {100 * v / sum(seconds.values()):.0f} %" for part, v in seconds.items())
        for recipe, seconds in parts.items()
    )
    style.show(figure, f"Share of the training time. {'; '.join(shares)}.", stored=True)


def singular_values(before: Tensor, after: Tensor, name: str) -> None:
    """Singular values of a gradient, largest first, as it is and after `orthogonalize`, both with the largest at 1."""
    figure, axes = style.new(3.0)
    for values, color, label, where in (
        (before, style.CONTRAST, "the gradient", 0.62),
        (after, style.ACCENT, "what Muon makes of it", 1.35),
    ):
        relative = (values / values.max()).numpy()
        axes.plot(range(1, len(relative) + 1), relative, "o-", ms=3, lw=1.2, color=color)
        at = len(relative) // 3
        axes.text(at, relative[at] * (where if where > 1 else 0.25), label, color=color, fontweight="bold")
    axes.set(xlabel="direction, strongest first", ylabel="strength", yscale="log", ylim=(3e-4, 3))
    style.title(figure, "Muon lets every direction learn")
    ratio = (before.max() / before.median()).item()
    style.show(
        figure,
        f"Singular values of the gradient of {name}. The strongest direction is {ratio:.0f} times as strong as the "
        f"median one; after Muon's orthogonalisation {(after.max() / after.median()).item():.1f} times.",
    )


def ideas(ratios: dict[str, np.ndarray], perfect: dict[str, str]) -> None:
    """Speed of each idea beside the fast recipe's, every seed a dot, with the number of seeds at 100 %.

    Args:
        ratios: idea -> (S,) times as fast as the reference. The first is the fast recipe.
        perfect: idea -> such as "9/10".
    """
    figure, axes = style.new(0.9 + 0.34 * len(ratios))
    names = list(ratios)
    for row, (name, values) in enumerate(ratios.items()):
        color = style.ACCENT if row == 0 else style.INK
        axes.plot(values, np.full(len(values), row), "o", color=color, ms=4, alpha=0.4, mew=0)
        axes.plot(np.median(values), row, "|", color=color, ms=13, mew=2.5)
        axes.text(1.0, row, perfect[name], transform=axes.get_yaxis_transform(), ha="right", va="center", fontsize=10)
    axes.axvline(np.median(ratios[names[0]]), color=style.ACCENT, lw=0.8, ls=":")
    axes.set_yticks(range(len(names)), names, fontsize=10)
    axes.invert_yaxis()
    top = max(float(v.max()) for v in ratios.values())
    axes.set(xlabel="times as fast as reference", xlim=(0, 1.25 * top))
    axes.set_title("seeds at 100 %", loc="right", fontsize=10, fontweight="normal")
    style.title(figure, "Most ideas are lost in the noise")
    middle = [f"{name} {np.median(ratios[name]):.0f} ({perfect[name]})" for name in names]
    style.show(figure, f"Times as fast as the reference, and seeds at 100 %: {'; '.join(middle)}."[:399], stored=True)
