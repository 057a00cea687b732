"""Figures of chapter 4: trajectories, the embedding space, unseen compositions, emoji (helper, no chapter)."""

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from sklearn.manifold import TSNE
from torch import Tensor

from toyclip.data import CLASSES, COLORS, SHAPES
from toyclip.figures import style
from toyclip.lab.checks import span

SHORT = [f"{color} {shape}" for color, shape in CLASSES]


def trajectories(reference: Sequence[dict], fast: Sequence[dict], source: Sequence[tuple[int, float]]) -> None:
    """Held-out accuracy by epoch of all seeds of both recipes, with the source's values beside them."""
    figure, axes = style.new(3.4)
    for runs, color in ((reference, style.ACCENT), (fast, style.THIRD)):
        for run in runs:
            epochs = [e["epoch"] for e in run["epochs"]]
            axes.plot(epochs, [100 * e["accuracy"] for e in run["epochs"]], color=color, lw=0.8)
    axes.plot(*zip(*source, strict=True), "D", color=style.INK, ms=5)
    axes.annotate("the source", source[2], (13, 55), arrowprops={"arrowstyle": "-", "color": style.GREY})
    axes.text(29.5, 82, f"reference, {len(reference)} seeds", color=style.ACCENT, ha="right")
    axes.text(29.5, 72, f"fast, {len(fast)} seeds, {len(fast[0]['epochs'])} epochs", color=style.THIRD, ha="right")
    axes.set(xlabel="epoch", ylabel="held-out accuracy, %", ylim=(0, 103), xticks=[1, 10, 20, 30])
    style.title(figure, "Faster than reported, on every seed")
    first, end = ([run["epochs"][i]["accuracy"] for run in reference] for i in (0, -1))
    end_fast = [run["epochs"][-1]["accuracy"] for run in fast]
    style.show(
        figure,
        f"Accuracy by epoch. The reference recipe starts at {span(first, '.0%')} and ends at {span(end, '.1%')} on "
        f"{len(reference)} seeds; the source starts at {source[0][1]} % and has 100 % from epoch 17. The fast recipe "
        f"ends at {span(end_fast, '.1%')} after {len(fast[0]['epochs'])} epochs on {len(fast)} seeds.",
        stored=True,
    )


def logit_scales(reference: Sequence[dict], clamp: float = 100.0) -> None:
    """The logit scale by epoch, under the clamp it is said to approach."""
    figure, axes = style.new(2.9)
    for run in reference:
        axes.plot(
            [e["epoch"] for e in run["epochs"]], [e["logit_scale"] for e in run["epochs"]], color=style.ACCENT, lw=1
        )
    axes.axhline(clamp, color=style.CONTRAST)
    axes.text(30, clamp * 0.93, f"clamp at {clamp:.0f}", color=style.CONTRAST, ha="right", va="top")
    ends = [run["epochs"][-1]["logit_scale"] for run in reference]
    axes.text(
        30, max(ends) + 4, f"{len(ends)} seeds: {min(ends):.1f} to {max(ends):.1f}", color=style.ACCENT, ha="right"
    )
    axes.set(xlabel="epoch", ylabel="logit scale", ylim=(0, 108), xticks=[1, 10, 20, 30])
    style.title(figure, "The scale hardly leaves its start")
    style.show(
        figure,
        f"Logit scale over 30 epochs, {len(ends)} seeds. It starts at 14.3, ends between {min(ends):.1f} and "
        f"{max(ends):.1f}, and never comes near the clamp at {clamp:.0f}.",
        stored=True,
    )


def embedding_map(images: Tensor, classes: Tensor, texts: Tensor) -> None:
    """t-SNE of pictures (N, D) and of the 16 captions (16, D), painted and shaped as what they name."""
    points = TSNE(perplexity=8, metric="cosine", random_state=0, init="pca").fit_transform(torch.cat([images, texts]))
    figure, axes = style.new(4.3)
    for c, (color, shape) in enumerate(CLASSES):
        own = points[: len(images)][classes == c]
        axes.scatter(*own.T, c=style.PAINT[color], marker=style.MARKER[shape], s=16, alpha=0.7, lw=0)
        axes.scatter(*points[len(images) + c], c=style.INK, marker="*", s=40, zorder=3)
        axes.text(*(own.mean(axis=0) + np.array([0, 3.5])), SHORT[c], fontsize=9, ha="center", zorder=4)
    axes.axis("off")
    style.title(figure, "Sixteen islands; stars are captions")
    style.show(
        figure,
        f"t-SNE map of {len(images)} held-out pictures and 16 captions. The pictures form 16 separate islands, one for "
        "each colour and shape; distances between islands mean nothing in such a map.",
    )


def heat(
    axes: Axes, values: np.ndarray, labels: Sequence[str], columns: Sequence[str], low: float, high: float
) -> None:
    """A labelled heat map without frame."""
    axes.imshow(values, cmap="cividis", vmin=low, vmax=high)
    axes.set_yticks(range(len(labels)), labels)
    axes.set_xticks(range(len(columns)), columns)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def similarity_matrix(cosine: Tensor) -> None:
    """Mean cosine of the pictures of each class with each caption, (16, 16)."""
    figure, axes = style.new(4.6)
    heat(axes, cosine.numpy(), SHORT, SHORT, -1, 1)
    axes.tick_params(labelsize=9)
    axes.tick_params(axis="x", rotation=90)
    for edge in (3.5, 7.5, 11.5):
        axes.axhline(edge, color="white", lw=1)
        axes.axvline(edge, color="white", lw=1)
    figure.colorbar(axes.images[0], ax=axes, shrink=0.6, ticks=[-1, 0, 1], label="cosine")
    style.title(figure, "Blocks of colour, stripes of shape")
    own = cosine.diagonal()
    kin = torch.tensor([[(a // 4 == b // 4) ^ (a % 4 == b % 4) for b in range(16)] for a in range(16)])
    stranger = torch.tensor([[(a // 4 != b // 4) and (a % 4 != b % 4) for b in range(16)] for a in range(16)])
    style.show(
        figure,
        f"Mean cosine of pictures with captions, 16 by 16. The diagonal is at {own.mean():.2f}; captions that share "
        f"colour or shape at {cosine[kin].mean():.2f}; captions that share neither at {cosine[stranger].mean():.2f}.",
        live=True,
    )


def ranks(share: Tensor) -> None:
    """Share of pictures whose caption at each rank from 2 to 16 has their colour or their shape, (15,)."""
    figure, axes = style.new(2.9)
    axes.bar(range(2, 17), 100 * share, color=[style.ACCENT] * 6 + [style.GREY] * 9)
    axes.set(xlabel="rank of the caption", ylabel="shares a word, %", xticks=[2, 3, 7, 16], ylim=(0, 103))
    axes.text(9.2, 60, "6 of the 15 others\nshare a word", color=style.ACCENT)
    style.title(figure, "First the kin, then the strangers")
    style.show(
        figure,
        f"How often the caption at a rank shares colour or shape with the picture: rank 2 {share[0]:.0%}, rank 3 "
        f"{share[1]:.0%}, rank 7 {share[5]:.0%}, rank 8 {share[6]:.0%}, rank 16 {share[14]:.0%}.",
        live=True,
    )


def left_out(accuracy: np.ndarray, seeds: int) -> None:
    """Mean accuracy on each composition when it alone was left out of training, (4, 4), 0 to 1."""
    figure, axes = style.new(3.6)
    heat(axes, accuracy, COLORS, SHAPES, 0, 1)
    for i, j in np.ndindex(4, 4):
        axes.text(
            j,
            i,
            f"{100 * accuracy[i, j]:.0f}",
            ha="center",
            va="center",
            color="white" if accuracy[i, j] < 0.6 else "black",
        )
    style.title(figure, "Accuracy on what was never seen, in %")
    style.show(
        figure,
        f"Sixteen compositions, each left out of training in turn, {seeds} seeds. Mean accuracy on the missing one is "
        f"{100 * accuracy.min():.0f} to {100 * accuracy.max():.0f} %, {100 * accuracy.mean():.1f} % over all; "
        "guessing would give 6 %.",
        stored=True,
    )


def emoji(images: Tensor, predicted: Sequence[str], wanted: Sequence[str]) -> None:
    """The emoji as the model sees them, with what it says of each."""
    figure, axes = style.new(2.7, rows=2, columns=5)
    for panel in axes.flat:
        panel.axis("off")
    for panel, image, says, want in zip(axes.flat, images, predicted, wanted, strict=False):
        panel.imshow(image.permute(1, 2, 0))
        panel.set_title("\n".join(says.split()[1:]), fontsize=10, fontweight="normal", loc="center", pad=3)
        panel.title.set_color(style.INK if says == want else style.CONTRAST)
    right = sum(says == want for says, want in zip(predicted, wanted, strict=True))
    style.title(figure, f"{right} of {len(wanted)} emoji named, none trained on")
    style.show(figure, f"Ten OpenMoji emoji, 32 by 32, with the caption the model chose: {', '.join(predicted)}.")
