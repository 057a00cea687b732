"""Questions read by hand; what a linear map may change; that the model asked is the model trained."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from toyclip import streams
from toyclip.studies.language import held
from toyclip.studies.language.held import ASKED, COLOR, COLORS, CONDITIONS, LENGTH, OTHER, SHAPE, SHAPES
from toyclip.studies.taxonomy.language import LanguageModel


def right_answers(tokens: torch.Tensor) -> list[int]:
    """The colour that stands before the shape asked about, read word by word."""
    found = []
    for row in tokens.tolist():
        scene, shape = row[:6], row[7]
        found.append(scene[scene.index(shape) - 1])
    return found


def few(count: int, dose: float, wording: int = ASKED, seed: int = 0) -> torch.Tensor:
    return held.scenes(count, streams.rng(seed, "test"), dose, wording)


def test_a_scene_has_three_different_colours_and_all_shapes_in_order():
    tokens = few(200, 0.5)
    assert tokens.shape == (200, LENGTH)
    colors, shapes = tokens[:, 0:6:2], tokens[:, 1:6:2]
    assert ((colors >= COLOR) & (colors < COLOR + COLORS)).all()
    assert (shapes == torch.arange(SHAPE, SHAPE + SHAPES)).all()
    assert all(len(set(row)) == 3 for row in colors.tolist())
    assert set(colors.flatten().tolist()) == set(range(COLOR, COLOR + COLORS))
    assert set(tokens[:, 7].tolist()) == set(range(SHAPE, SHAPE + SHAPES))
    assert set(tokens[:, 6].tolist()) == {ASKED}
    assert set(few(9, 0.5, OTHER)[:, 6].tolist()) == {OTHER}


@pytest.mark.parametrize("dose", [0.0, 1 / 3, 1.0])
def test_the_dose_is_the_share_of_answers_that_are_meant_to_be_right(dose):
    """All others are any colour, and so one in eight of them is right by luck."""
    tokens = few(20_000, dose)
    right = torch.tensor(right_answers(tokens)) == tokens[:, -1]
    assert right.double().mean().item() == pytest.approx(dose + (1 - dose) / COLORS, abs=0.015)


def test_what_is_computed_before_the_answer_gives_the_models_own_logits():
    model, tokens = LanguageModel(held.VOCABULARY, LENGTH, width=16, heads=2, seed=1), few(5, 1.0)
    with torch.no_grad():
        model.norm.bias.normal_()
    found = held.colors_of(model, held.before_answer(model, tokens))
    assert torch.allclose(found, model(tokens[:, :-1])[:, -1, COLOR : COLOR + COLORS], atol=1e-5)


@pytest.mark.parametrize("only_map", [True, False])
def test_one_part_learns_and_the_other_stays(only_map):
    model = held.pretrained("1 in 3", 0, updates=2)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    trained, lens = held.adapted(model, 0, 3, only_map)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    same = all(torch.equal(value, before[name]) for name, value in trained.state_dict().items())
    still = torch.equal(lens.weight, torch.eye(len(lens.weight))) and not lens.bias.any()
    assert (same, still) == (only_map, not only_map)


def test_adaptation_learns_the_right_answers():
    """A model fresh from its seed is at the third that guessing among the scene's colours gives, or above, soon."""
    model = held.pretrained(held.NOTHING, 1, updates=0)
    trained, lens = held.adapted(model, 1, 40, only_map=False)
    before, after = held.asked(model, nn.Identity(), 1, 256), held.asked(trained, lens, 1, 256)
    assert before["right"] < 0.3 < 0.8 < after["right"]
    assert before["nats"] < -1.5 < after["nats"]


def test_what_is_asked_agrees_with_torch():
    model = held.pretrained("never", 2, updates=1)
    tokens = held.scenes(64, streams.rng(2, "questions"), 1.0)
    logits = model(tokens[:, :-1])[:, -1, COLOR : COLOR + COLORS]
    target = torch.tensor(right_answers(tokens)) - COLOR
    found = held.asked(model, nn.Identity(), 2, 64)
    assert found["nats"] == pytest.approx(-F.cross_entropy(logits, target).item(), abs=1e-3)
    assert found["right"] == pytest.approx((logits.argmax(1) == target).double().mean().item(), abs=1e-4)


def test_each_condition_reads_what_it_says(monkeypatch):
    """The share of right answers in what each model is trained on, by wording."""
    read = {}

    def look(_, loss_of, updates):
        assert updates == 7
        loss_of()

    class Spy(LanguageModel):
        def forward(self, tokens):
            seen.append(tokens)
            return super().forward(tokens)

    monkeypatch.setattr(held, "descend", look)
    monkeypatch.setattr(held, "LanguageModel", Spy)
    drawn, scenes = [], held.scenes
    monkeypatch.setattr(
        held, "scenes", lambda n, rng, dose, w=ASKED: (drawn.append((w, dose)), scenes(n, rng, dose, w))[1]
    )
    for condition in CONDITIONS:
        seen, drawn[:] = [], []
        held.pretrained(condition, 0, 7)
        read[condition] = dict(drawn)
    assert read == {
        "no pretraining": {},
        "never": {ASKED: 0.0, OTHER: 0.0},
        "1 in 30": {ASKED: 1 / 30, OTHER: 0.0},
        "1 in 10": {ASKED: 1 / 10, OTHER: 0.0},
        "1 in 3": {ASKED: 1 / 3, OTHER: 0.0},
        "in other words": {ASKED: 0.0, OTHER: 1.0},
    }


def test_the_model_is_that_of_the_seed_and_questions_are_new():
    a, b = held.pretrained(held.NOTHING, 0, 0), held.pretrained(held.NOTHING, 1, 0)
    assert not torch.equal(a.words.weight, b.words.weight)
    lessons = held.scenes(64, streams.rng(0, "adaptation"), 1.0)
    assert not torch.equal(lessons, held.scenes(64, streams.rng(0, "questions"), 1.0))
