"""The colour-shape world: pictures drawn by Pillow, their captions and the tokenizer (chapter 1)."""

import colorsys
import difflib
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from toyclip import streams
from toyclip.errors import CaptionError, InputError
from toyclip.outlines import outline
from toyclip.pairs import Pairs, render, split

COLORS = ("red", "blue", "green", "yellow")
SHAPES = ("circle", "square", "triangle", "cross")
CLASSES = tuple((color, shape) for color in COLORS for shape in SHAPES)  # class id = position here
PADDING = "<pad>"
PIXEL_MEAN, PIXEL_STD = 0.18, 0.26  # of the training pictures, all channels together
MARGIN = 1.08  # shapes stay inside, but for a corner now and then


@dataclass(frozen=True)
class Rendering:
    """How a picture may vary. Every range is sampled uniformly and independently for each picture.

    This is the data card of the world in chapter 1: the source article leaves these choices open.
    """

    size: int = 32  # px, width and height of a picture
    extent: tuple[float, float] = (9.0, 11.0)  # px, half the width of the shape before it is turned
    rotation: tuple[float, ...] = (0.0, 8.0, 15.0, 45.0)  # degrees either way, in SHAPES order; 45 turns + into x
    arm: tuple[float, float] = (0.28, 0.40)  # width of a cross's arm, as a part of its length
    hue: tuple[tuple[float, float], ...] = ((-16, 16), (190, 250), (69, 155), (45, 61))  # degrees, in COLORS order
    saturation: tuple[float, float] = (0.45, 1.0)  # HSV saturation
    value: tuple[float, float] = (0.70, 1.0)  # HSV value
    background: tuple[float, float] = (0.0, 0.10)  # grey level, 0 black to 1 white
    noise: float = 0.02  # standard deviation of the Gaussian noise on every pixel and channel, 0 to 1
    supersampling: int = 4  # shapes are drawn this many times larger and averaged down: anti-aliasing


def draw(color: str, shape: str, rng: np.random.Generator, rendering: Rendering = Rendering()) -> np.ndarray:
    """Draw one picture of a shape at a random place, size, rotation and shade.

    Returns:
        (size, size, 3) uint8 RGB.

    Raises:
        InputError: if the colour or the shape is not one of the world's.

    >>> draw("red", "circle", np.random.default_rng(0)).shape
    (32, 32, 3)
    """
    if color not in COLORS or shape not in SHAPES:
        raise InputError(f"cannot draw {color!r} {shape!r}: colours are {COLORS}, shapes are {SHAPES}")
    turn = rendering.rotation[SHAPES.index(shape)]
    low, high = np.array(
        [rendering.extent, (-turn, turn), rendering.arm, rendering.hue[COLORS.index(color)],
         rendering.saturation, rendering.value, rendering.background]
    ).T  # fmt: skip
    extent, rotation, arm, hue, saturation, value, background = rng.uniform(low, high)
    margin = min(MARGIN * extent, rendering.size / 2)  # so that the shape stays inside when it is turned
    x, y = rng.uniform(margin, rendering.size - margin, size=2)
    scale = rendering.supersampling
    rgb = colorsys.hsv_to_rgb(hue / 360 % 1, saturation, value)
    grey = (round(255 * background),) * 3
    fill = tuple(round(255 * v) for v in rgb)
    canvas = Image.new("RGB", (rendering.size * scale, rendering.size * scale), grey)
    pen = ImageDraw.Draw(canvas)
    if shape == "circle":
        pen.ellipse([scale * v for v in (x - extent, y - extent, x + extent, y + extent)], fill=fill)
    else:
        pen.polygon(outline(shape, (scale * x, scale * y), scale * extent, math.radians(rotation), arm), fill=fill)
    pixels = np.asarray(canvas.reduce(scale), dtype=np.float32)
    pixels = pixels + rng.normal(0, 255 * rendering.noise, pixels.shape).astype(np.float32)
    return pixels.round().clip(0, 255).astype(np.uint8)


def standardize(images: Tensor) -> Tensor:
    """Pictures as bytes or as floats in [0, 1], (B, 3, H, W) -> floats around 0, as CLIP does; the source is silent."""
    images = images / 255 if images.dtype == torch.uint8 else images
    return (images - PIXEL_MEAN) / PIXEL_STD


def draw_pairs(per_class: int, seed: int, rendering: Rendering = Rendering()) -> Pairs:
    """Draw `per_class` pictures of each of the 16 classes; the same seed gives the same pictures.

    >>> len(draw_pairs(per_class=2, seed=0))
    32
    """
    rng = streams.rng(seed, "pictures")
    return render(
        lambda c, rng: draw(*CLASSES[c], rng, rendering), [per_class] * len(CLASSES), streams=[rng] * len(CLASSES)
    )


def world(seed: int, rendering: Rendering = Rendering()) -> tuple[Pairs, Pairs]:
    """The 2,720 pairs that a model of this seed is trained on, and the 480 that are held out."""
    return split(draw_pairs(per_class=200, seed=seed, rendering=rendering), seed)


def caption(color: str, shape: str, template: str = "a {color} {shape}") -> str:
    """The sentence that names a picture.

    >>> caption("red", "circle")
    'a red circle'
    """
    return template.format(color=color, shape=shape)


#: The sixteen captions of the world, "a red circle" first; caption c is that of class c.
CAPTIONS = tuple(caption(*pair) for pair in CLASSES)


class Tokenizer:
    """Splits a caption at spaces and looks each word up. Id 0 is the padding that fills a caption to its length.

    Raises:
        CaptionError: if the words are not different single words in lower case, or context_length is below 1.

    >>> Tokenizer().encode(["a red circle", "yellow cross"])
    tensor([[1, 2, 6, 0],
            [5, 9, 0, 0]])
    """

    def __init__(self, words: Sequence[str] = ("a", *COLORS, *SHAPES), context_length: int = 4):
        if isinstance(words, str) or not isinstance(words, Sequence) or not words:
            raise CaptionError(f"expected a list of at least one word, got {words!r}")
        for i, word in enumerate(words):
            if not isinstance(word, str) or word.lower().split() != [word] or word in (PADDING, *words[:i]):
                raise CaptionError(f"word {i + 1} is {word!r}; give different single words in lower case")
        if not isinstance(context_length, int) or isinstance(context_length, bool) or context_length < 1:
            raise CaptionError(f"context_length={context_length!r}; give a whole number above 0")
        self.words = (PADDING, *words)
        self.context_length = context_length
        self.ids = {word: i for i, word in enumerate(self.words)}

    def encode(self, captions: Sequence[str]) -> Tensor:
        """Token ids of each caption, (N, context_length) int64.

        Raises:
            CaptionError: if a caption is empty, has more words than context_length, or holds an unknown word.
        """
        if isinstance(captions, str):
            raise CaptionError(f"expected a list of captions, got the single string {captions!r}; write [{captions!r}]")
        tokens = torch.zeros(len(captions), self.context_length, dtype=torch.int64)  # (N, L)
        for row, text in enumerate(captions):
            words = text.lower().split()
            if not words:
                raise CaptionError("the caption is empty; write at least one word")
            if len(words) > self.context_length:
                raise CaptionError(f"{text!r} has {len(words)} words; at most {self.context_length} fit")
            tokens[row, : len(words)] = torch.tensor([self._id(word) for word in words])
        return tokens

    def decode(self, tokens: Tensor) -> list[str]:
        """The captions of a (N, L) tensor of token ids, padding left out."""
        return [" ".join(self.words[i] for i in row if i) for row in tokens.tolist()]

    def _id(self, word: str) -> int:
        if word in self.ids and word != PADDING:
            return self.ids[word]
        known = self.words[1:]
        close = difflib.get_close_matches(word, known, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else "."
        raise CaptionError(f"unknown word {word!r}{hint} The vocabulary is: {', '.join(known)}")
