"""How every figure of the book looks, and how it is shown with its alternative text (helper, no chapter)."""

import ast
import hashlib
import inspect
import re
import textwrap

import matplotlib.pyplot as plt
import numpy as np
from IPython.core.pylabtools import print_figure
from IPython.display import Markdown, display
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


def show(figure: Figure, alt: str, stored: bool = False, live: bool = False) -> None:
    """Display a figure once, with the alternative text that says its message and its numbers.

    `make notebooks` copies the text to where Jupyter Book reads it, and `make test` compares it with a fresh run. The
    picture itself holds the text and a hash of what was drawn, so that no other picture can take its place.

    Args:
        stored: all that is drawn comes from stored results, is the same on every machine, and its hash is compared.
        live: numbers in the text come from a training that has just run, and differ in the last digit from machine to
            machine: all of the text but its numbers is compared.
    """
    alt, data = " ".join(alt.split()), fingerprint(figure)
    with plt.rc_context(STYLE):
        png = print_figure(figure, "png", base64=True, metadata={"Description": alt, "Comment": data})
    plt.close(figure)
    compared = f"{alt} [drawn: {data}]" if stored else without_numbers(alt) if live else alt
    display({"image/png": png, "text/plain": compared}, metadata={"image/png": {"alt": alt}}, raw=True)


def without_numbers(text: str) -> str:
    """The text with # for every number.

    >>> without_numbers("Loss falls from 3.5 to 1.5 nats.")
    'Loss falls from # to # nats.'
    """
    return re.sub(r"[-−+]?\d[\d,.]*\b", "#", text)


def fingerprint(figure: Figure) -> str:
    """Hash of what a figure shows: its lines, bars, points, areas and images to three digits, and its words."""
    parts: list[str] = []
    for axes in figure.axes:
        for line in axes.lines:
            parts += numbers("line", line.get_xydata())
        for patch in axes.patches:
            parts += numbers("patch", patch.get_path().vertices, patch.get_patch_transform().get_matrix())
        for collection in axes.collections:
            parts += numbers("area", *(path.vertices for path in collection.get_paths()), collection.get_offsets())
        for image in axes.images:
            parts += numbers("image", image.get_array(), image.get_extent())
        parts += [text.get_text() for text in (*axes.texts, axes.title, axes.xaxis.label, axes.yaxis.label)]
    parts.append(figure.get_suptitle())
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def numbers(kind: str, *arrays: np.ndarray) -> list[str]:
    """The numbers of an artist as text, to three digits; what is next to nothing is nothing.

    Divided by pi first: means of shares often lie halfway between two roundings, where the last bit would decide.
    """
    flat = [float(value) / np.pi for array in arrays for value in np.ma.filled(array, np.nan).ravel()]
    return [kind, " ".join("0" if abs(value) < 1e-9 else f"{value:.3g}" for value in flat)]


def show_source(*things: object) -> None:
    """Display the code of classes and functions of the package: what they do, without docstrings and refusals."""
    display(Markdown("\n".join(["```python", *map(shown_source, things), "```"])))


def shown_source(thing: object) -> str:
    """The code of a class or function without its docstrings, and without each `if` that does nothing but raise."""
    source = textwrap.dedent(inspect.getsource(thing))
    lines: list[str | None] = list(source.splitlines())
    for node in ast.walk(ast.parse(source)):
        left_out = node if isinstance(node, ast.If) and isinstance(node.body[-1], ast.Raise) else None
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node):
            left_out = node.body[0]
        if left_out:
            lines[left_out.lineno - 1 : left_out.end_lineno] = [None] * (left_out.end_lineno - left_out.lineno + 1)
    return "\n".join(line for line in lines if line is not None)


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
    show(figure, f"{message.replace(chr(10), ' ')}. Mean {unit} (number of seeds): {means}.", stored=True)
