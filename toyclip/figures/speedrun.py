"""Figures of the chapter on speed: the race, the ladder, where the time goes, what Muon does, what failed (helper)."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.patches import Rectangle
from torch import Tensor

from toyclip.figures import style

LANE = "#efefef"


def race(seconds: Mapping[str, float], share: float) -> None:
    """Two runs as lanes of a track, at the moment when the faster one arrives.

    Args:
        seconds: recipe -> seconds of its whole run; the slower one first.
        share: % of its way that the slower one has then gone.
    """
    (slow, long), (quick, short) = seconds.items()
    figure, axes = style.new(2.5)
    for row, (gone, color) in enumerate(((share, style.CONTRAST), (100.0, style.ACCENT))):
        axes.add_patch(Rectangle((0, row - 0.36), 100, 0.72, facecolor=LANE, edgecolor="none"))
        axes.add_patch(Rectangle((0, row - 0.36), gone, 0.72, facecolor=color, edgecolor="none", alpha=0.35))
        axes.plot([gone], [row], ("s", "o")[row], ms=15, color=color, mec="white", clip_on=False, zorder=3)
    for square in range(8):  # the flag at the end of the track
        for column in range(2):
            face = style.INK if (square + column) % 2 else "white"
            corner = (104 + 2.2 * column, -0.4 + 0.225 * square)
            axes.add_patch(Rectangle(corner, 2.2, 0.225, facecolor=face, edgecolor=style.INK, lw=0.4, clip_on=False))
    axes.text(6 + share, 0, f"{slow}: {share:.1f} % of the way", color=style.INK, va="center", fontsize=11)
    axes.text(92, 1, f"{quick}: arrived, {short:.1f} s", color=style.INK, va="center", ha="right", fontsize=11)
    axes.text(0, -0.62, "start", fontsize=10, color=style.GREY)
    axes.text(100, -0.62, f"finish: {slow} after {long:,.0f} s", fontsize=10, color=style.GREY, ha="right")
    axes.set(xlim=(-4, 109), ylim=(1.5, -0.9))
    axes.axis("off")
    style.title(figure, "One is home, the other has just begun")
    style.show(
        figure,
        f"A race track with two lanes. {quick} is at the finish after {short:.1f} seconds. {slow}, which needs "
        f"{long:,.0f} seconds, has gone {share:.1f} % of its way.",
        stored=True,
    )


def steps(rungs: Mapping[str, Sequence[float]], kept: Sequence[bool], message: str) -> None:
    """The ladder, downwards: how many times as fast as the reference, every seed a dot; a bar is what a rung adds.

    Args:
        rungs: change -> (S,) ratios, in order.
        kept: whether what follows builds on a rung; bars begin where the last one that was kept ends.
    """
    figure, axes = style.new(1.1 + 0.5 * len(rungs))
    begin, said = 1.0, []
    for row, ((change, ratios), stays) in enumerate(zip(rungs.items(), kept, strict=True)):
        middle = float(np.median(ratios))
        color = style.CONTRAST if middle < begin else style.ACCENT if stays else style.GREY
        axes.barh(row, middle - begin, left=begin, color=color, alpha=0.35, height=0.6)
        axes.plot(ratios, [row] * len(ratios), "o", color=color, ms=4, alpha=0.6, mew=0)
        axes.plot([middle], [row], "|", color=color, ms=17, mew=2.5)
        axes.text(1.02, row, f"× {middle / begin:.1f}", transform=axes.get_yaxis_transform(), va="center", fontsize=11)
        said.append(f"{change} {middle:.3g}")
        begin = middle if stays else begin
    axes.set_yticks(range(len(rungs)), list(rungs), fontsize=10.5)
    axes.set(xscale="log", xlabel="times as fast as the reference", ylim=(len(rungs) - 0.4, -0.6))
    axes.set_xlim(0.9, 1.25 * max(max(r) for r in rungs.values()))
    axes.set_xticks([1, 3, 10, 30, 100], ["1", "3", "10", "30", "100"])
    axes.minorticks_off()
    axes.grid(axis="x", color="#e5e5e5", lw=0.8)
    axes.set_axisbelow(True)
    style.title(figure, message)
    style.show(figure, f"{message}. Median times as fast as the reference: {'; '.join(said)}.", stored=True)


def ladder(runs: dict[str, Sequence[dict]], colors: Sequence[str] = ()) -> None:
    """Held-out accuracy against the time spent training, every seed a line, time on a logarithmic axis.

    Args:
        runs: label -> for each seed the "share" of a reference run's time that the whole run took, in %, and "accuracy"
            after each epoch; slowest first.
    """
    figure, axes = style.new(3.5)
    colors = colors or (style.GREY, style.THIRD, style.CONTRAST, style.ACCENT)
    said = []
    for (label, seeds), color, height in zip(runs.items(), colors, (30, 42, 54, 66), strict=True):
        for run in seeds:
            done = np.arange(1, len(run["accuracy"]) + 1) / len(run["accuracy"])
            axes.plot(run["share"] * done, 100 * np.array(run["accuracy"]), color=color, lw=0.8)
        middle = np.median([run["share"] for run in seeds])
        axes.text(middle, height - 16, label, color=color, ha="right", fontweight="bold", fontsize=11)
        axes.plot([middle, middle], [height - 9, 99], color=color, lw=0.8, ls=":")
        said.append(f"{label}, {len(seeds)} seeds: {middle:.3g} %")
    axes.set(xscale="log", xlabel="time, % of a reference run", ylabel="held-out accuracy, %", ylim=(0, 103))
    axes.set_xticks([1, 10, 100], ["1", "10", "100"])
    style.title(figure, "Each step buys time, not accuracy")
    style.show(
        figure,
        f"Accuracy against training time. All end near 100 %. Time in % of the reference's: {'; '.join(said)}.",
        stored=True,
    )


def where_time_goes(parts: dict[str, dict[str, float]]) -> None:
    """Seconds of a run, in parts that add up, as a share of the whole; one bar a recipe.

    Args:
        parts: recipe -> part -> seconds. All recipes have the same parts.
    """
    figure, axes = style.new(2.9)
    colors = (style.ACCENT, style.THIRD, style.CONTRAST)
    for row, seconds in enumerate(parts.values()):
        total, left = sum(seconds.values()), 0.0
        for color, (part, value) in zip(colors, seconds.items(), strict=True):
            share = 100 * value / total
            axes.barh(row, share, left=left, color=color, height=0.5)
            if share > 7:
                axes.text(left + share / 2, row, f"{share:.0f}", color="white", ha="center", va="center")
            if row == 0:
                axes.text(1, -0.5 - 0.22 * (len(seconds) - list(seconds).index(part)), part, color=color, fontsize=11)
            left += share
    axes.set_yticks(range(len(parts)), list(parts))
    axes.set(xlabel="% of the run", xlim=(0, 100), ylim=(len(parts) - 0.6, -1.3))
    style.title(figure, "Arithmetic is less than half of fast")
    shares = (
        f"{recipe}: " + ", ".join(f"{part} {100 * v / sum(seconds.values()):.0f} %" for part, v in seconds.items())
        for recipe, seconds in parts.items()
    )
    style.show(figure, f"Share of the training time. {'; '.join(shares)}.", stored=True)


def singular_values(before: Tensor, after: Tensor, name: str) -> None:
    """Singular values of a gradient, largest first, as it is and after `orthogonalize`, both with the largest at 1."""
    figure, axes = style.new(3.0)
    for values, color, label, where in (
        (before, style.CONTRAST, "the gradient", 0.62),
        (after, style.ACCENT, "what Muon makes of it", 1.35),
    ):
        relative = (values / values.max()).numpy()
        axes.plot(range(1, len(relative) + 1), relative, "o-", ms=3, lw=1.2, color=color)
        at = len(relative) // 3
        axes.text(at, relative[at] * (where if where > 1 else 0.13), label, color=color, fontweight="bold")
    axes.set(xlabel="direction, strongest first", ylabel="strength", yscale="log", ylim=(3e-4, 3))
    style.title(figure, "Muon lets every direction learn")
    ratio = (before.max() / before.median()).item()
    style.show(
        figure,
        f"Singular values of the gradient of {name}. The strongest direction is {ratio:.0f} times as strong as the "
        f"median one; after Muon's orthogonalisation {(after.max() / after.median()).item():.1f} times.",
    )


def ideas(
    speed: Mapping[str, np.ndarray], wrong: Mapping[str, int], message: str, noise: tuple[float, float] = (1.0, 1.0)
) -> None:
    """Speed of each idea beside the fast recipe's in the same seed, every seed a dot, with its wrong answers.

    Args:
        speed: idea -> (S,) times as fast as the fast recipe.
        wrong: idea -> wrong answers on all seeds.
        noise: between which speeds the clock cannot tell an idea from the fast recipe: a band.
    """
    figure, axes = style.new(0.95 + 0.31 * len(speed))
    for row, (name, values) in enumerate(speed.items()):
        color = style.CONTRAST if wrong[name] else style.ACCENT
        axes.plot(values, np.full(len(values), row), "o", color=color, ms=4, alpha=0.45, mew=0)
        axes.plot(np.median(values), row, "|", color=color, ms=13, mew=2.5)
        axes.text(1.0, row, f"{wrong[name]}", transform=axes.get_yaxis_transform(), ha="right", va="center",
                  fontsize=10.5, color=color, fontweight="bold")  # fmt: skip
    axes.axvspan(*noise, color="#e8e8e8", lw=0, zorder=0)
    axes.axvline(1, color=style.GREY, lw=0.8, ls=":")
    axes.set_yticks(range(len(speed)), list(speed), fontsize=10)
    axes.invert_yaxis()
    top = max(float(v.max()) for v in speed.values())
    axes.set(xlabel="times as fast as the fast recipe", xlim=(0, 1.25 * top))
    axes.set_title("wrong", loc="right", fontsize=10.5, fontweight="normal")
    style.title(figure, message)
    middle = "; ".join(f"{name} {np.median(speed[name]):.2g} ({wrong[name]})" for name in speed)
    said = f"{message}. Times as fast as the fast recipe, and wrong answers: {middle}."
    style.show(figure, said if len(said) <= 400 else f"{said[:397].rpartition(';')[0]}.", stored=True)
