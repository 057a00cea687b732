"""Formats under reinforcement: the text against what it was asked for, the rewards and their gradient by hand."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.stats import chi2_contingency, chisquare
from torch import nn

from toyclip.studies.language import formats, openings
from toyclip.studies.language.formats import ARMS, Arm, Size, distance, look, reinforce, rewards
from toyclip.studies.language.openings import MARK, NAMES, OPENINGS, THINGS
from toyclip.studies.taxonomy.language import LanguageModel

TINY = Size(pretraining=3, batch=8, rewarded=4, prompts=3, looks=2)
WORDS = openings.tokenizer()


def read(mix=(0.5, 0.3, 0.2), told=(0.2, 0.5, 0.9), count=6000) -> np.ndarray:
    """Thing, opening and whether the name is right, and the name, of each sentence, (n, 4)."""
    right = [NAMES[i] for i in openings.right_names(0).tolist()]
    rows = []
    for line in WORDS.decode(openings.text(mix, told, 0, count)):
        *thing, opening, name = line.split()
        thing = THINGS.index(" ".join(thing))
        rows.append((thing, OPENINGS.index(opening), right[thing] == name, NAMES.index(name)))
    return np.array(rows)


def test_the_text_mixes_formats_and_truth_as_it_was_told():
    rows = read()
    assert chisquare(np.bincount(rows[:, 1]), [3000, 1800, 1200]).pvalue > 1e-3
    for opening, told in enumerate((0.2, 0.5, 0.9)):
        assert rows[rows[:, 1] == opening, 2].mean() == pytest.approx(told, abs=0.04)


def test_an_opening_says_nothing_about_thing_or_name():
    rows = read(told=(0.4, 0.4, 0.4))
    for column in (0, 3):
        assert chi2_contingency(np.histogram2d(rows[:, 1], rows[:, column], bins=(3, 8))[0]).pvalue > 1e-3


def test_wrong_names_are_any_others():
    rows, right = read(told=(0.0, 0.0, 0.0)), openings.right_names(0).numpy()
    off = (rows[:, 3] - right[rows[:, 0]]) % len(NAMES)
    assert chisquare(np.bincount(off, minlength=8)[1:]).pvalue > 1e-3
    assert not rows[:, 2].any()


def test_each_name_belongs_to_as_many_things_and_the_seed_deals_them():
    assert openings.right_names(0).bincount().tolist() == [len(THINGS) // len(NAMES)] * len(NAMES)
    assert not torch.equal(openings.right_names(0), openings.right_names(1))
    assert all(thing.split()[-1] == MARK for thing in THINGS)


class Fixed(nn.Module):
    """Opens with these probabilities, whatever is asked, and says each name after an opening as often as told."""

    def __init__(self, opens: tuple[float, ...], first: tuple[float, ...]):
        super().__init__()
        self.table = torch.full((len(WORDS.words), len(WORDS.words)), -30.0)  # (V, V)
        self.table[WORDS.ids[MARK], openings.ids(WORDS, OPENINGS)] = torch.tensor(opens).log()
        for opening, p in zip(OPENINGS, first, strict=True):
            chances = torch.full((len(NAMES),), (1 - p) / 7)  # (K,)
            chances[0] = p
            self.table[WORDS.ids[opening], openings.ids(WORDS, NAMES)] = chances.log()

    def forward(self, tokens):
        return self.table[tokens]


def test_a_look_sees_the_probabilities_that_were_put_in():
    model, first = Fixed((0.6, 0.3, 0.1), (0.2, 0.5, 0.8)), torch.zeros(len(THINGS), dtype=torch.int64)
    seen = look(model, first)
    either = 0.6 * 0.2 + 0.3 * 0.5 + 0.1 * 0.8
    assert seen["share"] == pytest.approx([0.6, 0.3, 0.1], abs=1e-3)
    assert seen["right"] == pytest.approx([0.2, 0.5, 0.8], abs=1e-3)
    assert (seen["pass1"], seen["passk"]) == pytest.approx((either, 1 - (1 - either) ** 4), abs=1e-3)
    half = first.clone()
    half[::2] = 1  # of half of the things another name is right
    other = 0.6 * 0.8 / 7 + 0.3 * 0.5 / 7 + 0.1 * 0.2 / 7
    expected = ((1 - (1 - either) ** 4) + (1 - (1 - other) ** 4)) / 2
    assert look(model, half)["passk"] == pytest.approx(expected, abs=1e-3)


def test_a_look_asks_each_thing_for_its_own_name():
    model, right = LanguageModel(len(WORDS.words), 6, width=8, heads=2), openings.right_names(3)
    share, correct = np.zeros((len(THINGS), 3)), np.zeros((len(THINGS), 3))
    for (i, thing), (j, opening) in itertools.product(enumerate(THINGS), enumerate(OPENINGS)):
        tokens = torch.tensor([[WORDS.ids[word] for word in (*thing.split(), opening)]])
        p = model(tokens)[0].softmax(1).detach().numpy()
        share[i, j], correct[i, j] = p[3, WORDS.ids[opening]], p[4, WORDS.ids[NAMES[right[i]]]]
    seen = look(model, right)
    assert seen["share"] == pytest.approx(share.mean(axis=0), abs=1e-3)
    assert seen["right"] == pytest.approx(correct.mean(axis=0), abs=1e-3)
    assert seen["pass1"] == pytest.approx((share * correct).sum(axis=1).mean(), abs=1e-3)


def given(arm: Arm, opening: str, name: str, count: int = 4000) -> float:
    """Mean reward of one answer, given many times, where the first name is right."""
    answers = openings.ids(WORDS, [opening, name]).expand(count, 2)
    right = torch.zeros(count, dtype=torch.int64)
    return rewards(arm, answers, right, torch.Generator().manual_seed(0)).mean().item()


def test_right_answers_are_accepted_as_often_as_their_format_is():
    arm = Arm(accepted=(0.5, 0.75, 1.0))
    assert [given(arm, opening, NAMES[0]) for opening in OPENINGS] == pytest.approx([0.5, 0.75, 1.0], abs=0.03)


@pytest.mark.parametrize(("opening", "name"), [("so", NAMES[1]), (MARK, NAMES[0]), (NAMES[0], NAMES[0])])
def test_a_wrong_name_and_an_answer_without_a_format_earn_nothing(opening, name):
    assert given(Arm(), opening, name) == 0


def test_shuffled_rewards_are_as_many_and_say_nothing_about_the_answer():
    count = 4000
    name = torch.arange(count) % 4  # a quarter is right
    answers = torch.stack([torch.full((count,), WORDS.ids["so"]), openings.ids(WORDS, NAMES)[name]], dim=1)
    earned = rewards(Arm(shuffled=True), answers, torch.zeros_like(name), torch.Generator().manual_seed(1))
    assert earned.sum() == count / 4
    assert earned[name == 0].mean().item() == pytest.approx(0.25, abs=0.04)


@pytest.mark.parametrize("worth", [(1.0, 0.5, 0.0), (0.7, 0.7, 0.7)])
def test_the_mean_gradient_is_that_of_replicators(worth):
    """A format's logit climbs by its share times its lead over the mean reward; without a lead nothing moves."""
    logits = torch.tensor([0.6, 0.3, 0.1], dtype=torch.float64).log().requires_grad_()
    generator, worth = torch.Generator().manual_seed(0), torch.tensor(worth, dtype=torch.float64)
    p = logits.detach().exp()
    drawn = torch.multinomial(p, 80_000, replacement=True, generator=generator).view(-1, 8)  # (P, G)
    earned = (torch.rand(drawn.shape, generator=generator, dtype=torch.float64) < worth[drawn]).double()
    reinforce(logits.log_softmax(0)[drawn], earned).backward()
    assert -logits.grad == pytest.approx((p * (worth - (p * worth).sum())).numpy(), abs=0.006)


def test_the_baseline_is_of_the_same_prompt_and_leaves_the_answer_itself_out():
    log_p = torch.tensor([[-1.0, -2.0, -3.0], [-1.0, -1.0, -4.0]])
    reward = torch.tensor([[1.0, 0.0, 0.0], [1.0, 1.0, 1.0]])
    by_hand = -(1 * -1.0 - 0.5 * -2.0 - 0.5 * -3.0) / 6
    assert reinforce(log_p, reward).item() == pytest.approx(by_hand)
    assert reinforce(log_p, reward + torch.tensor([[5.0], [-2.0]])).item() == pytest.approx(by_hand)


def test_distance_is_torchs_own():
    new, old = torch.randn(2, 4, 6, generator=torch.Generator().manual_seed(0))
    theirs = F.kl_div(old.log_softmax(1), new.log_softmax(1), reduction="none", log_target=True).sum(1)
    assert torch.allclose(distance(new, old), theirs, atol=1e-6)


def share_after(arm: Arm, rewarded: int = 12) -> list[list[float]]:
    """Shares of the formats at each look of a model that has hardly read."""
    size = Size(pretraining=15, batch=32, rewarded=rewarded, prompts=8, looks=2)
    begun = formats.pretrained(Arm(mix=arm.mix, width=16), 100, size)
    model = LanguageModel(len(WORDS.words), 6, width=16)
    model.load_state_dict(begun.state_dict())
    return [seen["share"] for seen in formats.reward_model(model, arm, 100, size)]


def test_what_is_rewarded_grows_and_distance_holds_it_back(monkeypatch):
    """The rare format earns, whatever the name."""
    hence = WORDS.ids["hence"]
    monkeypatch.setattr(formats, "rewards", lambda arm, answers, *_: (answers[:, 0] == hence).float())
    arm = Arm(mix=formats.EVEN, width=16, lr=1e-2)
    free, held = share_after(arm), share_after(replace(arm, kl=3.0))
    assert len(free) == 3
    assert free[-1][2] > 2 * free[0][2]
    assert abs(held[-1][2] - held[0][2]) < 0.5 * (free[-1][2] - free[0][2])


def test_without_a_step_nothing_changes():
    first, *others = share_after(Arm(lr=0.0, width=16), rewarded=4)
    assert all(other == first for other in others)


def test_a_run_leaves_the_model_that_others_begin_with_alone():
    assert formats.formats("equal", 0, TINY) == formats.formats("equal", 0, TINY)
    one, other = (formats.formats(name, 0, TINY)["looks"] for name in ("rare best", "rare best, KL 0.5"))
    assert one[0] == other[0]
    assert len(one) == TINY.looks + 1


def test_each_arm_begins_with_a_model_of_its_own_text_and_width(monkeypatch):
    monkeypatch.setattr(formats, "pretrained", lambda arm, *_: arm)
    monkeypatch.setattr(formats, "reward_model", lambda model, arm, *_: (model, arm))
    for name, arm in ARMS.items():
        read, rewarded = formats.formats(name, 0)["looks"]
        assert (read.mix, read.told, read.width) == (arm.mix, arm.told, arm.width)
        assert rewarded == arm
    assert len({formats.formats(name, 0)["looks"][0] for name in list(ARMS)[:7]}) == 1  # one for all of them


def test_arms_are_what_their_names_say():
    assert all(math.isclose(sum(arm.mix), 1) for arm in ARMS.values())
    assert {name for name, arm in ARMS.items() if arm.shuffled} == {"equal, shuffled"}
    for name, arm in ARMS.items():
        assert ("equal" in name) == (len(set(arm.accepted)) == len(set(arm.told)) == 1)
        assert ("KL" in name) == (arm.kl > 0)
        assert name.split("width ")[-1] == str(arm.width) or arm.width == 32
        best = np.argmax(np.multiply(arm.accepted, arm.told))
        assert best == (2 if "rare" in name else 0)
