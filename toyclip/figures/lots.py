"""Figures of the chapter Lots: what the lot dealt, slopes by lots dealt again, one test against another."""

from collections.abc import Mapping, Sequence

import numpy as np

from toyclip.figures import style
from toyclip.figures.frequency import COLORS
from toyclip.trend import mean_interval


def dealt(sprites: Sequence[np.ndarray], names: Sequence[str], counts: np.ndarray, message: str) -> None:
    """What the lot gave some concepts under some seeds: a row a concept, a column a seed, discs as large as the count.

    Args:
        sprites: one (H, W, 4) picture a concept.
        counts: (concepts, seeds).
    """
    figure, axes = style.new(0.7 + 0.62 * len(names))
    columns = counts.shape[1]
    axes.set(xlim=(-0.62, columns + 0.02), ylim=(len(names) - 0.42, -0.95))
    axes.axis("off")
    for row, sprite in enumerate(sprites):
        axes.imshow(sprite, extent=(-0.55, -0.15, row + 0.34, row - 0.34), aspect="auto", zorder=3)
        for seed, count in enumerate(counts[row].tolist()):
            axes.plot(seed + 0.32, row, "o", ms=3 + 2.1 * np.log2(count), color=style.ACCENT, alpha=0.55, mew=0)
            axes.text(seed + 0.6, row, f"{count:,}", va="center", fontsize=11)
    for seed in range(columns):
        axes.text(seed + 0.32, -0.72, f"seed {seed}", ha="center", va="center", fontsize=11, color=style.GREY)
    style.title(figure, message)
    told = "; ".join(f"{n}: {', '.join(f'{c:,}' for c in row)}" for n, row in zip(names, counts.tolist(), strict=True))
    style.show(figure, f"How many pictures the lot gave {len(names)} emoji under {columns} seeds. {told}.")


def band(
    by_chance: Mapping[str, np.ndarray], found: Mapping[str, np.ndarray], message: str, unit: str, told: str
) -> None:
    """What lots dealt again bring, as histograms, and what the lots that were drawn brought, as dots with intervals.

    Args:
        by_chance: name -> (N,) values of the lots dealt again.
        found: the same names -> (S,) values of the seeds.
        told: what the alternative text calls the lots dealt again.
    """
    figure, axes = style.new(1.0 + 0.85 * len(found), len(found), squeeze=False, sharex=True)
    said = []
    for (name, chance), values, row in zip(by_chance.items(), found.values(), axes[:, 0], strict=True):
        row.hist(chance, bins=30, color=style.GREY, alpha=0.6, density=True)
        top = row.get_ylim()[1]
        mean, low, high = mean_interval(values)
        row.errorbar(mean, 0.35 * top, xerr=[[mean - low], [high - mean]], fmt="o", color=style.ACCENT, ms=6, capsize=3)
        row.plot(values, np.full(len(values), 0.12 * top), "|", color=style.ACCENT, ms=8, alpha=0.6)
        row.text(mean, 0.62 * top, f"{mean:.0f}", color=style.ACCENT, ha="center", fontweight="bold")
        row.text(0.5, 0.97, name, transform=row.transAxes, ha="center", va="top", fontsize=11)
        row.set(yticks=[], ylim=(0, 1.35 * top))
        row.spines["left"].set_visible(False)
        inner = np.quantile(chance, (0.025, 0.975))
        said.append(f"{name}: {mean:.1f} ({low:.1f} to {high:.1f}), {told} {inner[0]:.1f} to {inner[1]:.1f}")
    axes[-1, 0].set_xlabel(unit)
    style.title(figure, message)
    style.show(figure, f"{message}. {unit}. {'; '.join(said)}.", stored=True)


def gap(models: Mapping[str, tuple[np.ndarray, np.ndarray]], message: str, alt: str, xlabel: str, ylabel: str) -> None:
    """One test against another, every model a point, with the diagonal on which both are equal.

    Args:
        models: group -> accuracies on the first test (M,) and on the second (M,), 0 to 1; each group has a mark.
    """
    figure, axes = style.new(3.7)
    for (group, (first, second)), color, mark in zip(models.items(), COLORS, "osD^v", strict=False):
        axes.plot(100 * first, 100 * second, mark, color=color, ms=5.5, alpha=0.75, mew=0)
        axes.annotate(group, (100 * first.max(), 100 * second[first.argmax()]), (-4, 12), textcoords="offset points",
                      color=color, fontweight="bold", ha="right", fontsize=11)  # fmt: skip
    top = 100 * max(values.max() for pair in models.values() for values in pair)
    axes.plot([0, top], [0, top], color=style.GREY, lw=1, ls=":")
    axes.text(0.72 * top, 0.76 * top, "equal", color=style.GREY, ha="right")
    axes.set(xlabel=xlabel, ylabel=ylabel, xlim=(0, 1.08 * top), ylim=(0, 1.08 * top))
    style.title(figure, message)
    style.show(figure, alt, stored=True)
