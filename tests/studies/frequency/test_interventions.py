"""Each condition changes what its name says and nothing else, against loops, brute force and exact fractions."""

import itertools
import re
from collections import Counter
from dataclasses import replace
from fractions import Fraction
from types import SimpleNamespace
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from studies.samples import contents, names, same_weights
from torch import Tensor

from toyclip import train
from toyclip.data import Pairs
from toyclip.errors import InputError
from toyclip.studies.frequency import corpus as frequency
from toyclip.studies.frequency import interventions
from toyclip.studies.frequency.corpus import FULL, Size, assign, base_corpus, caption_counts, held_out_corpus
from toyclip.studies.frequency.interventions import CONDITIONS

TINY = Size(levels=3, per_level=5, updates=3, batch_size=4, test=2)
WORDS = torch.arange(1, 16)[:, None]
SEEDS = pytest.mark.parametrize("seed", [0, 1, 7])


@pytest.fixture(autouse=True)
def _corpora_stay():
    """What is kept for all conditions of a seed must not be changed by any of them."""
    before = {seed: contents(base_corpus(TINY, seed)) for seed in (0, 1)}
    yield
    for seed, expected in before.items():
        assert contents(base_corpus(TINY, seed)) == expected


@pytest.fixture
def large(monkeypatch) -> Pairs:
    """What every seed's corpus is for this test: 2,000 numbered pairs of 40 concepts, without pictures."""
    shown = torch.arange(40).repeat_interleave(torch.tensor([20, 80] * 20))
    corpus = Pairs(torch.arange(2000)[:, None], shown, shown)
    monkeypatch.setattr(interventions, "base_corpus", lambda size, seed: corpus)
    return corpus


@SEEDS
def test_swapping_reverses_the_ranks_and_keeps_the_ladder(seed):
    before, after = caption_counts(base_corpus(TINY, seed), 15), caption_counts(interventions.swapped(TINY, seed), 15)
    assert sorted(after) == sorted(before)
    assert (before * after == 4).all()


@pytest.mark.parametrize("change", [interventions.swapped, interventions.capped(3)])
def test_other_counts_leave_every_picture_that_both_have(change):
    before, after = base_corpus(TINY, 1), change(TINY, 1)
    assert torch.equal(after.captions, after.classes)
    assert caption_counts(after, 15).tolist() != caption_counts(before, 15).tolist()
    for c in range(15):
        one, other = before.pixels[before.classes == c], after.pixels[after.classes == c]
        both = min(len(one), len(other))
        assert torch.equal(one[:both], other[:both])


def exactly_capped(counts: list[int], limit: int) -> list[Fraction]:
    """The largest m counts at the limit and the others times one factor, with the one m for which that holds."""
    ordered = sorted(counts, reverse=True)
    for m in range(len(counts)):
        factor = Fraction(sum(counts) - m * limit, sum(ordered[m:]))
        if factor * ordered[m] <= limit:
            break
    return [min(Fraction(limit), factor * count) for count in counts]


@pytest.mark.parametrize("seed", range(12))
def test_capped_counts_are_the_whole_numbers_next_to_the_exact_ones(seed):
    rng = np.random.default_rng(seed)
    counts = rng.permutation(np.repeat(2 ** np.arange(11), 10)) if seed < 4 else rng.geometric(0.02, size=30)
    for share in (1.0, 1.001, 1.1, 1.5, 3, 10, 1000):
        limit = int(np.ceil(share * counts.mean()))
        before, found = counts.copy(), interventions.capped_counts(counts, limit)
        assert (counts == before).all()
        assert found.sum() == counts.sum()
        assert found.max() <= limit
        assert (found >= np.minimum(counts, limit)).all()  # nothing but what was cut off is dealt out
        ranks = np.argsort(counts)
        assert (np.diff(found[ranks])[np.diff(counts[ranks]) > 0] >= 0).all()
        exact = exactly_capped(counts.tolist(), limit)
        assert all(abs(have - want) < 1 + 1e-9 for have, want in zip(found.tolist(), exact, strict=True))
        if limit >= counts.max():
            assert (found == counts).all()


@pytest.mark.parametrize(("counts", "limit"), [([1, 2, 9], 3), ([5], 4), ([8, 8], 7)])
def test_limit_under_which_the_pairs_do_not_fit_is_refused(counts, limit):
    message = rf"{sum(counts)} pairs do not fit under a limit of {limit} for {len(counts)} concepts; raise it"
    with pytest.raises(InputError, match=message):
        interventions.capped_counts(np.array(counts), limit)
    assert interventions.capped_counts(np.array(counts), 9).sum() == sum(counts)


@pytest.mark.parametrize("seed", range(6))
def test_concepts_without_a_picture_stay_without_one_and_make_no_room(seed):
    """A count of 0 changes nothing for the others, and what does not fit without it does not fit."""
    rng = np.random.default_rng(seed)
    shown = rng.geometric(0.05, size=12)
    counts = np.insert(shown, rng.integers(0, 13, size=8), 0)
    for limit in range(int(np.ceil(shown.mean())), shown.max() + 2):
        found = interventions.capped_counts(counts, limit)
        assert found.max() <= limit
        assert found.sum() == counts.sum()
        assert not found[counts == 0].any()
        without = interventions.capped_counts(shown, limit)  # the same but for who is rounded up
        assert np.abs(np.sort(found[counts > 0]) - np.sort(without)).max() <= 1
    limit = int(np.ceil(shown.mean())) - 1
    message = f"{shown.sum()} pairs do not fit under a limit of {limit} for 12 concepts; raise it"
    with pytest.raises(InputError, match=message):
        interventions.capped_counts(counts, limit)


@SEEDS
def test_copies_show_one_picture_of_each_concept_as_often_as_before(seed):
    before, after = base_corpus(TINY, seed), interventions.copies(TINY, seed)
    assert torch.equal(after.classes, before.classes)
    assert torch.equal(after.captions, before.captions)
    known = set(zip(names(before), before.classes.tolist(), strict=True))
    copied = set(zip(names(after), after.classes.tolist(), strict=True))
    assert len(copied) == 15
    assert copied < known


@SEEDS
def test_equal_exposures_show_the_same_pictures_equally_often_concept_by_concept(seed):
    before, after = base_corpus(TINY, seed), interventions.equal_exposures(TINY, seed)
    assert caption_counts(after, 15).tolist() == [4] * 15
    assert set(contents(after)) == set(contents(before))
    times = Counter(contents(after))
    counts = caption_counts(before, 15)
    assert all(n == 4 // counts[said] for (_, _, said), n in times.items())


@pytest.mark.parametrize("share", [0.0, 0.1, 0.2, 0.4, 1.0])
def test_mismatching_deals_out_the_words_of_a_share_of_the_pairs_anew(share, large):
    """A word falls on a concept by luck with the sum of the squared shares of all concepts: 3.4 %."""
    luck = (np.square([20, 80]) * 20).sum() / 2000**2
    touched = []
    for seed in range(5):
        after = interventions.mismatched(share)(FULL, seed)
        assert torch.equal(after.pixels, large.pixels)
        assert torch.equal(after.classes, large.classes)
        assert caption_counts(after, 40).tolist() == caption_counts(large, 40).tolist()
        wrong = after.captions != after.classes
        steps = Counter(((after.captions - after.classes)[wrong] % 40).tolist())
        assert max(steps.values(), default=0) < 2000 / 40 + 8 * np.sqrt(2000 / 40)  # no fixed number of places away
        touched.append(wrong.numpy())
        assert wrong.sum() <= round(share * 2000)
        assert wrong.sum() == pytest.approx(2000 * share * (1 - luck), abs=4 * np.sqrt(2000 * share * luck) + 1)
    assert torch.equal(large.captions, large.classes)
    places = np.nonzero(touched)[1]
    if 0 < share < 1:
        assert places.mean() == pytest.approx(1000, abs=4 * 2000 / np.sqrt(12 * len(places)))
        assert np.mean(touched[0] & touched[1]) == pytest.approx(share**2, abs=0.03)  # seeds have their own


def test_pairs_that_are_mismatched_come_at_any_time_of_training_and_lie_in_any_part(large):
    """With as many of the first pairs of the order, or of a part, as chance has it: 40 %."""
    for seed in range(5):
        after = interventions.mismatched(0.4)(FULL, seed)
        wrong = set((after.captions != after.classes).nonzero().flatten().tolist())
        first = torch.cat([*next(train.batches(2000, 100, 1, seed))[:8]]).tolist()
        part = interventions.part(0.4)(FULL, seed).pixels.flatten().tolist()
        for some in (first, part):
            assert len(wrong & set(some)) == pytest.approx(0.4 * len(wrong), abs=4 * np.sqrt(800 * 0.4 * 0.6 * 0.6))


def test_smaller_parts_lie_within_larger_ones(large):
    halves = [set(interventions.part(0.5)(FULL, seed).pixels.flatten().tolist()) for seed in (0, 1)]
    assert len(halves[0] & halves[1]) == pytest.approx(500, abs=4 * np.sqrt(125))
    for seed in range(3):
        parts = [interventions.part(share)(FULL, seed) for share in (1.0, 0.5, 0.25, 0.1, 1 / 32)]
        assert [len(part) for part in parts] == [2000, 1000, 500, 200, 62]
        numbers = [set(part.pixels.flatten().tolist()) for part in parts]
        assert all(small < big for big, small in itertools.pairwise(numbers))
        assert np.mean(list(numbers[1])) == pytest.approx(1000, abs=4 * 2000 / np.sqrt(12 * 1000))
        for part in parts:
            assert len(set(part.pixels.flatten().tolist())) == len(part)
            assert torch.equal(part.classes, large.classes[part.pixels.flatten()])
            assert torch.equal(part.captions, part.classes)


@pytest.mark.parametrize("values", [np.random.default_rng(0).random(62), -np.arange(62), np.zeros(62)], ids=len)
@SEEDS
def test_quarter_of_each_concept_that_ranks_highest_is_dropped(values, seed):
    size, rank, asked = Size(levels=5, per_level=2), torch.from_numpy(values), []  # counts 1, 2, 4, 8, 16
    before = base_corpus(size, seed)
    after = interventions.without_quarter(lambda size, seed: asked.append((size, seed)) or rank)(size, seed)
    assert asked == [(size, seed)]
    assert caption_counts(after, 10).tolist() == [n - n // 4 for n in caption_counts(before, 10)]
    assert set(contents(after)) <= set(contents(before))
    kept = [name in set(names(after)) for name in names(before)]
    assert sum(kept) == len(after)
    for concept in range(10):
        members = [i for i in range(62) if before.classes[i] == concept]
        lowest = [rank[i].item() for i in members if kept[i]]
        dropped = [rank[i].item() for i in members if not kept[i]]
        assert not dropped or max(lowest) <= min(dropped)


def test_random_order_is_one_number_a_picture_and_follows_from_the_seed(large):
    before = torch.get_rng_state()
    one, again, other = (interventions.at_random(FULL, seed) for seed in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), before)
    assert one.shape == (2000,)
    assert torch.equal(one, again)
    for first, second in ((one, other), (one, torch.arange(2000.0)), (one, large.classes)):
        assert abs(np.corrcoef(first, second)[0, 1]) < 4 / np.sqrt(2000)


def test_nearest_is_the_largest_cosine_by_brute_force():
    """Of more pictures than are embedded at a time, by an embedding that knows what it should be given."""
    generator = torch.Generator().manual_seed(0)
    pictures, test = (torch.randint(0, 256, (n, 3, 2, 2), generator=generator, dtype=torch.uint8) for n in (1100, 30))
    weights = torch.randn(12, 6, generator=generator, requires_grad=True)

    def embed(images: Tensor) -> Tensor:
        assert images.dtype == torch.float32
        assert images.max() <= 1
        return 3 * (images - 0.5).flatten(1) @ weights

    found = interventions.nearest(embed, pictures, test)
    assert found.shape == (1100,)
    assert not found.requires_grad
    one, other = ((x.numpy().reshape(-1, 12) / 255 - 0.5) @ weights.detach().numpy() for x in (pictures, test))
    expected = [max(a @ b / np.sqrt(a @ a) / np.sqrt(b @ b) for b in other) for a in one]
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_pixels_rank_the_pictures_of_the_seed_by_its_own_test():
    found = interventions.by_pixels(TINY, 1)
    one, other = (c.pixels.numpy().reshape(len(c), -1) for c in (base_corpus(TINY, 1), held_out_corpus(TINY, 1)))
    np.testing.assert_allclose(found, np.corrcoef(one, other)[:35, 35:].max(axis=1), atol=1e-5)  # r is that cosine


def test_features_are_those_of_a_model_that_learned_the_whole_corpus(monkeypatch):
    asked = []

    def train_on(corpus, size, seed):
        asked.append((contents(corpus), size, seed))
        return SimpleNamespace(embed_images=lambda images: images.mean(dim=(2, 3)) - 0.5), 0.0

    monkeypatch.setattr(interventions, "train_on", train_on)
    found = interventions.by_features(TINY, 1)
    assert asked == [(contents(base_corpus(TINY, 1)), TINY, 1)]
    one, other = (
        c.pixels.double().mean(dim=(2, 3)).numpy() / 255 - 0.5 for c in (base_corpus(TINY, 1), held_out_corpus(TINY, 1))
    )
    cosines = one @ other.T / np.linalg.norm(one, axis=1)[:, None] / np.linalg.norm(other, axis=1)
    np.testing.assert_allclose(found, cosines.max(axis=1), atol=1e-5)


@pytest.mark.parametrize("name", CONDITIONS)
def test_each_condition_trains_on_its_own_corpus_and_tests_on_the_same_pictures(name, monkeypatch):
    """A new model, each pair with the word that is said."""
    learn, similarity = Mock(return_value=1.23456), Mock(return_value=torch.eye(15)[[0] * 10 + [5] * 20])
    monkeypatch.setattr(interventions, "learn", learn)
    monkeypatch.setattr(interventions, "similarity", similarity)
    result = interventions.condition(name, 1, TINY, "elsewhere")
    assert learn.call_args.kwargs == {"device": "elsewhere"}
    (model, corpus, tokens, *rest), (tested, pictures, captions) = learn.call_args.args, similarity.call_args.args
    assert same_weights(model, frequency.new_model(TINY, 1))
    assert contents(corpus) == contents(CONDITIONS[name](TINY, 1))
    assert tokens.tolist() == [[said + 1] for said in corpus.captions.tolist()]
    assert rest == [TINY, 1, train.twins_masked if name == "twins masked" else train.contrastive]
    assert tested is model
    assert torch.equal(pictures, held_out_corpus(TINY, 1).pixels)
    assert torch.equal(captions, WORDS)
    counts = caption_counts(corpus, 15).tolist()
    assert result == {"counts": counts, "hits": [2, 0, 0, 0, 0, 2] + [0] * 9, "loss": 1.2346}


@pytest.mark.parametrize("name", [name for name in CONDITIONS if re.search(r"\d", name)])
def test_numbers_in_the_names_are_what_is_done(name, large, monkeypatch):
    number, counted = int(re.search(r"(?:capped at |1/)?(\d+)", name)[1]), []
    monkeypatch.setattr(interventions, "draw_corpus", lambda chosen, counts, seed: counted.append((*counts,)))
    after = CONDITIONS[name](FULL, 0)
    if "capped" in name:
        assert counted == [(*interventions.capped_counts(assign(FULL, 0), number),)]
        assert max(counted[0]) == number
    elif "mismatched" in name:
        assert (after.captions != after.classes).double().mean() == pytest.approx(number / 100, rel=0.1)
    else:
        assert len(after) == round(2000 / number)


def test_conditions_without_a_number_are_the_functions_of_that_name():
    assert CONDITIONS["base"] is CONDITIONS["twins masked"] is base_corpus
    assert CONDITIONS["head and tail swapped"] is interventions.swapped
    assert CONDITIONS["copies of one picture"] is interventions.copies
    assert CONDITIONS["equal exposures"] is interventions.equal_exposures
    ranked = {
        "nearest quarter dropped, pixels": interventions.by_pixels,
        "nearest quarter dropped, features": interventions.by_features,
        "random quarter dropped": interventions.at_random,
    }
    size = replace(TINY, levels=4)
    for name, rank in ranked.items():
        assert contents(CONDITIONS[name](size, 1)) == contents(interventions.without_quarter(rank)(size, 1))
