"""The trial: what a result promises, who is asked for it, and which corpus is put before it."""

import pytest
import torch
from studies.generation.small import TINY

from toyclip.pairs import Pairs
from toyclip.studies.generation import captions, lots, trial
from toyclip.studies.generation.lots import deal
from toyclip.studies.generation.trial import printed_again


def test_a_printer_prints_the_first_picture_with_that_caption():
    pixels = torch.arange(4, dtype=torch.uint8)[:, None, None, None].expand(-1, 3, 2, 2)
    corpus = Pairs(pixels, torch.tensor([0, 0, 1, 1]), torch.tensor([1, 0, 1, 0]))
    again = printed_again(corpus, torch.tensor([0, 0, 1]))
    assert again.pixels[:, 0, 0, 0].tolist() == [1, 1, 0]
    assert again.classes.tolist() == [0, 0, 1]


@pytest.fixture(scope="module")
def found() -> dict:
    return lots.lots_run("dealt", 0, TINY)


def test_a_trial_says_what_it_promises_of_every_concept(found):
    assert sorted(found["counts"]) == [1, 2, 4]
    assert list(found["drawn"]) == ["1.0", "2.0", "4.0"]
    parts = [*found["drawn"].values(), found["perfect"], found["printed"]]
    for part in parts:
        assert list(part) == ["cosine", "named", "classified", "distance"]
        assert all(len(values) == 3 for values in part.values())
        assert all(0 <= n <= TINY.drawings for n in part["named"] + part["classified"])
    assert all(0 <= n <= TINY.ladder.test for n in found["naming"])
    assert found["drawn"]["1.0"] != found["drawn"]["2.0"] != found["drawn"]["4.0"]
    assert found["perfect"] != found["printed"]
    assert min(found["near"]["drawn"]) > 0 < min(found["near"]["fresh"])


def test_what_is_drawn_judged_and_kept_is_asked_of_the_right_ones(monkeypatch):
    """With stand-ins in place of everything that is trained, each part of the result says whom it came from."""
    test_seed, perfect_seed = 5 + trial.AWAY["test"], 5 + trial.AWAY["perfect"]

    def world(counts, seed):
        level = {5: 10, test_seed: 20, perfect_seed: 30}[seed]
        classes = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
        return Pairs(torch.full((len(classes), 3, 4, 4), level, dtype=torch.uint8), classes, classes)

    asked = []

    def seen(jury, drawn, real, concepts):
        asked.append((jury, drawn.pixels[0, 0, 0, 0].item(), real.pixels[0, 0, 0, 0].item(), len(drawn), len(real)))
        return {}

    monkeypatch.setattr(trial, "judges", lambda *_: "jury")
    monkeypatch.setattr(trial, "recogniser", lambda corpus, *_, device: corpus.pixels[0, 0, 0, 0].item())
    monkeypatch.setattr(trial, "generator", lambda corpus, *_: (None, corpus.pixels[0, 0, 0, 0].item()))
    monkeypatch.setattr(trial, "scores", seen)

    def drawn(model, concepts, each, seed, guidance):
        classes = torch.arange(concepts).repeat_interleave(each)
        return Pairs(torch.full((len(classes), 3, 4, 4), 100 + int(guidance), dtype=torch.uint8), classes, classes)

    compared = []

    def similar(model, pixels, tokens):
        compared.append((model, pixels[0, 0, 0, 0].item(), tokens.flatten().tolist()))
        return torch.eye(3)[torch.arange(len(pixels)) * 3 // len(pixels)]

    monkeypatch.setattr(trial, "drawings", drawn)
    monkeypatch.setattr(trial, "similarity", similar)
    result = trial.trial(world([4, 2, 1], 5), world, 5, TINY)
    assert asked == [("jury", level, 20, 6, 9) for level in (101, 102, 104, 30, 10)]
    assert compared == [(10, 102, [1, 2, 3]), (10, 20, [1, 2, 3])]
    assert result["loss"] == 10
    assert result["naming"] == [3, 3, 3]
    assert result["own"] == {"cosine": [1.0, 1.0, 1.0], "named": [2, 2, 2]}
    assert result["near"]["drawn"] == pytest.approx([2 * 92 / 255] * 3, abs=1e-3)
    assert result["near"]["fresh"] == pytest.approx([2 * 10 / 255] * 3, abs=1e-3)


def test_the_runs_put_each_corpus_before_the_same_trial(monkeypatch):
    given = []
    for module in (lots, captions):
        monkeypatch.setattr(
            module, "trial", lambda corpus, world, seed, scope, device: given.append((corpus, seed)) or {}
        )
    counts = deal("dealt", TINY.ladder, 2)
    assert lots.lots_run("dealt", 2, TINY)["counts"] == counts.tolist()
    assert lots.lots_run("swapped", 2, TINY)["counts"] == deal("swapped", TINY.ladder, 2).tolist()
    for change in captions.CHANGES:
        assert captions.captions_run(change, 2, TINY)["counts"] == counts.tolist()
    dealt_, swapped, wrong, fewer, often = (corpus for corpus, _ in given)
    assert [seed for _, seed in given] == [2] * 5
    assert dealt_.classes.bincount().tolist() == counts.tolist()
    assert swapped.classes.bincount().tolist() == deal("swapped", TINY.ladder, 2).tolist()
    assert torch.equal(wrong.pixels, dealt_.pixels)
    assert len(fewer) == len(dealt_) - round(0.4 * len(dealt_))
    assert often.classes.bincount().tolist() == [4, 4, 4]
