"""Pictures with their captions: the one dataset, the one loop that draws it, and the split (chapter 1)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from toyclip import streams
from toyclip.errors import InputError


@dataclass(frozen=True)
class Pairs:
    """Pictures with their captions, both by number; what class c looks like and is called, its world decides."""

    pixels: Tensor  # (N, 3, H, W) uint8
    classes: Tensor  # (N,) int64, what each picture shows
    captions: Tensor  # (N,) int64, the class whose caption stands under it: another one where a pair is mismatched

    @property
    def images(self) -> Tensor:
        """The pictures as float32 in [0, 1], (N, 3, H, W)."""
        return self.pixels / 255

    def __len__(self) -> int:
        return len(self.classes)

    def __getitem__(self, index: Tensor) -> "Pairs":
        return Pairs(self.pixels[index], self.classes[index], self.captions[index])


def render(
    draw_class: Callable[[int, np.random.Generator], np.ndarray],
    counts: Sequence[int],
    streams: Sequence[np.random.Generator],
) -> Pairs:
    """So many pictures of each class, each with its own caption.

    Args:
        draw_class: (class, generator) -> (H, W, 3) uint8.
        counts: of pictures of class 0, 1, ...
        streams: for each class the generator that its pictures are drawn with.

    Raises:
        InputError: if there is not one count, 0 or more, for each class, or nothing to draw.
    """
    if len(counts) != len(streams) or min(counts, default=0) < 0 or not sum(counts):
        raise InputError(f"{len(streams)} classes, {len(counts)} counts; give one count, 0 or more, for each class")
    classes = torch.arange(len(counts)).repeat_interleave(torch.as_tensor(np.asarray(counts)))  # (N,)
    pixels = np.stack([draw_class(c, streams[c]) for c in classes.tolist()])  # (N, H, W, 3)
    return Pairs(torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous(), classes, classes)


def split(pairs: Pairs, seed: int, held_out: float = 0.15) -> tuple[Pairs, Pairs]:
    """Split stratified by class into training and held-out pairs: 85 / 15, the same share of every class.

    Raises:
        InputError: if held_out leaves a class without a picture on either side.

    >>> blank = np.zeros((1, 1, 3), np.uint8)
    >>> pairs = render(lambda c, rng: blank, counts=[20] * 16, streams=[np.random.default_rng(0)] * 16)
    >>> [len(part) for part in split(pairs, seed=0)]
    [272, 48]
    """
    generator = streams.generator(seed, "split")
    sides: tuple[list[Tensor], list[Tensor]] = ([], [])
    for c in pairs.classes.unique():
        members = (pairs.classes == c).nonzero().squeeze(1)  # (n_c,)
        members = members[torch.randperm(len(members), generator=generator)]
        cut = round(len(members) * held_out)
        if not 0 < cut < len(members):
            raise InputError(f"held_out={held_out} of {len(members)} pictures leaves a side empty; draw more pictures")
        sides[0].append(members[cut:])
        sides[1].append(members[:cut])
    return pairs[torch.cat(sides[0])], pairs[torch.cat(sides[1])]
