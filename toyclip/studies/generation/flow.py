"""Flow matching: a straight way from noise to each picture, learned, and walked in twenty steps (chapter Generation).

At time 0 there is noise, at 1 a picture; between them lies the straight line, whose velocity is picture minus noise
(Lipman et al. 2023; Liu et al. 2023). The network learns the mean velocity of all lines through a point.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from toyclip import streams
from toyclip.errors import InputError, LossNotFiniteError
from toyclip.pairs import Pairs
from toyclip.studies.generation.unet import NOTHING, UNet
from toyclip.train import one_thread

UNTOLD = 0.1  # share of the captions that are left empty in training, so that there is a "without" to be guided from


@dataclass(frozen=True)
class Schooling:
    """For how long a generator learns, and how fast."""

    updates: int = 1500
    batch_size: int = 64
    lr: float = 4e-3  # the highest rate of AdamW, reached after a tenth of the updates


FULL = Schooling()


def as_signal(pixels: Tensor) -> Tensor:
    """Bytes as numbers from -1 to 1, around which the noise lies.

    >>> as_signal(torch.tensor([0, 255], dtype=torch.uint8)).tolist()
    [-1.0, 1.0]
    """
    return pixels / 127.5 - 1


def as_pixels(signal: Tensor) -> Tensor:
    """The other way round; what lies beyond black and white is cut off.

    >>> as_pixels(torch.tensor([-1.7, 0.0, 1.0])).tolist()
    [0, 128, 255]
    """
    return ((signal.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)


def flow_loss(model: nn.Module, images: Tensor, tokens: Tensor, generator: torch.Generator) -> Tensor:
    """Mean squared error of the velocity at a random place of each picture's line, ().

    Args:
        images: (B, 3, H, W), -1 to 1.
        tokens: (B,); one in ten is left empty (Ho and Salimans 2022).
        generator: on the processor; draws times, noise and who is left empty.
    """
    time = torch.rand(len(images), generator=generator)  # (B,)
    noise = torch.randn(images.shape, generator=generator)  # (B, 3, H, W)
    untold = torch.rand(len(images), generator=generator) < UNTOLD  # (B,)
    time, noise, untold = (part.to(images.device) for part in (time, noise, untold))
    way = time[:, None, None, None]  # (B, 1, 1, 1)
    between = (1 - way) * noise + way * images  # (B, 3, H, W)
    velocity = model(between, time, tokens.masked_fill(untold, NOTHING))  # (B, 3, H, W)
    return F.mse_loss(velocity, images - noise)


def rate(step: int, updates: int) -> float:
    """What part of the highest rate a step is taken with: straight up for a tenth, then down along a cosine.

    >>> [round(rate(step, updates=20), 2) for step in (0, 1, 2, 11, 19)]
    [0.5, 1.0, 1.0, 0.5, 0.01]
    """
    warm = max(1, updates // 10)
    if step < warm:
        return (step + 1) / warm
    return (1 + math.cos(math.pi * (step - warm) / (updates - warm))) / 2


def teach(model: UNet, pairs: Pairs, seed: int, schooling: Schooling = FULL, device: str = "cpu") -> float:
    """Train a generator in place on pictures and their captions; the mean loss of the last tenth.

    Every batch is drawn anew from all pairs, so that a caption is met as often as it is frequent.

    Raises:
        LossNotFiniteError: if the loss becomes NaN or infinite.
    """
    generator, losses = streams.generator(seed, "flow"), []
    images, tokens = as_signal(pairs.pixels).to(device), (pairs.captions + 1).to(device)  # (N, 3, H, W), (N,)
    optimizer = torch.optim.AdamW(model.to(device).parameters(), weight_decay=0.01)
    with one_thread():
        for step in range(schooling.updates):
            chosen = torch.randint(len(pairs), (schooling.batch_size,), generator=generator)  # (B,)
            loss = flow_loss(model, images[chosen], tokens[chosen], generator)  # ()
            if not loss.isfinite():
                raise LossNotFiniteError(f"the loss is {loss.item()} at step {step}; lower the learning rate")
            model.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.param_groups[0]["lr"] = schooling.lr * rate(step, schooling.updates)
            optimizer.step()
            losses.append(loss.item())
    model.cpu()
    last = losses[-max(1, len(losses) // 10) :]
    return sum(last) / len(last)


@torch.no_grad()
def velocity(model: nn.Module, images: Tensor, time: float, tokens: Tensor, guidance: float) -> Tensor:
    """The way to go from here, (B, 3, H, W).

    The step that the caption makes different is taken `guidance` times (classifier-free guidance, Ho and Salimans
    2022): 0 does not listen, 1 is the model's own answer, more than 1 exaggerates.
    """
    now = torch.full((len(images),), time)  # (B,)
    told = model(images, now, tokens)  # (B, 3, H, W)
    if guidance == 1:
        return told
    untold = model(images, now, torch.full_like(tokens, NOTHING))  # (B, 3, H, W)
    return untold + guidance * (told - untold)


@torch.no_grad()
def draw(
    model: nn.Module, captions: Tensor, seed: int, size: int = 16, steps: int = 20, guidance: float = 2.0
) -> Tensor:
    """One picture for each caption, from noise, by steps of equal length, (N, 3, size, size) uint8.

    Args:
        captions: (N,), from 0, as in `Pairs`.
        seed: of the noise; picture n is the same under every guidance.

    Raises:
        InputError: if there is no step, or the guidance is below 0 or no number.
    """
    if steps < 1 or not (math.isfinite(guidance) and guidance >= 0):
        raise InputError(f"steps={steps}, guidance={guidance}; give at least 1 step and a finite guidance from 0 on")
    images = torch.randn(len(captions), 3, size, size, generator=streams.generator(seed, "noise"))  # (N, 3, H, W)
    with one_thread():
        for step in range(steps):
            parts = zip(images.split(256), captions.split(256), strict=True)
            ways = [velocity(model, part, step / steps, words + 1, guidance) for part, words in parts]
            images = images + torch.cat(ways) / steps
    return as_pixels(images)
