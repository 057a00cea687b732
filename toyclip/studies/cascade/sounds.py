"""The colour-shape world as it sounds: half a second each, pitch from the shape, timbre and beat from the colour."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from toyclip import streams
from toyclip.data import CLASSES, COLORS, SHAPES
from toyclip.errors import InputError

RATE = 8000  # samples a second
LENGTH = 4000  # samples of a sound: half a second
MOST = 2 ** (1 / 12)  # a semitone, as a ratio of frequencies


@dataclass(frozen=True)
class Voice:
    """How a sound may vary. Every range is sampled uniformly and independently for each sound."""

    pitch: tuple[float, ...] = (220.0, 294.0, 392.0, 523.0)  # Hz of the fundamental, in SHAPES order: fourths apart
    bend: float = 2.0  # semitones either way; two and a half would let neighbours meet
    harmonics: tuple[
        tuple[float, ...], ...
    ] = (  # amplitude of the 1st, 2nd, ... multiple of the pitch, in COLORS order
        (1.0,),  # red: pure, a whistle
        (1.0, 0.0, 0.6, 0.0, 0.4),  # blue: hollow, a clarinet
        (1.0, 0.8, 0.6, 0.5, 0.4, 0.3),  # green: bright, a reed
        (0.3, 1.0, 0.2, 0.7),  # yellow: thin, the octave louder than the tone
    )
    beat: tuple[tuple[float, float], ...] = ((3, 5), (5, 8), (8, 12), (12, 18))  # swells a second, in COLORS order
    depth: tuple[float, float] = (0.5, 1.0)  # how far a swell goes down to silence
    loudness: tuple[float, float] = (0.15, 0.6)  # of the loudest sample without noise, of 1
    lasts: tuple[float, float] = (0.5, 1.0)  # part of the half second
    noise: tuple[float, float] = (0.02, 0.15)  # standard deviation of white noise


HEIGHT = dict(zip(SHAPES, ("low", "middling", "high", "very high"), strict=True))
CHARACTER = dict(
    zip(COLORS, ("pure, swelling slowly", "hollow, pulsing", "bright, throbbing", "thin, trembling"), strict=True)
)


def describe(color: str, shape: str) -> str:
    """What is heard of a class, in words.

    >>> describe("red", "circle")
    'a low tone, pure, swelling slowly'
    """
    return f"a {HEIGHT[shape]} tone, {CHARACTER[color]}"


def play(color: str, shape: str, rng: np.random.Generator, voice: Voice = Voice()) -> np.ndarray:
    """One sound of a class, with a random start, length, pitch, beat and loudness, in noise.

    Returns:
        (LENGTH,) int16, as a WAV file of `RATE` samples a second holds it.

    Raises:
        InputError: if the colour or the shape is not one of the world's.

    >>> play("red", "circle", np.random.default_rng(0)).shape
    (4000,)
    """
    if color not in COLORS or shape not in SHAPES:
        raise InputError(f"cannot play {color!r} {shape!r}: colours are {COLORS}, shapes are {SHAPES}")
    c = COLORS.index(color)
    low, high = np.array(
        [
            (-voice.bend, voice.bend),
            voice.beat[c],
            voice.depth,
            voice.loudness,
            voice.lasts,
            voice.noise,
            (0, 1),
            (0, 1),
        ]
    ).T
    bend, beat, depth, loudness, lasts, noise, start, phase = rng.uniform(low, high)
    time = np.arange(LENGTH) / RATE  # (LENGTH,) seconds
    pitch = voice.pitch[SHAPES.index(shape)] * MOST**bend
    phases = rng.uniform(0, 2 * np.pi, len(voice.harmonics[c]))
    tone = sum(
        a * np.sin(2 * np.pi * pitch * k * time + phases[k - 1]) for k, a in enumerate(voice.harmonics[c], start=1)
    )
    swell = 1 - depth * (0.5 + 0.5 * np.cos(2 * np.pi * (beat * time + phase)))
    whole = LENGTH / RATE
    into = time - start * (1 - lasts) * whole  # seconds since its start
    edge = np.clip(np.minimum(into, lasts * whole - into) / 0.01, 0, 1)  # 10 ms to come and go, without a click
    tone = tone * swell * edge
    wave = loudness * tone / np.abs(tone).max() + rng.normal(0, noise, LENGTH)
    return (32767 * wave.clip(-1, 1)).round().astype(np.int16)


def draw_sounds(classes: Tensor, seed: int, voice: Voice = Voice()) -> Tensor:
    """A sound for each of these classes, (N,) -> (N, LENGTH) int16; the same seed gives the same sounds.

    >>> draw_sounds(torch.tensor([3, 3]), seed=0).shape
    torch.Size([2, 4000])
    """
    rng = streams.rng(seed, "sounds")
    return torch.from_numpy(np.stack([play(*CLASSES[c], rng, voice) for c in classes.tolist()]))
