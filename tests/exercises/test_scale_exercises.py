"""The checks of the chapter From the toy to CLIP: a right answer passes, and wrong ones are told what is wrong."""

import math

import torch
import torch.nn.functional as F
from exercises.judge import answers

from toyclip.exercises import scale


def local(images, texts, logit_scale, rank, own):
    mine = torch.arange(rank * own, (rank + 1) * own)  # (b,)
    rows = logit_scale * images[mine] @ texts.T  # (b, B)
    columns = logit_scale * texts[mine] @ images.T  # (b, B)
    return (F.cross_entropy(rows, mine) + F.cross_entropy(columns, mine)) / 2


def own_only(images, texts, logit_scale, rank, own):
    mine = slice(rank * own, (rank + 1) * own)
    return local(images[mine], texts[mine], logit_scale, 0, own)


def labels_from_zero(images, texts, logit_scale, rank, own):
    return local(images, texts, logit_scale, 0, own)


def share(images, texts, logit_scale, rank, own):
    return local(images, texts, logit_scale, rank, own) * own / len(images)


def one_direction(images, texts, logit_scale, rank, own):
    mine = torch.arange(rank * own, (rank + 1) * own)  # (b,)
    return F.cross_entropy(logit_scale * images[mine] @ texts.T, mine)


CASES = [
    (scale.patch_weights, 3 * 32 * 32 * 768, None),
    (scale.patch_weights, 32 * 32 * 768, "three channels"),
    (scale.patch_weights, 49 * 3 * 32 * 32 * 768, "share"),
    (scale.patch_weights, 3 * 32 * 32 * 768 + 768, "no bias"),
    (scale.patch_weights, 1000, "not 1,000"),
    (scale.chance_without_gather, lambda batch, processes: math.log(batch / processes), None),
    (scale.chance_without_gather, lambda batch, processes: math.log(batch), "nobody compares"),
    (scale.chance_without_gather, lambda batch, processes: math.log(batch / processes) / processes, "averaged"),
    (scale.chance_without_gather, lambda batch, processes: math.log2(batch / processes), "not 5.0"),
    (scale.local_loss, local, None),
    (scale.local_loss, own_only, "own pairs only"),
    (scale.local_loss, labels_from_zero, "same number"),
    (scale.local_loss, share, "average their gradients"),
    (scale.local_loss, one_direction, "InfoNCE itself"),
]


test_answer_is_judged = answers(scale, CASES)
