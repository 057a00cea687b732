"""The loss at the batch size of a data centre: chunks instead of a square (chapter Batch size and temperature)."""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

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
    check_sizes(len(images), chunk)
    return _ChunkedInfoNCE.apply(images, texts, logit_scale, chunk)


def check_sizes(batch_size: int, chunk: int) -> None:
    """Refuse a batch of fewer than two pairs, and chunks of no rows."""
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
    """Pictures and captions -> (B, D) and (B, D), on the model's device."""
    return model.embed_images(images.to(model.device)), model.embed_texts(tokens.to(model.device))


def plain_step(model: ToyCLIP, images: Tensor, tokens: Tensor) -> Tensor:
    """What `cached_step` does, with one graph, every activation and the (B, B) logits: its control."""
    image_embeddings, text_embeddings = _embed(model, images, tokens)  # (B, D) each
    loss = info_nce(model.logit_scale * image_embeddings @ text_embeddings.T)  # (B, D) @ (D, B)
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
    check_sizes(len(images), chunk)
    parts = list(zip(images.split(chunk), tokens.split(chunk), strict=True))
    # (2, B, D) in one piece: parts kept one by one would lie between the activations and keep their memory in use
    embeddings = model.log_logit_scale.new_empty(2, len(images), model.config.embed_dim)
    with torch.no_grad():
        for part, (image_embeddings, text_embeddings) in zip(parts, embeddings.split(chunk, dim=1), strict=True):
            image_embeddings[:], text_embeddings[:] = _embed(model, *part)  # (c, D) each
    loss = chunked_info_nce(*embeddings.requires_grad_(), model.logit_scale, chunk)
    loss.backward()  # as far as the embeddings and the temperature
    for part, gradients in zip(parts, embeddings.grad.split(chunk, dim=1), strict=True):  # (2, c, D)
        pairs = [(e, g) for e, g in zip(_embed(model, *part), gradients, strict=True) if e.requires_grad]
        if pairs:  # an encoder that is frozen takes none
            torch.autograd.backward(*zip(*pairs, strict=True))
    return loss.detach()
