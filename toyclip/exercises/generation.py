"""Checks of the reader's answers in the chapter Drawing what was rarely seen (helper, no chapter)."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from toyclip import streams
from toyclip.lab.answers import answer
from toyclip.studies.generation.flow import as_signal
from toyclip.studies.generation.judging import nearest_seen
from toyclip.studies.generation.readings import swap_slopes


@answer
def guided(given: Callable[[Tensor, Tensor, float], Tensor]) -> str | None:
    """Velocities with and without the caption, (B, 3, H, W) each, and a guidance -> the way to go, (B, 3, H, W)."""
    told, untold = _noise("velocities", 2, 2, 3, 4, 4)  # (2, 3, 4, 4) each
    for guidance in (1.0, 2.0, 4.0, 0.0):
        found, step = torch.as_tensor(given(told, untold, guidance)), told - untold
        if found.shape != told.shape:
            return f"expected the shape {tuple(told.shape)} of a velocity, got {tuple(found.shape)}"
        if _same(found, untold + guidance * step):
            continue
        if _same(found, told + guidance * step):
            return "a guidance of 1 must give the model's own answer: begin at the velocity without the caption"
        if _same(found, told - guidance * step):
            return "told and untold have changed places, and more guidance leads away from the caption"
        if _same(found, guidance * step):
            return "that is the difference alone; the way that both have in common is missing"
        if _same(found, guidance * told):
            return "that walks faster, and in the same direction; exaggerate what the caption makes different"
        return f"with a guidance of {guidance:g} it is {_off(found, untold + guidance * step):.2f} off in the mean"
    return None


@answer
def pair(given: Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]) -> str | None:
    """Pictures and noise, (B, 3, H, W) each, and times, (B,) -> points on the lines and their velocities."""
    pictures, noise = _noise("pair", 2, 4, 3, 4, 4)  # (4, 3, 4, 4) each: a time too many axes to the right still fits
    times = torch.tensor([0.0, 0.2, 0.7, 1.0])  # (4,)
    point, velocity = (torch.as_tensor(part) for part in given(pictures, noise, times))
    if point.shape != pictures.shape or velocity.shape != pictures.shape:
        return f"expected {tuple(pictures.shape)} twice, got {tuple(point.shape)} and {tuple(velocity.shape)}"
    each = times[:, None, None, None]  # (4, 1, 1, 1)
    if _same(point, (1 - each) * pictures + each * noise):
        return "at time 0 there is noise, and at time 1 the picture; yours goes the other way"
    if _same(point, (1 - times) * noise + times * pictures):
        return "the times run along the columns of a picture; give them three more axes, so that each picture has one"
    if not _same(point, (1 - each) * noise + each * pictures):
        return f"the points are {_off(point, (1 - each) * noise + each * pictures):.2f} off in the mean"
    if _same(velocity, noise - pictures):
        return "the points are right, but that velocity leads back into the noise"
    if _same(velocity, pictures - point):
        return "that is the way that is left; the velocity is the same at every time"
    return None if _same(velocity, pictures - noise) else "the points are right, and the velocities are not"


@answer
def nearest(given: Callable[[Tensor, Tensor], Tensor]) -> str | None:
    """Drawings (N, 3, H, W) and training pictures (M, 3, H, W), -1 to 1 -> the distance to the nearest one, (N,)."""
    generator = streams.generator(0, "copies")
    seen = torch.randint(256, (7, 3, 4, 4), generator=generator, dtype=torch.uint8)  # (7, 3, 4, 4)
    asked = torch.randint(256, (5, 3, 4, 4), generator=generator, dtype=torch.uint8)  # (5, 3, 4, 4)
    asked[0] = seen[6]  # a copy
    right, _ = nearest_seen(asked, seen)  # (5,)
    drawings, pictures = as_signal(asked), as_signal(seen)
    found = torch.as_tensor(given(drawings, pictures))
    if found.shape != right.shape:
        return f"expected one number for each of {len(drawings)} drawings, got the shape {tuple(found.shape)}"
    if _same(found, right):
        return None
    apart = drawings[:, None] - pictures  # (5, 7, 3, 4, 4)
    squared = apart.square().mean(dim=(2, 3, 4))  # (5, 7)
    if _same(found, squared.sqrt().mean(dim=1)):
        return "that is the mean over all training pictures; one that is near is enough for a copy"
    if _same(found, apart.abs().mean(dim=(2, 3, 4)).min(dim=1).values):
        return "that is a mean of absolute differences; square them first, and take the root at the end"
    if _same(found, squared.min(dim=1).values):
        return "the root is missing"
    if _same(found, apart.flatten(2).norm(dim=2).min(dim=1).values):
        return "that is the root of a sum, which grows with the number of pixels; take the mean"
    if _same(found, squared.diagonal().sqrt()):
        return "a drawing is compared with the training picture that has its number; it may be nearer to another one"
    return f"the first drawing is a copy, at {found[0]:.2f}; the second is at {found[1]:.2f} and not at {right[1]:.2f}"


@answer
def same_concept(given: Callable[[np.ndarray, np.ndarray], float]) -> str | None:
    """Accuracies under both lots, (2, K), 0 to 1, and counts, (2, K) -> points for ten times as many pictures.

    Two means of the concepts' own slopes will do: the plain one, and the one in which a larger change weighs more.
    """
    counts = np.array([[1, 2, 8, 64, 512, 1024, 32, 4, 256], [1024, 64, 128, 2, 1, 16, 32, 4, 256]])  # (2, 9)
    noise = streams.rng(0, "ease").normal(0, 0.03, counts.shape)  # (2, 9)
    ease = np.array([0.15, 0.1, 0.3, 0.2, -0.05, 0.2, 0.6, 0.55, 0.0])  # (9,), of which three do not change
    accuracy = 0.2 + ease + 0.08 * np.log10(counts) + noise  # (2, 9)
    accuracy[:, 2] = 0.7, 0.5  # one does worse with more pictures
    found = float(given(accuracy.copy(), counts.copy()))
    more, better = np.log10(counts[0] / counts[1]), accuracy[0] - accuracy[1]  # (9,) each
    moved = more != 0  # (9,)
    own = better[moved] / more[moved]  # (6,)
    rights = own.mean(), swap_slopes(accuracy[:1], accuracy[1:], counts[:, None])[0]
    if not np.isfinite(found):
        return (
            "some concepts have the same count under both lots, and nothing can be divided by no change; leave them out"
        )
    says = {
        "that is a share; one point is a hundredth": np.array(rights) / 100,
        "that is for e times as many pictures; take the logarithm to base 10": np.array(rights) / np.log(10),
        "the lots have changed places in one of the two differences": -np.array(rights),
        "that forgets the sign: a concept that does worse with more pictures counts against": np.abs(own).mean(),
        "that compares concepts with each other; take the same concept under both lots": (
            np.polyfit(np.log10(counts).ravel(), accuracy.ravel(), 1)[0],
            *(np.polyfit(np.log10(n), right, 1)[0] for n, right in zip(counts, accuracy, strict=True)),
        ),
        "that also counts concepts whose count did not change, as if they had gained nothing": own.sum() / len(moved),
    }
    if np.isclose(found, 100 * np.array(rights), rtol=1e-6).any():
        return None
    for what, slopes in says.items():
        if np.isclose(found, 100 * np.atleast_1d(slopes), rtol=1e-6).any():
            return what
    return f"nine concepts under two lots make {100 * rights[0]:.2f} points, and not {found:.2f}"


def _noise(what: str, *shape: int) -> Tensor:
    return torch.randn(shape, generator=streams.generator(0, what))


def _same(found: Tensor, other: Tensor) -> bool:
    return torch.allclose(found.float(), other.float(), atol=1e-3)


def _off(found: Tensor, right: Tensor) -> float:
    return (found - right).abs().mean().item()
