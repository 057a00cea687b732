"""What is missed is every held-out picture that gets another class than its own, and nothing else."""

from dataclasses import replace

import pytest
from studies.samples import tiny_world

from toyclip import train
from toyclip.recipes import FAST
from toyclip.studies.speedrun import missed

QUICK = replace(FAST, epochs=1, batch_size=24)


@pytest.fixture(autouse=True)
def _small(monkeypatch) -> None:
    for module in (train, missed):
        monkeypatch.setattr(module, "world", tiny_world)


def test_as_many_are_missed_as_the_accuracy_says_and_an_epoch_more_is_another_training():
    found = missed.missed(3, QUICK)
    for recipe, of_it in ((QUICK, found["fast"]), (replace(QUICK, epochs=2), found["one epoch more"])):
        _, history = train.train(recipe, 3)
        assert len(of_it) == round(32 * (1 - history.accuracy)) > 0
    assert found["fast"] != found["one epoch more"]


def test_each_miss_says_what_it_is_and_what_it_is_taken_for(monkeypatch):
    held_out = tiny_world(5)[1]
    answers = held_out.classes.clone()  # (32,)
    answers[4] = (answers[4] + 1) % 16
    answers[20] = (answers[20] + 9) % 16
    monkeypatch.setattr(missed, "predict", lambda model, images, weights: answers)
    wanted = [[held_out.classes[i].item(), answers[i].item()] for i in (4, 20)]
    assert missed.misses(QUICK, 5) == wanted
    monkeypatch.setattr(missed, "predict", lambda model, images, weights: held_out.classes)
    assert missed.misses(QUICK, 5) == []
