"""One step of several processes: what `plain_step` and `cached_step` of toyclip.chunked do in one."""

import contextlib
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from toyclip.encoders import ToyCLIP
from toyclip.errors import InputError, RecipeError
from toyclip.large.global_loss import global_info_nce
from toyclip.large.processes import Processes, contact

GlobalLoss = Callable[..., Tensor]  # (images, texts, logit_scale, processes, sizes, chunk) -> nats, ()


class Towers(nn.Module):
    """A model as DistributedDataParallel needs it: all that a loss is made of comes out of one forward pass."""

    def __init__(self, model: ToyCLIP):
        super().__init__()
        self.model = model

    def forward(self, images: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(b, 3, H, W), (b, L) -> (b, D), (b, D) of length 1, and the logit scale, ()."""
        return self.model.embed_images(images), self.model.embed_texts(tokens), self.model.logit_scale


def shared(model: ToyCLIP, processes: Processes) -> nn.Module:
    """The model's towers; with several processes, all start from the weights of rank 0 and average their gradients."""
    if processes.group is None:
        return Towers(model)
    with contact():
        return DistributedDataParallel(Towers(model), process_group=processes.group)


def step(
    towers: nn.Module,
    images: Tensor,
    tokens: Tensor,
    processes: Processes,
    chunk: int | None = None,
    loss_of: GlobalLoss = global_info_nce,
) -> Tensor:
    """The loss of the batch that all processes hold together, in nats, (); its gradients are added to `.grad`.

    Every process calls it at once, each with pairs of its own; afterwards loss and gradients are the same everywhere,
    and those that one process with all pairs would have. With `chunk` each process caches gradients (Gao et al. 2021,
    arXiv 2101.06983): it holds the activations of one chunk at a time, and embeds everything twice.

    Args:
        towers: as `shared` makes them.
        images: (b, 3, H, W) uint8, or float in [0, 1]; b may differ between processes, and be 0.
        tokens: (b, L) int64; row i is the caption of picture i.
        chunk: pairs that go through the encoders at a time, and rows of logits that exist at a time.

    Raises:
        InputError: if there are not as many captions as pictures.
        RecipeError: if all processes together have fewer than two pairs, or chunk is below 1.
        ProcessLostError: if another process is gone.
    """
    if len(images) != len(tokens):
        raise InputError(f"{len(images)} pictures cannot be paired with {len(tokens)} captions; give one for each")
    if chunk is not None and chunk < 1:
        raise RecipeError(f"cannot take {chunk} pairs at a time; use a chunk of at least one")
    own, sizes = len(images), processes.sizes(len(images))
    if own == 0:  # averaging takes part of every process: a black picture goes through, and counts for nothing
        images, tokens = images.new_zeros(1, *images.shape[1:]), tokens.new_ones(1, tokens.shape[1])
    images, tokens = images.to(processes.device), tokens.to(processes.device)
    with contact() if processes.group is not None else contextlib.nullcontext():
        if chunk is None:
            image_embeddings, text_embeddings, scale = towers(images, tokens)  # (b, D), (b, D), ()
            loss = loss_of(image_embeddings[:own], text_embeddings[:own], scale, processes, sizes)  # ()
            loss.backward()
        else:
            loss = _cached(towers, images, tokens, own, processes, sizes, chunk, loss_of)
    return processes.sum(loss.detach()) / processes.size


def _cached(
    towers: nn.Module,
    images: Tensor,
    tokens: Tensor,
    own: int,
    processes: Processes,
    sizes: list[int],
    chunk: int,
    loss_of: GlobalLoss,
) -> Tensor:
    """Embed without a graph; the loss and its gradient at each embedding; embed again, and pass that gradient on.

    The processes exchange embeddings once, in the loss, and weights' gradients once, after the last chunk.
    """
    plain = towers.module if isinstance(towers, DistributedDataParallel) else towers
    parts = list(zip(images.split(chunk), tokens.split(chunk), strict=True))
    with torch.no_grad():
        image_parts, text_parts, scales = zip(*(plain(*part) for part in parts), strict=True)
    leaves = torch.cat(image_parts), torch.cat(text_parts), scales[0]  # (b, D), (b, D), ()
    image_embeddings, text_embeddings, scale = (leaf.requires_grad_() for leaf in leaves)
    loss = loss_of(image_embeddings[:own], text_embeddings[:own], scale, processes, sizes, chunk)  # ()
    loss.backward()  # as far as the embeddings, of which this process now knows what all losses ask, and the scale
    gradients = zip(image_embeddings.grad.split(chunk), text_embeddings.grad.split(chunk), strict=True)  # (c, D) each
    for number, (part, (to_images, to_texts)) in enumerate(zip(parts, gradients, strict=True), start=1):
        last = number == len(parts)
        with contextlib.nullcontext() if last or plain is towers else towers.no_sync():
            to_scale = scale.grad if last else torch.zeros_like(scale.grad)  # () counted once
            torch.autograd.backward(towers(*part), (to_images, to_texts, to_scale))
    return loss
