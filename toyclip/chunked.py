"""The loss at the batch size of a data centre: chunks instead of a square (chapter 7)."""

import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from toyclip.data import CLASSES, Rendering, Tokenizer, caption
from toyclip.encoders import ToyCLIP
from toyclip.errors import InputError, RecipeError
from toyclip.infonce import info_nce


def chunked_info_nce(images: Tensor, texts: Tensor, logit_scale: Tensor, chunk: int) -> Tensor:
    """Symmetric InfoNCE of B pairs of embeddings, in nats, without the (B, B) matrix of their similarities.

    The same loss and the same gradients as `info_nce(logit_scale * images @ texts.T)` (van den Oord et al. 2018;
    Radford et al. 2021), but only `chunk` rows of the matrix exist at a time: memory grows with B x chunk. A row's
    denominator is complete as soon as the row is there; a column's is a running sum, the online softmax of Milakov &
    Gimelshein 2018 (arXiv 1805.02867). The backward pass computes every chunk again, and its gradient in closed form;
    it cannot be differentiated itself.

    Args:
        images, texts: (B, D) embeddings; pair i is row i of both.
        logit_scale: () 1 / temperature.
        chunk: rows at a time; any number gives the same loss, up to rounding.

    Raises:
        InputError: if images and texts are not matrices of one shape, or logit_scale is not one number.
        RecipeError: if B is below 2 or chunk below 1.

    >>> same = torch.ones(8, 4)                            # knowing nothing costs log B
    >>> round(chunked_info_nce(same, same, torch.tensor(5.0), chunk=3).item(), 4)
    2.0794
    """
    if images.ndim != 2 or images.shape != texts.shape or logit_scale.ndim != 0:
        got = ", ".join(str(tuple(x.shape)) for x in (images, texts, logit_scale))
        raise InputError(f"expected embeddings (B, D), (B, D) and a scale (), got shapes {got}")
    _check_sizes(len(images), chunk)
    return _ChunkedInfoNCE.apply(images, texts, logit_scale, chunk)


def _check_sizes(batch_size: int, chunk: int) -> None:
    if batch_size < 2:
        raise RecipeError(f"a batch of {batch_size} has no negatives and teaches nothing; use at least two pairs")
    if chunk < 1:
        raise RecipeError(f"cannot take {chunk} rows at a time; use a chunk of at least one")


def _chunks(images: Tensor, texts: Tensor, logit_scale: Tensor, chunk: int) -> Iterator[tuple[slice, Tensor, Tensor]]:
    """Which rows, their logits (c, B), and room for as much again; the same memory serves every chunk."""
    logits, spare = images.new_empty(2, min(chunk, len(images)), len(images))  # (c, B) each
    for start in range(0, len(images), chunk):
        rows = images[start : start + chunk]  # (c, D), fewer in the last chunk
        torch.mm(logit_scale * rows, texts.T, out=logits[: len(rows)])  # (c, D) @ (D, B)
        yield slice(start, start + len(rows)), logits[: len(rows)], spare[: len(rows)]


class _ChunkedInfoNCE(torch.autograd.Function):
    """Two (c, B) buffers in either direction; everything that happens to them happens in place."""

    @staticmethod
    def forward(ctx, images: Tensor, texts: Tensor, logit_scale: Tensor, chunk: int) -> Tensor:
        rows, answers = images.new_empty(2, len(images))  # (B,) each: log-sum of a row, logit of a pair
        top = images.new_full((len(images),), -torch.inf)  # (B,) largest logit of each column so far
        total = images.new_zeros(len(images))  # (B,) sum of exp(logit - top) of each column so far
        for part, logits, spare in _chunks(images, texts, logit_scale, chunk):
            answers[part] = logits.diagonal(part.start)  # (c,)
            highest = logits.amax(dim=1, keepdim=True)  # (c, 1)
            exponentials = torch.sub(logits, highest, out=spare).exp_()  # (c, B)
            rows[part] = exponentials.sum(dim=1).log() + highest.squeeze(1)  # (c,)
            old, top = top, torch.maximum(top, logits.amax(dim=0))  # (B,)
            total *= (old - top).exp()  # (B,) the sum so far, in units of the new maximum
            total += logits.sub_(top).exp_().sum(dim=0)  # (c, B) -> (B,)
        columns = total.log() + top  # (B,)
        ctx.save_for_backward(images, texts, logit_scale, rows, columns)
        ctx.chunk = chunk
        return ((rows + columns) / 2 - answers).mean()

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        images, texts, logit_scale, rows, columns = ctx.saved_tensors
        to_images, to_texts = torch.empty_like(images), torch.zeros_like(texts)  # (B, D)
        for part, logits, spare in _chunks(images, texts, logit_scale, ctx.chunk):
            surplus = torch.sub(logits, rows[part, None], out=spare).exp_()  # (c, B) softmax over the row
            surplus += logits.sub_(columns).exp_()  # (c, B) softmax over the column
            surplus.diagonal(part.start).sub_(2)  # minus the answers
            torch.mm(surplus, texts, out=to_images[part])  # (c, B) @ (B, D)
            to_texts.addmm_(surplus.T, images[part])  # (B, c) @ (c, D)
        share = grad / (2 * len(images))
        to_scale = share * (images * to_images).sum()  # the chain rule backwards: images * scale = what met texts
        return to_images.mul_(share * logit_scale), to_texts.mul_(share * logit_scale), to_scale, None


def _embed(model: ToyCLIP, images: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
    """Pictures as bytes or as floats in [0, 1], and captions -> (B, D) and (B, D), on the model's device."""
    images, tokens = images.to(model.device), tokens.to(model.device)
    if images.dtype == torch.uint8:
        images = images.to(model.log_logit_scale.dtype).div_(255)  # (B, 3, H, W)
    return model.embed_images(images), model.embed_texts(tokens)


def plain_step(model: ToyCLIP, images: Tensor, tokens: Tensor) -> Tensor:
    """What `cached_step` does, with one graph, every activation and the (B, B) logits: its control."""
    pictures, texts = _embed(model, images, tokens)  # (B, D) each
    loss = info_nce(model.logit_scale * pictures @ texts.T)  # (B, D) @ (D, B)
    loss.backward()
    return loss.detach()


def cached_step(model: ToyCLIP, images: Tensor, tokens: Tensor, chunk: int) -> Tensor:
    """The loss of a batch, in nats; its exact gradients are added to `.grad` as `loss.backward()` would.

    Gradient caching (Gao et al. 2021, arXiv 2101.06983): embed the batch without a graph, chunk by chunk; take the
    loss of all pairs and its gradient at each embedding; embed every chunk once more, now with a graph through which
    that gradient goes on to the weights. For one more forward pass, only one chunk's activations exist at a time. Each
    picture and caption must be embedded by itself, as here: batch normalisation would give a chunk other embeddings
    than the batch, and dropout other ones the second time.

    Args:
        images: (B, 3, H, W) float in [0, 1], or uint8 from 0 to 255: a quarter of the memory, made floats by the chunk.
        tokens: (B, L) int64; row i is the caption of picture i.
        chunk: pairs that go through the encoders at a time, and rows of logits that exist at a time.

    Raises:
        InputError: if there are not as many captions as pictures.
        RecipeError: if B is below 2, or chunk below 1.
    """
    if len(images) != len(tokens):
        raise InputError(f"{len(images)} pictures cannot be paired with {len(tokens)} captions; give one for each")
    _check_sizes(len(images), chunk)
    parts = list(zip(images.split(chunk), tokens.split(chunk), strict=True))
    width = model.image_encoder.projection.out_features
    embeddings = model.log_logit_scale.new_empty(2, len(images), width)  # (2, B, D) in one piece: parts kept one by
    with torch.no_grad():  # one would lie between the activations and keep their memory from being given back
        for part, (pictures, texts) in zip(parts, embeddings.split(chunk, dim=1), strict=True):  # (c, D) each
            pictures[:], texts[:] = _embed(model, *part)
    loss = chunked_info_nce(*embeddings.requires_grad_(), model.logit_scale, chunk)
    loss.backward()  # as far as the embeddings and the temperature
    for part, gradients in zip(parts, embeddings.grad.split(chunk, dim=1), strict=True):  # (2, c, D)
        torch.autograd.backward(_embed(model, *part), tuple(gradients))
    return loss.detach()


def measure(step: str, batch_size: int, chunk: int = 128, seed: int = 0, threads: int = 1) -> dict:
    """Time and memory of one step of the fast model on random pictures, in a process of its own.

    Neither depends on what the pictures show. The new process imports the script that calls this: guard it by __name__.

    Args:
        step: "cached" or "plain", which has no use for `chunk`.
        seed: of weights, pictures and captions.

    Returns:
        The arguments but the seed, "loss" in nats, "seconds", and resident memory in MiB: "idle_mb", the most that the
        process held before the batch was made (Python, torch, the model, a step on 64 pairs), "peak_mb", the most until
        the step was over, and "above_mb", what the step added, its pictures included.

    Raises:
        RecipeError: if step is another word, the batch is below 2, or chunk below 1.
    """
    if step not in ("cached", "plain"):
        raise RecipeError(f'there is no step {step!r}; take "cached" or "plain"')
    _check_sizes(batch_size, chunk)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:  # forked, it would hold the parent's memory
        return pool.submit(_measure_here, step, batch_size, chunk, seed, threads).result()


def _measure_here(step: str, batch_size: int, chunk: int, seed: int, threads: int) -> dict:
    torch.set_num_threads(threads)
    generator = torch.Generator().manual_seed(seed)
    model = ToyCLIP(strided=True, seed=seed)
    captions, side = Tokenizer().encode([caption(*c) for c in CLASSES]), Rendering().size  # (16, L)
    for pairs in (64, batch_size):  # what torch sets up in its first step is no part of the bill
        idle = _peak_mb()
        images = torch.randint(256, (pairs, 3, side, side), dtype=torch.uint8, generator=generator)
        tokens = captions[torch.randint(len(captions), (pairs,), generator=generator)]  # (B, L)
        start = time.perf_counter()
        loss = plain_step(model, images, tokens) if step == "plain" else cached_step(model, images, tokens, chunk)
        seconds, peak = time.perf_counter() - start, _peak_mb()
    given = {"step": step, "batch_size": batch_size, "chunk": chunk, "threads": threads, "loss": loss.item()}
    return given | {"seconds": seconds, "idle_mb": idle, "peak_mb": peak, "above_mb": peak - idle}


def _peak_mb() -> float:
    """Most memory this process has held so far, MiB resident."""
    if sys.platform == "linux":  # not ru_maxrss: a process started from a large one begins with that one's peak
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        return int(status.partition("VmHWM:")[2].split()[0]) / 2**10  # from KiB
    import resource  # not on Windows

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10  # bytes on macOS, KiB elsewhere


def footprint(seed: int) -> list[dict]:
    """What `measure` finds for both kinds of step, batch size by batch size; the plain one as far as it is safe."""
    steps = [("cached", 2**k) for k in range(9, 16)] + [("plain", 2**k) for k in range(9, 15)]
    return [measure(step, batch_size, seed=seed) for step, batch_size in steps]


STUDIES: dict[str, tuple[Callable[[int], object], int]] = {  # what is done for one seed, and how many seeds
    "footprint": (footprint, 3),
}
