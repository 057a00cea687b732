"""Pictures that the tools for a reader's own CLIP draw into files (helper, no chapter)."""

import textwrap
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from toyclip.errors import InputError
from toyclip.figures.style import ACCENT, CONTRAST, GREY, INK, STYLE, new, title
from toyclip.files import write_whole
from toyclip.own.concept_table import Concepts

ZERO = 0.3  # where concepts with a count of 0 are drawn, on an axis that begins at 1
DOTS = 5000  # at most


def draw_trend(table: Concepts, report: dict, path: str | Path) -> str:
    """Draw concepts, bins and line of `toyclip.own.trend_report.trend` into a .png or .svg, and return its alt text.

    Raises:
        InputError: if it cannot be written there, or its name ends in something else.
    """
    path = Path(path)
    if path.suffix not in (".png", ".svg"):
        raise InputError(f"cannot draw {str(path)!r}; give a name that ends in .png or .svg")
    found = report["rules"]["out"]
    message, alt = _said(report, found)
    figure, axes = new(3.6)
    shown = np.random.default_rng(0).permutation(len(table))[:DOTS]  # (n,)
    x = np.where(table.count > 0, table.count, ZERO)  # (N,)
    axes.plot(x[shown], 100 * table.accuracy[shown], "o", color=GREY, ms=3, mew=0, alpha=0.25, rasterized=True)
    zeros = table.count == 0
    if zeros.any():
        axes.plot(ZERO, 100 * table.accuracy[zeros].mean(), "D", color=CONTRAST, ms=8)
        axes.annotate("0", (ZERO, 0), (0, -16), textcoords="offset points", ha="center", color=CONTRAST)
    if "bins" in found:
        middle = [np.sqrt(b["from"] * b["to"]) for b in found["bins"]]
        axes.plot(middle, [100 * b["accuracy"] for b in found["bins"]], "o-", color=INK, ms=6, lw=1)
    if found.get("slope"):
        own = table.count > 0
        a, b = np.log10(table.count[own]), 100 * table.accuracy[own]  # (n,), (n,)
        ends = np.array([a.min(), a.max()])  # (2,)
        axes.plot(10**ends, b.mean() + found["slope"][0] * (ends - a.mean()), "--", color=ACCENT)
    axes.set_xscale("log")
    axes.set(xlabel=f"{report['count']}, log scale", ylabel="accuracy, %", ylim=(-3, 103))
    title(figure, textwrap.fill(message, 42))
    held = {"Description": alt} if path.suffix == ".png" else {"Title": alt, "Date": None}
    with plt.rc_context({**STYLE, "svg.hashsalt": "toyclip"}):  # the same file on every run
        write_whole(path, lambda beside: figure.savefig(beside, format=path.suffix[1:], dpi=160, metadata=held))
    plt.close(figure)
    return alt


def _said(report: dict, found: dict) -> tuple[str, str]:
    """The title, and the alternative text."""
    if found["verdict"] == "too little" or found.get("slope") is None:
        message = "Not enough data to say whether frequency explains it"
    else:
        slope, within = found["slope"][0], found["slope_within"]
        verb = "rises" if slope >= 0 else "falls"
        message = f"Accuracy {verb} by {abs(slope):.1f} points per tenfold count"
        if report["sets"] > 1:
            message += f", {_within(within)} within sets"
    alt = f"{message}. {report['concepts']:,} concepts as dots, accuracy against {report['count']} on a log scale"
    if "bins" in found:
        first, last = found["bins"][0], found["bins"][-1]
        alt += (
            f"; means of {len(found['bins'])} bins from {first['accuracy']:.0%} (n {first['n']}) at the rarest "
            f"to {last['accuracy']:.0%} (n {last['n']}) at the most frequent"
        )
    if report["zero_counts"]:
        alt += f"; {report['zero_counts']:,} concepts with a count of 0 at the left"
    return message, f"{alt}."


def _within(slope: list[float]) -> str:
    """The same within sets, where an interval that holds 0 is no trend."""
    if slope[1] <= 0 <= slope[2]:
        return "no trend seen"
    return f"{slope[0]:+.1f}"
