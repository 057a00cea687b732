"""Figures of chapter 4: classifying, the embedding space, the unseen, what lies outside (helper, no chapter)."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from sklearn.manifold import TSNE
from torch import Tensor

from toyclip.data import CLASSES
from toyclip.figures import style
from toyclip.lab.checks import span

PERPLEXITY = 8  # of t-SNE: about so many neighbours count, of the 29 that a picture has in its class


def picture(axes: Axes, image: Tensor) -> None:
    """One picture (3, H, W) without a frame of numbers."""
    axes.imshow(image.permute(1, 2, 0))
    axes.axis("off")


def icon(axes: Axes, c: int, x: float, y: float, size: float, alpha: float = 1) -> None:
    """Class c as its shape in its colour."""
    color, shape = CLASSES[c]
    axes.plot(x, y, style.MARKER[shape], ms=size, color=style.PAINT[color], mec="none", alpha=alpha)


def row(image: Tensor, cosine: Tensor, captions: Sequence[str], message: str) -> None:
    """A picture (3, H, W) and its cosine with every caption, (C,), as bars."""
    figure, (left, right) = style.new(4.1, columns=2, width_ratios=[1, 2])
    picture(left, image)
    best = int(cosine.argmax())
    colors = [style.ACCENT if c == best else "#b5b5b5" for c in range(len(captions))]
    right.barh(range(len(captions)), cosine, color=colors)
    right.set_yticks(range(len(captions)), captions, fontsize=10)
    right.get_yticklabels()[best].set(color=style.ACCENT, fontweight="bold")
    right.axvline(0, color=style.INK, lw=0.8)
    right.invert_yaxis()
    right.tick_params(axis="y", length=0)
    right.set(xlabel="cosine", xlim=(-0.7, 1.05), xticks=[-0.5, 0, 0.5])
    style.title(figure, message)
    second = int(cosine.argsort(descending=True)[1])
    style.show(
        figure,
        f"A drawn picture beside {len(captions)} sentences. The longest bar, cosine {cosine[best]:.1f}, belongs to "
        f"“{captions[best]}”; the next, {cosine[second]:.1f}, to “{captions[second]}”.",
    )


def trajectories(reference: Sequence[dict], fast: Sequence[dict], source: Sequence[tuple[int, float]]) -> None:
    """Held-out accuracy by epoch of all seeds of both recipes, with the article series' values beside them."""
    figure, axes = style.new(3.4)
    for runs, color in ((reference, style.ACCENT), (fast, style.THIRD)):
        for run in runs:
            epochs = [e["epoch"] for e in run["epochs"]]
            axes.plot(epochs, [100 * e["accuracy"] for e in run["epochs"]], color=color, lw=0.8)
    axes.plot(*zip(*source, strict=True), "D", color=style.INK, ms=5)
    axes.annotate("the article series", source[2], (11, 50), arrowprops={"arrowstyle": "-", "color": style.GREY})
    axes.text(29.5, 80, f"reference, {len(reference)} seeds", color=style.ACCENT, ha="right")
    axes.text(29.5, 68, f"fast, {len(fast)} seeds, {len(fast[0]['epochs'])} epochs", color=style.THIRD, ha="right")
    axes.set(xlabel="epoch", ylabel="held-out accuracy, %", ylim=(0, 103), xticks=[1, 10, 20, 30])
    style.title(figure, "Another start, the same end")
    first, end = ([run["epochs"][i]["accuracy"] for run in reference] for i in (0, -1))
    end_fast = [run["epochs"][-1]["accuracy"] for run in fast]
    style.show(
        figure,
        f"Accuracy by epoch. The reference recipe starts at {span(first, '.0%')} and ends at {span(end, '.1%')} on "
        f"{len(reference)} seeds; the article series starts at {source[0][1]} % and has 100 % from epoch 17. The fast "
        f"recipe ends at {span(end_fast, '.1%')} after {len(fast[0]['epochs'])} epochs on {len(fast)} seeds.",
        stored=True,
    )


def questions(image: Tensor, asked: Mapping[str, tuple[Sequence[str], Tensor]]) -> None:
    """One picture and several questions, each four words with their cosines, (4,)."""
    figure, panels = style.new(2.3, columns=1 + len(asked), width_ratios=[1, *[1.1] * len(asked)])
    picture(panels[0], image)
    for axes, (question, (words, cosine)) in zip(panels[1:], asked.items(), strict=True):
        best = int(cosine.argmax())
        axes.barh(range(len(words)), cosine, color=[style.ACCENT if i == best else "#b5b5b5" for i in range(4)])
        axes.set_yticks(range(len(words)), words, fontsize=11)
        axes.get_yticklabels()[best].set(color=style.ACCENT, fontweight="bold")
        axes.axvline(0, color=style.INK, lw=0.8)
        axes.invert_yaxis()
        axes.tick_params(axis="y", length=0)
        axes.set_xticks([0, 0.5], ["0", "0.5"])
        axes.set_title(question, fontsize=11, fontweight="normal", loc="center")
        axes.set(xlim=(-0.35, 0.75))
    style.title(figure, "One picture, two answers")
    answers = [f"{question}: {words[int(cosine.argmax())]}" for question, (words, cosine) in asked.items()]
    style.show(figure, f"One picture of a shape, and the cosine of each of four words with it. {'; '.join(answers)}.")


def islands(images: Tensor, texts: Tensor) -> np.ndarray:
    """Where t-SNE puts pictures (N, D) and captions (16, D) on a map, (N + 16, 2)."""
    together = torch.cat([images, texts])
    return TSNE(perplexity=PERPLEXITY, metric="cosine", random_state=0, init="pca").fit_transform(together)


def maps(points: Mapping[str, np.ndarray], classes: Tensor) -> None:
    """Maps of pictures and, in their last 16 rows, of captions, side by side."""
    figure, panels = style.new(2.9, columns=len(points))
    for axes, (name, place) in zip(panels, points.items(), strict=True):
        for c, (color, shape) in enumerate(CLASSES):
            own = place[: len(classes)][classes == c]
            axes.scatter(*own.T, c=style.PAINT[color], marker=style.MARKER[shape], s=12, alpha=0.7, lw=0)
        axes.scatter(*place[len(classes) :].T, c=style.INK, marker="*", s=34, zorder=3)
        axes.set_title(name, fontsize=12, fontweight="normal")
        axes.set(xticks=[], yticks=[])
    style.title(figure, "The islands are learned")
    style.show(
        figure,
        f"Two t-SNE maps of {len(classes)} held-out pictures and 16 captions. Before training some colours lie "
        "together, shapes are mixed and the captions lie apart; after training there are 16 islands, one for each "
        "colour and shape, each with a caption.",
    )


def ranking(images: Sequence[Tensor], ranked: Sequence[Sequence[int]]) -> None:
    """Some pictures, each with all captions from the nearest to the farthest, drawn as what they name."""
    figure, panels = style.new(2.7, rows=len(images), columns=2, width_ratios=[1, 9])
    for (left, right), image, order in zip(panels, images, ranked, strict=True):
        picture(left, image)
        for rank, c in enumerate(order):
            icon(right, c, rank, 0, size=11)
        for edge in (0.5, 6.5):
            right.axvline(edge, color=style.GREY, lw=1, ls=":")
        right.set(xlim=(-0.6, 15.6), ylim=(-1, 1))
        right.axis("off")
    for x, text in ((0, "1st"), (3.5, "2nd to 7th"), (11, "8th to 16th")):
        panels[0][1].text(x, 1.1, text, fontsize=10, color=style.GREY, ha="center")
    style.title(figure, "First the kin, then the strangers")
    kin = [np.mean([order[0] // 4 == c // 4 or order[0] % 4 == c % 4 for c in order[1:7]]) for order in ranked]
    style.show(
        figure,
        f"{len(images)} pictures, each with the 16 captions from nearest to farthest, drawn as shapes. First comes "
        f"the picture's own. Of the next six, {100 * np.mean(kin):.0f} % share its colour or its shape.",
        live=True,
    )


def left_out(accuracy: np.ndarray, seeds: int) -> None:
    """Mean accuracy on each composition when it alone was left out of training, (4, 4), 0 to 1."""
    figure, axes = style.new(3.4)
    for i, j in np.ndindex(4, 4):
        good = accuracy[i, j] >= 0.95
        icon(axes, 4 * i + j, j - 0.2, -i, size=19)
        weight, color = ("normal", style.INK) if good else ("bold", style.CONTRAST)
        text = f"{100 * accuracy[i, j]:.0f}"
        axes.text(j + 0.1, -i, text, va="center", fontsize=12, color=color, fontweight=weight)
    axes.set(xlim=(-0.5, 3.6), ylim=(-3.5, 0.5))
    axes.axis("off")
    style.title(figure, "Never seen, and named all the same (%)")
    lowest = CLASSES[int(accuracy.argmin())]
    style.show(
        figure,
        f"Sixteen compositions, each left out of training in turn, {seeds} seeds. Mean accuracy on the missing one is "
        f"{100 * accuracy.min():.0f} ({' '.join(lowest)}) to {100 * accuracy.max():.0f} %, "
        f"{100 * accuracy.mean():.1f} % over all; guessing would give 6 %.",
        stored=True,
    )


def named(images: Sequence[Tensor], says: Sequence[str], right: Sequence[bool], message: str, alt: str) -> None:
    """Pictures in two rows of five, with what the model says of each: in ink where it is right."""
    figure, panels = style.new(2.9, rows=2, columns=5)
    for axes, image, text, good in zip(panels.flat, images, says, right, strict=True):
        picture(axes, image)
        axes.set_title(
            text.removeprefix("a ").replace(" ", "\n"), fontsize=10, fontweight="normal", loc="center", pad=3
        )
        axes.title.set_color(style.INK if good else style.CONTRAST)
    style.title(figure, message)
    style.show(figure, alt)


def retrieved(found: Mapping[str, Sequence[tuple[np.ndarray, str]]]) -> None:
    """For each sentence the pictures (H, W, 3) that answer it best; their names are in the alternative text."""
    width = len(next(iter(found.values())))
    figure, panels = style.new(1.05 * len(found) + 0.4, rows=len(found), columns=width)
    for line, (sentence, answers) in zip(panels, found.items(), strict=True):
        line[0].set_title(f"“{sentence}”", fontsize=11, fontweight="normal", color=style.ACCENT, loc="left", pad=4)
        line[0].title.set_in_layout(False)
        for axes, (image, _) in zip(line, answers, strict=True):
            axes.imshow(image)
            axes.axis("off")
    figure.get_layout_engine().set(hspace=0.3)
    style.title(figure, "Asked for shapes, it answers in emoji")
    told = "; ".join(f"{sentence}: {', '.join(name for _, name in answers[:3])}" for sentence, answers in found.items())
    style.show(figure, f"The {width} emoji nearest to each sentence. The first three for {told}.")


def shifts(steps: Mapping[str, tuple[np.ndarray, np.ndarray]], emoji: tuple[float, float], message: str) -> None:
    """Accuracy against the distance from the training pictures, one line for each way of leaving them.

    Args:
        steps: way -> distances and accuracies, (steps,) each, from the held-out pictures outwards.
        emoji: the same two numbers for the ten emoji.
    """
    figure, axes = style.new(3.6)
    hues = [style.ACCENT, style.CONTRAST, style.THIRD, style.INK, style.GREY, "#cc79a7"]
    places = {"darker": (-0.1, 0, "right"), "lighter ground": (0, -8, "right"), "turned further": (-0.12, 0, "right")}
    for (way, (far, right)), color, marker in zip(steps.items(), hues, "osD^vX", strict=True):
        axes.plot(far, 100 * right, color=color, marker=marker, ms=5, lw=1.4)
        x, y, side = places.get(way, (0.1, 0, "left"))  # of its name, from its last step
        axes.text(far[-1] + x, 100 * right[-1] + y, way, fontsize=10, color=color, va="center", ha=side)
    axes.plot(emoji[0], 100 * emoji[1], "*", color=style.INK, ms=13)
    axes.text(emoji[0] - 0.25, 100 * emoji[1], "emoji", fontsize=10, va="center", ha="right")
    axes.set(xlabel="distance to the nearest training picture", ylabel="accuracy, %")
    axes.set(xlim=(-0.2, 3.9), ylim=(0, 106), xticks=[1, 2, 3])
    style.title(figure, message)
    ends = ", ".join(f"{way} {right[-1]:.0%} at {far[-1]:.1f}" for way, (far, right) in steps.items())
    style.show(
        figure,
        f"Accuracy against distance in pixels, held-out pictures at 1. Last step of each way: {ends}; "
        f"emoji {emoji[1]:.0%} at {emoji[0]:.1f}.",
        stored=True,
    )
