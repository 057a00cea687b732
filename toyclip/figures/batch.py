"""Figures of the chapter on batch size: memory, what a larger batch teaches, what each knob costs (helper)."""

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from toyclip.figures import style

COLORS = (style.ACCENT, style.CONTRAST, style.THIRD)
PALE = "#cfe3f1"


def growth(
    measured: dict[str, dict[int, Sequence[float]]], fits: dict[str, np.ndarray], limit: float, unit: str, message: str
) -> None:
    """What a step costs by batch size, both axes logarithmic, with the fitted polynomial as a dashed line.

    Args:
        measured: way -> batch size -> one value per seed.
        fits: way -> coefficients for numpy.polyval, in the unit of the values.
        limit: a horizontal line.
    """
    figure, axes = style.new(3.5)
    sizes = sorted({size for by_size in measured.values() for size in by_size})
    said = []
    for (way, by_size), color, up in zip(measured.items(), COLORS, (6, -42), strict=False):
        for size, values in by_size.items():
            axes.plot([size] * len(values), values, "o", color=color, ms=4, alpha=0.6, mew=0)
        curve = np.geomspace(sizes[0], sizes[-1], 60)
        axes.plot(curve, np.polyval(fits[way], curve), "--", color=color, lw=1.2)
        end = max(by_size)
        axes.annotate(way, (end, np.median(by_size[end])), (-4, up), textcoords="offset points", color=color,
                      ha="right", va="bottom", fontweight="bold")  # fmt: skip
        said.append(f"{way} {np.median(by_size[end]):,.0f} at {end:,}")
    axes.axhline(limit, color=style.GREY, lw=1)
    axes.text(sizes[0], 1.08 * limit, f"{limit:,.0f}", color=style.GREY, va="bottom")
    axes.set(xscale="log", yscale="log", xlabel="batch size", ylabel=unit)
    axes.set_xticks([512, 2048, 8192, 32768], ["512", "2,048", "8,192", "32,768"])
    axes.minorticks_off()
    style.title(figure, message)
    style.show(figure, f"{message}. {unit} by batch size, dashed lines are fits: {'; '.join(said)}.", stored=True)


def emoji(images: Tensor, names: Sequence[str], message: str) -> None:
    """Pictures, (N, 3, H, W) bytes, eight a row, as the model sees them."""
    rows = -(-len(images) // 8)
    figure, axes = style.new(0.55 + 0.52 * rows, rows, 8)
    for place in axes.flat:
        place.axis("off")
    for place, image in zip(axes.flat, images, strict=False):
        place.imshow(image.permute(1, 2, 0).numpy())
    style.title(figure, message)
    style.show(
        figure,
        f"{message}: {len(images)} small pictures of emoji, each at a random place, size and rotation on dark grey. "
        f"Among them {', '.join(names[:8])}.",
    )


def by_batch(
    lines: dict[str, dict[int, np.ndarray]], chance: float, message: str, spot: dict[str, tuple[int, int]]
) -> None:
    """Accuracy by batch size for several ways to compare: seeds as dots, means as lines with 95 % intervals.

    Args:
        lines: way -> batch size -> (S,) accuracies, 0 to 1.
        chance: accuracy of guessing.
        spot: way -> batch size at which its name stands, and how many points above its mean.
    """
    figure, axes = style.new(3.5)
    said = []
    for (way, by_size), color in zip(lines.items(), COLORS, strict=False):
        sizes = np.array(list(by_size))
        means = np.array([100 * values.mean() for values in by_size.values()])
        for size, values in by_size.items():
            axes.plot([size] * len(values), 100 * values, "o", color=color, ms=4, alpha=0.35, mew=0)
        axes.errorbar(sizes, means, [100 * style.interval(v) for v in by_size.values()], color=color, capsize=3, lw=1.6)
        at = list(by_size).index(spot[way][0])
        side, move = ("right", -6) if at == len(sizes) - 1 else ("left", 6)
        axes.annotate(way, (sizes[at], means[at]), (move, spot[way][1]), textcoords="offset points", color=color,
                      ha=side, fontweight="bold")  # fmt: skip
        said.append(f"{way}: " + ", ".join(f"{m:.0f} % at {s}" for s, m in zip(sizes, means, strict=True)))
    axes.axhline(100 * chance, color=style.GREY, lw=1, ls=":")
    axes.set(xscale="log", xlabel="batch size", ylabel="test accuracy, %", ylim=(-3, 108))
    axes.set_xticks(sizes, [f"{s:,}" for s in sizes])
    axes.minorticks_off()
    style.title(figure, message)
    style.show(figure, f"{message}. {'; '.join(said)}.", stored=True)


def knobs(worlds: dict[str, dict[str, np.ndarray]], message: str) -> None:
    """What a change of the loss costs, in two worlds side by side: mean as a bar, seeds as dots, 95 % interval.

    Args:
        worlds: world -> variant -> (S,) accuracies, 0 to 1. The first variant is the one compared with.
    """
    names = list(next(iter(worlds.values())))
    figure, panels = style.new(1.3 + 0.36 * len(names), 1, len(worlds), sharey=True)
    for axes, (world, variants) in zip(panels, worlds.items(), strict=True):
        for row, values in enumerate(variants.values()):
            mean = 100 * values.mean()
            axes.barh(row, mean, color=PALE, height=0.66)
            axes.plot(100 * values, np.full(len(values), row), "o", color=style.ACCENT, ms=4, alpha=0.5, mew=0)
            axes.errorbar(mean, row, xerr=100 * style.interval(values), color=style.INK, lw=1.2, capsize=2.5)
        first = 100 * next(iter(variants.values())).mean()
        axes.axvline(first, color=style.CONTRAST, lw=1, ls=":")
        axes.set_title(world, loc="left", fontsize=11, fontweight="normal")
        axes.set(xlim=(0, 106), ylim=(len(names) - 0.4, -0.6))
        axes.set_xticks([0, 40, 80])
        axes.tick_params(axis="y", length=0)
    panels[0].set_yticks(range(len(names)), names, fontsize=10.5)
    figure.supxlabel("accuracy, mean of 4 epochs, %", fontsize=11, color=style.INK)
    style.title(figure, message)
    said = (
        f"{world}: " + ", ".join(f"{name} {100 * values.mean():.0f} %" for name, values in variants.items())
        for world, variants in worlds.items()
    )
    style.show(figure, f"{message}. {'; '.join(said)}.", stored=True)


def scales(runs: dict[str, Sequence[float]], clamp: float = 100.0) -> None:
    """Where the logit scale ends, every seed a dot, with the clamp."""
    figure, axes = style.new(1.2 + 0.36 * len(runs))
    for row, values in enumerate(runs.values()):
        axes.plot(values, [row] * len(values), "o", color=style.ACCENT, ms=5, alpha=0.6, mew=0)
    axes.axvline(clamp, color=style.CONTRAST)
    axes.text(clamp - 2, -0.45, "clamp", color=style.CONTRAST, ha="right", va="center")
    axes.set_yticks(range(len(runs)), list(runs), fontsize=10.5)
    axes.set(xlabel="logit scale at the end", xlim=(0, 1.08 * max(clamp, *(max(v) for v in runs.values()))))
    axes.set_ylim(len(runs) - 0.5, -0.8)
    style.title(figure, "Even from 100 the scale falls")
    ends = "; ".join(f"{name} {min(v):.0f} to {max(v):.0f}" for name, v in runs.items())
    style.show(figure, f"Logit scale at the end of training, all seeds, clamp at {clamp:.0f}: {ends}.", stored=True)
