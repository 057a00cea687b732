"""Figures of the chapter Re-weighting what is there (helper, no chapter)."""

from collections.abc import Mapping

import numpy as np

from toyclip.figures.style import ACCENT, CONTRAST, GREY, INK, new, show, title


def brought_out(rows: Mapping[str, Mapping[str, np.ndarray]], message: str, luck: float) -> None:
    """How probable the right answer is before and after adaptation, a row for each pretraining, a dot for each seed.

    Args:
        rows: how it was pretrained -> "before", "a linear map", "all weights" -> probabilities, (S,).
        message: the title.
        luck: the probability that guessing gives.
    """
    figure, axes = new(1.1 + 0.62 * len(rows))
    looks = {"before": (GREY, "D", 0.2), "a linear map": (CONTRAST, "s", 0.0), "all weights": (ACCENT, "o", -0.2)}
    told = []
    for i, (name, arms) in enumerate(rows.items()):
        axes.text(-0.02, i - 0.38, name, ha="left", va="center", fontsize=11, color=INK)
        for arm, (color, marker, up) in looks.items():
            values = arms[arm]  # (S,)
            axes.plot(values, np.full(len(values), i - up * 0.6 + 0.1), marker, color=color, ms=6, alpha=0.7, mew=0)
        told.append(f"{name} {arms['before'].mean():.2f}, {arms['all weights'].mean():.2f}")
    axes.axvline(luck, color=GREY, lw=1, ls=":")
    axes.text(luck + 0.01, len(rows) - 0.55, "luck", color=GREY, fontsize=10, ha="left", va="bottom")
    for (name, (color, *_)), x in zip(looks.items(), (0.0, 0.22, 0.52), strict=True):
        axes.text(x, 1.0, name, color=color, fontsize=10.5, transform=axes.transAxes, ha="left", va="bottom")
    axes.set(xlim=(-0.03, 1.03), ylim=(len(rows) - 0.5, -0.7), yticks=[], xlabel="probability of the right answer")
    axes.spines["left"].set_visible(False)
    title(figure, message)
    show(
        figure,
        f"{message.replace(chr(10), ' ')}. Probability of the right answer before and after: {'; '.join(told)}.",
        stored=True,
    )
