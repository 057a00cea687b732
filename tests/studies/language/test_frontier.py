"""Lessons against the words they stand for, ratios against probabilities by hand, selections by counting."""

import math

import pytest
import torch

from toyclip import streams
from toyclip.studies.language import frontier, lessons
from toyclip.studies.language.decoding import sample
from toyclip.studies.language.frontier import ARMS, STUDENTS, SURE, Amounts, by_level, examine, ratios, selected
from toyclip.studies.taxonomy.language import LanguageModel

TINY = Amounts(warm_up=4, updates=3, lessons=80, test=60)


@pytest.fixture(autouse=True)
def _forget():
    frontier.warmed_up.cache_clear()
    yield
    frontier.warmed_up.cache_clear()


def words(tokens):
    return [text.split() for text in lessons.tokenizer().decode(tokens)]


def test_answers_are_what_the_scene_says():
    given = lessons.draw(400, 1, "x")
    for prompt, old, new, level, colours in zip(
        words(given.prompts), words(given.original), words(given.refined), given.levels.tolist(), words(given.colours),
        strict=True,
    ):  # fmt: skip
        scene = [word.split("-") for word in prompt[:3]]
        assert [colour for colour, _ in scene] == colours
        assert len({shape for _, shape in scene}) == 3
        question, shape, stop = prompt[3:]
        assert (question, stop) == (lessons.QUESTIONS[level], ":")
        at = [s for _, s in scene].index(shape)
        number = [lessons.COLOURS.index(colour) for colour in colours]
        answer = {
            "left": number[0],
            "all": sum(number) % 4,
            "of": number[at],
            "after": number[(at + 1) % 3],
            "mixed": (number[at] + number[(at + 1) % 3]) % 4,
        }[question]
        assert new == ["the", "answer", "is", lessons.COLOURS[answer]]
        assert old == ["well", "there", "is", colours[0]]
    assert set(given.levels.tolist()) == set(range(5))


def test_purposes_have_lessons_of_their_own():
    assert torch.equal(lessons.draw(9, 0, "test").prompts, lessons.draw(9, 0, "test").prompts)
    test, warm_up, refined = (
        set(map(tuple, lessons.draw(4000, 0, what).prompts.tolist())) for what in ("test", "warm-up", "refined")
    )
    assert not test & (warm_up | refined)
    assert warm_up != refined


def test_learning_asks_for_all_words_of_the_answer_and_no_others(monkeypatch):
    """One lesson, so that every batch is of it; its loss by hand."""
    model = LanguageModel(len(lessons.tokenizer().words), 10, width=8, seed=2)
    given, losses = lessons.draw(1, 0, "x"), []

    def descend(trained, loss_of, updates):
        losses.append(loss_of().item())
        next(trained.parameters()).data.add_(1)
        assert updates == 6

    monkeypatch.setattr(lessons, "descend", descend)
    before = model.words.weight.clone()
    learned = lessons.learn(model, given.prompts, given.refined, updates=6, seed=0)
    whole = torch.cat([given.prompts, given.refined], 1)
    log_p = model(whole)[0].log_softmax(1)
    by_hand = [-log_p[place, whole[0, place + 1]].item() for place in (5, 6, 7, 8)]
    assert losses == [pytest.approx(sum(by_hand) / 4, abs=1e-5)]
    assert torch.equal(model.words.weight, before)
    assert not torch.equal(learned.words.weight, before)


def test_a_ratio_is_one_perplexity_over_another():
    model = LanguageModel(len(lessons.tokenizer().words), 10, width=8, seed=3)
    given = lessons.draw(3, 0, "x")

    def perplexity(prompt, answer):
        log_p = [model(torch.cat([prompt, answer[:i]])[None])[0, -1].log_softmax(0)[answer[i]].item() for i in range(4)]
        return math.exp(-sum(log_p) / 4)

    nothing = torch.full((6,), lessons.tokenizer().ids["nothing"])
    expected = [perplexity(p, a) / perplexity(nothing, a) for p, a in zip(given.prompts, given.refined, strict=True)]
    assert ratios(model, given.prompts, given.refined).tolist() == pytest.approx(expected, rel=1e-4)


def test_sure_is_three_quarters_of_the_way_in_nats():
    """Only the last of four words can gain, from one in four: log 4 nats at most."""
    assert pytest.approx(-0.75 * math.log(4)) == 4 * math.log(SURE)


def test_selections_are_of_equal_size_or_swapped(monkeypatch):
    given = lessons.draw(80, 0, "refined")
    told = {name: torch.linspace(0.6, 1.0, 80).roll(shift) for shift, name in ((0, "small"), (30, "large"))}
    monkeypatch.setattr(frontier, "warmed_up", lambda student, *rest: student)
    monkeypatch.setattr(frontier, "ratios", lambda student, *rest: told[student])
    chosen = {arm: selected(*names, given, TINY, 0) for arm, names in ARMS.items()}
    for student, other in (("small", "large"), ("large", "small")):
        assert not chosen[f"{student}: none"].any()
        assert chosen[f"{student}: all"].all()
        assert torch.equal(chosen[f"{student}: own"], told[student] <= SURE)
        assert torch.equal(chosen[f"{student}: another's"], chosen[f"{other}: own"])
        assert chosen[f"{student}: random"].sum() == chosen[f"{student}: own"].sum() > 0
        assert not torch.equal(chosen[f"{student}: random"], chosen[f"{student}: own"])


class Says(torch.nn.Module):
    """Goes on with fixed answers, (N, 4), whatever it is asked."""

    def __init__(self, answers):
        super().__init__()
        self.answers = answers

    def forward(self, tokens):
        place = tokens.shape[1] - 6
        return torch.nn.functional.one_hot(self.answers[:, place], 50)[:, None].float() * 99


def test_knowledge_style_truth_and_use_are_told_apart():
    test = lessons.draw(4, 5, "x")
    test.colours[:] = 17  # all red
    test.refined[:, 3] = 17
    green = torch.tensor([18])
    said = torch.stack(
        [
            test.refined[0],
            torch.cat([test.refined[0, :3], green]),  # the teacher's words, and wrong
            torch.cat([test.original[0, :3], test.colours[0, :1]]),  # plain and true
            torch.cat([test.original[0, :3], green]),  # plain and wrong
        ]
    )
    found = examine(Says(said), test, seed=0)
    assert {name: hits.tolist() for name, hits in found.items()} == {
        "knows": [True, False, True, False],
        "style": [True, True, False, False],
        "true": [True, False, True, False],
        "useful": [True, False, False, False],
    }


def test_what_is_said_freely_is_drawn_by_the_seed():
    """Where the teacher says what the model happens to draw under one seed, it is right under no other."""
    model = LanguageModel(len(lessons.tokenizer().words), 10, width=8, seed=2)
    test = lessons.draw(50, 0, "x")
    test.refined[:] = sample(model, test.prompts, 4, streams.generator(3, "free"))
    assert examine(model, test, seed=3)["useful"].all()
    assert examine(model, test, seed=4)["useful"].float().mean() < 0.5


def test_a_warm_up_mixes_answers_and_leaves_some_unasked(monkeypatch):
    seen = {}

    def note(model, prompts, answers, updates, seed):
        seen.update(prompts=prompts, answers=answers, updates=updates)
        return model

    monkeypatch.setattr(frontier, "learn", note)
    model = frontier.warmed_up("large", Amounts(7, 1, 4000, 1), 0)
    assert (len(model.blocks), model.words.weight.shape[1], seen["updates"]) == (2, STUDENTS["large"].width, 7)
    unasked = (seen["prompts"] == lessons.tokenizer().ids["nothing"]).all(1)
    refined = seen["answers"][:, 0] == lessons.tokenizer().ids["the"]
    assert unasked.float().mean().item() == pytest.approx(1 / 8, abs=0.02)
    assert refined.float().mean().item() == pytest.approx(4 / 5, abs=0.02)
    assert refined[unasked].float().mean().item() == pytest.approx(4 / 5, abs=0.06)


def test_students_go_on_from_their_warm_up_on_what_was_selected(monkeypatch):
    learned = []
    warm = {name: LanguageModel(len(lessons.tokenizer().words), 10, width=8, seed=4) for name in STUDENTS}
    monkeypatch.setattr(frontier, "warmed_up", lambda student, *rest: warm[student])
    monkeypatch.setattr(frontier, "learn", lambda model, *rest: learned.append((model, *rest)) or model)
    for arm in ("small: none", "large: all"):
        frontier.frontier(arm, 0, TINY)
    given = lessons.draw(80, 0, "refined")
    assert learned[0][0] is warm["small"]
    assert learned[1][0] is warm["large"]
    assert torch.equal(learned[0][2], given.original)
    assert torch.equal(learned[1][2], given.refined)
    assert [rest[3] for rest in learned] == [3, 3]


def test_levels_are_kept_apart():
    levels = torch.tensor([0, 0, 1, 2, 2, 2, 3, 4])
    assert by_level(torch.tensor([1.0, 0, 1, 1, 1, 0, 0, 1]), levels) == [0.5, 1.0, 0.6667, 0.0, 1.0]


def test_an_arm_reports_each_level():
    found = frontier.frontier("small: own", 0, TINY)
    assert set(found) == {"knows", "style", "true", "useful", "selected", "ratio"}
    assert {len(values) for values in found.values()} == {5}
    assert all(u <= t for u, t in zip(found["useful"], found["true"], strict=True))
