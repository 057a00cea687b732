"""Checks of the reader's answers to the exercises of chapter 2."""

import copy
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from toyclip import checkpoint
from toyclip.data import Rendering, draw
from toyclip.encoders import Block, Config, ImageEncoder, ToyCLIP, pooled
from toyclip.lab.answers import answer

CLEAN = Rendering(noise=0, background=(0, 0))


@answer
def fifth_convolution(given: tuple[int, int]) -> str | None:
    """(width of the window in pixels, parameters more) of the reference with a fifth convolution."""
    width, more = given
    four, five = (ImageEncoder(blocks) for blocks in (pooled(64), [*pooled(64), Block(64)]))
    x = torch.rand(8, 3, 64, 64, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    five.double().features(x)[:, :, 8, 8].sum().backward()  # far from the border
    seen = len(x.grad.abs().sum(dim=(0, 1, 2)).nonzero())
    if width != seen:
        return f"{width} pixels is not what a gradient finds; think of how far neighbouring places are apart by then"
    if more != sum(p.numel() for p in five.parameters()) - sum(p.numel() for p in four.parameters()):
        return f"a convolution from 64 to 64 channels does not hold {more:,} parameters; mind the biases"
    return None


@answer
def mean_of_words(mine: Callable[[Tensor, Tensor, Tensor], Tensor]) -> str | None:
    """Word vectors (V, D), positions (L, D), ids (B, L) -> (B, D), the mean of the real words."""
    generator = torch.Generator().manual_seed(3)
    words = torch.randn(10, 6, generator=generator)  # a vector for the padding as well
    positions = torch.randn(4, 6, generator=generator)
    tokens = torch.tensor([[1, 2, 6, 0], [5, 9, 0, 0], [7, 0, 0, 0], [4, 4, 3, 8]])
    found = mine(words, positions, tokens)
    if tuple(found.shape) != (4, 6):
        return f"of four captions you return the shape {tuple(found.shape)}, not (4, 6)"
    for row, text in enumerate(tokens.tolist()):
        real = [word for word in text if word]
        vectors = [words[word].numpy() + positions[place].numpy() for place, word in enumerate(real)]
        if not np.allclose(found[row].numpy(), np.sum(vectors, axis=0) / len(real), atol=1e-5):
            return f"caption {row + 1}, with ids {text}, has another mean; only real words may count"
    return None


@answer
def learned_positions(given: Tensor) -> str | None:
    """(4, 64): what training added to the positions, once the shrinking by weight decay is taken out."""
    trained = checkpoint.load()[0].text_encoder.positions.detach()
    start = ToyCLIP(Config(image_encoder="strided"), seed=0).text_encoder.positions.detach()
    if tuple(given.shape) != (4, 64):
        return f"four position vectors have the shape (4, 64), yours is {tuple(given.shape)}"
    shrunk = (trained - given.detach()).flatten()  # must be the start times one factor
    factor = (shrunk @ start.flatten()) / (start.flatten() @ start.flatten())
    if (shrunk - factor * start.flatten()).abs().max() > 1e-4:
        return "what you took out is not the first vectors times one number"
    if given[3].abs().max() > 1e-4:
        return "no caption of training has a fourth word, yet you say that the fourth position learned something"
    return None


@answer
def blind_to(given: str) -> str | None:
    """ "places" or "colours": what can be exchanged between two shapes without the image encoder noticing."""
    if given not in ("places", "colours"):
        return f"answer 'places' or 'colours', not {given!r}"
    encoder = copy.deepcopy(checkpoint.load()[0].image_encoder).double()
    scene, recoloured = (
        torch.cat([_tile(left, "circle"), _tile(right, "square")], dim=2)
        for left, right in (("red", "blue"), ("blue", "red"))
    )
    other = scene.roll(scene.shape[2] // 2, dims=2) if given == "places" else recoloured
    with torch.no_grad():
        change = (encoder(scene[None]) - encoder(other[None])).abs().max()
    return None if change < 1e-9 else f"with exchanged {given} a number of the embedding changes by {change:.2f}"


def _tile(color: str, shape: str) -> Tensor:
    """One shape in the middle of a wide black frame, (3, 96, 96)."""
    pixels = torch.from_numpy(draw(color, shape, np.random.default_rng(0), CLEAN))
    return F.pad(pixels.permute(2, 0, 1).double() / 255, (32, 32, 32, 32))
