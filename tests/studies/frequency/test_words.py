"""Words that mean two things, a loss that knows all words, a longer ladder: by hand and against scikit-learn."""

from unittest.mock import Mock

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.metrics import log_loss
from studies.samples import contents, same_weights

from toyclip.data import Pairs
from toyclip.studies.frequency import corpus as frequency
from toyclip.studies.frequency import words
from toyclip.studies.frequency.corpus import FULL, Size, assign, base_corpus, held_out_corpus, new_model
from toyclip.train import contrastive

TINY = Size(levels=3, per_level=4, updates=2, batch_size=4, test=2)  # 12 concepts, 28 pictures


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("size", [TINY, FULL, words.LONGER])
def test_half_of_the_concepts_share_a_word_with_one_other(size, seed):
    word = words.shared_words(size, seed).tolist()
    times = {w: word.count(w) for w in word}
    assert set(times.values()) == {1, 2}
    assert sum(n == 2 for n in times.values()) == size.concepts // 4
    assert all(word[w] == w for w in times)  # a word is that of the first of its two


def test_who_shares_is_drawn_for_each_seed_and_says_nothing_about_the_counts():
    shared, counts = [], []
    for seed in range(200):
        word = words.shared_words(TINY, seed)
        shared += (torch.bincount(word, minlength=12)[word] == 2).int().tolist()
        counts += np.log2(assign(TINY, seed)).tolist()
    assert abs(np.corrcoef(shared, counts)[0, 1]) < 0.06  # 2400 draws: 0.04 is two standard errors
    assert len({tuple(words.shared_words(TINY, seed).tolist()) for seed in range(20)}) == 20


def test_loss_over_all_words_is_scikit_learns():
    model, captions = new_model(TINY, 0), torch.arange(1, 13)[:, None]
    some = base_corpus(TINY, 0)[torch.tensor([0, 3, 9, 11, 25])]
    images, tokens = some.pixels.float() / 255, captions[some.classes]
    with torch.no_grad():
        loss = words.all_words(captions)(model, images, tokens).item()
        logits = model.logit_scale * model.embed_images(images) @ model.embed_texts(captions).T
        shares = logits.double().softmax(dim=1).numpy()
    expected = log_loss(some.classes.numpy(), shares / shares.sum(axis=1, keepdims=True), labels=range(12))
    assert loss == pytest.approx(expected, rel=1e-5)


def test_loss_over_all_words_moves_words_that_the_batch_lacks():
    """Which the loss over a batch does not: there is the difference."""
    captions, moved = torch.arange(1, 13)[:, None], {}
    some = base_corpus(TINY, 0)[torch.tensor([0, 9, 25])]
    for name, loss_of in {"all": words.all_words(captions), "batch": contrastive}.items():
        model = new_model(TINY, 0)
        loss_of(model, some.pixels.float() / 255, captions[some.classes]).backward()
        gradients = model.text_encoder.tokens.weight.grad
        moved[name] = set((gradients.abs().sum(dim=1) > 0).nonzero()[:, 0].tolist())
    assert moved == {"all": set(range(1, 13)), "batch": set((some.classes + 1).tolist())}


@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_noise_has_the_deviation_asked_for(noise):
    grey = Pairs(torch.full((50, 3, 32, 32), 128, dtype=torch.uint8), *2 * [torch.zeros(50, dtype=torch.int64)])
    seen = words.noisy(grey, noise, seed=0)
    assert seen.dtype == torch.uint8
    assert seen.double().mean().item() == pytest.approx(128, abs=0.5)
    assert seen.double().std().item() == pytest.approx(255 * noise, abs=0.5)
    assert torch.equal(seen, words.noisy(grey, noise, seed=0))


def test_noise_ends_at_black_and_white():
    black = Pairs(torch.zeros(20, 3, 32, 32, dtype=torch.uint8), *2 * [torch.zeros(20, dtype=torch.int64)])
    seen = words.noisy(black, 0.25, seed=0)
    assert (seen == 255).double().mean() < 1e-3
    assert (seen == 0).double().mean().item() == pytest.approx(0.5, abs=0.02)


@pytest.fixture
def learn(monkeypatch) -> Mock:
    """Nothing is learned."""
    monkeypatch.setattr(words, "learn", Mock(return_value=1.23456))
    return words.learn


@pytest.mark.parametrize("name", words.CONDITIONS)
def test_run_trains_on_its_corpus_with_its_words_and_its_loss(name, learn):
    result = words.words_run(name, 2, TINY, "elsewhere")
    model, given, tokens, size, seed, loss_of = learn.call_args.args
    word = torch.tensor(result["words"])
    assert same_weights(model, new_model(TINY, 2))
    assert contents(given) == contents(base_corpus(TINY, 2))
    assert torch.equal(tokens, word[given.classes][:, None] + 1)
    assert (size, seed, learn.call_args.kwargs) == (TINY, 2, {"device": "elsewhere"})
    assert (loss_of is contrastive) == (name != "all words in the loss")
    assert (result["words"] == list(range(12))) == (name != "shared words")
    assert (result["counts"], result["loss"]) == (assign(TINY, 2).tolist(), 1.2346)


@pytest.mark.parametrize("name", ["own words", "shared words"])
def test_right_is_who_is_nearest_to_its_word_among_the_words_that_occur(name, learn, monkeypatch):
    """By hand, on cosines of which the highest mostly belong to words that nobody has."""
    table = torch.rand(24, 12, generator=torch.Generator().manual_seed(1))
    table += 0.3 * F.one_hot(torch.arange(12).repeat_interleave(2))
    word = words.CONDITIONS[name][1](TINY, 3).tolist()
    unused = [w for w in range(12) if w not in word]
    table[:, unused] += 5
    asked = []
    monkeypatch.setattr(words, "similarity", lambda model, pictures, captions: asked.append(pictures) or table)
    result = words.words_run(name, 3, TINY)
    used = sorted(set(word))
    right = [0] * 12
    for picture, row in enumerate(table.tolist()):
        concept = picture // 2
        right[concept] += max(used, key=lambda w, row=row: row[w]) == word[concept]
    assert result["hits"] == {"as trained": right, "in noise": right}
    assert 0 < sum(right) < 24
    test = held_out_corpus(TINY, 3)
    assert torch.equal(asked[0], test.pixels)
    assert torch.equal(asked[1], words.noisy(test, 0.25, 3))


def test_longer_ladder_shows_each_picture_as_often_as_the_chapters():
    for size in (FULL, words.LONGER):
        pictures = size.per_level * (2**size.levels - 1)
        assert size.updates * size.batch_size / pictures == pytest.approx(4, rel=0.01)
    assert 2 ** (words.LONGER.levels - 1) == 4096
    assert words.CONDITIONS["longer ladder"][0] is words.LONGER
    assert all(given[0] is FULL for name, given in words.CONDITIONS.items() if name != "longer ladder")
    assert frequency.RECIPE.batch_size == FULL.batch_size
