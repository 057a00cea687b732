"""Figures of the floor under the loss (chapter InfoNCE)."""

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from toyclip.figures import style
from toyclip.loss_floor import floor as lowest_loss


def gap(counts: Sequence[int], sizes: Sequence[int]) -> None:
    """What can be learned at each batch size: log B above, the floor below, and the distance between them."""
    top, low = np.log(sizes), np.array([lowest_loss(counts, size) for size in sizes])
    ceiling = np.log(len(counts))
    figure, axes = style.new(3.4)
    axes.plot(sizes, top, color=style.GREY)
    axes.plot(sizes, low, color=style.CONTRAST)
    axes.plot(sizes, top - low, color=style.ACCENT, lw=3)
    axes.axhline(ceiling, color=style.INK, lw=1, ls=":")
    axes.text(sizes[-1], ceiling - 0.15, f"log {len(counts)}", ha="right", va="top", fontsize=11)
    axes.text(110, 5.5, "knowing nothing: log B", color=style.GREY, ha="right", fontsize=11)
    axes.text(sizes[0], 2.9, "what can be\nlearned", color=style.ACCENT, fontsize=11, va="bottom")
    axes.text(sizes[-1], 3.45, "floor", color=style.CONTRAST, ha="right", fontsize=11)
    axes.set(xscale="log", xlabel="pairs in the batch, B", ylabel="nats", ylim=(0, 8))
    axes.minorticks_off()
    marks = [size for size in (2, 16, 128, 1024) if size in sizes]
    axes.set_xticks(marks, map(str, marks))
    style.title(figure, "Both curves rise, the gap levels off")
    style.show(
        figure,
        f"Nats against the batch size, from {sizes[0]} to {sizes[-1]} pairs. log B rises to {top[-1]:.2f}, the floor "
        f"to {low[-1]:.2f}; the gap between them grows from {top[0] - low[0]:.2f} and levels off at "
        f"{top[-1] - low[-1]:.2f}, where log {len(counts)} is {ceiling:.2f}.",
        stored=True,
    )


def twins(probability: Tensor, is_twin: Tensor, caption: str) -> None:
    """A row of the softmax over a whole batch, the twins in colour.

    Args:
        probability: (B,)
        is_twin: (B,) bool, True where the pair carries this caption.
    """
    figure, axes = style.new(2.8)
    colors = [style.ACCENT if twin else style.GREY for twin in is_twin.tolist()]
    axes.bar(range(len(probability)), probability, color=colors, width=0.9)
    fair = 1 / int(is_twin.sum())
    axes.axhline(fair, color=style.INK, lw=1, ls=":")
    axes.text(0.99, fair * 1.04, f"1/{int(is_twin.sum())}", transform=axes.get_yaxis_transform(), ha="right")
    axes.set(xlabel=f"the {len(probability)} captions of the batch", ylabel="probability", ylim=(0, fair * 1.3))
    style.title(figure, f"{int(is_twin.sum())} captions say {caption!r}: all are right")
    style.show(
        figure,
        f"A row of {len(probability)} bars. The {int(is_twin.sum())} that carry the caption {caption!r} share the "
        f"probability, {probability[is_twin].min():.2f} to {probability[is_twin].max():.2f} each; all others together "
        f"have {probability[~is_twin].sum():.3f}.",
    )


def floor(runs: Sequence[dict], source: Sequence[tuple[int, float]]) -> None:
    """Loss curves of many seeds with the floor under them and the published values beside them.

    Args:
        runs: histories as `train --json` writes them.
        source: (epoch, loss) as published.
    """
    figure, axes = style.new(3.4)
    for run in runs:
        axes.plot([e["epoch"] for e in run["epochs"]], [e["loss"] for e in run["epochs"]], color=style.ACCENT, lw=0.8)
    lowest, last = runs[0]["epochs"][-1]["floor"], [run["epochs"][-1]["loss"] for run in runs]
    axes.axhline(lowest, color=style.CONTRAST, lw=2)
    axes.text(30, lowest - 0.05, f"floor {lowest:.3f}", color=style.CONTRAST, ha="right", va="top")
    axes.plot(*zip(*source, strict=True), "D", color=style.INK, ms=5)
    axes.annotate("the article series", source[2], (12, 2.75), arrowprops={"arrowstyle": "-", "color": style.GREY})
    axes.text(22, 1.58, f"{len(runs)} seeds", color=style.ACCENT)
    axes.set(xlabel="epoch", ylabel="loss in nats", ylim=(1.2, 3.8), xticks=[1, 10, 20, 30])
    style.title(figure, "The loss arrives at its floor")
    style.show(
        figure,
        f"Loss over 30 epochs for {len(runs)} seeds. All level off at {min(last):.2f} to {max(last):.2f} nats, beside "
        f"the floor of {lowest:.2f}; the article series' six values end there too, at {source[-1][1]:.2f}.",
        stored=True,
    )
