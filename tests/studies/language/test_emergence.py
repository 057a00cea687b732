"""Sizes, abilities and yardsticks: parameters and shares counted by hand, scenes read by another reader."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.stats import chisquare

from toyclip.errors import InputError
from toyclip.studies.language import emergence
from toyclip.studies.language.emergence import COLORS, OWNERS, SHAPES, TITLES, TOKENIZER
from toyclip.studies.taxonomy.language import LanguageModel, surprise

SMALL = emergence.Scope(widths=(8,), asked=40, looks=4, part=30)


class Says(LanguageModel):
    """A stand-in that finds likeliest, after each place, what `word_after` says of the words so far."""

    def __init__(self, word_after, sure: float = 20.0):
        super().__init__(len(TOKENIZER.words), TOKENIZER.context_length, width=4)
        self.word_after, self.sure = word_after, sure

    def forward(self, tokens):
        logits = torch.full((*tokens.shape, len(TOKENIZER.words)), -self.sure)
        for n, row in enumerate(tokens.tolist()):
            for t in range(len(row)):
                for word in self.word_after([TOKENIZER.words[i] for i in row[: t + 1]]):
                    logits[n, t, TOKENIZER.ids[word]] = 0.0
        return logits


def owner(words: list[str]) -> list[str]:
    """The colour before the shape that a scene asks for."""
    return [words[words.index(words[4]) - 1]] if len(words) == 5 else ["red"]


def test_eight_sizes_from_two_thousand_to_three_hundred_thousand_counted_by_hand():
    told = []
    for width in emergence.WIDTHS:
        layer = 4 * width * width + 4 * width + 8 * width * width + 5 * width + 4 * width
        told.append((len(TOKENIZER.words) + TOKENIZER.context_length) * width + 2 * layer + 2 * width)
    found = [emergence.learn(w, "binding", 0, emergence.Scope(part=600))[1]["parameters"] for w in emergence.WIDTHS[:3]]
    assert found == told[:3]
    assert len(told) == 8
    assert 2000 < told[0] < 2500
    assert 300_000 < told[-1] < 330_000
    assert all(1 < larger / smaller < 4 for smaller, larger in pairwise(told))


# --- what is asked ---------------------------------------------------------------------------------------------------


def test_every_picture_has_a_name_of_its_own_and_five_colours():
    names, told = emergence.captions(3)
    words = [tuple(text.split()) for text in TOKENIZER.decode(names)]
    assert len(set(words)) == len(TITLES) * len(OWNERS) == len(names) == 256
    assert all(title in TITLES and o in OWNERS for title, o in words)
    assert {color for text in TOKENIZER.decode(told) for color in text.split()} == set(COLORS)
    assert told.shape == (256, 5)
    counts = torch.bincount(told.flatten(), minlength=7)[1:7].numpy()
    assert chisquare(counts).pvalue > 0.001


def test_captions_of_a_seed_are_its_own():
    first, again, other = (emergence.captions(seed)[1] for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert (first == other).double().mean() == pytest.approx(1 / 6, abs=0.04)
    assert (first[:, 0] == first[:, 1]).double().mean() == pytest.approx(1 / 6, abs=0.09)  # a word tells no other


def test_a_scene_has_one_answer_and_places_do_not_tell_which():
    prompts, answers = emergence.scenes(600, np.random.default_rng(0))
    first = 0
    for text, answer in zip(TOKENIZER.decode(prompts), TOKENIZER.decode(answers), strict=True):
        words = text.split()
        assert words[0] != words[2]
        assert words[1] != words[3]
        assert {words[0], words[2]} <= set(COLORS)
        assert {words[1], words[3], words[4]} <= set(SHAPES)
        assert [answer] == owner(words)
        first += words[4] == words[1]
    assert first / 600 == pytest.approx(0.5, abs=0.07)
    counts = torch.bincount(answers.flatten(), minlength=7)[1:7].numpy()
    assert chisquare(counts).pvalue > 0.001


# --- yardsticks ------------------------------------------------------------------------------------------------------


def test_who_binds_is_always_right():
    told = emergence.right(Says(owner), *emergence.scenes(30, np.random.default_rng(1)))
    assert (told["p"], told["free"], told["exact"]) == (1, 1, [1])
    assert told["log_likelihood"] == pytest.approx(0, abs=1e-4)


def test_who_knows_the_words_and_not_the_bonds_pays_log_two():
    both = Says(lambda words: [words[0], words[2]] if len(words) == 5 else ["red"])
    told = emergence.right(both, *emergence.scenes(300, np.random.default_rng(2)))
    assert told["log_likelihood"] == pytest.approx(-math.log(2), abs=1e-4)
    assert told["p"] == pytest.approx(0.5, abs=0.09)


def test_a_mistake_that_leads_astray_counts_once_when_it_is_corrected():
    """The model says one colour more each time: after a wrong word it is wrong to the end, left to itself."""

    def next_color(words: list[str]) -> list[str]:
        last = words[-1]
        return [COLORS[(COLORS.index(last) + 1) % 6] if last in COLORS else "red"]

    names = torch.tensor([[TOKENIZER.ids["title0"], TOKENIZER.ids["owner0"]]])
    answers = TOKENIZER.encode(["red blue yellow black white"])[:, :5]  # green is left out
    told = emergence.right(Says(next_color), names, answers)
    assert told["p"] == 0.8
    assert told["free"] == 0.4
    assert told["exact"] == [1, 1, 0, 0, 0]


def test_exact_match_of_a_coin_that_is_right_p_of_the_time_is_p_to_the_length():
    rng = np.random.default_rng(3)
    names, answers = emergence.captions(0)
    wrong = torch.from_numpy(rng.uniform(size=answers.shape) > 0.8)
    said = torch.where(wrong, answers % 6 + 1, answers)
    known = {tuple(n): s for n, s in zip(names.tolist(), said.tolist(), strict=True)}

    def recall(words: list[str]) -> list[str]:
        if len(words) < 2:
            return ["red"]
        row = known[TOKENIZER.ids[words[0]], TOKENIZER.ids[words[1]]]
        return [TOKENIZER.words[row[min(len(words) - 2, 4)]]]

    told = emergence.right(Says(recall), names, answers)
    assert told["p"] == told["free"] == pytest.approx((~wrong).double().mean().item(), abs=1e-4)
    assert told["exact"] == pytest.approx([0.8**i for i in range(1, 6)], abs=0.07)


# --- learning --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", emergence.TASKS)
def test_looks_are_evenly_spaced_and_the_last_is_the_end(task):
    model, told = emergence.learn(8, task, 0, SMALL)
    updates = emergence.TASKS[task].updates // 30
    assert len(told["ps"]) == len(told["log_likelihoods"]) == math.ceil(updates / (updates // 4)) + 1
    assert told["ps"][-1] == told["p"]
    assert told["log_likelihoods"][-1] == told["log_likelihood"] > told["log_likelihoods"][0]
    untrained = LanguageModel(len(TOKENIZER.words), TOKENIZER.context_length, width=8, seed=0)
    asked = emergence.captions(0) if task == "captions" else None
    if asked:
        assert emergence.right(untrained, *asked)["log_likelihood"] == told["log_likelihoods"][0]
        assert emergence.right(model, *asked)["p"] == told["p"]


def test_nothing_is_asked_of_the_prompt(monkeypatch):
    """The loss is the surprise at the answer alone."""
    seen = []
    monkeypatch.setattr(emergence, "surprise", lambda logits, only: (seen.append(only), surprise(logits, only))[1])
    emergence.learn(8, "binding", 0, emergence.Scope(asked=2, looks=1, part=300))
    assert len(seen) == 2
    assert all((only[:, :5] == 0).all() and (only[:, 5] > 0).all() for only in seen)


def test_what_is_asked_is_never_read():
    read, asked = (set(map(tuple, emergence.questions(3000, 0, what)[0].tolist())) for what in ("read", "asked"))
    assert not read & asked
    assert 0.1 < len(asked) / (len(read) + len(asked)) < 0.3  # nearly all 1,800 were drawn


def test_a_wide_model_binds_after_a_short_training_by_few_words(monkeypatch):
    """On a world of four colours and three shapes, for the sake of time: it can be learned, of questions never read."""
    monkeypatch.setattr(emergence, "COLORS", COLORS[:4])
    monkeypatch.setattr(emergence, "SHAPES", SHAPES[:3])
    told = emergence.learn(48, "binding", 0, emergence.Scope(asked=60, looks=2, part=3))[1]
    assert told["p"] > 0.8


def test_widths_are_those_asked_for_and_a_wrong_task_is_refused():
    told = emergence.emergence("captions", 0, emergence.Scope(widths=(8, 12), looks=1, part=300))
    assert list(told) == ["8", "12"]
    assert told["8"]["parameters"] < told["12"]["parameters"]
    with pytest.raises(InputError, match="there is no task 'rhymes'; choose one of captions, binding"):
        emergence.emergence("rhymes", 0)


def test_patience_is_four_times_as_long_for_the_two_narrowest(monkeypatch):
    seen = []
    monkeypatch.setattr(emergence, "descend", lambda model, loss, updates: seen.append(updates))
    told = emergence.patience(0)
    assert list(told) == ["8", "12"]
    assert seen == [4 * 600] * 2
