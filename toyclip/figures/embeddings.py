"""Figures of what the embeddings hold (chapter Encoders)."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from toyclip.figures import style


def lengths_and_angles(picture: Tensor, captions: Mapping[str, Tensor]) -> None:
    """A picture and two captions as plane vectors, as they are and on the unit circle, with their scores."""
    figure, axes = style.new(3.5, 1, 2)
    told = []
    for axis, unit in zip(axes, (False, True), strict=True):
        target = F.normalize(picture, dim=0) if unit else picture
        vectors = {name: F.normalize(v, dim=0) if unit else v for name, v in captions.items()}
        scores = {name: (v @ target).item() for name, v in vectors.items()}
        for (name, v), colour in zip(vectors.items(), (style.ACCENT, style.CONTRAST), strict=True):
            axis.annotate("", v.tolist(), (0, 0), arrowprops={"arrowstyle": "-|>", "color": colour, "lw": 2})
            axis.text(0.02, 0.86 if colour == style.ACCENT else 0.98, f"{name}: {scores[name]:.2f}", color=colour,
                      transform=axis.transAxes, va="top", fontsize=11)  # fmt: skip
        axis.annotate("", target.tolist(), (0, 0), arrowprops={"arrowstyle": "-|>", "color": style.INK, "lw": 2})
        longest = max(v.norm().item() for v in (target, *vectors.values()))
        axis.text(target[0].item(), 0, "picture", fontsize=11, va="top", ha="center")
        turn = np.linspace(0, np.pi / 2, 60)
        if unit:
            axis.plot(np.cos(turn), np.sin(turn), color=style.GREY, linewidth=0.8, zorder=0)
        axis.set(xlim=(-0.05 * longest, 1.15 * longest), ylim=(-0.15 * longest, 1.45 * longest), xticks=[], yticks=[])
        axis.set_aspect("equal")
        axis.set_title("cosine" if unit else "dot product", fontsize=12)
        told.append(", ".join(f"{name} {score:.2f}" for name, score in scores.items()))
    style.title(figure, "Unnormalised, the longer vector wins")
    style.show(
        figure,
        f"Left, arrows of different length: the dot products with the picture are {told[0]}, so the long arrow wins. "
        f"Right, the same arrows on the unit circle: {told[1]}, and the nearer direction wins.",
    )


def cosine_histograms(before: Tensor, after: Tensor, shared: Tensor) -> None:
    """Cosines of all pairs of pictures, (P,), before and after training.

    Args:
        shared: (P,) how many of colour and shape the two pictures have in common, 0 to 2.
    """
    figure, axes = style.new(4.1, 2, 1, sharex=True)
    bins = np.linspace(-1, 1, 61)
    groups = (("nothing shared", style.CONTRAST), ("colour or shape", style.THIRD), ("both", style.ACCENT))
    means = []
    for axis, cosines, name in zip(axes, (before, after), ("untrained", "trained"), strict=True):
        for number, (_, colour) in enumerate(groups):
            axis.hist(cosines[shared == number].numpy(), bins, density=True, color=colour, alpha=0.7)
        axis.set(yticks=[], xlim=(-1, 1.02))
        axis.spines["left"].set_visible(False)
        axis.text(-0.99, 0.97, name, transform=axis.get_xaxis_transform(), va="top", fontweight="bold", fontsize=12)
        means.append([cosines[shared == number].mean().item() for number in range(len(groups))])
    for (name, colour), x, y in zip(groups, means[1], (0.22, 0.42, 0.62), strict=True):
        axes[1].text(min(x, 0.85), y, name, color=colour, transform=axes[1].get_xaxis_transform(),
                     ha="right" if x > 0.85 else "center", fontsize=12)  # fmt: skip
    axes[1].set_xlabel("cosine between two held-out pictures")
    style.title(figure, "Untrained, all pictures look alike")
    listed = [", ".join(f"{name} {m:.2f}" for (name, _), m in zip(groups, row, strict=True)) for row in means]
    style.show(
        figure,
        "Histograms of cosines between held-out pictures, by how much of colour and shape they share. Untrained, one "
        f"heap near 1; means: {listed[0]}. Trained, three heaps apart; means: {listed[1]}.",
    )


def probes(asked: Mapping[str, Sequence[float]], chance: float) -> None:
    """Shares of held-out pictures put right, 0 to 1, a dot for each model; the last word about each is its mean."""
    figure, axes = style.new(0.9 + 0.52 * len(asked))
    for row, (name, values) in enumerate(asked.items()):
        mean = 100 * sum(values) / len(values)
        colour = style.GREY if "shuffled" in name else style.CONTRAST if "pixels" in name else style.ACCENT
        axes.plot([0, mean], [row, row], color=colour, lw=1, alpha=0.5)
        axes.plot([100 * v for v in values], [row] * len(values), "o", color=colour, ms=6)
        axes.text(106, row, f"{mean:.0f} %", color=colour, va="center", ha="left", fontsize=12)
    axes.axvline(100 * chance, color=style.GREY, lw=0.8, ls=":")
    axes.set_yticks(range(len(asked)), list(asked), fontsize=11)
    axes.invert_yaxis()
    axes.spines["bottom"].set_bounds(0, 100)
    axes.set(xlabel="held-out pictures right, %", xlim=(0, 124), xticks=[0, 50, 100])
    style.title(figure, "It is all there, but not under its name")
    told = "; ".join(f"{name.replace(chr(10), ' ')} {sum(v) / len(v):.0%}" for name, v in asked.items())
    style.show(figure, f"Pictures put right of sixteen classes, a dot for each model. Means: {told}.", live=True)
