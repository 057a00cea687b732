"""Classifying with sentences, and measuring how well: accuracy, intervals, retrieval (chapter 4)."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from scipy.stats import binomtest
from torch import Tensor

from toyclip.data import CLASSES, Pairs, Tokenizer, caption
from toyclip.encoders import ToyCLIP
from toyclip.errors import InputError

TEMPLATE = "a {color} {shape}"  # the only one seen in training


@torch.no_grad()
def classifier(model: ToyCLIP, prompts: Sequence[Sequence[str]], tokenizer: Tokenizer) -> Tensor:
    """One unit vector per class: the classifier that CLIP writes from sentences, (C, D).

    Args:
        prompts: for each class its captions. Several are averaged and normalised again (Radford et al. 2021, 3.1.4).

    Raises:
        InputError: if there is no class, or a class has no caption.
    """
    if not prompts or not all(prompts):
        raise InputError("every class needs at least one caption; got " + repr([list(p) for p in prompts]))
    means = [model.embed_texts(tokenizer.encode(captions).to(model.device)).mean(dim=0) for captions in prompts]  # (D,)
    return F.normalize(torch.stack(means), dim=-1)  # (C, D)


def class_prompts(templates: Sequence[str] = (TEMPLATE,)) -> list[list[str]]:
    """The captions of the 16 classes, one per template.

    >>> class_prompts(["a {color} {shape}", "{shape}"])[0]
    ['a red circle', 'circle']
    """
    return [[caption(color, shape, template) for template in templates] for color, shape in CLASSES]


@torch.no_grad()
def similarities(model: ToyCLIP, images: Tensor, weights: Tensor, batch_size: int = 512) -> Tensor:
    """Cosine of every picture with every class, (N, C)."""
    parts = [model.embed_images(part.to(model.device)) @ weights.T for part in images.split(batch_size)]  # (b, C)
    return torch.cat(parts)


def predict(model: ToyCLIP, images: Tensor, weights: Tensor) -> Tensor:
    """The class whose sentence is most similar to each picture, (N,)."""
    return similarities(model, images, weights).argmax(dim=1)


def accuracy(model: ToyCLIP, pairs: Pairs, tokenizer: Tokenizer, templates: Sequence[str] = (TEMPLATE,)) -> float:
    """Share of pictures whose own caption wins among the 16, 0 to 1."""
    weights = classifier(model, class_prompts(templates), tokenizer)
    return (predict(model, pairs.images, weights).cpu() == pairs.classes).double().mean().item()


def interval(successes: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson interval of a proportion.

    >>> [round(bound, 4) for bound in interval(480, 480)]   # never wrong in 480 is not 100 %
    [0.9921, 1.0]
    """
    bounds = binomtest(successes, trials).proportion_ci(confidence, method="wilson")
    return float(bounds.low), float(bounds.high)


def recall_at_k(similarity: Tensor, relevant: Tensor, k: int) -> float:
    """Share of queries with a relevant item among the k most similar, 0 to 1.

    An item that ties with the best relevant one counts as ranked before it: a constant scorer earns nothing.

    Args:
        similarity: (Q, G) of queries and gallery items.
        relevant: (Q, G) bool, at least one True in every row.

    Raises:
        InputError: if shapes differ, k is out of range, or a query has no relevant item.

    >>> recall_at_k(torch.eye(3), torch.eye(3).bool(), k=1)
    1.0
    """
    if similarity.shape != relevant.shape or not 1 <= k <= similarity.shape[1] or not relevant.any(dim=1).all():
        raise InputError(
            f"expected two (Q, G) matrices, a relevant item per query and 1 <= k <= G; got "
            f"{tuple(similarity.shape)}, {tuple(relevant.shape)}, k={k}"
        )
    best = similarity.masked_fill(~relevant, -torch.inf).amax(dim=1, keepdim=True)  # (Q, 1)
    ahead = (~(similarity < best) & ~relevant).sum(dim=1)  # (Q,), written so that NaN counts as ahead
    return (ahead < k).double().mean().item()
