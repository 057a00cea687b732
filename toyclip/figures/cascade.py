"""Figures of the chapter The cascade, and sounds that can be played in the page."""

import base64
import hashlib
import io
import wave
from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
from IPython.display import display
from matplotlib.patches import Polygon

from toyclip.data import CLASSES
from toyclip.figures import style
from toyclip.trend import mean_interval


def wav(samples: np.ndarray, rate: int) -> bytes:
    """A sound of one channel as a WAV file, from (T,) int16.

    Raises:
        ValueError: if the samples are no row of 16-bit integers.

    >>> len(wav(np.zeros(4000, np.int16), rate=8000))      # 44 bytes say what it is
    8044
    """
    if samples.ndim != 1 or samples.dtype != np.int16:
        raise ValueError(f"expected (T,) int16, got {samples.dtype} {samples.shape}")
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(samples.astype("<i2").tobytes())
    return file.getvalue()


def players(sounds: Mapping[str, np.ndarray], rate: int) -> None:
    """Sounds with a button each and a text that says what is heard.

    Args:
        sounds: what is heard -> (T,) int16.
    """
    figures, plain = ['<div class="sounds">'], []
    for says, samples in sounds.items():
        data = wav(samples, rate)
        figures.append(
            '<figure style="margin:0 0 1rem"><figcaption style="text-align:left;color:inherit">'
            f'{escape(says)}</figcaption><audio controls preload="auto" style="max-width:100%" '
            f'aria-label="{escape(says)}" src="data:audio/wav;base64,{base64.b64encode(data).decode()}">'
            "</audio></figure>"
        )
        plain.append(f"sound: {says} [{hashlib.sha256(data).hexdigest()[:16]}]")
    html = "\n".join([*figures, "</div>"])
    display({"text/html": html, "text/plain": "\n".join(plain)}, raw=True)


def hub(message: str) -> None:
    """Three encoders around one space: two pairs that were trained, and the one that never met."""
    figure, axes = style.new(2.9)
    axes.set(xlim=(0, 10), ylim=(0, 6.2), aspect="equal")
    axes.axis("off")
    places = {"captions": (1.4, style.ACCENT), "pictures": (5.0, style.ACCENT), "sounds": (8.6, style.CONTRAST)}
    for name, (x, color) in places.items():
        corners = [(x - 1.15, 3.4), (x + 1.15, 3.4), (x + 0.7, 4.9), (x - 0.7, 4.9)][::-1]
        axes.add_patch(Polygon(corners, facecolor=color, edgecolor="none"))
        axes.text(x, 4.1, f"{name}'\nencoder", ha="center", va="center", fontsize=9.5, color="white")
    axes.text(1.4, 5.3, "“a red circle”", ha="center", fontsize=10)
    axes.plot(5.0, 5.45, "o", ms=12, color=style.PAINT["red"])
    t = np.linspace(0, 1, 200)
    axes.plot(7.8 + 1.6 * t, 5.45 + 0.32 * np.sin(2 * np.pi * 9 * t) * np.sin(np.pi * t), color=style.INK, lw=1.2)
    arrow = {"arrowstyle": "<->", "lw": 1.8, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", (1.5, 3.1), (4.8, 3.1), arrowprops=arrow | {"color": style.ACCENT})
    axes.text(3.15, 2.95, "trained, frozen", ha="center", va="top", fontsize=9.5, color=style.ACCENT)
    axes.annotate("", (5.2, 3.1), (8.5, 3.1), arrowprops=arrow | {"color": style.CONTRAST})
    axes.text(6.85, 2.95, "trained later", ha="center", va="top", fontsize=9.5, color=style.CONTRAST)
    bend = {"connectionstyle": "arc3,rad=0.55", "linestyle": ":", "color": style.GREY}
    axes.annotate("", (8.6, 3.2), (1.4, 3.2), arrowprops=arrow | bend)
    axes.text(5.0, 0.25, "never met", ha="center", fontsize=11, color=style.INK, fontweight="bold")
    style.title(figure, message)
    style.show(
        figure,
        "Three encoders side by side: of captions, of pictures and of sounds. A line joins captions and pictures, "
        "which were trained together and then frozen; another joins pictures and sounds. A dotted line runs from "
        "sounds to captions: they never met.",
    )


def spectra(spectra: np.ndarray, classes: Sequence[int], hertz: float, seconds: float, message: str) -> None:
    """Four spectrograms, each under its class as a shape in its colour.

    Args:
        spectra: (4, 64, F).
        hertz: height of a bin.
        seconds: between two columns.
    """
    figure, panels = style.new(3.0, columns=len(classes), sharey=True)
    for axes, values, c in zip(panels, spectra, classes, strict=True):
        bins, frames = values.shape
        extent = (0, frames * seconds, hertz / 2, (bins + 0.5) * hertz)
        axes.imshow(values, origin="lower", aspect="auto", extent=extent, cmap="magma")
        color, shape = CLASSES[c]
        axes.plot(
            0.5, 1.09, style.MARKER[shape], ms=11, color=style.PAINT[color], transform=axes.transAxes, clip_on=False
        )
        axes.set_xticks([0, 0.5], ["0", "0.5"], fontsize=10)
    panels[0].set_yticks([500, 1000, 1500, 2000])
    panels[0].tick_params(axis="y", labelsize=10)
    panels[0].set_ylabel("Hz")
    figure.supxlabel("seconds", fontsize=11)
    style.title(figure, f"{message}\n")
    told = ", ".join(f"{color} {shape}" for color, shape in (CLASSES[c] for c in classes))
    style.show(
        figure,
        f"Four spectrograms of half a second up to 2,000 Hz: {told}. The lowest line stands higher from shape to "
        "shape; the number of lines above it and how often they swell change with the colour.",
    )


def by_hub(hubs: np.ndarray, sounds: np.ndarray, stops: Sequence[int], message: str) -> None:
    """Accuracy of hubs frozen after so many updates, and of the sounds tied to each: seeds thin, means thick.

    Args:
        hubs: (S, K), 0 to 1.
        sounds: (S, K).
    """
    figure, axes = style.new(3.4)
    x = np.arange(len(stops))
    for values, color in ((hubs, style.ACCENT), (sounds, style.CONTRAST)):
        axes.plot(x, 100 * values.T, color=color, lw=0.7, alpha=0.35)
        axes.plot(x, 100 * values.mean(axis=0), "o-", color=color, ms=4)
    axes.axhline(100 / len(CLASSES), color=style.GREY, lw=1, ls=":")
    axes.text(x[-1], 100 / len(CLASSES) + 2, "guess", ha="right", color=style.GREY, fontsize=10)
    axes.text(x[-2] - 0.12, 100 * hubs[:, -2].mean() + 3, "pictures", ha="right", color=style.ACCENT)
    axes.text(x[-1], 100 * sounds[:, -1].mean() - 14, "sounds", ha="right", color=style.CONTRAST)
    axes.set(xlabel="updates of the hub before it was frozen", ylabel="right caption, %", ylim=(0, 104))
    axes.set_xticks(x, [str(s) for s in stops], fontsize=10)
    style.title(figure, message)
    told = "; ".join(
        f"{stops[k]} updates: {100 * hubs[:, k].mean():.0f} and {100 * sounds[:, k].mean():.0f} %"
        for k in (0, len(stops) - 2, len(stops) - 1)
    )
    style.show(
        figure, f"Share of pictures and of sounds that find their caption, {len(hubs)} seeds. {told}.", stored=True
    )


def effects(rows: Mapping[str, np.ndarray], published: Mapping[str, float], message: str) -> None:
    """What each change does to the share of sounds that find their caption, and what ImageBind found, as a tick.

    Args:
        rows: change -> (S,) differences in points.
        published: change -> points, where there is a number.
    """
    figure, axes = style.new(1.2 + 0.42 * len(rows))
    told = []
    for i, (name, values) in enumerate(rows.items()):
        mean, low, high = mean_interval(values)
        axes.plot(values, np.full(len(values), i), "o", color=style.ACCENT, ms=4, alpha=0.3, mew=0)
        axes.plot([low, high], [i, i], color=style.INK, lw=1.4)
        axes.plot(mean, i, "o", color=style.INK, ms=6)
        if name in published:
            axes.plot(published[name], i, "|", color=style.CONTRAST, ms=17, mew=3)
        said = f", published {published[name]:+.1f}" if name in published else ""
        told.append(f"{' '.join(name.split())} {mean:+.0f}{said}")
    axes.axvline(0, color=style.GREY, lw=1)
    axes.set_yticks(range(len(rows)), list(rows), fontsize=10)
    axes.invert_yaxis()
    axes.set(xlabel="points against the base")
    style.title(figure, message)
    style.show(figure, f"Changes in points, mean of {len(values)} seeds: {'; '.join(told)}.", stored=True)


def clouds(places: Mapping[str, np.ndarray], message: str, alt: str) -> None:
    """Where the modalities lie, on the two directions that tell their middles apart best and all of them next.

    Args:
        places: modality -> (N, D) unit vectors.
    """
    figure, axes = style.new(3.4)
    together = np.concatenate(list(places.values()))
    middles = np.stack([p.mean(axis=0) for p in places.values()])
    first = np.linalg.svd(middles - middles.mean(axis=0))[2][0]  # (D,)
    rest = together - together.mean(axis=0)
    rest = rest - np.outer(rest @ first, first)
    second = np.linalg.svd(rest, full_matrices=False)[2][0]
    looks = {"sounds": (style.CONTRAST, ".", 16), "pictures": (style.ACCENT, ".", 16), "captions": (style.INK, "*", 70)}
    spots = {"sounds": 0.2, "pictures": 0.5, "captions": 0.82}
    for name, place in places.items():
        color, marker, size = looks[name]
        axes.scatter(place @ first, place @ second, c=color, marker=marker, s=size, alpha=0.6, lw=0)
        axes.text(spots[name], 1.02, name, color=color, ha="center", fontsize=11, transform=axes.transAxes)
    axes.set(xlabel="the direction between the middles", ylabel="the widest other", ylim=(-1, 1))
    style.title(figure, message)
    style.show(figure, alt, live=True)
