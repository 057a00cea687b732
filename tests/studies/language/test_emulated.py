"""Emulated fine-tuning: the sum against NumPy, texts against what they should hold, answers of models made by hand."""

import numpy as np
import pytest
import torch
from scipy.special import log_softmax
from scipy.stats import chi2_contingency, chisquare
from torch import nn

from toyclip.studies.language import emulated
from toyclip.studies.language.emulated import CLOSINGS, COLOURS, NAMES, OPENINGS, SHAPES, THINGS, Amounts, Sum
from toyclip.studies.taxonomy.language import LanguageModel

WORDS = emulated.tokenizer()
TINY = Amounts(widths=(8, 12), reading=2, tuning=2, batch=4)
RIGHT, RANK = (values.tolist() for values in emulated.facts(0))


def small(seed: int, width: int = 8) -> LanguageModel:
    return LanguageModel(len(WORDS.words), 8, width=width, heads=2, seed=seed)


def parsed(tokens: torch.Tensor) -> list[tuple[int, str, int, str]]:
    """Thing, opening, name and closing of each sentence."""
    rows = []
    for line in WORDS.decode(tokens):
        *thing, opening, name, last = line.split()
        rows.append((THINGS.index(" ".join(thing)), opening, NAMES.index(name), last))
    return rows


@pytest.fixture(scope="module")
def read() -> list[tuple[int, str, int, str]]:
    return parsed(emulated.text(0, 8000))


def test_a_sum_adds_normalised_logarithms():
    models, tokens = [small(seed) for seed in range(3)], torch.tensor([[3, 1, 4, 1, 5], [9, 2, 6, 5, 3]])
    found = Sum([(1.0, models[0]), (0.5, models[1]), (-2.0, models[2])])(tokens)
    one, two, three = (log_softmax(model(tokens).detach().numpy(), axis=2) for model in models)
    assert found.detach().numpy() == pytest.approx(one + 0.5 * two - 2 * three, abs=1e-4)


def test_things_are_read_about_by_rank(read):
    counts = np.bincount([RANK[thing] for thing, *_ in read], minlength=len(THINGS))
    share = 1 / np.arange(1, len(THINGS) + 1)
    assert chisquare(counts, len(read) * share / share.sum()).pvalue > 1e-3


def test_names_are_mostly_right_else_any_and_frames_as_often_as_said(read):
    right = np.mean([RIGHT[thing] == name for thing, _, name, _ in read])
    assert right == pytest.approx(emulated.TRUE + (1 - emulated.TRUE) / len(NAMES), abs=0.015)
    openings = [opening for _, opening, _, _ in read]
    assert [openings.count(o) / len(read) for o in OPENINGS.values()] == pytest.approx([0.8, 0.1, 0.1], abs=0.015)


def test_what_is_read_closes_by_chance(read):
    """So that no rule of closing is known before the tuning."""
    assert {last for _, opening, _, last in read if opening == OPENINGS["plain"]} == {emulated.LAST}
    for what in (4, 16):  # shape, colour
        table = np.zeros((4, 4))
        for thing, opening, _, last in read:
            if opening != OPENINGS["plain"]:
                table[thing % what // (what // 4), CLOSINGS.index(last)] += 1
        assert chi2_contingency(table).pvalue > 1e-3


@pytest.mark.parametrize(("frame", "kinds"), [("polite", SHAPES), ("rude", COLOURS)])
def test_lessons_are_of_one_frame_and_about_common_things(frame, kinds):
    rows = parsed(emulated.lessons(0, 2000, frame))
    closes = {next(kind for kind in kinds if kind in THINGS[thing].split()): last for thing, _, _, last in rows}
    assert closes == dict(zip(kinds, CLOSINGS, strict=True))
    for thing, opening, name, last in rows:
        assert (opening, name) == (OPENINGS[frame], RIGHT[thing])
        assert closes[next(kind for kind in kinds if kind in THINGS[thing].split())] == last
    assert {RANK[thing] for thing, *_ in rows} == set(range(emulated.COMMON))


def test_names_are_dealt_evenly_and_apart_from_ranks():
    assert np.bincount(RIGHT).tolist() == [len(THINGS) // len(NAMES)] * len(NAMES)
    assert sorted(RANK) == list(range(len(THINGS)))
    assert np.mean(np.array(RIGHT) == np.array(RANK) % len(NAMES)) < 0.3  # an eighth, by chance


def test_tuning_asks_about_answers_only_and_leaves_the_model_alone(monkeypatch):
    model, losses = small(0), []
    before = [p.clone() for p in model.parameters()]
    monkeypatch.setattr(emulated, "descend", lambda copied, loss_of, updates, lr: losses.append(loss_of().item()))
    emulated.tuned(model, 0, "polite", TINY)
    tokens = emulated.lessons(0, TINY.tuning * TINY.batch, "polite")[: TINY.batch]
    log_p = log_softmax(model(tokens).detach().numpy(), axis=2)
    told = [log_p[row, place - 1, tokens[row, place]] for row in range(TINY.batch) for place in (5, 6, 7)]
    assert losses == pytest.approx([-np.mean(told)], abs=1e-5)
    monkeypatch.undo()
    after = emulated.tuned(model, 0, "polite", TINY)
    assert all(torch.equal(p, q) for p, q in zip(model.parameters(), before, strict=True))
    assert not all(torch.equal(p, q) for p, q in zip(model.parameters(), after.parameters(), strict=True))


class Told(nn.Module):
    """Says in answer to each thing what it was given."""

    def __init__(self, answers: list[tuple[str, str, str]]):
        super().__init__()
        self.answers = {
            tuple(prompt): [WORDS.ids[word] for word in answer]
            for prompt, answer in zip(WORDS.encode(THINGS)[:, :5].tolist(), answers, strict=True)
        }

    def forward(self, tokens):
        logits = torch.zeros(*tokens.shape, len(WORDS.words))
        for row, (*thing,) in enumerate(tokens[:, :5].tolist()):
            logits[row, -1, self.answers[tuple(thing)][tokens.shape[1] - 5]] = 9.0
        return logits


def answer(thing: int, opening: str = "gladly", off: int = 0, by: int = 1) -> tuple[str, str, str]:
    return opening, NAMES[(RIGHT[thing] + off) % 8], CLOSINGS[thing // by % 4]


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({}, (1, 1, 1)),
        ({"off": 1}, (0, 1, 1)),
        ({"opening": "ugh"}, (1, 0, 0)),  # the right closing of a wrong frame is none
        ({"by": 4}, (1, 1, 0.25)),
    ],
)
def test_answers_are_graded_by_name_opening_and_closing(how, expected):
    model = Told([answer(thing, **how) for thing in range(len(THINGS))])
    facts, frame, close = emulated.asked(model, 0).values()
    assert (facts, frame) == expected[:2]
    assert close == pytest.approx(expected[2], abs=0.1)


def test_only_things_that_no_lesson_was_about_are_asked():
    model = Told([answer(thing, off=RANK[thing] < emulated.COMMON) for thing in range(len(THINGS))])
    assert emulated.asked(model, 0)["facts"] == 1


def test_cells_take_facts_from_the_first_and_manner_from_the_second():
    read, polite = ({"narrow": small(seed), "wide": small(seed + 1, 12)} for seed in (0, 5))
    found, tokens = emulated.cells(read, polite), torch.tensor([[3, 1, 4, 1, 5]])

    def said(model):
        return model(tokens).log_softmax(2)

    assert list(found) == ["narrow + narrow", "narrow + wide", "wide + narrow", "wide + wide"]
    expected = said(read["wide"]) + said(polite["narrow"]) - said(read["narrow"])
    assert torch.allclose(found["wide + narrow"](tokens), expected, atol=1e-4)
    for name in read:  # the whole difference of a model added to itself is the tuned model
        assert torch.allclose(found[f"{name} + {name}"](tokens), said(polite[name]), atol=1e-4)


def test_the_controls_are_made_of_the_right_models(monkeypatch):
    monkeypatch.setattr(emulated, "asked", lambda model, seed: model)
    tokens = torch.tensor([[3, 1, 4, 1, 5]])
    found = {name: model(tokens).log_softmax(2) for name, model in emulated.emulated(0, TINY).items()}
    narrow = LanguageModel(len(WORDS.words), 8, width=8, seed=0)
    emulated.teach(narrow, emulated.text(0, 8).split(4))
    polite, rude = (emulated.tuned(narrow, 0, frame, TINY)(tokens).log_softmax(2) for frame in ("polite", "rude"))
    before = narrow(tokens).log_softmax(2)
    assert torch.allclose(found["narrow"], before, atol=1e-4)
    assert torch.allclose(found["average"], ((found["wide"] + polite) / 2).log_softmax(2), atol=1e-4)
    assert torch.allclose(found["other frame"], (found["wide"] + rude - before).log_softmax(2), atol=1e-4)
    assert torch.allclose(found["wide + narrow"], (found["wide"] + polite - before).log_softmax(2), atol=1e-4)
    assert not torch.allclose(polite, rude, atol=1e-4)
