"""Counts are dealt out by chance, pictures vary as the module says, and a run takes the updates it was asked for."""

import itertools
import random
from collections import Counter
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw
from torch import Tensor

from toyclip.encoders import ToyCLIP
from toyclip.errors import InputError, RecipeError
from toyclip.pictures import Emoji
from toyclip.studies.frequency import concepts
from toyclip.studies.frequency import corpus as frequency
from toyclip.studies.frequency.corpus import EXTENT, FAST, FULL, NOISE, TINT, Corpus, Size

TINY = Size(levels=3, per_level=5, updates=3, batch_size=4, test=2)


def made_up(shape: str, colour: str, box: tuple[int, int, int, int] = (0, 0, 63, 63)) -> Emoji:
    """An emoji that Unicode has not got: one shape of one colour."""
    sprite = Image.new("RGBA", (64, 64))
    getattr(ImageDraw.Draw(sprite), shape)(box, fill=colour)
    return Emoji("?", f"{colour} {shape}", "made up", "for a test", sprite)


NOTHING = Emoji("?", "nothing", "made up", "for a test", Image.new("RGBA", (64, 64)))


@pytest.fixture
def gallery(monkeypatch):
    """Draws an emoji many times, with ranges other than the module's: (count, 32, 32, 3) float from 0 to 255."""

    def of(concept: Emoji, count: int, **ranges: object) -> np.ndarray:
        for name, value in ranges.items():
            monkeypatch.setattr(frequency, name, value)
        rng = np.random.default_rng(0)
        return np.stack([frequency.draw(concept, rng) for _ in range(count)]).astype(float)

    return of


@pytest.fixture(scope="module")
def discs() -> np.ndarray:
    """How much of each pixel a black disc covers that is as wide as its sprite, (500, 32, 32)."""
    rng, black = np.random.default_rng(0), made_up("ellipse", "black")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(frequency, "TINT", (1, 1))
        patch.setattr(frequency, "NOISE", 0)
        pictures = np.stack([frequency.draw(black, rng) for _ in range(500)]).astype(float)
    brightest = pictures.max(axis=(1, 2)).argmax(axis=1)
    pictures = np.take_along_axis(pictures, brightest[:, None, None, None], axis=3)[..., 0]  # (500, 32, 32)
    background = pictures.max(axis=(1, 2), keepdims=True)
    bright = background.ravel() > 60
    return 1 - pictures[bright] / background[bright]


def spread(values: np.ndarray, low: float, high: float, tolerance: float) -> bool:
    """Whether values stay in a range, and use at least 95 % of it."""
    inside = low - tolerance <= values.min() and values.max() <= high + tolerance
    return bool(inside and np.ptp(values) >= 0.95 * (high - low))


def largest_correlation(features: np.ndarray) -> float:
    """Of any two columns."""
    return float(np.abs(np.corrcoef(features.T) - np.eye(features.shape[1])).max())


def contents(pictures: Tensor) -> list[bytes]:
    return [picture.numpy().tobytes() for picture in pictures]


def same(one: Corpus, other: Corpus) -> bool:
    return all(torch.equal(getattr(one, key), getattr(other, key)) for key in ("pictures", "shown", "said"))


# --- counts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("levels", "per_level"), [(11, 10), (3, 5), (1, 4), (4, 1)])
def test_all_seeds_deal_out_the_same_ladder(levels, per_level):
    size = Size(levels=levels, per_level=per_level)
    ladder = [2**level for level in range(levels) for _ in range(per_level)]
    assert size.concepts == len(ladder)
    for seed in range(5):
        assert sorted(frequency.assign(size, seed).tolist()) == ladder


def test_counts_follow_from_the_seed_alone():
    dealt = [frequency.assign(FULL, seed).tolist() for seed in (0, 1, 2, 0)]
    assert dealt[0] == dealt[3]
    assert len(set(map(tuple, dealt))) == 3


def test_counts_have_nothing_to_do_with_the_concept_or_with_other_seeds():
    """Over 40 seeds; 0.096 is the standard deviation of r over 110 concepts if there is nothing to it."""
    steps = np.log2([frequency.assign(FULL, seed) for seed in range(40)])  # (40, 110)
    places = [np.corrcoef(row, range(110))[0, 1] for row in steps]
    assert abs(np.mean(places)) < 3.5 * 0.096 / np.sqrt(40)
    assert np.abs(places).max() < 4 * 0.096
    between = np.corrcoef(steps)[np.triu_indices(40, k=1)]
    assert np.abs(between).max() < 4.5 * 0.096
    assert abs(between.mean()) < 3.5 * 0.096 / np.sqrt(len(between))
    assert np.abs(steps.mean(axis=0) - 5).max() < 4 * np.sqrt(10 / 40)  # 10: variance of 0 to 10


@pytest.mark.parametrize("count", [1, 15, 110])
def test_concepts_and_their_words_are_the_same_for_all_seeds(count):
    chosen, tokenizer = frequency.vocabulary(count)
    assert [e.character for e in chosen] == [e.character for e in concepts.choose(count, seed=0)]
    assert tokenizer.words == concepts.words(chosen).words


@pytest.mark.parametrize("corpus_of", [frequency.base_corpus, frequency.held_out_corpus])
def test_only_counts_and_pictures_change_from_seed_to_seed(corpus_of, monkeypatch):
    asked = []
    monkeypatch.setattr(frequency, "draw_corpus", lambda chosen, counts, seed: asked.append((chosen, [*counts], seed)))
    for seed in range(3):
        corpus_of.__wrapped__(TINY, seed)
    chosen, counts, seeds = zip(*asked, strict=True)
    assert chosen == (frequency.vocabulary(15)[0],) * 3
    assert len(set(seeds)) == 3
    if corpus_of is frequency.base_corpus:
        assert counts == tuple(frequency.assign(TINY, seed).tolist() for seed in range(3))
    else:
        assert counts == ([2] * 15,) * 3


# --- whole numbers ---------------------------------------------------------------------------------------------------


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


# --- a picture -------------------------------------------------------------------------------------------------------


def test_emoji_stays_whole_inside_the_picture_and_reaches_every_edge(discs):
    """A disc that fills its sprite has the area of a circle of its width, however it is turned, if none is cut off."""
    edges = []
    for share in discs:
        rows, columns = (np.nonzero(share.max(axis=axis) > 0.5)[0] for axis in (1, 0))
        height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
        assert abs(width - height) <= 1
        assert share.sum() == pytest.approx(np.pi / 4 * ((width + height) / 2) ** 2, rel=0.03)
        edges.append([columns.min(), rows.min(), 31 - columns.max(), 31 - rows.max()])
    assert np.min(edges, axis=0).tolist() == [0, 0, 0, 0]


def test_size_and_place_vary_over_their_range_and_have_nothing_to_do_with_each_other(discs):
    widths = 2 * np.sqrt(discs.sum(axis=(1, 2)) / np.pi)
    assert spread(widths, *EXTENT, tolerance=0.5)
    assert widths.mean() == pytest.approx(np.mean(EXTENT), abs=4 * np.ptp(EXTENT) / np.sqrt(12 * len(discs)))
    y, x = ((np.arange(32) + 0.5) * discs.sum(axis=axis) / discs.sum(axis=(1, 2))[:, None] for axis in (2, 1))
    room = (np.stack([x.sum(axis=1), y.sum(axis=1)], axis=1) - widths[:, None] / 2) / (32 - widths)[:, None]  # 0 to 1
    assert np.abs(room.mean(axis=0) - 0.5).max() < 4 * 0.35 / np.sqrt(len(discs))
    assert room.std(axis=0) == pytest.approx([0.33, 0.33], abs=0.04)  # 0.29, and more where there is room for 2 px only
    assert largest_correlation(np.column_stack([widths, room])) < 4 / np.sqrt(len(discs))


def test_rotation_goes_all_the_way_round_and_prefers_no_direction(gallery):
    """Where a dot near the edge of its sprite ends up, seen from the middle of the picture."""
    dot = made_up("ellipse", "black", box=(46, 24, 61, 39))
    pictures = gallery(dot, 400, EXTENT=(30, 30), TINT=(1, 1), NOISE=0).sum(axis=3)
    dark = pictures.max(axis=(1, 2), keepdims=True) - pictures
    y, x = np.arange(32)[:, None] - 15.5, np.arange(32) - 15.5
    angles = np.angle([(d * (x + 1j * y)).sum() for d in dark])
    assert np.histogram(angles, bins=8, range=(-np.pi, np.pi))[0] == pytest.approx([50] * 8, abs=27)
    assert max(abs(np.exp(1j * times * angles).mean()) for times in (1, 2, 3, 4)) < 3 / np.sqrt(400)


def test_background_is_any_colour(gallery):
    pictures = gallery(NOTHING, 600, TINT=(1, 1), NOISE=0)
    assert (pictures == pictures[:, :1, :1]).all()
    colours = pictures[:, 0, 0]
    for channel in colours.T:
        assert spread(channel, 0, 255, tolerance=0)
    assert colours.mean(axis=0) == pytest.approx([127.5] * 3, abs=4 * 73.9 / np.sqrt(600))
    assert colours.std(axis=0) == pytest.approx([73.9] * 3, abs=6)
    assert largest_correlation(colours) < 4 / np.sqrt(600)


def test_tint_is_one_factor_for_each_channel_of_the_whole_picture(gallery):
    """The same pictures with it and without."""
    sprite = made_up("rectangle", "#806040", box=(12, 12, 51, 51))
    plain = gallery(sprite, 300, TINT=(1, 1), NOISE=0)
    tinted = gallery(sprite, 300, TINT=TINT)
    factors = []
    for before, after in zip(plain, tinted, strict=True):
        seen = (after < 255) & (before > 50)
        parts = [after[..., c][seen[..., c]] / before[..., c][seen[..., c]] for c in range(3)]
        assert all(np.ptp(part) < 0.03 for part in parts)  # whole numbers above 50
        factors.append([np.median(part) for part in parts])
    factors = np.array(factors)
    assert all(spread(channel, *TINT, tolerance=0.01) for channel in factors.T)
    assert factors.mean(axis=0) == pytest.approx([np.mean(TINT)] * 3, abs=0.06)
    assert largest_correlation(factors) < 4 / np.sqrt(300)


def test_noise_is_as_strong_as_it_should_be_on_every_pixel_and_channel(gallery):
    """In the middle of a sprite of one grey, far from 0 and 255."""
    inner = gallery(made_up("rectangle", "#808080"), 80, EXTENT=(30, 30), TINT=(1, 1))[:, 12:20, 12:20]  # (80, 8, 8, 3)
    assert inner.mean() == pytest.approx(128, abs=0.5)
    assert inner.std() == pytest.approx(255 * NOISE, rel=0.03)
    assert largest_correlation(inner.reshape(-1, 3)) < 4 / np.sqrt(80 * 64)
    assert abs(np.corrcoef(inner[:, :-1].ravel(), inner[:, 1:].ravel())[0, 1]) < 4 / np.sqrt(80 * 56 * 3)
    assert abs(np.corrcoef(inner[:-1].ravel(), inner[1:].ravel())[0, 1]) < 4 / np.sqrt(79 * 64 * 3)


@pytest.mark.parametrize(("colour", "factor", "level"), [("white", 1.4, 255), ("black", 1.4, 0), ("#646464", 1.4, 140)])
def test_light_is_cut_off_at_white_and_does_not_begin_again_at_black(colour, factor, level, gallery):
    square = made_up("rectangle", colour)
    plain = gallery(square, 5, EXTENT=(30, 30), TINT=(factor, factor), NOISE=0)[:, 12:20, 12:20]
    assert (plain == level).all()
    noisy = gallery(square, 5, NOISE=0.02)[:, 12:20, 12:20]
    assert np.abs(noisy - level).max() < 6 * 0.02 * 255


def test_drawing_needs_nothing_but_the_generator_and_leaves_the_sprite_alone():
    concept = frequency.vocabulary(3)[0][0]
    before = np.array(concept.sprite)
    first, again = (frequency.draw(concept, np.random.default_rng(3)) for _ in range(2))
    assert (first == again).all()
    assert (np.array(concept.sprite) == before).all()
    assert first.shape == (32, 32, 3)
    assert first.dtype == np.uint8


# --- a corpus --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("counts", [[3, 1, 2], [0, 4, 1], [2, 0, 0], [1, 1, 0]])
def test_each_concept_is_drawn_as_often_as_asked(counts):
    for given in (counts, tuple(counts), np.array(counts)):
        corpus = frequency.draw_corpus(frequency.vocabulary(3)[0], given, seed=0)
        assert len(corpus) == len(corpus.pictures) == sum(counts)
        assert corpus.shown.tolist() == corpus.said.tolist() == [c for c, n in enumerate(counts) for _ in range(n)]
        assert corpus.counts(3).tolist() == counts


def test_each_concept_is_the_one_that_is_shown():
    """Three discs of pure colours: red, green and blue shine in the first, second and third channel."""
    red, green, blue = (made_up("ellipse", colour) for colour in ("red", "lime", "blue"))
    corpus = frequency.draw_corpus([blue, red, green], [20, 10, 15], seed=0)
    means = corpus.pictures.double().mean(dim=(2, 3))
    assert [means[corpus.shown == c].mean(dim=0).argmax().item() for c in range(3)] == [2, 0, 1]
    assert corpus.pictures.shape == (45, 3, 32, 32)
    assert corpus.pictures.dtype == torch.uint8
    assert corpus.pictures.is_contiguous()
    assert corpus.shown.dtype == corpus.said.dtype == torch.int64


@pytest.mark.parametrize("more", [[5, 2, 3, 1], [2, 2, 9, 1], [0, 2, 0, 1], [7, 7, 7, 7], [0, 0, 0, 1]])
def test_first_pictures_of_a_concept_stay_whatever_else_is_drawn(more):
    chosen, counts = frequency.vocabulary(4)[0], [2, 2, 3, 1]
    one, other = (frequency.draw_corpus(chosen, n, seed=5) for n in (counts, more))
    for c in range(4):
        both = min(counts[c], more[c])
        assert torch.equal(one.pictures[one.shown == c][:both], other.pictures[other.shown == c][:both])


def test_no_two_pictures_are_the_same_even_of_the_same_emoji():
    corpus = frequency.draw_corpus([made_up("ellipse", "red")] * 4, [50] * 4, seed=0)
    assert len(set(contents(corpus.pictures))) == 200


def test_pictures_follow_from_the_seed_alone():
    chosen = frequency.vocabulary(4)[0]
    before = random.getstate(), str(np.random.get_state()), torch.get_rng_state()  # noqa: NPY002
    first, again, other = (frequency.draw_corpus(chosen, [2, 3, 0, 1], seed) for seed in (5, 5, 6))
    frequency.assign(FULL, seed=0)
    assert same(first, again)
    assert not set(contents(first.pictures)) & set(contents(other.pictures))
    assert random.getstate() == before[0]
    assert str(np.random.get_state()) == before[1]  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), before[2])


@pytest.mark.parametrize(
    ("count", "counts"),
    [(3, [1, 1]), (2, [1, 1, 1]), (2, [3, -1]), (2, [0, 0]), (0, []), (1, [])],
    ids=["too few", "too many", "negative", "nothing to draw", "no concepts", "no counts"],
)
def test_counts_that_do_not_fit_are_refused(count, counts):
    message = rf"{count} concepts, {len(counts)} counts; give one count, 0 or more, for each concept"
    with pytest.raises(InputError, match=message):
        frequency.draw_corpus(frequency.vocabulary(3)[0][:count], counts, seed=0)


def test_counts_are_those_of_the_words_and_parts_keep_pairs_together():
    pictures = torch.arange(5)[:, None, None, None]
    corpus = Corpus(pictures, torch.tensor([0, 1, 1, 3, 0]), torch.tensor([2, 2, 1, 0, 2]))
    assert corpus.counts(5).tolist() == [1, 1, 3, 0, 0]
    assert corpus.counts(3).tolist() == [1, 1, 3]
    part = corpus[torch.tensor([3, 1])]
    assert len(part) == 2
    assert (part.pictures.flatten().tolist(), part.shown.tolist(), part.said.tolist()) == ([3, 1], [3, 1], [0, 2])


# --- the corpora of a seed -------------------------------------------------------------------------------------------


def test_test_shares_no_picture_with_any_corpus():
    tested = [frequency.held_out_corpus(TINY, seed) for seed in range(3)]
    trained = [frequency.base_corpus(TINY, seed) for seed in range(3)]
    pictures = [set(contents(corpus.pictures)) for corpus in (*tested, *trained)]
    assert len(set.union(*pictures)) == sum(map(len, pictures)) == 3 * (2 * 15 + 35)
    for corpus in tested:
        assert corpus.shown.tolist() == corpus.said.tolist() == [c for c in range(15) for _ in range(2)]


def test_corpus_has_the_counts_that_were_dealt_out():
    for seed in range(3):
        assert frequency.base_corpus(TINY, seed).counts(15).tolist() == frequency.assign(TINY, seed).tolist()


@pytest.mark.parametrize("corpus_of", [frequency.base_corpus, frequency.held_out_corpus])
def test_what_is_kept_is_what_would_be_drawn(corpus_of):
    for size in (TINY, replace(TINY, levels=2, test=3)):
        for seed in (0, 1, 2, 1, 0):
            assert same(corpus_of(size, seed), corpus_of.__wrapped__(size, seed))


# --- a run -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def watched():
    """A loss that is the number of the batch and keeps what it is asked for."""
    seen: list[tuple[Tensor, Tensor]] = []

    def loss_of(model: ToyCLIP, images: Tensor, tokens: Tensor) -> Tensor:
        seen.append((images, tokens))
        return 0 * model.log_logit_scale + len(seen)

    return SimpleNamespace(seen=seen, loss_of=loss_of)


def numbered(count: int) -> tuple[Corpus, Tensor]:
    """Pictures all of one grey, 0, 1, 2, ..., and their tokens, the same plus 1; at most 256."""
    number = torch.arange(count)
    pictures = number.to(torch.uint8)[:, None, None, None].expand(-1, 3, 32, 32)
    return Corpus(pictures, number, number), number[:, None] + 1


@pytest.mark.parametrize("count", [1, 5, 11, 12, 13, 30, 100])
def test_updates_are_as_many_as_asked_for_and_all_pairs_are_seen_equally_often(count, watched):
    """3 batches of 4 make 12 pairs: corpora that are smaller, as large, and larger."""
    corpus, tokens = numbered(count)
    frequency.learn(frequency.new_model(FULL, 0), corpus, tokens, TINY, 0, watched.loss_of)
    assert [len(images) for images, _ in watched.seen] == [4, 4, 4]
    grey = torch.cat([images for images, _ in watched.seen]) * 255
    words = torch.cat([words for _, words in watched.seen])
    assert grey.dtype == torch.float32
    assert torch.equal(grey.round(), (words - 1).float()[:, :, None, None].expand(-1, 3, 32, 32))  # pairs stay together
    times = Counter(words.flatten().tolist())
    assert {times[word] for word in range(1, count + 1)} <= {12 // count, -(-12 // count)}


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


def test_what_comes_back_is_the_mean_loss(watched):
    size = replace(TINY, updates=7)
    assert frequency.learn(frequency.new_model(FULL, 0), *numbered(9), size, 0, watched.loss_of) == pytest.approx(4)


def test_recipe_says_how_but_not_how_long(watched):
    other = replace(FAST, epochs=5, batch_size=99)
    frequency.learn(frequency.new_model(FULL, 0), *numbered(9), TINY, 0, watched.loss_of, other)
    assert len(watched.seen) == 3
    still, moved = frequency.new_model(FULL, 0), frequency.new_model(FULL, 0)
    frequency.learn(still, *numbered(9), TINY, 0, recipe=replace(FAST, lr=0.0, muon_lr=None))
    frequency.learn(moved, *numbered(9), TINY, 0)
    start = frequency.new_model(FULL, 0).state_dict()
    assert all(torch.equal(weight, start[name]) for name, weight in still.state_dict().items())
    assert not any(torch.equal(weight, start[name]) for name, weight in moved.state_dict().items() if "text" in name)


def test_three_colours_are_learned():
    discs = [made_up("ellipse", colour) for colour in ("red", "lime", "blue")]
    size, words = Size(levels=1, per_level=3, updates=25, batch_size=16), torch.arange(1, 4)[:, None]
    corpus, test = (frequency.draw_corpus(discs, [20] * 3, seed) for seed in (0, 1))
    model = frequency.new_model(size, 0)
    losses = [frequency.learn(model, corpus, words[corpus.said], size, 0) for _ in range(2)]
    assert losses[1] < losses[0]
    assert sum(frequency.hits(frequency.similarity(model, test.pictures, words), test.shown)) > 40  # of 60; 20 by luck


def test_empty_corpus_and_batch_of_one_are_refused():
    model = frequency.new_model(FULL, 0)
    with pytest.raises(RecipeError, match="the corpus holds no pair; draw at least one picture"):
        frequency.learn(model, *numbered(0), TINY, 0)
    with pytest.raises(RecipeError, match="batches of at least 2"):
        frequency.learn(model, *numbered(9), replace(TINY, batch_size=1), 0)


def test_new_model_has_one_word_for_each_concept_and_weights_of_its_seed():
    model = frequency.new_model(TINY, 3)
    expected = ToyCLIP(vocab_size=16, context_length=1, strided=True, seed=3).state_dict()
    assert model.image_encoder.strided
    assert model.state_dict().keys() == expected.keys()
    assert all(torch.equal(weight, expected[name]) for name, weight in model.state_dict().items())


# --- what a model knows ----------------------------------------------------------------------------------------------


def test_similarity_is_the_cosine_of_every_picture_with_every_caption():
    """Of more pictures than are embedded at a time; the encoders are tables here."""
    generator = torch.Generator().manual_seed(0)
    table = F.normalize(torch.randn(9, 5, generator=generator), dim=1).requires_grad_()
    pictures = torch.randint(0, 256, (1030, 3, 2, 2), generator=generator, dtype=torch.uint8)
    model = SimpleNamespace(
        embed_images=lambda images: F.normalize(images.flatten(1)[:, :5], dim=1),
        embed_texts=lambda captions: table[captions[:, 0]],
    )
    captions = torch.tensor([[7], [1], [2]])
    found = frequency.similarity(model, pictures, captions)
    pixels = pictures.numpy().reshape(1030, -1)[:, :5] / 255
    expected = pixels / np.linalg.norm(pixels, axis=1, keepdims=True) @ table.detach().numpy()[[7, 1, 2]].T
    assert not found.requires_grad
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_similarity_of_a_real_model_is_that_of_one_picture_after_the_other():
    model, corpus = frequency.new_model(TINY, 0), frequency.held_out_corpus(TINY, 0)
    captions = torch.arange(1, 16)[:, None]
    found = frequency.similarity(model, corpus.pictures, captions)
    for picture, row in zip(corpus.pictures[:5], found, strict=False):
        image = model.image_encoder(picture[None].float() / 255).detach().numpy()[0]
        texts = [model.text_encoder(caption[None]).detach().numpy()[0] for caption in captions]
        cosines = [image @ text / np.linalg.norm(image) / np.linalg.norm(text) for text in texts]
        np.testing.assert_allclose(row, cosines, atol=1e-5)


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


def test_knowing_nothing_finds_only_what_luck_would():
    cosine, classes = torch.zeros(50, 10), torch.arange(10).repeat(5)
    assert sum(frequency.hits(cosine, classes)) <= 5
