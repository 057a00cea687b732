"""The checks of the chapter on speed: a right answer passes, usual mistakes are told what they are."""

import torch
from exercises.judge import answers

from toyclip.exercises import speedrun as exercises
from toyclip.muon import Muon, orthogonalize

RIGHT = [221_184, 2_359_296, 1_179_648, 2_359_296]


def by_svd(matrix):
    """All singular values 1."""
    u, _, v = torch.linalg.svd(matrix, full_matrices=False)
    return u @ v


def of_another(matrix):
    """A matrix with the right strengths and any directions."""
    return by_svd(torch.randn(matrix.shape, generator=torch.Generator().manual_seed(3), dtype=matrix.dtype))


CASES = [
    (exercises.arithmetic, RIGHT, None),
    (exercises.arithmetic, [2 * n for n in RIGHT], "twice too much"),
    (exercises.arithmetic, [221_184, 589_824, 1_179_648, 2_359_296], "convolution 2"),
    (exercises.arithmetic, RIGHT[:3], "expected four"),
    (exercises.nearest, by_svd, None),
    (exercises.nearest, lambda matrix: matrix, "singular values run"),
    (exercises.nearest, orthogonalize, "singular values run"),
    (exercises.nearest, of_another, "directions"),
    (exercises.nearest, lambda matrix: by_svd(matrix).T, "came out"),
    (exercises.free_length, lambda filters: Muon(filters, lr=0.2, fixed_length=False), None),
    (exercises.free_length, lambda filters: Muon(filters, lr=0.2), "changed the length"),
    (exercises.free_length, lambda filters: torch.optim.AdamW(filters), "expected a toyclip.muon.Muon"),
    (exercises.speedup, lambda share, times: 1 / (1 - share + share / times), None),
    (exercises.speedup, lambda share, times: share * times + 1 - share, "is not"),
    (exercises.speedup, lambda share, times: times, "is not"),
]

test_answer_is_judged = answers(exercises, CASES)
