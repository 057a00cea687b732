"""Figures of the chapter From the toy to CLIP (helper, no chapter)."""

from collections.abc import Mapping

import numpy as np

from toyclip.figures.style import ACCENT, CONTRAST, GREY, INK, THIRD, new, show, title


def distances(rows: Mapping[str, tuple[float, float, str]], message: str) -> None:
    """How far the toy is from CLIP in each respect, as a line between two dots on a logarithmic axis.

    Args:
        rows: what is compared -> (of the toy, of CLIP, both in words).
        message: the title.
    """
    figure, axes = new(1.2 + 0.62 * len(rows))
    told = []
    for i, (name, (toy, real, words)) in enumerate(rows.items()):
        axes.plot([toy, real], [i, i], color=GREY, lw=1.5, zorder=1)
        axes.plot([toy], [i], "o", color=ACCENT, ms=9)
        axes.plot([real], [i], "s", color=CONTRAST, ms=9)
        axes.text((toy * real) ** 0.5, i - 0.16, f"{name}: {words}", ha="center", va="bottom", fontsize=10.5, color=INK)
        told.append(f"{name} {words}, a factor of {real / toy:,.0f}")
    last = len(rows) - 1
    toy, real, _ = list(rows.values())[last]
    axes.text(toy, last + 0.25, "the toy", color=ACCENT, ha="center", va="top", fontsize=11)
    axes.text(real, last + 0.25, "CLIP", color=CONTRAST, ha="center", va="top", fontsize=11)
    axes.set(xscale="log", ylim=(last + 0.9, -0.75), yticks=[])
    axes.margins(x=0.12)
    axes.spines["left"].set_visible(False)
    title(figure, message)
    show(figure, f"{message.replace(chr(10), ' ')}. {'; '.join(told)}.", stored=True)


def by_count(models: Mapping[str, list[dict]], message: str) -> None:
    """Mean accuracy of the concepts of each bin of counts, one curve for each model, its name at its end.

    Args:
        models: name -> bins: "from", "to", "n", "accuracy" (0 to 1); those of fewer than 20 concepts are left out.
        message: the title.
    """
    figure, axes = new(3.9)
    told = []
    styles = zip((ACCENT, CONTRAST, THIRD, GREY), ("o", "s", "^", "D"), strict=True)
    ends = []  # (y, name, x, colour) of the last point of each curve
    for (name, bins), (color, marker) in zip(models.items(), styles, strict=True):
        full = [b for b in bins if b["n"] >= 20]
        x = [(max(b["from"], 1.0) * b["to"]) ** 0.5 for b in full]
        y = [100 * b["accuracy"] for b in full]
        axes.plot(x, y, marker=marker, color=color, ms=5)
        ends.append((y[-1], name, x[-1], color))
        told.append(f"{name} from {y[0]:.0f} % at {x[0]:.0f} pairs to {y[-1]:.0f} % at {x[-1]:,.0f}")
    below = -np.inf
    for y_end, name, x_end, color in sorted(ends):
        below = max(y_end, below + 7)  # % of accuracy between two names
        axes.text(1.6 * x_end, below, name, va="center", color=color, fontsize=10)
    axes.set(xscale="log", xlabel="pairs that name the concept", ylabel="accuracy, %", ylim=(0, 100))
    axes.set_xlim(right=axes.get_xlim()[1] * 60)
    title(figure, message)
    show(figure, f"{message.replace(chr(10), ' ')}. {'; '.join(told)}.", stored=True)
