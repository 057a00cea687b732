"""The published ablations one by one: temperature, head, augmentation, loss, length of training, quality of the hub."""

import functools
from collections.abc import Callable
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from toyclip import streams
from toyclip.binding import Bound
from toyclip.data import Pairs, draw_pairs
from toyclip.encoders import ToyCLIP
from toyclip.errors import lookup
from toyclip.lab.study import Study
from toyclip.studies.cascade.hubs import checkpoints, hub
from toyclip.studies.cascade.pairing import Heard, Size, captions_of, heard, pictures_of, scores, tie
from toyclip.studies.cascade.space import readings

SMALL = Size(pairs=32, epochs=16)  # few pairs, so that there is room above
STOPS = (4, 12, 20, 40)  # updates after which a poorer hub is frozen; a whole training has 86
YIQ = torch.tensor([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])  # brightness, two of hue


def moved(pixels: Tensor, generator: torch.Generator, zoom: float, reach: float) -> Tensor:
    """Every picture cut out somewhere and enlarged again, (N, 3, H, W) float.

    Args:
        zoom: the smallest part of its width that is cut out, 0 to 1.
        reach: how far from the middle it may lie, as a part of half the width, beyond what the cut leaves free.
    """
    draws = torch.rand(3, len(pixels), generator=generator)  # (3, N)
    part = zoom + (1 - zoom) * draws[0]  # (N,)
    free = 1 - part + reach
    x, y = ((2 * draw - 1) * free for draw in draws[1:])
    zero = torch.zeros_like(part)
    rows = torch.stack([torch.stack([part, zero, x], dim=1), torch.stack([zero, part, y], dim=1)], dim=1)  # (N, 2, 3)
    grid = F.affine_grid(rows, list(pixels.shape), align_corners=False)
    return F.grid_sample(pixels, grid, padding_mode="border", align_corners=False)


def shifted(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """Weak: up to two pixels to any side."""
    return moved(pixels, generator, zoom=1.0, reach=2 / 16)


def cropped(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """Strong, but the colours stay: from half the width on is cut out and enlarged, perhaps mirrored, and lit anew."""
    cut = moved(pixels, generator, zoom=0.5, reach=0.0)
    mirror, light = torch.rand(2, len(cut), 1, 1, 1, generator=generator)
    return (torch.where(mirror < 0.5, cut.flip(3), cut) * (0.6 + 0.8 * light)).clamp(0, 1)


def recoloured(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """Strong, with the colours: the same, and every picture's hue is turned by up to half a circle either way."""
    cut = cropped(pixels, generator)
    angle = torch.pi * (2 * torch.rand(len(cut), generator=generator) - 1)  # (N,)
    cos, sin, one, zero = angle.cos(), angle.sin(), torch.ones_like(angle), torch.zeros_like(angle)
    turn = torch.stack([one, zero, zero, zero, cos, -sin, zero, sin, cos], dim=1).reshape(-1, 3, 3)  # (N, 3, 3)
    matrix = torch.linalg.inv(YIQ) @ turn @ YIQ  # (N, 3, 3), of red, green, blue
    return torch.einsum("nij,njhw->nihw", matrix, cut).clamp(0, 1)


def squared(bound: Bound, spectra: Tensor, anchors: Tensor) -> Tensor:
    """L2 instead of InfoNCE: the squared distance from each sound to its picture, no others asked, ()."""
    return (bound(spectra) - anchors).square().sum(dim=1).mean()


@torch.no_grad()
def seen_as(model: ToyCLIP, pairs: Heard, look: Callable, views: int, seed: int) -> Tensor:
    """Where the pictures lie when each is shown in so many ways, view by view, (views * N, D)."""
    if look is LOOKS["none"]:
        return pictures_of(model, pairs.pictures).repeat(views, 1)
    generator, images = streams.generator(seed, "views"), pairs.pictures.images
    return torch.cat([model.embed_images(look(images, generator)) for _ in range(views)])


LOOKS = {
    "none": lambda images, generator: images,
    "weak": shifted,
    "strong, colours kept": cropped,
    "strong": recoloured,
}
ARMS: dict[str, dict] = {  # what differs from a linear head, InfoNCE at 0.1 and pictures as they are
    "base": {},
    "temperature 0.02": {"temperature": 0.02},
    "temperature 0.05": {"temperature": 0.05},
    "temperature 0.2": {"temperature": 0.2},
    "temperature 1": {"temperature": 1.0},
    "temperature learned": {"temperature": None},
    "MLP head": {"head": "MLP"},
    "L2": {"loss_of": squared},
    "weak": {"look": "weak"},
    "strong, colours kept": {"look": "strong, colours kept"},
    "strong": {"look": "strong"},
    "twice as long": {"times": 2},
    "four times as long": {"times": 4},
    **{f"hub of {updates} updates": {"updates": updates} for updates in STOPS},
    "hub of 4 channels": {"width": 4},
}


@functools.lru_cache(maxsize=1)
def shown(seed: int, each: int) -> Pairs:
    """Pictures that a hub itself is tested on, so many of each class."""
    return draw_pairs(each, streams.number(seed, "pictures to test on"))


def ablation(name: str, seed: int, size: Size = SMALL) -> dict:
    """One arm: every sound meets its picture once an epoch, in a view of its own.

    Returns:
        As `scores` and `space.readings`; the logit scale and the loss at the end; "hub", the accuracy of the hub itself
        on pictures.

    Raises:
        InputError: if there is no such arm.
    """
    options = dict(lookup(ARMS, name, "arm"))
    updates, width = options.pop("updates", None), options.pop("width", 64)
    model = hub(seed, width) if updates is None else checkpoints(seed, STOPS)[updates]
    pairs, test, captions = heard(size, seed), shown(seed, size.test), captions_of(model)
    views = size.epochs * options.pop("times", 1)
    anchors = seen_as(model, pairs, LOOKS[options.pop("look", "none")], views, seed)  # (views * N, D)
    ears = tie(pairs.spectra.repeat(views, 1, 1), anchors, replace(size, epochs=1), seed, **options)
    sounds, pictures = ears.embed(pairs.test), pictures_of(model, test)
    stranger = hub(streams.number(seed, "another hub", 0))
    return scores(sounds, captions, pairs.classes) | {
        "hub": scores(pictures, captions, test.classes)["accuracy"],
        "logit_scale": round(ears.logit_scale.item(), 4),
        "loss": round(ears.losses[-1], 4),
        **readings(model, stranger, sounds, pictures, pairs.classes),
    }


STUDIES = (Study("cascade_ablations", ablation, seeds=5, conditions=tuple(ARMS)),)
