"""Priming: log-odds against a softmax in numpy, a step against torch's SGD, leaks against what was put in."""

import copy
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from studies.samples import contents
from torch import Tensor, nn

from toyclip.data import Pairs
from toyclip.encoders import Config, ToyCLIP
from toyclip.infonce import info_nce
from toyclip.studies.frequency import corpus as frequency
from toyclip.studies.frequency import priming
from toyclip.studies.frequency.corpus import Size
from toyclip.studies.frequency.priming import LR, NORM, log_odds, teach

TINY = Size(levels=3, per_level=4, updates=2, batch_size=4, test=4)  # 12 concepts, 28 pictures
WORD = 14  # the second of three new ones
CONFIG = Config(image_encoder="strided", vocab_size=16, context_length=1)  # three words more than concepts


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.setattr(priming, "NEW_WORDS", 3)
    monkeypatch.setattr(priming, "PICTURES", 2)
    monkeypatch.setattr(priming, "PRESENTATIONS", 2)


@pytest.fixture(scope="module")
def model() -> ToyCLIP:
    """Untrained, with three words more than concepts."""
    return ToyCLIP(CONFIG, seed=0)


@pytest.fixture(scope="module")
def picture() -> Tensor:
    return frequency.held_out_corpus(TINY, 0).pixels[5] / 255  # (3, 32, 32)


@pytest.fixture(scope="module")
def company() -> list[Pairs]:
    """Six ordinary pairs for each of three presentations."""
    corpus = frequency.base_corpus(TINY, 0)
    return [corpus[torch.arange(start, 28, 4)[:6]] for start in (0, 1, 2)]


def flat(model: nn.Module) -> Tensor:
    """All weights in one row."""
    return torch.cat([p.detach().flatten() for p in model.parameters()]).double()


@pytest.mark.parametrize("word", [13, 14, 15])
def test_log_odds_are_those_of_a_softmax(model, word):
    pictures = frequency.held_out_corpus(TINY, 0).pixels[::7] / 255
    known = torch.arange(1, 13)[:, None]
    with torch.no_grad():
        cosine = model.embed_images(pictures) @ model.embed_texts(torch.arange(1, 16)[:, None]).T
    scores = np.exp(cosine.double().numpy() / 0.07)  # (7, 15), words 1 to 15; the others' new ones are no answers
    probability = scores[:, word - 1] / (scores[:, :12].sum(axis=1) + scores[:, word - 1])
    found = log_odds(model, pictures, known, word)
    assert found.shape == (len(pictures),)
    assert not found.requires_grad
    assert found.numpy() == pytest.approx(np.log(probability / (1 - probability)), abs=1e-4)


def by_sgd(model: ToyCLIP, picture: Tensor, company: list[Pairs]) -> ToyCLIP:
    """The same with torch's own plain gradient descent."""
    model = copy.deepcopy(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=LR)
    for pairs in company:
        images = torch.cat([pairs.pixels.float() / 255, picture.unsqueeze(0)])
        tokens = torch.tensor([[word + 1] for word in pairs.captions.tolist()] + [[WORD]])
        optimizer.zero_grad()
        info_nce(model(images, tokens)).backward()
        optimizer.step()
    return model


@pytest.mark.parametrize("presentations", [1, 3])
def test_raw_steps_are_plain_sgd(model, picture, company, presentations):
    found, expected = (how(model, picture, *rest) for how, rest in (
        (teach, (WORD, company[:presentations], None)), (by_sgd, (company[:presentations],))))  # fmt: skip
    torch.testing.assert_close(flat(found), flat(expected), rtol=0, atol=1e-6)
    assert (flat(found) - flat(model)).norm() > 1e-3


@pytest.mark.parametrize("norm", [NORM, 0.5])
def test_each_matched_step_moves_all_weights_together_by_rate_times_length(model, picture, company, norm):
    """In the direction of the raw one, one after the other from where the last one ended."""
    step = model
    for pairs in company:
        moved, raw = (flat(teach(step, picture, WORD, [pairs], n)) - flat(step) for n in (norm, None))
        assert moved.norm().item() == pytest.approx(LR * norm, rel=1e-4)
        assert torch.cosine_similarity(moved, raw, dim=0).item() == pytest.approx(1, abs=1e-5)
        step = teach(step, picture, WORD, [pairs], norm)
    torch.testing.assert_close(flat(teach(model, picture, WORD, company, norm)), flat(step), rtol=0, atol=1e-7)


@pytest.mark.parametrize("norm", [None, NORM])
def test_model_that_is_taught_is_a_copy(model, picture, company, norm):
    before = flat(model)
    taught = teach(model, picture, WORD, company, norm)
    assert torch.equal(flat(model), before)
    assert all(p.grad is None for p in model.parameters())
    assert not torch.equal(flat(taught), before)
    assert torch.equal(flat(teach(model, picture, WORD, company, norm)), flat(taught))


def test_new_words_are_never_in_training_captions(monkeypatch):
    learn = Mock()
    monkeypatch.setattr(priming, "learn", learn)
    model = priming.with_new_words(TINY, 3, "elsewhere")
    (learner, corpus, tokens, *rest), options = learn.call_args
    assert learner is model
    assert (rest, options) == ([TINY, 3], {"device": "elsewhere"})
    assert torch.equal(tokens, corpus.captions[:, None] + 1)
    assert 1 <= tokens.min() <= tokens.max() == 12
    assert torch.equal(corpus.pixels, frequency.base_corpus(TINY, 3).pixels)
    assert model.text_encoder.tokens.num_embeddings == 1 + 12 + 3
    assert torch.equal(flat(model), flat(ToyCLIP(CONFIG, seed=3)))


def test_new_words_point_where_they_did_at_the_start():
    """Weight decay makes them a little shorter; training turns only the others."""
    start = ToyCLIP(CONFIG, seed=0).text_encoder.tokens.weight
    end = priming.with_new_words(TINY, seed=0).text_encoder.tokens.weight
    turned = 1 - torch.cosine_similarity(start, end, dim=1)
    assert turned[13:].abs().max() < 1e-6
    assert turned[1:13].max() > 1e-6
    assert ((0.9 * start).norm(dim=1) <= end.norm(dim=1))[13:].all()


@pytest.fixture
def told(monkeypatch) -> list[tuple[int, int, float | None, list[Pairs]]]:
    """Known log-odds before and after teachings that teach nothing; the teachings: word, picture, norm, company.

    Pictures are numbers; a model is None, or the (word, picture, norm) that it was taught.
    """
    seen = []

    def teach(model, picture, word, company, norm):
        assert model is None
        seen.append((word, round(255 * picture[0, 0, 0].item()), norm, company))
        return seen[-1][:3]

    def held_out_corpus(size, seed):
        numbers = torch.arange(size.concepts * size.test, dtype=torch.uint8)
        shown = numbers.long() // size.test
        return Pairs(numbers[:, None, None, None].expand(-1, 3, 32, 32), shown, shown)

    def log_odds(model, pictures, known, word):
        assert known.tolist() == [[k] for k in range(1, 13)]
        numbers = (255 * pictures[:, 0, 0, 0]).round().long().tolist()
        return torch.tensor([odds(model, number, word) for number in numbers])

    monkeypatch.setattr(priming, "with_new_words", Mock(return_value=None))
    monkeypatch.setattr(priming, "held_out_corpus", held_out_corpus)
    monkeypatch.setattr(priming, "teach", teach)
    monkeypatch.setattr(priming, "log_odds", log_odds)
    return seen


def odds(model: tuple[int, int, float | None] | None, number: int, word: int) -> float:
    """On picture `number`, which shows concept `number // 4`; taught ones grow most on their own concept."""
    start = 0.01 * number - 0.1 * word
    if model is None:
        return start
    taught, picture, norm = model
    gain = {True: 0.02 * number, False: 0.003 * number}[word == taught] * (1 if norm is None else 2)
    return start + gain + (50 if number // 4 == picture // 4 else 0)


def test_leak_is_the_mean_over_test_pictures_of_other_concepts(told):
    columns = priming.priming(0, TINY, "elsewhere")
    assert priming.with_new_words.call_args.args == (TINY, 0, "elsewhere")
    assert columns.keys() == {"raw", "matched"}
    assert all(arm.keys() == {"before", "other", "taught", "leak", "bystander"} for arm in columns.values())
    assert len(told) == 2 * 3 * 2
    for arm, wanted in (("raw", None), ("matched", NORM)):
        teachings = [row for row in told if row[2] == wanted]
        assert [word for word, *_ in teachings] == [13, 13, 14, 14, 15, 15]
        for i, (word, picture, norm, _) in enumerate(teachings):
            next_word = {13: 14, 14: 15, 15: 13}[word]
            others = [n for n in range(0, 48, 2) if n // 4 != picture // 4]  # two pictures a concept
            model = (word, picture, norm)
            found = {name: column[i] for name, column in columns[arm].items()}
            assert found["before"] == pytest.approx(odds(None, picture, word), abs=1e-3)
            assert found["other"] == pytest.approx(odds(None, picture, next_word), abs=1e-3)
            assert found["taught"] == pytest.approx(1 / (1 + np.exp(-odds(model, picture, word))), abs=1e-3)
            for name, w in (("leak", word), ("bystander", next_word)):
                change = np.mean([odds(model, n, w) - odds(None, n, w) for n in others])
                assert found[name] == pytest.approx(change, abs=1.1e-3)
                assert found[name] < 10


def test_every_teaching_has_the_same_company_and_both_arms_the_same_pictures(told, monkeypatch):
    monkeypatch.setattr(priming, "COMPANY", 5)
    priming.priming(0, TINY)
    raw, matched = ([row[:2] for row in told if row[2] == norm] for norm in (None, NORM))
    assert raw == matched
    assert len(set(raw)) == len(raw)
    priming.priming(1, TINY)
    assert [row[:2] for row in told[12:] if row[2] is None] != raw
    assert all(row[3] is told[0][3] for row in told[:12])
    company, corpus = told[0][3], frequency.base_corpus(TINY, 0)
    assert [len(pairs) for pairs in company] == [5, 5]
    assert not torch.equal(company[0].pixels, company[1].pixels)
    for pairs in company:
        assert len({*contents(pairs)} & {*contents(corpus)}) == 5
