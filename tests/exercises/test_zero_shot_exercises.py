"""The checks of chapter 4's exercises take right answers and refuse wrong ones."""

import pytest
import torch

from toyclip.exercises import zero_shot as exercises


def above(threshold: float):
    return lambda cosine: cosine.amax(dim=1) < threshold


RIGHT = [
    (exercises.one_line, lambda images, weights: (images @ weights.T).argmax(dim=1)),
    (exercises.one_line, lambda images, weights: torch.cdist(images, weights).argmin(dim=1)),
    (exercises.pictures_needed, 3838),
    (exercises.analogies, lambda t, start, minus, plus: (t @ (t[start] - t[minus] + t[plus])).argmax()),
    (exercises.none_of_these, above(0.8)),
]
WRONG = [
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


@pytest.mark.parametrize(("check", "given"), RIGHT)
def test_right_answer_passes(check, given):
    assert check.check(given) is None


@pytest.mark.parametrize(("check", "given", "said"), WRONG)
def test_wrong_answer_is_told_why(check, given, said):
    assert said in check.check(given)
