"""Figures of the chapter Taxonomy: the chain of three parts, answers under pictures, arms, looks against scores."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.patches import FancyBboxPatch
from torch import Tensor

from toyclip.figures import style
from toyclip.trend import mean_interval


def chain(sprite: np.ndarray, message: str) -> None:
    """A picture in place of a sentence's first word: two frozen parts, and the one between them that is learned.

    Args:
        sprite: (H, W, 4) uint8, a leaf that nothing was aligned with.
    """
    figure, axes = style.new(2.9)
    axes.set(xlim=(0, 10), ylim=(0, 6.1), aspect="equal")
    axes.axis("off")
    axes.imshow(sprite, extent=(0.1, 2.1, 3.6, 5.6))
    parts = (
        (2.75, "image\nencoder", "no word for\na kind", style.GREY),
        (5.3, "mapping", "leaf names,\nno kind", style.CONTRAST),
        (7.85, "language\nmodel", "no picture", style.GREY),
    )
    for x, name, learned, color in parts:
        box = FancyBboxPatch((x, 3.9), 1.9, 1.4, boxstyle="round,pad=0.05", facecolor=color, edgecolor="none")
        axes.add_patch(box)
        axes.text(x + 0.95, 4.6, name, ha="center", va="center", color="white", fontsize=9, fontweight="bold")
        axes.text(x + 0.95, 3.55, learned, ha="center", va="top", fontsize=9.5, color=style.INK)
        axes.annotate("", (x - 0.1, 4.6), (x - 0.52, 4.6), arrowprops={"arrowstyle": "->", "color": style.GREY})
    axes.text(0.1, 1.0, "[picture]", fontsize=12, color=style.CONTRAST, fontweight="bold")
    axes.text(2.75, 1.0, "is a", fontsize=12)
    axes.text(4.1, 1.0, "mammal?", fontsize=12, color=style.ACCENT, fontweight="bold")
    style.title(figure, message)
    style.show(
        figure,
        "A picture of an otter goes through three boxes: an image encoder that learned without a word for a kind, a "
        "mapping that learned names of leaves, and a language model that never saw a picture. Below, the sentence "
        "'[picture] is a mammal?' with the picture as its first word.",
    )


def gallery(pictures: Tensor, words: Sequence[str], answers: Sequence[Sequence[tuple[str, float]]], title: str) -> None:
    """Pictures with what the model says they are, the likeliest kinds first.

    Args:
        pictures: (N, 3, H, W) uint8.
        words: what each shows.
        answers: for each picture (kind, probability), likeliest first.
    """
    figure, axes = style.new(0.9 + 1.0 * len(words))
    axes.set(xlim=(0, 10), ylim=(len(words) - 0.5, -0.55))
    axes.axis("off")
    for row, (word, said) in enumerate(zip(words, answers, strict=True)):
        axes.imshow(
            pictures[row].permute(1, 2, 0).numpy(), extent=(0, 1.7, row + 0.4, row - 0.4), aspect="auto", zorder=3
        )
        axes.text(2.0, row - 0.18, word, fontsize=12, fontweight="bold", va="center")
        told = ", ".join(f"{kind} {100 * p:.0f} %" for kind, p in said)
        axes.text(2.0, row + 0.2, told, fontsize=10, va="center", color=style.ACCENT)
    style.title(figure, title)
    style.show(
        figure,
        f"Pictures of leaves that were held out, {', '.join(words)}, each with the three kinds that the "
        "model finds likeliest and their probabilities. The otter comes out as a mammal.",
        live=True,
    )


def arms(groups: Mapping[str, Sequence[float]], chance: float, message: str, unit: str) -> None:
    """One row an arm: seeds as dots, their mean as a stroke with its 95 % interval; a dotted line for luck.

    Args:
        groups: arm -> one value a seed.
        chance: what luck earns.
    """
    figure, axes = style.new(1.25 + 0.4 * len(groups))
    axes.axvline(chance, color=style.GREY, ls=":", lw=1.5)
    axes.text(chance, -0.75, "luck", ha="center", fontsize=10, color=style.GREY)
    for row, values in enumerate(groups.values()):
        axes.plot(values, np.full(len(values), row), "o", color=style.ACCENT, ms=5, alpha=0.45, mew=0)
        mean, low, high = mean_interval(values)
        axes.errorbar(mean, row, xerr=[[mean - low], [high - mean]], color=style.INK, marker="|", ms=14, mew=2.5,
                      lw=1.2, capsize=3)  # fmt: skip
    axes.set_yticks(range(len(groups)), list(groups), fontsize=10.5)
    axes.set(xlabel=unit, xlim=(0, None), ylim=(len(groups) - 0.5, -0.95))
    style.title(figure, message)
    means = ", ".join(f"{name} {np.mean(values):.2f}" for name, values in groups.items())
    style.show(figure, f"{message}. Mean {unit}: {means}; luck {chance:.2f}.".replace("\n", " "), stored=True)


def looks(
    doses: Sequence[tuple[str, np.ndarray, np.ndarray]], kinds: tuple[np.ndarray, np.ndarray], title: str
) -> None:
    """Left: words dealt out more and more, how alike a kind looks against its score. Right: each kind as it is.

    Args:
        doses: (name, coherence, score), each (S,), from least to most.
        kinds: coherence and score of each kind, its mean over seeds, (K,) each.
    """
    figure, (left, right) = style.new(3.3, 1, 2, sharey=True)
    for seed in range(len(doses[0][1])):
        left.plot([d[1][seed] for d in doses], [d[2][seed] for d in doses], "-o", color=style.ACCENT, alpha=0.45, ms=4,
                  lw=1, mew=0)  # fmt: skip
    top, bottom = max(d[2].max() for d in doses), doses[-1][2].min()
    left.text(doses[0][1].mean(), 1.12 * top, doses[0][0], ha="center", fontsize=10, color=style.ACCENT)
    left.text(doses[-1][1].mean(), 0.35 * bottom, doses[-1][0], ha="center", fontsize=10, color=style.ACCENT)
    right.plot(*kinds, "o", color=style.CONTRAST, ms=6, mew=0, alpha=0.8)
    left.set(xlabel="coherence", ylabel="average precision", ylim=(0, None))
    right.set(xlabel="coherence")
    left.set_title("words moved", fontsize=11)
    right.set_title("16 kinds as they are", fontsize=11)
    style.title(figure, title)
    told = ", ".join(f"{name} {x.mean():.2f} and {y.mean():.2f}" for name, x, y in doses)
    style.show(
        figure,
        f"Coherence against average precision. Words moved across kinds: {told}. Right, sixteen kinds, correlation "
        f"{np.corrcoef(*kinds)[0, 1]:.2f}.",
        stored=True,
    )


def taught(panels: Mapping[str, tuple[Mapping[str, tuple[Sequence[float], np.ndarray]], float]], title: str) -> None:
    """How well kinds are found by how many leaves were shown with theirs: a panel for each pair of encoders.

    Args:
        panels: pair -> (curve -> (leaves of ten, average precision of each seed at each, (S, n)), what luck earns).
    """
    figure, axes = style.new(3.4, 1, len(panels), sharey=True)
    told = []
    for panel, (name, (curves, chance)) in zip(axes, panels.items(), strict=True):
        panel.axhline(chance, color=style.GREY, ls=":", lw=1.5)
        panel.text(10, 1.03 * chance, "luck", ha="right", va="bottom", fontsize=10, color=style.GREY)
        for (curve, (x, values)), color in zip(curves.items(), (style.ACCENT, style.CONTRAST), strict=True):
            mean, low, high = np.array([mean_interval(column) for column in values.T]).T  # (n,) each
            panel.fill_between(x, low, high, color=color, alpha=0.15, lw=0)
            panel.plot(x, mean, "-o", color=color, ms=4, lw=1.5, label=curve)
            told.append(f"{name}, {curve}: {mean[0]:.2f} with none, {mean[-1]:.2f} with all")
        panel.set_title(name, fontsize=11)
        panel.set(xticks=(0, 5, 10), xlabel="leaves of ten")
        panel.legend(frameon=False, fontsize=9.5, loc="lower right", handlelength=1.2, borderaxespad=0)
    axes[0].set(ylabel="average precision", ylim=(0, None))
    style.title(figure, title)
    style.show(figure, f"Average precision, leaves held out. {'. '.join(told)}.", stored=True)
