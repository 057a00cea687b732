"""The checks of the chapter on batch size: a right answer passes, usual mistakes are told what they are."""

import torch
from exercises.judge import answers

from toyclip.exercises import batch as exercises


def right_mean(parts):
    """One pass, counted in units of the largest logit so far."""
    top = total = None
    for logits, values in parts:
        highest = logits.amax(dim=0)  # (B,)
        new = highest if top is None else torch.maximum(top, highest)
        weights = (logits - new).exp()  # (c, B)
        add, mass = weights.T @ values, weights.sum(dim=0)
        old = 0 if top is None else (top - new).exp()
        total = (add, mass) if total is None else (total[0] * old[:, None] + add, total[1] * old + mass)
        top = new
    return total[0] / total[1][:, None]


def overflowing(parts):
    """The same without the precaution."""
    sums = [(logits.exp().T @ values, logits.exp().sum(dim=0)) for logits, values in parts]
    return sum(s for s, _ in sums) / sum(m for _, m in sums)[:, None]


def last_chunk_only(parts):
    """Means over the last chunk."""
    *_, (logits, values) = parts
    return logits.softmax(dim=0).T @ values


CASES = [
    (exercises.buffer_mib, 32, None),
    (exercises.buffer_mib, 16, "one block"),
    (exercises.buffer_mib, 128, "the whole matrix"),
    (exercises.buffer_mib, 4, "are not 4 MiB"),
    (exercises.comparisons, 512, None),
    (exercises.comparisons, 4096, "never meet"),
    (exercises.comparisons, 64, "one of the eight"),
    (exercises.comparisons, 8, "another number"),
    (exercises.weighted_mean, right_mean, None),
    (exercises.weighted_mean, overflowing, "not finite"),
    (exercises.weighted_mean, last_chunk_only, "off by"),
    (exercises.weighted_mean, lambda parts: 1.0, "expected a tensor"),
    (exercises.twins, 2047 * 255 / 4095, None),
    (exercises.twins, 128, None),
    (exercises.twins, 255 / 4095, "is a share"),
    (exercises.twins, 256, "twenty batches"),
]

test_answer_is_judged = answers(exercises, CASES)
