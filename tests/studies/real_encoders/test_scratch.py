"""The toy from scratch: as many pictures for few classes as for many, tested on new ones."""

from unittest.mock import Mock

import pytest

from toyclip.studies.real_encoders import scratch
from toyclip.studies.real_encoders.scratch import CLASSES, Effort

TINY = Effort(pictures=40, updates=2, batch_size=8, test=20)


@pytest.mark.parametrize("count", [10, 20])
def test_pictures_and_tests_are_shared_out_among_the_classes(count, monkeypatch):
    monkeypatch.setitem(CLASSES, "some", count)
    seen = Mock(side_effect=scratch.draw_corpus)
    monkeypatch.setattr(scratch, "draw_corpus", seen)
    found = scratch.scratch("some", 3, TINY)
    (training, test) = (call.args for call in seen.call_args_list)
    assert training[1] == [40 // count] * count
    assert test[1] == [20 // count] * count
    assert training[0] == test[0]
    assert abs(training[2] - test[2]) > 1000
    assert len({e.character for e in training[0]}) == count
    assert found["chance"] == 1 / count


def test_accuracy_is_that_of_the_model_on_new_pictures(monkeypatch):
    """A model that always answers the first word is right on one class in five."""
    monkeypatch.setitem(CLASSES, "some", 5)

    def first(model, pixels, words):
        cosine = model.log_logit_scale.new_zeros(len(pixels), len(words))
        cosine[:, 0] = 1
        return cosine

    monkeypatch.setattr(scratch, "similarity", first)
    assert scratch.scratch("some", 0, TINY)["accuracy"] == pytest.approx(0.2)
