"""How much memory a training keeps between forward and backward, counted tensor by tensor without computing any."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from toyclip.own.parameters import on_paper

if TYPE_CHECKING:
    from transformers import CLIPConfig


def activation_bytes(config: "CLIPConfig", batch: int) -> int:
    """Memory of what the towers of a model remember of a batch until the gradient has passed, in four bytes a number.

    Every tensor that autograd saves counts once, weights not at all. Attention is that of three plain products, which
    keeps the matrix of weights of every head; a fused kernel does without it, and 16 bits take half of most of it.

    >>> from transformers import CLIPConfig
    >>> f"{activation_bytes(CLIPConfig(), batch=256) / 1e9:.1f} GB"
    '20.4 GB'
    """
    model, vision = on_paper(config), config.vision_config
    model.set_attn_implementation("eager")
    images = torch.empty(
        batch, vision.num_channels, vision.image_size, vision.image_size, device="meta"
    )  # (B, 3, H, W)
    length = config.text_config.max_position_embeddings
    tokens = torch.zeros(batch, length, dtype=torch.int64, device="meta")  # (B, L)
    return saved_bytes(model, images, tokens)


def saved_bytes(model: nn.Module, images: Tensor, tokens: Tensor) -> int:
    """What autograd saves while a model of transformers embeds pictures (B, 3, H, W) and captions (B, L), in bytes."""
    weights = {p.untyped_storage()._cdata for p in model.parameters()}
    kept: dict[int, Tensor] = {}

    def pack(tensor: Tensor) -> Tensor:
        if tensor.untyped_storage()._cdata not in weights:
            kept[tensor.untyped_storage()._cdata] = tensor  # held on to, so that no other storage gets its address
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        ends = model.get_image_features(pixel_values=images), model.get_text_features(input_ids=tokens)
    del ends
    return sum(tensor.untyped_storage().nbytes() for tensor in kept.values())
