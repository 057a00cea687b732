"""Counts are dealt out by chance, and a run takes the updates it was asked for; pictures have a file of their own."""

import itertools
from dataclasses import replace
from types import SimpleNamespace
from unittest.mock import MagicMock, Mock

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from studies.samples import made_up, same_weights
from torch import Tensor

from toyclip.data import Pairs
from toyclip.encoders import Config, ToyCLIP
from toyclip.errors import RecipeError
from toyclip.recipes import Recipe
from toyclip.studies.frequency import concepts
from toyclip.studies.frequency import corpus as frequency
from toyclip.studies.frequency.corpus import FULL, RECIPE, Size

TINY = Size(levels=3, per_level=5, updates=3, batch_size=4, test=2)


@pytest.mark.parametrize(("levels", "per_level"), [(11, 10), (3, 5), (1, 4), (4, 1)])
def test_all_seeds_deal_out_the_same_ladder(levels, per_level):
    size = Size(levels=levels, per_level=per_level)
    ladder = [2**level for level in range(levels) for _ in range(per_level)]
    assert size.concepts == len(ladder)
    assert all(sorted(frequency.assign(size, seed).tolist()) == ladder for seed in range(5))
    assert Size() == FULL == Size(levels=11, per_level=10, updates=640, batch_size=128, test=20)


def test_counts_have_nothing_to_do_with_the_concept_or_with_other_seeds():
    """Over 40 seeds; 0.096 is the standard deviation of r over 110 concepts if there is nothing to it."""
    steps = np.log2([frequency.assign(FULL, seed) for seed in range(40)])  # (40, 110)
    assert np.array_equal(steps[3], np.log2(frequency.assign(FULL, 3)))
    places = [np.corrcoef(row, range(110))[0, 1] for row in steps]
    assert abs(np.mean(places)) < 3.5 * 0.096 / np.sqrt(40)
    assert np.abs(places).max() < 4 * 0.096
    between = np.corrcoef(steps)[np.triu_indices(40, k=1)]
    assert np.abs(between).max() < 4.5 * 0.096
    assert abs(between.mean()) < 3.5 * 0.096 / np.sqrt(len(between))
    assert np.abs(steps.mean(axis=0) - 5).max() < 4 * np.sqrt(10 / 40)  # 10: variance of 0 to 10


@pytest.mark.parametrize("corpus_of", [frequency.base_corpus, frequency.held_out_corpus])
def test_only_counts_and_pictures_change_from_seed_to_seed(corpus_of, monkeypatch):
    asked = []
    monkeypatch.setattr(frequency, "draw_corpus", lambda chosen, counts, seed: asked.append((chosen, [*counts], seed)))
    for seed in range(3):
        corpus_of.__wrapped__(TINY, seed)
    chosen, counts, seeds = zip(*asked, strict=True)
    assert chosen == (frequency.vocabulary(15)[0],) * 3
    assert [e.character for e in chosen[0]] == [e.character for e in concepts.choose(15, seed=0)]
    assert frequency.vocabulary(15)[1].words == concepts.words(chosen[0]).words
    assert len(set(seeds)) == 3
    if corpus_of is frequency.base_corpus:
        assert counts == tuple(frequency.assign(TINY, seed).tolist() for seed in range(3))
    else:
        assert counts == ([2] * 15,) * 3


@pytest.mark.parametrize("shape", [(1,), (7,), (3, 4), (110,)])
@pytest.mark.parametrize("total", [0, 1, 5, 1000, 20470])
def test_whole_numbers_add_up_and_are_less_than_1_from_the_exact_ones(shape, total):
    rng = np.random.default_rng(total)
    weights = rng.lognormal(sigma=2, size=shape) * (rng.random(shape) < 0.8) + 1e-9
    before = weights.copy()
    found = frequency.whole(weights, total)
    assert found.shape == shape
    assert np.issubdtype(found.dtype, np.integer)
    assert found.sum() == total
    assert np.abs(found - total * weights / weights.sum()).max() < 1
    assert (weights == before).all()


def test_no_other_whole_numbers_with_the_same_sum_lie_nearer():
    """Against all there are: the sum of squared distances is the least possible."""
    rng, total = np.random.default_rng(0), 9
    every = np.array([c for c in itertools.product(range(total + 1), repeat=4) if sum(c) == total])
    for _ in range(50):
        weights = rng.exponential(size=4)
        wanted = total * weights / weights.sum()
        distances = np.square(every - wanted).sum(axis=1)
        assert np.square(frequency.whole(weights, total) - wanted).sum() == pytest.approx(distances.min())


def test_whole_numbers_stay_and_of_equal_weights_the_first_get_one_more():
    counts = np.array([3, 0, 8, 16, 1])
    assert frequency.whole(counts, 28).tolist() == counts.tolist()
    assert frequency.whole(counts / 7, 56).tolist() == (2 * counts).tolist()
    assert frequency.whole(np.ones(4), 10).tolist() == [3, 3, 2, 2]
    assert frequency.whole(np.ones((2, 2)), 3).tolist() == [[1, 1], [1, 0]]
    assert frequency.whole(np.array([0, 1, 0, 1]), 3).tolist() == [0, 2, 0, 1]


@pytest.fixture
def watched():
    """A loss that is the number of the batch and keeps what it is asked for."""
    seen: list[tuple[Tensor, Tensor]] = []

    def loss_of(model: ToyCLIP, images: Tensor, tokens: Tensor) -> Tensor:
        seen.append((images, tokens))
        return 0 * model.log_logit_scale + len(seen)

    return SimpleNamespace(seen=seen, loss_of=loss_of)


def numbered(count: int) -> tuple[Pairs, Tensor]:
    """Pictures all of one grey, 0, 1, 2, ..., and their tokens, the same plus 1; at most 256."""
    number = torch.arange(count)
    pictures = number.to(torch.uint8)[:, None, None, None].expand(-1, 3, 32, 32)
    return Pairs(pictures, number, number), number[:, None] + 1


@pytest.mark.parametrize("count", [4, 5, 6, 11, 12, 13, 30, 100])
def test_rounds_go_through_the_corpus_until_there_are_as_many_updates_as_asked_for(count, watched):
    """All pairs once a round, in a new order, but for a last pair that would be alone: no batch has a pair twice."""
    corpus, tokens = numbered(count)
    size = replace(TINY, updates=9)
    loss = frequency.learn(frequency.new_model(FULL, 0), corpus, tokens, size, 0, watched.loss_of)
    assert len(watched.seen) == 9
    batches = [words.flatten().tolist() for _, words in watched.seen]
    for (images, words), batch in zip(watched.seen, batches, strict=True):
        assert torch.equal(images, (words - 1)[:, :, None, None].expand(-1, 3, 32, 32))  # pairs stay together
        assert len(set(batch)) == len(batch)
    once = [4] * (count // 4) + [count % 4] * (count % 4 > 1)
    sizes = (once * 9)[:9]
    assert [len(batch) for batch in batches] == sizes
    assert loss == pytest.approx(np.average(np.arange(1, 10), weights=sizes))
    rounds = [[*itertools.chain(*batches[i : i + len(once)])] for i in range(0, 9, len(once))]
    for order in rounds:
        assert set(order) <= set(range(1, count + 1))
        assert len(set(order)) == len(order)
    assert len({tuple(order) for order in rounds}) > len(rounds) / 2


def test_pairs_come_in_an_order_that_follows_from_the_seed_alone():
    orders = []
    for seed in (0, 0, 1):
        seen: list[int] = []

        def loss_of(model: ToyCLIP, images: Tensor, tokens: Tensor, seen: list[int] = seen) -> Tensor:
            seen.extend(tokens.flatten().tolist())
            return model.log_logit_scale

        before = torch.get_rng_state()
        frequency.learn(frequency.new_model(FULL, 0), *numbered(100), TINY, seed, loss_of)
        assert torch.equal(torch.get_rng_state(), before)
        orders.append(seen)
    assert orders[0] == orders[1]
    assert set(orders[0]) != set(orders[2])
    assert abs(np.corrcoef(orders[0], orders[2])[0, 1]) < 0.9
    assert all(order != sorted(order) for order in orders)


def test_recipe_says_how_but_not_how_long(watched):
    other = replace(RECIPE, epochs=5, batch_size=99)
    frequency.learn(frequency.new_model(FULL, 0), *numbered(9), TINY, 0, watched.loss_of, other)
    assert len(watched.seen) == 3
    still, moved, same = (frequency.new_model(FULL, 0) for _ in range(3))
    frequency.learn(still, *numbered(9), TINY, 0, recipe=replace(RECIPE, lr=0.0, muon_lr=None))
    frequency.learn(moved, *numbered(9), TINY, 0)
    frequency.learn(same, *numbered(9), TINY, 0, recipe=other)
    assert same_weights(moved, same)
    assert other == Recipe("corpus", 5, 99, lr=3e-3, one_cycle=True, image_encoder="strided", muon_lr=0.12)  # no FAST
    start = frequency.new_model(FULL, 0).state_dict()
    assert same_weights(still, frequency.new_model(FULL, 0))
    assert not any(torch.equal(weight, start[name]) for name, weight in moved.state_dict().items() if "text" in name)


def test_three_colours_are_learned():
    discs = [made_up("ellipse", colour) for colour in ("red", "lime", "blue")]
    size, words = Size(levels=1, per_level=3, updates=25, batch_size=16), torch.arange(1, 4)[:, None]
    corpus, test = (frequency.draw_corpus(discs, [20] * 3, seed) for seed in (0, 1))
    model = frequency.new_model(size, 0)
    losses = [frequency.learn(model, corpus, words[corpus.captions], size, 0) for _ in range(2)]
    assert losses[1] < losses[0]
    assert sum(frequency.hits(frequency.similarity(model, test.pixels, words), test.classes)) > 40  # of 60; 20 by luck


@pytest.mark.parametrize("count", [0, 1, 3])
def test_corpus_smaller_than_a_batch_and_batch_of_one_are_refused(count):
    model = frequency.new_model(FULL, 0)
    with pytest.raises(RecipeError, match=f"a batch of 4 cannot be drawn from {count} pairs; use a smaller one"):
        frequency.learn(model, *numbered(count), TINY, 0)
    with pytest.raises(RecipeError, match="batches of at least 2"):
        frequency.learn(model, *numbered(count), replace(TINY, batch_size=1), 0)
    assert same_weights(model, frequency.new_model(FULL, 0))


def test_training_is_where_it_was_told_to_be_and_the_model_comes_back(monkeypatch):
    model, pixels, tokens, asked = Mock(), Mock(), Mock(), []
    corpus = MagicMock(pixels=pixels, **{"__len__.return_value": 9})

    def fit(*given):
        asked.append(given)
        model.cpu.assert_not_called()
        yield 1.5, 10.0

    monkeypatch.setattr(frequency, "fit", fit)
    assert frequency.learn(model, corpus, tokens, TINY, 0, device="elsewhere") == 1.5
    for what in (model, pixels, tokens):
        what.to.assert_called_once_with("elsewhere")
    ((*moved, _, _, _),) = asked
    assert moved == [what.to.return_value for what in (model, pixels, tokens)]
    model.cpu.assert_called_once_with()


def test_new_model_has_one_word_for_each_concept_and_weights_of_its_seed():
    model = frequency.new_model(TINY, 3)
    config = Config(image_encoder="strided", vocab_size=16, context_length=1)
    assert same_weights(model, ToyCLIP(config, seed=3))
    assert model.config == config
    other = frequency.new_model(TINY, 3, Config(image_encoder="strided", width=32, pooling="max", embed_dim=8))
    assert other.config == replace(config, width=32, pooling="max", embed_dim=8)


def test_similarity_is_the_cosine_of_every_picture_with_every_caption():
    """Of more pictures than are embedded at a time; the encoders are tables here."""
    generator = torch.Generator().manual_seed(0)
    table = F.normalize(torch.randn(9, 5, generator=generator), dim=1).requires_grad_()
    pictures = torch.randint(0, 256, (1030, 3, 2, 2), generator=generator, dtype=torch.uint8)
    model = SimpleNamespace(
        embed_images=lambda images: F.normalize(images.flatten(1)[:, :5].float(), dim=1),
        embed_texts=lambda captions: table[captions[:, 0]],
        device="cpu",
    )
    captions = torch.tensor([[7], [1], [2]])
    found = frequency.similarity(model, pictures, captions)
    pixels = pictures.numpy().reshape(1030, -1)[:, :5] / 255
    expected = pixels / np.linalg.norm(pixels, axis=1, keepdims=True) @ table.detach().numpy()[[7, 1, 2]].T
    assert not found.requires_grad
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_hits_are_the_pictures_whose_own_word_is_nearest():
    rng = np.random.default_rng(0)
    classes = rng.integers(0, 6, 200)
    cosine = rng.normal(size=(200, 8)) + 1.5 * (classes[:, None] == np.arange(8))
    expected = [0] * 8
    for row, own in zip(cosine, classes, strict=True):
        expected[own] += all(row[own] > row[other] for other in range(8) if other != own)
    assert frequency.hits(torch.from_numpy(cosine), torch.from_numpy(classes)) == expected
    assert 60 < sum(expected) < 180
    assert expected[6:] == [0, 0]
