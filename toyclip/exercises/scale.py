"""Checks of the reader's answers in the chapter From the toy to CLIP (helper, no chapter)."""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from toyclip.infonce import info_nce
from toyclip.lab.answers import answer


@answer
def patch_weights(given: int) -> str | None:
    """Weights of the patch embedding of ViT-B/32: patches of 32 x 32 pixels of three channels, to 768 numbers each."""
    right = torch.nn.Conv2d(3, 768, 32, stride=32, bias=False).weight.numel()
    if given == right:
        return None
    if given == right // 3:
        return "a pixel has three channels, and each has a weight of its own"
    if given == 49 * right:
        return "all 49 patches of a picture share these weights, as all places share those of a convolution"
    if given == right + 768:
        return "CLIP's patch embedding has no bias"
    return f"one weight for each number of a patch and each of the 768 that come out are not {given:,}"


@answer
def chance_without_gather(given: Callable[[int, int], float]) -> str | None:
    """Loss in nats of a model that knows nothing, where each of P processes compares only its own part of B pairs."""
    for batch, processes in ((128, 4), (32_768, 256), (64, 1)):
        found, right = given(batch, processes), math.log(batch / processes)
        if math.isclose(found, right, abs_tol=1e-6):
            continue
        if math.isclose(found, math.log(batch), abs_tol=1e-6):
            return "that is chance for the whole batch, which nobody compares here"
        if math.isclose(found, right / processes, abs_tol=1e-6):
            return "the losses of the processes are averaged, not shared out: each of them is already a mean"
        return f"{batch} pairs over {processes} processes make chance {right:.4f} nats, not {found:.4f}"
    return None


@answer
def local_loss(given: Callable[[Tensor, Tensor, float, int, int], Tensor]) -> str | None:
    """The part of InfoNCE that process `rank` computes from all embeddings: (B, D) twice, scale, rank, own pairs."""
    generator = torch.Generator().manual_seed(0)
    images, texts = F.normalize(torch.randn(2, 12, 5, generator=generator, dtype=torch.float64), dim=-1)  # (B, D) each
    right = info_nce(4.0 * images @ texts.T)  # ()
    whole = [given(images, texts, 4.0, 0, 12)]
    if not torch.allclose(whole[0].double(), right):
        return f"with one process it must be InfoNCE itself, {right:.4f} nats, and is {whole[0]:.4f}"
    parts = torch.stack([given(images, texts, 4.0, rank, 4) for rank in range(3)])  # (P,)
    if torch.allclose(parts.mean(), right):
        return None
    own = torch.stack([info_nce(4.0 * i @ t.T) for i, t in zip(images.split(4), texts.split(4), strict=True)])  # (P,)
    if torch.allclose(parts.mean(), own.mean()):
        return "each process compares its own pairs with its own pairs only; its rows need the columns of all"
    if torch.allclose(parts.sum(), right):
        return "the parts add up to the loss, but processes average their gradients; each part should be a mean"
    if torch.allclose(parts, parts[:1]):
        return "all ranks give the same number; the pairs of rank r begin at r times as many as it has"
    return f"three processes of four pairs average {parts.mean():.4f} nats, and all twelve pairs cost {right:.4f}"
