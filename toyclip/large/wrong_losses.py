"""Three ways to lose gradients between processes, each of which trains without complaint."""

import torch
from torch import Tensor

from toyclip.infonce import info_nce
from toyclip.large.global_loss import directed, global_info_nce
from toyclip.large.processes import Processes


def _among_others(own: Tensor, processes: Processes, sizes: list[int]) -> Tensor:
    """The rows of all, (b, D) -> (B, D), where those of other processes are numbers that no gradient passes."""
    parts = list(processes.rows(own.detach(), sizes).split(sizes))
    parts[processes.rank] = own
    return torch.cat(parts)  # (B, D)


def others_detached(
    images: Tensor,
    texts: Tensor,
    logit_scale: Tensor,
    processes: Processes,
    sizes: list[int],
    chunk: int | None = None,
) -> Tensor:
    """Own rows and columns only, without the gradient through the gather: what others ask of own pairs is lost.

    The loss is right to the last digit, the gradient is another one.
    """
    first = sum(sizes[: processes.rank])
    all_images, all_texts = (_among_others(x, processes, sizes) for x in (images, texts))  # (B, D) each
    nats = directed(images, all_texts, logit_scale, first, chunk) + directed(
        texts, all_images, logit_scale, first, chunk
    )
    return processes.size * nats / (2 * sum(sizes))


def whole_matrix_others_detached(
    images: Tensor,
    texts: Tensor,
    logit_scale: Tensor,
    processes: Processes,
    sizes: list[int],
    chunk: int | None = None,
) -> Tensor:
    """All rows and columns in every process, without the gradient through the gather, as OpenCLIP does by default.

    Every process knows all that is asked of its own pairs, so the encoders' gradient has the right direction; but
    averaging divides it by the number of processes, while the temperature's, known to all, keeps its length.
    """
    all_images, all_texts = (_among_others(x, processes, sizes) for x in (images, texts))  # (B, D) each
    return info_nce(logit_scale * all_images @ all_texts.T)  # (B, D) @ (D, B)


def own_pairs_only(
    images: Tensor,
    texts: Tensor,
    logit_scale: Tensor,
    processes: Processes,
    sizes: list[int],
    chunk: int | None = None,
) -> Tensor:
    """No gather at all, as averaging alone would have it: many small batches, each against itself."""
    return global_info_nce(images, texts, logit_scale, Processes(), [len(images)], chunk)


#: What can go wrong between processes, by name.
WRONG_LOSSES = {f.__name__: f for f in (others_detached, whole_matrix_others_detached, own_pairs_only)}
