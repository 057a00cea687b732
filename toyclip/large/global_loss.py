"""InfoNCE over the pairs of all processes, each of which computes its own rows and columns only."""

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from toyclip.errors import RecipeError
from toyclip.large.processes import Processes


class _Gather(torch.autograd.Function):
    """Forwards the rows of all; backwards what the losses of all processes ask of the rows of this one."""

    @staticmethod
    def forward(ctx, own: Tensor, processes: Processes, sizes: list[int]) -> Tensor:
        ctx.processes, ctx.sizes = processes, sizes
        return processes.rows(own, sizes)  # (B, D)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None, None]:
        total = ctx.processes.sum(gradient.contiguous())  # (B, D)
        return total.split(ctx.sizes)[ctx.processes.rank], None, None


def gather(own: Tensor, processes: Processes, sizes: list[int]) -> Tensor:
    """The rows of all processes, (b, D) of each -> (B, D); gradients find their way back to the process they concern.

    Every process must go backwards through it, since each waits for the gradients of all.

    >>> gather(torch.ones(3, 2), Processes(), [3]).shape
    torch.Size([3, 2])
    """
    return _Gather.apply(own, processes, sizes)


def global_info_nce(
    images: Tensor,
    texts: Tensor,
    logit_scale: Tensor,
    processes: Processes,
    sizes: list[int],
    chunk: int | None = None,
) -> Tensor:
    """This process's part of the symmetric InfoNCE over the pairs of all processes, in nats.

    The "local loss" of OpenCLIP (Ilharco et al. 2021): b own pictures against all B captions, b own captions against
    all B pictures, never the (B, B) matrix. The mean over the processes is the loss of the whole batch; their sum of
    nats is divided by B and multiplied by the number of processes P, since DistributedDataParallel divides the sum of
    all gradients by P. So the gradients come out right, too, and also where one process has fewer pairs than another.

    Args:
        images, texts: (b, D) embeddings of this process, of length 1; b may be 0.
        logit_scale: () 1 / temperature.
        sizes: b of each process, as `Processes.sizes` tells.
        chunk: rows of logits that exist at a time, made again on the way back; None: all b rows stay.

    Raises:
        RecipeError: if all processes together have fewer than two pairs, or chunk is below 1.

    >>> same = torch.ones(8, 4) / 2                        # knowing nothing costs log B
    >>> round(global_info_nce(same, same, torch.tensor(5.0), Processes(), [8], chunk=3).item(), 4)
    2.0794
    """
    if sum(sizes) < 2 or (chunk is not None and chunk < 1):
        raise RecipeError(f"{sum(sizes)} pairs, chunk={chunk}: use at least two pairs, and chunks of at least one row")
    everything = gather(torch.cat([images, texts], dim=1), processes, sizes)  # (B, 2D): one exchange for both
    all_images, all_texts = everything.chunk(2, dim=1)  # (B, D) each
    first = sum(sizes[: processes.rank])  # the row of this process's first pair
    nats = directed(images, all_texts, logit_scale, first, chunk) + directed(
        texts, all_images, logit_scale, first, chunk
    )  # ()
    return processes.size * nats / (2 * sum(sizes))


def directed(questions: Tensor, answers: Tensor, logit_scale: Tensor, first: int, chunk: int | None = None) -> Tensor:
    """Sum over questions of the cross-entropy against all answers, in nats, ().

    Args:
        questions, answers: (b, D) and (B, D); the answer to question i is row first + i.
        chunk: questions at a time; None: all at once.
    """
    pair = first + torch.arange(len(questions), device=questions.device)  # (b,)
    if chunk is None:
        return _nats(questions, answers, logit_scale, pair)
    parts = zip(questions.split(chunk), pair.split(chunk), strict=True)
    return torch.stack(
        [checkpoint(_nats, q, answers, logit_scale, p, use_reentrant=False, preserve_rng_state=False) for q, p in parts]
    ).sum()


def _nats(questions: Tensor, answers: Tensor, logit_scale: Tensor, pair: Tensor) -> Tensor:
    return F.cross_entropy(logit_scale * questions @ answers.T, pair, reduction="sum")  # (b, D) @ (D, B) -> ()
