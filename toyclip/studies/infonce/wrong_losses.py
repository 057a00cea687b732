"""Five ways to get the loss of CLIP wrong, kept for the tests to catch (chapter 3).

All take raw embeddings of pictures (B, D) and captions (B, D) and the logarithm of the scale, and return nats.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from toyclip.infonce import info_nce


def right(images: Tensor, texts: Tensor, log_logit_scale: Tensor) -> Tensor:
    """The loss as it should be: normalise, scale once, both directions."""
    return info_nce(log_logit_scale.exp() * F.normalize(images, dim=1) @ F.normalize(texts, dim=1).T)  # (B, B)


def one_direction(images: Tensor, texts: Tensor, log_logit_scale: Tensor) -> Tensor:
    """Each picture looks for its caption; no caption looks for its picture."""
    logits = log_logit_scale.exp() * F.normalize(images, dim=1) @ F.normalize(texts, dim=1).T  # (B, B)
    return F.cross_entropy(logits, torch.arange(len(logits)))


def without_normalization(images: Tensor, texts: Tensor, log_logit_scale: Tensor) -> Tensor:
    """Dot products instead of cosines: a long vector wins every comparison."""
    return info_nce(log_logit_scale.exp() * images @ texts.T)  # (B, B)


def scale_exponentiated_twice(images: Tensor, texts: Tensor, log_logit_scale: Tensor) -> Tensor:
    """The scale comes out of the model as a number already, and is taken for a logarithm again."""
    return right(images, texts, log_logit_scale.exp())


def shifted_labels(images: Tensor, texts: Tensor, log_logit_scale: Tensor) -> Tensor:
    """Picture i is asked for caption i + 1, as after a shuffle of only one of the two columns."""
    return right(images, texts.roll(1, dims=0), log_logit_scale)


def self_made_targets(images: Tensor, texts: Tensor, log_logit_scale: Tensor) -> Tensor:
    """The answers come from the embeddings that are being trained, and the second direction transposes them."""
    logits = log_logit_scale.exp() * F.normalize(images, dim=1) @ F.normalize(texts, dim=1).T  # (B, B)
    targets = ((images @ images.T + texts @ texts.T) / 2).softmax(dim=1)  # (B, B), rows sum to 1, columns do not
    return (F.cross_entropy(logits, targets) + F.cross_entropy(logits.T, targets.T)) / 2


WRONG = (one_direction, without_normalization, scale_exponentiated_twice, shifted_labels, self_made_targets)
