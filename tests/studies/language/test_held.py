"""Questions read by hand; what a linear map may change; that the model asked is the model trained."""

import pytest
import torch
import torch.nn.functional as F

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
    found = held.colors_of(model, tokens)
    assert torch.allclose(found, model(tokens[:, :-1])[:, -1, COLOR : COLOR + COLORS], atol=1e-5)


def contents(tokens: torch.Tensor) -> set[tuple[int, ...]]:
    """What questions are about, their wording and answer left out."""
    return {(*row[:6], row[7]) for row in tokens.tolist()}


def test_what_is_asked_is_read_in_no_wording():
    rng = streams.rng(0, "test")
    read = [held.questions(2000, rng, 0.5, wording, seed=0) for wording in (ASKED, OTHER)]
    taught = list(held.lessons(0, 20))
    asked = held.questions(500, rng, 1.0, seed=0, asked=True)
    assert not contents(asked) & (contents(torch.cat(read)) | contents(torch.cat(taught)))
    assert len(contents(asked)) > 100
    assert all(right == row[-1] for batch in taught for right, row in zip(right_answers(batch), batch, strict=True))


def test_adaptation_trains_a_copy():
    model = held.pretrained("1 in 3", 0, updates=2)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    trained = held.adapted(model, 0, 3)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not any(torch.equal(value, before[name]) for name, value in trained.state_dict().items())


def test_adaptation_learns_the_right_answers():
    """A model fresh from its seed is at luck, or so; soon it is nearly always right about what it never read."""
    model = held.pretrained(held.NOTHING, 1, updates=0)
    before, after = held.answered(model, 1, 256), held.answered(held.adapted(model, 1, 40), 1, 256)
    assert before["right"] < 0.3 < 0.8 < after["right"]
    assert before["nats"] < -1.5 < after["nats"]


def test_answers_agree_with_torch():
    model = held.pretrained("never", 2, updates=1)
    tokens = held.questions(64, streams.rng(2, "questions"), 1.0, seed=2, asked=True)
    logits = model(tokens[:, :-1])[:, -1, COLOR : COLOR + COLORS]
    target = torch.tensor(right_answers(tokens)) - COLOR
    found = held.answered(model, 2, 64)
    assert found["nats"] == pytest.approx(-F.cross_entropy(logits, target).item(), abs=1e-3)
    assert found["right"] == pytest.approx((logits.argmax(1) == target).double().mean().item(), abs=1e-4)


def test_a_probe_reads_what_stands_there_and_nothing_else(monkeypatch):
    """Handed the right colour among noise it finds it; handed noise alone it is at luck, on questions it never saw."""

    def shown(model, tokens):
        right = F.one_hot(tokens[:, -1] - COLOR, COLORS).float()
        noise = torch.randn(len(tokens), 8, generator=torch.Generator().manual_seed(len(tokens)))
        return torch.cat([strength * right, noise], dim=1)

    monkeypatch.setattr(held, "before_answer", shown)
    model = held.pretrained(held.NOTHING, 0, 0)
    strength = 4.0
    assert held.probed(model, 0, 10, 256)["right"] > 0.99
    strength = 0.0
    blind = held.probed(model, 0, 10, 256)
    assert blind["right"] < 0.25
    assert blind["nats"] < -2.0


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


def test_the_model_is_that_of_the_seed():
    a, b = held.pretrained(held.NOTHING, 0, 0), held.pretrained(held.NOTHING, 1, 0)
    assert not torch.equal(a.words.weight, b.words.weight)


def test_model_and_probe_are_asked_what_neither_has_read(monkeypatch):
    sides, questions = [], held.questions
    monkeypatch.setattr(held, "questions", lambda *a, **k: (sides.append(k.get("asked", False)), questions(*a, **k))[1])
    model = held.pretrained(held.NOTHING, 0, 0)
    held.answered(model, 0, 16)
    held.probed(model, 0, 3, 16)
    assert sides == [True, False, False, False, True]
