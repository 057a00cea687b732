"""Figures of the chapter on real encoders: what vendors draw, and the way down from the training pictures."""

from collections.abc import Mapping, Sequence
from importlib.resources import files

import numpy as np
from PIL import Image

from toyclip.figures import style
from toyclip.trend import mean_interval


def vendors(
    rows: Mapping[str, str], all_rows: Sequence[str], concepts: Sequence[str], chosen: Sequence[str], message: str
) -> None:
    """The same emoji by several vendors, one row each, from toyclip/assets/real.png.

    Args:
        rows: vendor -> what it is here, written above its row.
        all_rows: the rows of the file.
        concepts: its columns.
        chosen: the columns to show.
    """
    with (files("toyclip.assets") / "real.png").open("rb") as file:
        sheet = np.asarray(Image.open(file).convert("RGB"))  # (H, W, 3)
    side = sheet.shape[1] // len(concepts)  # px
    figure, axes = style.new(0.55 + 0.93 * len(rows))
    axes.set(xlim=(-0.55, len(chosen) - 0.45), ylim=(1.32 * len(rows) - 0.6, -0.95), aspect="equal")
    axes.axis("off")
    for line, (vendor, role) in enumerate(rows.items()):
        axes.text(-0.5, 1.32 * line - 0.66, f"{vendor}: {role}", fontsize=10.5, va="center", color=style.INK)
        for place, concept in enumerate(chosen):
            top, left = side * all_rows.index(vendor), side * concepts.index(concept)
            part = sheet[top : top + side, left : left + side]
            axes.imshow(part, extent=(place - 0.44, place + 0.44, 1.32 * line + 0.42, 1.32 * line - 0.46))
    style.title(figure, message)
    told = "; ".join(f"{vendor}, {role}" for vendor, role in rows.items())
    style.show(figure, f"{', '.join(chosen)}, each as {len(rows)} vendors draw it: {told}.")


def steps(lines: Mapping[str, np.ndarray], placebo: np.ndarray, names: Sequence[str], message: str, wide: str) -> None:
    """Accuracy step by step down, each seed a dot, with means and 95 % intervals.

    Args:
        lines: name -> (S, steps) accuracies, 0 to 1, such as of trained concepts and of those held out.
        placebo: (S, steps) of models trained on shuffled pairs.
        names: of the steps, with line breaks.
        wide: what the alternative text calls the accuracy.
    """
    figure, axes = style.new(0.9 + 0.78 * len(names))
    said = []
    series = {**lines, "shuffled pairs": placebo}
    for (name, values), color, shift in zip(
        series.items(), (style.ACCENT, style.CONTRAST, style.GREY), (-0.2, 0.06, 0.28), strict=True
    ):
        for step, column in enumerate(100 * values.T):
            mean, low, high = mean_interval(column)
            axes.plot(column, np.full(len(column), step + shift), "o", color=color, ms=3.5, alpha=0.35, mew=0)
            axes.errorbar(mean, step + shift, xerr=[[mean - low], [high - mean]], fmt="|", color=color, ms=11, mew=2.4,
                          lw=1.2, capsize=2.5)  # fmt: skip
            axes.text(high + 2, step + shift, f"{mean:.0f}", color=color, fontsize=10, va="center")
        means = ", ".join(f"{100 * v:.0f}" for v in values.mean(axis=0))
        said.append(f"{name} {means}")
        axes.text(101, (len(names) - 1 if name != next(iter(lines)) else 2) + shift - 0.02, name, color=color,
                  fontsize=10.5, fontweight="bold", ha="right", va="center")  # fmt: skip
    axes.set_yticks(range(len(names)), names, fontsize=10)
    axes.set(xlim=(-3, 104), ylim=(len(names) - 0.45, -0.6), xlabel=f"{wide}, %")
    style.title(figure, message)
    told = ", ".join(" ".join(name.split()) for name in names)
    style.show(figure, f"{wide}, %, at {told}: {'; '.join(said)}. Means of {len(placebo)} seeds.", stored=True)
