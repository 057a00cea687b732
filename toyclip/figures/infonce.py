"""Figures of chapter 3: rows, temperature, gradient, floor, wrong losses (helper, no chapter)."""

from collections.abc import Callable, Sequence

import numpy as np
from torch import Tensor

from toyclip.figures import style


def row(probability: Tensor, captions: Sequence[str], own: int) -> None:
    """One row of the softmax as bars, the picture's own caption in colour.

    Args:
        probability: (B,) that sums to 1.
        captions: B sentences.
        own: the position of the picture's caption.
    """
    figure, axes = style.new(3.0)
    colors = [style.ACCENT if i == own else style.GREY for i in range(len(captions))]
    axes.barh(range(len(captions)), probability, color=colors)
    axes.set_yticks(range(len(captions)), captions)
    axes.invert_yaxis()
    axes.set(xlim=(0, 1.15), xticks=[0, 0.5, 1], xlabel="probability")
    for i, p in enumerate(probability.tolist()):
        axes.text(p + 0.02, i, f"{p:.2f}", va="center", fontsize=10)
    style.title(figure, f"Which caption belongs to the {captions[own].removeprefix('a ')}?")
    style.show(
        figure,
        f"Bars for {len(captions)} captions. The picture's own, {captions[own]!r}, gets probability "
        f"{probability[own]:.2f}; the runner-up gets {probability.sort().values[-2]:.2f}.",
    )


def temperatures(scales: Sequence[float], probability: Tensor, captions: Sequence[str], own: int) -> None:
    """The same row of cosines at different logit scales.

    Args:
        probability: (S, B), one softmax per scale.
    """
    figure, axes = style.new(3.2)
    for i in range(probability.shape[1]):
        axes.plot(scales, probability[:, i], color=style.ACCENT if i == own else style.GREY, lw=2 if i == own else 1)
    axes.axvline(1 / 0.07, color=style.INK, lw=1, ls=":")
    axes.text(1 / 0.07 * 1.1, 0.62, "start:\n14.3", fontsize=11)
    axes.text(scales[-1], probability[-1, own].item() - 0.04, captions[own], color=style.ACCENT, ha="right", va="top")
    axes.text(1.0, 0.175, f"the other {len(captions) - 1}", color=style.GREY, fontsize=11)
    axes.set(xscale="log", ylim=(0, 1.05), xlabel="logit scale", ylabel="probability")
    axes.set_xticks([1, 10, 100], ["1", "10", "100"])
    style.title(figure, "The scale turns cosines into a decision")
    style.show(
        figure,
        f"Probability of {len(captions)} captions against the logit scale. At scale 1 all lie between "
        f"{probability[0].min():.2f} and {probability[0].max():.2f}; at 100 the right one "
        f"has {probability[-1, own]:.2f}.",
    )


def gradient(matrix: Tensor, captions: Sequence[str]) -> None:
    """The gradient of the loss with respect to the logits, (B, B), its sign turned.

    Plus, in purple, pulls together; minus, in orange, pushes apart.
    """
    figure, axes = style.new(3.9)
    limit = matrix.abs().max().item()
    axes.imshow(-matrix, cmap="PuOr", vmin=-limit, vmax=limit)
    for i in range(len(matrix)):
        for j in range(len(matrix)):
            value = -matrix[i, j].item() * 1000
            if abs(value) >= 0.5:
                shade = "white" if abs(value) > 600 * limit else style.INK
                axes.text(j, i, f"{value:+.0f}", ha="center", va="center", fontsize=9, color=shade)
    names = [caption.removeprefix("a ") for caption in captions]
    axes.set_yticks(range(len(names)), names, fontsize=10)
    axes.set_xticks(range(len(names)), names, rotation=90, fontsize=10)
    axes.spines[:].set_visible(False)
    style.title(figure, "Pairs are pulled, look-alikes are pushed")
    own, others = matrix.diagonal(), matrix - matrix.diag().diag()
    i, j = divmod(others.argmax().item(), len(matrix))
    style.show(
        figure,
        f"Push and pull on {len(matrix)} by {len(matrix)} cosines, in thousandths. The diagonal is pulled, "
        f"{-own.max() * 1000:.0f} to {-own.min() * 1000:.0f}; the strongest push is {-others.max() * 1000:.0f}, "
        f"between {names[i]} and {names[j]}.",
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
    """Loss curves of many seeds with the floor under them and the source's values beside them.

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
    axes.annotate("the source", source[2], (12, 2.75), arrowprops={"arrowstyle": "-", "color": style.GREY})
    axes.text(22, 1.58, f"{len(runs)} seeds", color=style.ACCENT)
    axes.set(xlabel="epoch", ylabel="loss in nats", ylim=(1.2, 3.8), xticks=[1, 10, 20, 30])
    style.title(figure, "The loss arrives at its floor")
    style.show(
        figure,
        f"Loss over 30 epochs for {len(runs)} seeds. All level off at {min(last):.2f} to {max(last):.2f} nats, beside "
        f"the floor of {lowest:.2f}; the source's six values end there too, at {source[-1][1]:.2f}.",
        stored=True,
    )


def check_table(checks: Sequence[Callable], losses: Sequence[Callable], passed: Callable) -> None:
    """Which check catches which wrong loss, as a table of crosses and ticks."""
    caught = np.array([[not passed(check, loss) for check in checks] for loss in losses])
    figure, axes = style.new(3.6)
    axes.imshow(caught, cmap="Blues", vmin=0, vmax=1.6, aspect="auto")
    for i, j in np.ndindex(*caught.shape):
        mark = "caught" if caught[i, j] else "passes"
        axes.text(j, i, mark, ha="center", va="center", fontsize=9, color=style.INK if caught[i, j] else style.GREY)
    axes.set_yticks(
        range(len(losses)), [loss.__name__.replace("_", "\n", 1).replace("_", " ") for loss in losses], fontsize=10
    )
    names = [check.__name__.replace("_", "\n") for check in checks]
    axes.set_xticks(range(len(checks)), names, fontsize=9)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    style.title(figure, "Every wrong loss is caught by some check")
    style.show(
        figure,
        "A table of five wrong losses and five checks. "
        + " ".join(f"{loss.__name__}: caught by {int(n)}." for loss, n in zip(losses, caught.sum(axis=1), strict=True)),
    )
