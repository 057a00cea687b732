"""Checks of the reader's answers to the exercises of chapter 1."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from toyclip import streams
from toyclip.data import Rendering, Tokenizer, draw_pairs
from toyclip.lab.answers import answer
from toyclip.pairs import Pairs, split

STILL = Rendering(size=22)  # no room to move
KNOWS, MOVED = 0.9, 0.7  # share right of still pictures, at least, and of moving ones, at most


@answer
def count_captions(count: int) -> str | None:
    """How many captions of one to four words the tokenizer can encode."""
    tokenizer = Tokenizer()
    words, lengths = len(tokenizer.words) - 1, range(1, tokenizer.context_length + 1)
    if count == sum(words**length for length in lengths):
        return None
    if count == words**tokenizer.context_length:
        return "that counts the captions of four words; shorter ones can be encoded as well"
    if count in (sum((words + 1) ** length for length in lengths), (words + 1) ** tokenizer.context_length):
        return "the padding is no word that a caption can hold"
    return f"{count} is too {'few' if count < sum(words**length for length in lengths) else 'many'}"


@answer
def mean_colour(shrink: Callable[[Tensor], Tensor]) -> str | None:
    """Pictures (N, 3, H, W) -> the mean of each channel, (N, 3)."""
    images = torch.rand(5, 3, 8, 6, generator=torch.Generator().manual_seed(0))
    found = shrink(images.clone())
    if tuple(found.shape) != (5, 3):
        return f"of five pictures you return the shape {tuple(found.shape)}, not (5, 3)"
    expected = [[sum(channel.flatten().tolist()) / channel.numel() for channel in image] for image in images]
    if not np.allclose(found, expected, atol=1e-5):
        return "the three numbers are not the means of the three channels"
    return None


@answer
def doubled(double: Callable[[Pairs, int], tuple[Pairs, Pairs]]) -> str | None:
    """Pairs and a seed -> training and held out, the first with each picture once more, one pixel to the right."""
    pairs = draw_pairs(per_class=20, seed=7)
    training, held_out = double(pairs, 7)
    size = len(split(pairs, seed=7)[1])
    drawn, tested = _pictures(pairs.pixels), _pictures(held_out.pixels)
    if len(held_out) != size or not tested <= drawn:
        return f"the held-out side should be {size} pictures as they were drawn; no copies there"
    if leaks := len(_pictures(torch.cat([held_out.pixels, _moved(held_out.pixels)])) & _pictures(training.pixels)):
        return f"{leaks} held-out pictures, moved or not, are on the training side as well"
    rest = torch.tensor([picture.numpy().tobytes() not in tested for picture in pairs.pixels])
    kept = pairs[rest]
    wanted = _labelled(kept) | _labelled(replace(kept, pixels=_moved(kept.pixels)))
    if len(training) != 2 * len(kept) or _pictures(training.pixels) != {picture for picture, *_ in wanted}:
        return f"the training side should be {len(kept)} pictures and the same {len(kept)}, one pixel to the right"
    if _labelled(training) != wanted:
        return "some pictures of the training side lost their class or their caption"
    return None


@answer
def suspects(search: Callable[[Pairs, Pairs], list[int]]) -> str | None:
    """Training and held-out pairs -> the places of the held-out pictures that have a near copy in training."""
    training, held_out = split(draw_pairs(per_class=100, seed=11), seed=11)
    rng = streams.generator(11, "batches")
    copied = torch.randperm(len(held_out), generator=rng)[:12]  # (12,)
    noise = 5 * torch.randn(12, *held_out.pixels.shape[1:], generator=rng)
    copies = replace(held_out[copied], pixels=(held_out.pixels[copied] + noise).round().clamp(0, 255).byte())
    for hidden in ([], [copies]):
        sides = [training, *hidden]
        given = Pairs(
            *(torch.cat([getattr(side, name) for side in sides]) for name in ("pixels", "classes", "captions"))
        )
        found, wanted = {int(i) for i in search(given, held_out)}, set(copied.tolist()) if hidden else set()
        if found - wanted:
            return f"you accuse {len(found - wanted)} pictures that nobody copied"
        if wanted - found:
            return f"you miss {len(wanted - found)} of {len(wanted)} copies"
    return None


@answer
def still(classifier: object) -> str | None:
    """A classifier of (N, 3072) pixels, 0 to 1, fitted to pictures of 22 pixels, padded with black to 32."""
    narrow, wide = draw_pairs(per_class=20, seed=23, rendering=STILL), draw_pairs(per_class=20, seed=23)
    narrow = replace(narrow, pixels=F.pad(narrow.pixels, (5, 5, 5, 5)))
    at_rest, moving = (
        float((classifier.predict(pairs.images.flatten(1).numpy()) == pairs.classes.numpy()).mean())
        for pairs in (narrow, wide)
    )
    if at_rest < KNOWS:
        return f"of new narrow pictures in a frame of 5 pixels it is right for {at_rest:.0%} only"
    if moving > MOVED:
        return "it has seen shapes that move; fit it to the narrow pictures alone"
    return None


def _moved(pixels: Tensor) -> Tensor:
    """One pixel to the right, what leaves there comes in on the left."""
    return torch.cat([pixels[..., -1:], pixels[..., :-1]], dim=3)


def _pictures(pixels: Tensor) -> set[bytes]:
    return {picture.numpy().tobytes() for picture in pixels}


def _labelled(pairs: Pairs) -> set[tuple[bytes, int, int]]:
    labels = zip(pairs.classes.tolist(), pairs.captions.tolist(), strict=True)
    return {(p.numpy().tobytes(), *label) for p, label in zip(pairs.pixels, labels, strict=True)}
