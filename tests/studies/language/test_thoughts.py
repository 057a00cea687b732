"""Thoughts and their reward: the world by hand, the loss by hand, and a model made by rule that thinks rightly."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from toyclip import streams
from toyclip.errors import InputError
from toyclip.studies.language import hops, thoughts
from toyclip.studies.language.decoding import score
from toyclip.studies.language.hops import ASKED, SAY, THINK, K, Text
from toyclip.studies.taxonomy.language import LanguageModel

SMALL = thoughts.Size(updates=2, steps=2, batch=6, thoughts=3, test=40)


class Rule(nn.Module):
    """Knows nothing after "say"; after "think" and a shape it says the right thought, after a thought its find."""

    def forward(self, tokens):
        logits = torch.zeros(*tokens.shape, hops.WORDS)  # (B, T, V)
        for row, out in zip(tokens.tolist(), logits, strict=True):
            if row[K] == THINK:
                for place in range(ASKED, len(row)):
                    if 1 <= row[place] <= K:
                        out[place, row[row[place] - 1]] = 50.0
        return logits


@pytest.mark.parametrize("steps", [1, 2])
def test_answers_are_found_by_following_the_table(steps):
    tables, asked, first, answers = (t.tolist() for t in hops.looks(Text(hops=steps), 300, 0, "a"))
    for table, shape, one, answer in zip(tables, asked, first, answers, strict=True):
        path = [shape, table[shape - 1], table[table[shape - 1] - 1]]
        assert (one, answer) == (path[1], path[steps])
    assert {word for table in tables for word in table} == set(asked) == set(range(1, K + 1))
    assert tables != hops.looks(Text(hops=steps), 300, 0, "b")[0].tolist()
    assert tables != hops.looks(Text(hops=steps), 300, 1, "a")[0].tolist()


def test_texts_stand_as_they_are_read():
    table, asked = torch.tensor([[2, 3, 4, 5, 6, 7, 8, 1]]), torch.tensor([3])
    assert hops.plain(table, asked, torch.tensor([5])).tolist() == [[2, 3, 4, 5, 6, 7, 8, 1, SAY, 3, 5, 0]]
    told = hops.aloud(table, asked, torch.tensor([4]), torch.tensor([5]))
    assert told.tolist() == [[2, 3, 4, 5, 6, 7, 8, 1, THINK, 3, 4, 5]]
    assert told[0, ASKED] == 3
    assert len(told[0]) == hops.LENGTH
    assert max(SAY, THINK) < hops.WORDS


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_blur_draws_a_share_anew_among_all_shapes(share):
    right = torch.full((40_000,), 3)
    blurred = hops.blur(right, share, torch.Generator().manual_seed(0))
    counts = torch.bincount(blurred, minlength=K + 1) / len(right)
    expected = torch.full((K + 1,), share / K)
    expected[0], expected[3] = 0.0, 1 - share + share / K
    assert torch.allclose(counts, expected, atol=0.01)


@pytest.mark.parametrize("text", [Text(), Text(hops=1, right=0.0, aloud=0.6, noise=0.3)])
def test_ordinary_text_holds_thoughts_and_noise_in_their_shares(text):
    texts = hops.ordinary(text, 20_000, 0, "a")
    tables, thinks = texts[:, :K], texts[:, K] == THINK
    assert set(texts[:, K].tolist()) == {SAY, THINK}
    first = tables.gather(1, texts[:, ASKED, None] - 1)[:, 0]
    truth = tables.gather(1, first[:, None] - 1)[:, 0] if text.hops == 2 else first
    told = torch.where(thinks, texts[:, ASKED + 2], texts[:, ASKED + 1])
    assert thinks.double().mean().item() == pytest.approx(text.aloud, abs=0.02)
    assert (texts[thinks][:, ASKED + 1] == first[thinks]).double().mean().item() == pytest.approx(
        text.right + (1 - text.right) / K, abs=0.03
    )
    for which in (thinks, ~thinks):
        right = (told == truth)[which].double().mean().item()
        assert right == pytest.approx(1 - text.noise + text.noise / K, abs=0.02)
    assert (texts[~thinks][:, -1] == 0).all()


def test_thoughts_are_drawn_as_likely_as_the_model_finds_them():
    model = LanguageModel(hops.WORDS, hops.LENGTH, width=8, layers=1, heads=2)
    tables, asked, *_ = hops.looks(Text(), 1, 0)
    drawn = thoughts.draw(model, tables, asked, 20_000, torch.Generator().manual_seed(0))
    assert drawn.shape == (1, 20_000)
    start = torch.cat([tables, torch.tensor([[THINK, asked.item()]])], dim=1)
    expected = model(start)[0, -1].softmax(dim=0)
    assert expected.max() < 0.9
    assert torch.allclose(torch.bincount(drawn[0], minlength=hops.WORDS) / 20_000, expected, atol=0.015)


def test_without_a_thought_is_how_likely_the_answer_is_after_say():
    model = LanguageModel(hops.WORDS, hops.LENGTH, width=8, layers=1, heads=2)
    tables, asked, _, answers = hops.looks(Text(), 5, 0)
    start = torch.cat([tables, torch.full((5, 1), SAY), asked[:, None]], dim=1)
    assert torch.allclose(
        thoughts.without(model, tables, asked, answers), score(model, start, answers[:, None]), atol=1e-5
    )


def captured(monkeypatch, model, how, seed=0):
    """What `reason` hands to the optimiser, with the models that `without` was asked about."""
    found, asked_of = {}, []
    right = thoughts.without
    with monkeypatch.context() as patch:
        patch.setattr(thoughts, "descend", lambda model, loss, updates, lr: found.update(loss=loss, updates=updates))
        thoughts.reason(model, Text(), SMALL, seed, how)

    def without(average, *given):
        asked_of.append(average)
        return right(average, *given)

    monkeypatch.setattr(thoughts, "without", without)
    return found["loss"], asked_of


@pytest.mark.parametrize("how", ["own", "random", "shuffled"])
def test_loss_is_reinforce_and_the_answer_and_ordinary_text(monkeypatch, how):
    model = LanguageModel(hops.WORDS, hops.LENGTH, width=8, layers=1, heads=2)
    loss, _ = captured(monkeypatch, model, how)
    seen = []
    right = thoughts.aloud
    monkeypatch.setattr(thoughts, "draw", lambda *given: torch.arange(18).reshape(6, 3) % 8 + 1)
    monkeypatch.setattr(thoughts, "aloud", lambda *given: (seen.append(given), right(*given))[1])
    monkeypatch.setattr(torch, "randperm", lambda n, generator: torch.arange(n).roll(1))
    found = loss()
    tokens = hops.ordinary(Text(), 12, 0, "beside thoughts")[:6]
    expected = 4 * F.cross_entropy(model(tokens)[:, :-1].flatten(0, 1), tokens[:, 1:].flatten(), ignore_index=0)
    gains, said = [], []
    for tables, asked, thought, answers in seen:  # one draw of thoughts for the whole batch
        start = torch.cat([tables, torch.full((6, 1), THINK), asked[:, None]], dim=1)
        answer = score(model, torch.cat([start, thought[:, None]], dim=1), answers[:, None])
        plain = score(model, torch.cat([tables, torch.full((6, 1), SAY), asked[:, None]], dim=1), answers[:, None])
        gains.append((answer - plain).detach())
        said.append(score(model, start, thought[:, None]))
        expected = expected - answer.mean() / 3
    assert len(seen) == 3
    gain, policy = torch.stack(gains), torch.stack(said)
    if how == "shuffled":
        gain = gain.roll(1, dims=1)
    if how != "random":
        expected = expected - (gain * policy).mean()
        assert torch.equal(torch.stack([g[2] for g in seen]).T, torch.arange(18).reshape(6, 3) % 8 + 1)
    assert found.item() == pytest.approx(expected.item(), abs=1e-5)
    grads = [torch.autograd.grad(of, list(model.parameters())) for of in (found, expected)]
    assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(*grads, strict=True))


def test_reward_is_measured_against_a_slow_copy(monkeypatch):
    model = LanguageModel(hops.WORDS, hops.LENGTH, width=8, layers=1, heads=2)
    before = model.words.weight.detach().clone()
    loss, asked_of = captured(monkeypatch, model, "own")
    with torch.no_grad():
        model.words.weight.add_(1.0)
    loss().backward()
    assert torch.allclose(asked_of[0].words.weight, before + 0.01, atol=1e-6)
    assert all(weight.grad is None for weight in asked_of[0].parameters())


def test_a_model_that_thinks_rightly_is_seen_to():
    found = thoughts.ask(Rule(), Text(), 0, SMALL)
    assert found["think"] == found["right"] == found["if_right"] == 1.0
    assert found["think_nats"] == 0.0
    assert found["say_nats"] == pytest.approx(-torch.tensor(hops.WORDS).log().item(), abs=1e-4)
    at_random = thoughts.ask(Rule(), Text(), 0, thoughts.Size(test=2000), "random")
    assert at_random["if_right"] == 1.0
    assert at_random["right"] == pytest.approx(1 / K, abs=0.03)
    assert 1 / K < at_random["think"] < 0.35  # two shapes may look at one


def test_a_run_goes_on_from_what_all_arms_share_and_leaves_it_as_it_was():
    thoughts.pretrained.cache_clear()
    base = thoughts.pretrained(Text(), 0, SMALL)
    weights = copy.deepcopy(base.state_dict())
    runs = {arm: thoughts.thoughts(arm, 0, SMALL) for arm in ("thoughts", "random thoughts", "next word")}
    assert all(torch.equal(weights[name], value) for name, value in base.state_dict().items())
    befores = [run["before"] for run in runs.values()]
    assert befores[0] == befores[1] == befores[2]
    assert len({run["after"]["say_nats"] for run in runs.values()}) == 3
    with pytest.raises(InputError, match="there is no arm 'bass'"):
        thoughts.thoughts("bass", 0, SMALL)


def test_next_word_reads_on_as_long_as_thinking_takes(monkeypatch):
    read = []
    monkeypatch.setattr(thoughts, "read_on", lambda model, texts, batch: read.append((len(texts), batch)))
    thoughts.pretrained.cache_clear()
    thoughts.thoughts("next word", 3, SMALL)
    passes = SMALL.steps * (1 + 1 + 3 * SMALL.thoughts + 3)  # draw, average, thoughts, ordinary text
    assert read == [(12, 6), (-(-passes // 3) * 6, 6)]
    thoughts.pretrained.cache_clear()


def test_arms_differ_in_one_thing_each():
    arms = thoughts.ARMS
    assert {arm: how for arm, (how, text) in arms.items() if text == Text()} == {
        "thoughts": "own", "random thoughts": "random", "shuffled reward": "shuffled", "next word": "none",
    }  # fmt: skip
    assert [arms[arm][0] for arm in list(arms)[4:]] == ["own", "own", "none"]
    assert {text for _, text in list(arms.values())[5:]} == {Text(hops=1)}
    assert arms["no right thoughts in the text"][1] == Text(right=0.0)


def test_streams_of_texts_and_tests_do_not_meet():
    drawn = {
        name: hops.looks(Text(), 50, 0, name)[0].tolist()
        for name in ("pretraining", "thoughts", "beside thoughts", "more", "test")
    }
    assert len({str(tables) for tables in drawn.values()}) == 5
    assert streams.number(0, "looks", "test") != streams.number(0, "looks", "more")
