"""Wordings: what heads are taught with, what they are asked, and which names have two meanings."""

import pytest
import torch

from toyclip.studies.real_encoders import wording
from toyclip.studies.real_encoders.features import concept_names, texts
from toyclip.studies.real_encoders.heads import Training
from toyclip.studies.real_encoders.wording import ASKED, TAUGHT, TWO_MEANINGS


@pytest.fixture
def seen(monkeypatch) -> dict:
    """What was taught and asked, with a short training."""
    told: dict = {"asked": []}
    real_train, real_ranks = wording.train_heads, wording.ranks

    def train(shown, captions, training, seed):
        told.update(shown=shown, captions=captions, seed=seed)
        return real_train(shown, captions, Training(updates=3), seed)

    def rank(models, shown, captions, ids):
        told["asked"].append((shown, captions, ids))
        return real_ranks(models, shown, captions, ids)

    monkeypatch.setattr(wording, "train_heads", train)
    monkeypatch.setattr(wording, "ranks", rank)
    return told


@pytest.mark.parametrize("name", TAUGHT)
def test_heads_are_taught_as_told_and_asked_in_every_wording(name, seen):
    result = wording.wording(name, 3)
    assert all(torch.equal(a, texts(b)) for a, b in zip(seen["captions"], TAUGHT[name], strict=True))
    assert list(result) == list(ASKED)
    trained, held_out, _ = wording.parts(3)
    assert set(seen["shown"].concepts.tolist()) == set(trained.tolist())
    for i, style in enumerate(ASKED):
        for (shown, captions, ids), part in zip(seen["asked"][2 * i : 2 * i + 2], (trained, held_out), strict=True):
            assert torch.equal(captions, texts(style))
            assert torch.equal(ids, part)
            assert set(shown.concepts.tolist()) == set(part.tolist())
            assert not set(shown.vendors.tolist()) & set(seen["shown"].vendors.tolist())
        assert set(result[style]) == {"trained", "two meanings", "held out"}


def test_names_with_two_meanings_are_names_and_enough_of_them():
    found = [name for name in concept_names() if name in TWO_MEANINGS]
    assert len(TWO_MEANINGS) == len(set(TWO_MEANINGS))
    assert len(found) >= 20


def test_all_names_with_two_meanings_are_held_out_and_nothing_is_in_both_parts():
    for seed in range(3):
        trained, held_out, double = wording.parts(seed)
        assert sorted([*trained.tolist(), *held_out.tolist()]) == list(range(len(concept_names())))
        assert set(double.tolist()) <= set(held_out.tolist())
        assert {concept_names()[c] for c in double.tolist()} == set(TWO_MEANINGS) & set(concept_names())
        assert len(held_out) > len(double) + 100


def test_recall_of_two_meanings_is_that_of_its_pictures_among_the_held_out(monkeypatch):
    """With every name with two meanings found first, and every other second."""

    def rank(models, shown, captions, ids):
        double = wording.parts(0)[2]
        return (~torch.isin(shown.concepts, double)).long()

    monkeypatch.setattr(wording, "ranks", rank)
    monkeypatch.setattr(wording, "train_heads", lambda *_: (None, 0.0))
    found = wording.wording("names", 0)["kind"]
    _, held_out, double = wording.parts(0)
    assert found["two meanings"] == {"R@1": 1.0, "R@10": 1.0}
    assert found["trained"] == {"R@1": 0.0, "R@10": 1.0}
    assert found["held out"]["R@1"] == pytest.approx(len(double) / len(held_out), abs=1e-4)
