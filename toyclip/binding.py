"""A modality of your own in a space that is already there: what ImageBind does (chapter The cascade)."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from toyclip.errors import InputError
from toyclip.infonce import info_nce
from toyclip.recipes import Recipe
from toyclip.train import Loss, batches, fit, one_thread

LEARNED_FROM = 0.07  # where a learned temperature starts, as in CLIP


class Bound(nn.Module):
    """An encoder that ends in a frozen space, and the temperature of its comparisons there."""

    def __init__(self, encoder: nn.Module, temperature: float | None = 0.1):
        super().__init__()
        self.encoder, self.losses = encoder, []  # nats, of each epoch, once it is trained
        start = LEARNED_FROM if temperature is None else temperature
        self.log_logit_scale = nn.Parameter(torch.tensor(-math.log(start)), requires_grad=temperature is None)

    def forward(self, inputs: Tensor) -> Tensor:
        """(B, ...) -> (B, D) of length 1."""
        return F.normalize(self.encoder(inputs), dim=-1)

    @torch.no_grad()
    def embed(self, inputs: Tensor, batch_size: int = 512) -> Tensor:
        """The same for any number of inputs, without gradients: (N, ...) -> (N, D) of length 1."""
        return torch.cat([self(part) for part in inputs.split(batch_size)])

    @property
    def logit_scale(self) -> Tensor:
        """1 / temperature."""
        return self.log_logit_scale.exp()

    @torch.no_grad()
    def clamp_logit_scale(self) -> None:
        """Bring a learned scale back into [1, 100], as CLIP does; a fixed one stays what it is."""
        if self.log_logit_scale.requires_grad:
            self.log_logit_scale.clamp_(0, math.log(100))


def contrast(bound: Bound, inputs: Tensor, anchors: Tensor) -> Tensor:
    """InfoNCE of a batch against its places in the frozen space, (B, ...) and (B, D) -> nats, ()."""
    return info_nce(bound.logit_scale * bound(inputs) @ anchors.T)


def bind(
    encoder: nn.Module,
    inputs: Tensor,
    anchors: Tensor,
    *,
    epochs: int = 24,
    batch_size: int = 64,
    lr: float = 3e-3,
    temperature: float | None = 0.1,
    seed: int = 0,
    loss_of: Loss = contrast,
) -> Bound:
    """Train an encoder, in place, so that each input lands where its partner lies in a frozen space.

    Whatever else lives in that space can then be compared with the inputs, though it never met them (Girdhar et al.
    2023). Any space will do that has vectors: this book's models, a real CLIP's features read from a file.

    Args:
        encoder: (B, ...) -> (B, D), one row an input, not normalised.
        inputs: (N, ...), of your modality.
        anchors: (N, D), row i is where input i's partner lies, say a picture; of any length.
        lr: the highest learning rate of AdamW, reached after a quarter of the steps.
        temperature: fixed, as in ImageBind, whose values go from 0.05 to 0.2; None: learned, as CLIP does.
        seed: of the order of the pairs.
        loss_of: (bound, inputs, anchors) of a batch -> nats.

    Raises:
        InputError: if there is not one anchor for each input, the encoder does not end in the space's dimensions, an
            anchor has no direction, or the temperature is not above 0.
        RecipeError: if there are fewer pairs than a batch holds, or less than one epoch.

    >>> from toyclip.checkpoint import load
    >>> from toyclip.data import world
    >>> (pairs, _), (model, tokenizer) = world(0), load()
    >>> thumbnails = torch.nn.functional.avg_pool2d(pairs.images, 8).flatten(1)[:256]  # (256, 48), a new modality
    >>> with torch.no_grad():
    ...     anchors = model.embed_images(pairs.images[:256])  # (256, 64), frozen
    >>> bound = bind(nn.Linear(48, 64), thumbnails, anchors, epochs=2)
    >>> (bound.embed(thumbnails) @ model.embed_texts(tokenizer.encode(["a red cross"])).T).shape
    torch.Size([256, 1])
    """
    if anchors.ndim != 2 or len(anchors) != len(inputs):
        raise InputError(f"{len(inputs)} inputs need as many anchors (N, D); got the shape {tuple(anchors.shape)}")
    anchors = anchors.detach()
    if not anchors.isfinite().all() or not anchors.norm(dim=1).all():
        raise InputError("an anchor is zero or not finite, so that it has no direction; leave its pair out")
    if temperature is not None and not (0 < temperature < math.inf):
        raise InputError(f"temperature={temperature!r} divides no cosine; give a number above 0, or None to learn it")
    recipe = Recipe("bind", epochs, batch_size, lr, one_cycle=True, image_encoder="strided")
    bound, order = Bound(encoder, temperature), batches(len(inputs), batch_size, epochs, seed)
    with torch.no_grad():
        ends = tuple(encoder(inputs[:2]).shape)
    if ends != (2, anchors.shape[1]):
        raise InputError(f"the encoder makes {ends} of 2 inputs; this space needs (2, {anchors.shape[1]})")
    with one_thread():
        bound.losses = [loss for loss, _ in fit(bound, inputs, F.normalize(anchors, dim=-1), recipe, order, loss_of)]
    return bound
