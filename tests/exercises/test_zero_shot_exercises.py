"""The checks of chapter 4's exercises take right answers and refuse wrong ones."""

import torch
from exercises.judge import answers

from toyclip.exercises import zero_shot as exercises


def above(threshold: float):
    return lambda cosine: cosine.amax(dim=1) < threshold


CASES = [
    (exercises.one_line, lambda images, weights: (images @ weights.T).argmax(dim=1), None),
    (exercises.one_line, lambda images, weights: torch.cdist(images, weights).argmin(dim=1), None),
    (exercises.pictures_needed, 3838, None),
    (exercises.analogies, lambda t, start, minus, plus: (t @ (t[start] - t[minus] + t[plus])).argmax(), None),
    (exercises.none_of_these, above(0.8), None),
    (exercises.one_line, lambda images, weights: (images @ weights.T).argmin(dim=1), "does not belong"),
    (exercises.one_line, lambda images, weights: (images @ weights.T).argmax(dim=0), "need a tensor of 20"),
    (exercises.one_line, lambda images, weights: images @ weights.T, "need a tensor of 20"),
    (exercises.one_line, lambda images, weights: 3, "int"),
    (exercises.pictures_needed, 3000, "begins at 99.872%"),
    (exercises.pictures_needed, 3837, "begins at"),
    (exercises.pictures_needed, 4000, "3,999 would do"),
    (exercises.analogies, lambda t, start, minus, plus: start, "144 of 144"),
    (exercises.analogies, lambda t, start, minus, plus: (t @ (t[start] + t[minus] - t[plus])).argmax(), "go wrong"),
    (exercises.none_of_these, above(-1), "only 0%"),
    (exercises.none_of_these, above(2), "100%"),
    (exercises.none_of_these, lambda cosine: ~above(0.8)(cosine), "pictures that a caption does name"),
]

test_answer_is_judged = answers(exercises, CASES)
