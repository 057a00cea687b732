"""Figures of the chapter on the loss: rows, matrices, a circle, gradient, floor (helper, no chapter)."""

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
    axes.text(17, 0.035, f"the other {len(captions) - 1}", color=style.GREY, fontsize=11)
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
    """Where each logit is moved: minus the gradient of the loss, from the gradient (B, B) itself.

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
        f"Minus the gradient on {len(matrix)} by {len(matrix)} logits, in thousandths. The diagonal is pulled, "
        f"{-own.max() * 1000:.0f} to {-own.min() * 1000:.0f}; the strongest push is {-others.max() * 1000:.0f}, "
        f"between {names[i]} and {names[j]}.",
    )


def matrices(frames: dict[int, np.ndarray]) -> None:
    """The batch matrix while a model learns, a panel for each moment, two by two.

    Args:
        frames: number of updates -> (B, B) cosines.
    """
    figure, axes = style.new(4.9, 2, 2)
    for panel, (step, cosine) in zip(axes.flat, frames.items(), strict=True):
        image = panel.imshow(cosine, cmap="PuOr", vmin=-1, vmax=1)
        panel.set(xticks=[], yticks=[])
        panel.set_title("untrained" if step == 0 else f"after {step} updates", fontsize=11, fontweight="normal")
        panel.spines[:].set_visible(False)
    bar = figure.colorbar(image, ax=axes, orientation="horizontal", shrink=0.6, aspect=30, ticks=[-1, 0, 1])
    bar.set_label("cosine", fontsize=10)
    style.title(figure, "The diagonal comes out of the fog")
    steps = ", ".join(map(str, frames))
    style.show(
        figure,
        f"Four matrices of {len(cosine)} by {len(cosine)} cosines, after {steps} updates. Untrained, all cells look "
        "alike. Then, for two of the four colours, blocks appear along the diagonal, where picture and caption share "
        "a colour; at the end the "
        "diagonal itself stands out, cell by cell.",
    )


def circle(film: dict[int, np.ndarray]) -> None:
    """Pairs of points that the loss moves along a circle, a panel for each moment, two by two.

    Args:
        film: number of steps -> (2, P) angles in radians, of pictures and of captions.
    """
    colors = [style.PAINT[name] for name in style.PAINT]
    figure, axes = style.new(4.9, 2, 2)
    around = np.linspace(0, 2 * np.pi, 200)
    for panel, (step, angles) in zip(axes.flat, film.items(), strict=True):
        panel.plot(np.cos(around), np.sin(around), color="#d9d9d9", lw=1, zorder=0)
        for image, text, marker, color in zip(*angles, style.MARKER.values(), colors, strict=True):
            panel.plot(np.cos([image, text]), np.sin([image, text]), color=color, lw=1, ls=":")
            panel.plot(np.cos(image), np.sin(image), marker, color=color, ms=10, mec="none")
            panel.plot(1.24 * np.cos(text), 1.24 * np.sin(text), marker, mfc="white", mec=color, mew=1.8, ms=8)
        panel.set(xlim=(-1.5, 1.5), ylim=(-1.5, 1.5), aspect="equal", xticks=[], yticks=[])
        panel.set_title("by chance" if step == 0 else f"step {step}", fontsize=11, fontweight="normal")
        panel.spines[:].set_visible(False)
    style.title(figure, "Partners meet, pairs part")
    first, last = (np.degrees(film[step]) for step in (min(film), max(film)))
    apart = [np.abs((angles[0] - angles[1] + 180) % 360 - 180).max() for angles in (first, last)]
    places = np.sort(last[0] % 360)
    gaps = np.diff([*places, places[0] + 360])
    style.show(
        figure,
        f"Four pairs on a circle at steps {', '.join(map(str, film))}. At first partners lie up to {apart[0]:.0f} "
        f"degrees apart; in the end {apart[1]:.0f}, and neighbouring pairs stand {gaps.mean():.0f} "
        "degrees from each other.",
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
    axes.set_xticks(range(len(checks)), names, fontsize=8)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    style.title(figure, "Every wrong loss is caught by some check")
    style.show(
        figure,
        "A table of five wrong losses and five checks. "
        + " ".join(f"{loss.__name__}: caught by {int(n)}." for loss, n in zip(losses, caught.sum(axis=1), strict=True)),
    )
