"""What the embedding space looks like once training has arrived, in numbers (chapter 4)."""

import torch
from sklearn.metrics import silhouette_score
from torch import Tensor

from toyclip.data import CLASSES, COLORS, SHAPES


def clusters(images: Tensor, classes: Tensor) -> float:
    """Silhouette of the pictures' embeddings by class: 1 for tight and far apart, 0 for overlapping (Rousseeuw 1987).

    Args:
        images: (N, D) unit vectors.
        classes: (N,) ids.
    """
    return float(silhouette_score(images.numpy(), classes.numpy(), metric="cosine"))


def margin(similarity: Tensor, classes: Tensor) -> Tensor:
    """How much nearer each picture is to its own caption than to the best other one, in cosine, (N,).

    Args:
        similarity: (N, C) cosines of pictures with class captions.
    """
    own = similarity.gather(1, classes[:, None])  # (N, 1)
    others = similarity.scatter(1, classes[:, None], -torch.inf)  # (N, C)
    return own.squeeze(1) - others.amax(dim=1)


def class_means(embeddings: Tensor, classes: Tensor) -> Tensor:
    """Mean embedding of each of the 16 classes, (16, D)."""
    return torch.stack([embeddings[classes == c].mean(dim=0) for c in range(len(CLASSES))])


def additive_r2(means: Tensor) -> float:
    """Share of the variance of the 16 class vectors that a colour vector plus a shape vector explains, 0 to 1.

    The best additive model of a balanced table is row mean + column mean - overall mean (two-way analysis of variance).

    Args:
        means: (16, D), in the order of CLASSES.

    >>> additive_r2(torch.eye(16)) < 0.5     # 16 unrelated directions: no colours and shapes in them
    True
    """
    table = means.reshape(len(COLORS), len(SHAPES), -1)  # (4, 4, D)
    overall = table.mean(dim=(0, 1))  # (D,)
    fitted = table.mean(dim=1, keepdim=True) + table.mean(dim=0, keepdim=True) - overall  # (4, 4, D)
    return 1 - ((table - fitted).square().sum() / (table - overall).square().sum()).item()


def shares_attribute(similarity: Tensor, classes: Tensor) -> Tensor:
    """For each rank 2 to 16, the share of pictures whose caption at that rank has its colour or its shape, (15,).

    Args:
        similarity: (N, 16) cosines of pictures with the captions, in the order of CLASSES.
    """
    ranked = similarity.argsort(dim=1, descending=True)  # (N, 16)
    others = ranked[ranked != classes[:, None]].reshape(len(classes), -1)  # (N, 15), the picture's own caption left out
    own = classes[:, None]  # (N, 1)
    color = others // len(SHAPES) == own // len(SHAPES)  # (N, 15)
    shape = others % len(SHAPES) == own % len(SHAPES)  # (N, 15)
    return (color | shape).double().mean(dim=0)
