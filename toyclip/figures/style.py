"""How every figure of the book looks, and how it is shown with its alternative text (helper, no chapter)."""

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import display
from matplotlib.figure import Figure

from toyclip.trend import mean_interval

# Okabe & Ito's colour-blind-safe set, by use. The four colour words of the world have their own paint and marker.
INK, GREY, ACCENT, CONTRAST, THIRD = "#1a1a1a", "#767676", "#0072b2", "#d55e00", "#009e73"
PAINT = {"red": "#d1342f", "blue": "#2f6fd1", "green": "#2e9e4f", "yellow": "#d9a400"}
MARKER = {"circle": "o", "square": "s", "triangle": "^", "cross": "X"}
WIDTH = 4.4  # inches; with 12 pt text a figure shrunk to a phone of 360 px still has text of the body's size

STYLE = {
    "figure.figsize": (WIDTH, 3.2),
    "figure.dpi": 160,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "font.size": 12,
    "axes.titlesize": 13,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "lines.linewidth": 2,
    "figure.constrained_layout.use": True,
}


def new(height: float = 3.2, rows: int = 1, columns: int = 1, **grid) -> tuple[Figure, object]:
    """A figure in the book's style with its axes, `WIDTH` inches wide and `height` inches high."""
    with plt.rc_context(STYLE):
        return plt.subplots(rows, columns, figsize=(WIDTH, height), **grid)


def title(figure: Figure, message: str) -> None:
    """Write the message of the figure above it, as a sentence."""
    figure.suptitle(message, x=0.02, ha="left", fontsize=13, fontweight="bold", color=INK)


def show(figure: Figure, alt: str) -> None:
    """Display a figure once, with the alternative text that says its message and its numbers.

    `make notebooks` copies the text to where Jupyter Book reads it.
    """
    with plt.rc_context(STYLE):
        display(figure, metadata={"image/png": {"alt": " ".join(alt.split())}})
    plt.close(figure)


def interval(values: np.ndarray) -> float:
    """Half the width of the 95 % interval of a mean (Student's t), for (S,) values."""
    _, low, high = mean_interval(values)
    return (high - low) / 2


def bars(groups: dict[str, np.ndarray], message: str, unit: str = "held-out accuracy") -> None:
    """Several variants, one row each: seeds as dots, their mean as a stroke with its 95 % interval (Student's t).

    Args:
        groups: variant -> (S,) one value per seed, 0 to 1.
        message: the title.
    """
    figure, axes = new(1.1 + 0.42 * len(groups))
    for i, values in enumerate(groups.values()):
        axes.plot(100 * values, np.full(len(values), i), "o", color=ACCENT, ms=5, alpha=0.45, mew=0)
        half = 100 * interval(values)
        axes.errorbar(100 * values.mean(), i, xerr=half, color=INK, marker="|", ms=16, mew=2.5, lw=1.2, capsize=3)
    axes.set_yticks(range(len(groups)), list(groups), fontsize=11)
    axes.invert_yaxis()
    axes.set(xlabel=f"{unit}, %", xlim=(-3, 103))
    title(figure, message)
    means = ", ".join(f"{name} {100 * values.mean():.3g} % ({len(values)})" for name, values in groups.items())
    show(figure, f"{message.replace(chr(10), ' ')}. Mean {unit} (number of seeds): {means}.")
