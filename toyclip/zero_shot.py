"""Classifying with sentences (chapter 4)."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from toyclip.data import CAPTIONS, CLASSES, Pairs, Tokenizer, caption
from toyclip.encoders import ToyCLIP
from toyclip.errors import InputError

TEMPLATE = "a {color} {shape}"  # the only one seen in training


@torch.no_grad()
def classifier(model: ToyCLIP, prompts: Sequence[str | Sequence[str]], tokenizer: Tokenizer) -> Tensor:
    """One unit vector per class: the classifier that CLIP writes from sentences, (C, D).

    Args:
        prompts: for each class its caption, or several, which are averaged and normalised again (Radford et al. 2021,
            section 3.1.4).

    Raises:
        InputError: if there is no class, or a class has no caption.
    """
    classes = [[prompt] if isinstance(prompt, str) else prompt for prompt in prompts]
    if not classes or not all(classes):
        raise InputError(f"every class needs at least one caption; got {classes}")
    means = [model.embed_texts(tokenizer.encode(texts).to(model.device)).mean(dim=0) for texts in classes]  # (D,) each
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


def accuracy(
    model: ToyCLIP, pairs: Pairs, tokenizer: Tokenizer, prompts: Sequence[str | Sequence[str]] = CAPTIONS
) -> float:
    """Share of pictures for which the prompt of their own class wins, 0 to 1; prompt c is that of class c."""
    weights = classifier(model, prompts, tokenizer)  # (C, D)
    return (predict(model, pairs.pixels, weights).cpu() == pairs.classes).double().mean().item()
