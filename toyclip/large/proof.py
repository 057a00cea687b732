"""Is the gradient of many processes that of one? Measured on a batch of the world (the chapter on scale)."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from toyclip.chunked import plain_step
from toyclip.data import CAPTIONS, Tokenizer, draw_pairs
from toyclip.encoders import Config, ToyCLIP
from toyclip.errors import lookup
from toyclip.large.global_loss import global_info_nce
from toyclip.large.processes import Processes
from toyclip.large.steps import shared, step
from toyclip.large.together import together
from toyclip.large.wrong_losses import WRONG_LOSSES

LOSSES = {"global_info_nce": global_info_nce, **WRONG_LOSSES}


@dataclass(frozen=True)
class Gap:
    """How far one step of many processes is from that of a single one with the same pairs."""

    loss_off: float  # nats
    gradient_off: float  # largest difference of any entry, as a part of the largest entry of that weight's gradient
    angle: float  # degrees between both gradients, of all weights in one vector
    length: float  # of the gradient, as a part of the right one's


def batch_of_the_world(size: int, seed: int) -> tuple[Tensor, Tensor]:
    """So many pictures, all classes in turn, (B, 3, 32, 32) uint8, and their captions, (B, L)."""
    pairs = draw_pairs(per_class=-(-size // len(CAPTIONS)), seed=seed)
    dealt = torch.arange(len(pairs)).view(len(CAPTIONS), -1).T.flatten()[:size]  # (B,)
    return pairs.pixels[dealt], Tokenizer().encode(CAPTIONS)[pairs.captions[dealt]]


def gaps(
    losses: Sequence[str] = tuple(LOSSES),
    processes: int = 2,
    batch_size: int = 64,
    chunk: int | None = None,
    seed: int = 0,
    doubles: bool = False,
    start: str = "spawn",
    device: str = "cpu",
) -> dict[str, Gap]:
    """One step with each of these losses in so many processes, against one with `plain_step` in a single one.

    Args:
        losses: "global_info_nce", and names of wrong losses.
        chunk: for gradient caching in every process.
        doubles: compute in float64.
        start: how processes are started, as in `together`.

    Raises:
        InputError: if there is no loss of a name.
    """
    for loss in losses:
        lookup(LOSSES, loss, "loss")
    arguments = tuple(losses), batch_size, chunk, seed, doubles
    return together(gaps_in, processes, *arguments, start=start, device=device)[0]


def gaps_in(
    processes: Processes, losses: Sequence[str], batch_size: int, chunk: int | None, seed: int, doubles: bool = False
) -> dict[str, Gap]:
    """The same, inside one of the processes; all of them have to call it."""
    return {loss: gap_in(processes, loss, batch_size, chunk, seed, doubles) for loss in losses}


def gap_in(
    processes: Processes, loss: str, batch_size: int, chunk: int | None, seed: int, doubles: bool = False
) -> Gap:
    """The gap of one loss, inside one of the processes; all of them have to call it.

    >>> gap_in(Processes(), "global_info_nce", batch_size=8, chunk=3, seed=0).angle < 0.01  # degrees
    True
    """
    images, tokens = batch_of_the_world(batch_size, seed)
    control, model = (ToyCLIP(Config(image_encoder="strided"), seed).to(processes.device) for _ in range(2))
    if doubles:
        control, model, images = control.double(), model.double(), images.double() / 255
    expected = plain_step(control, images, tokens)  # ()
    share = torch.arange(batch_size).tensor_split(processes.size)[processes.rank]  # (b,)
    found = step(shared(model, processes), images[share], tokens[share], processes, chunk, LOSSES[loss])  # ()
    right, mine = ([p.grad.double() for p in m.parameters()] for m in (control, model))
    off = max((b - a).abs().max().item() / a.abs().max().item() for a, b in zip(right, mine, strict=True))
    a, b = (torch.cat([g.flatten() for g in gradients]) for gradients in (right, mine))  # (parameters,) each
    across = (b / b.norm() - a / a.norm()).norm() / 2  # the chord between both directions, halved: exact near 0
    angle = 2 * across.clamp(max=1).asin().rad2deg().item()
    return Gap((found - expected).abs().item(), off, angle, (b.norm() / a.norm()).item())
