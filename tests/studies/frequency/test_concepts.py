"""Emoji as concepts: what is drawn is what was chosen, varies as the module says, and follows from the seed alone."""

import itertools
import random
from collections import Counter

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from toyclip.data import Pairs, Tokenizer
from toyclip.errors import CaptionError, InputError
from toyclip.pictures import Emoji, emoji
from toyclip.studies.frequency import concepts


@pytest.fixture(scope="module")
def everything() -> list[Emoji]:
    return concepts.choose(1377, seed=0)


@pytest.fixture(scope="module")
def discs() -> np.ndarray:
    """600 pictures of a white disc as wide as its sprite, (600, 32, 32, 3) float from 0 to 255."""
    return gallery(made_up("ellipse", "white"), 600)


@pytest.fixture(scope="module")
def bars() -> np.ndarray:
    """The same of a white bar along the middle of its sprite."""
    return gallery(made_up("rectangle", "white", box=(6, 26, 57, 37)), 600)


def made_up(shape: str, colour: str, box: tuple[int, int, int, int] = (0, 0, 63, 63)) -> Emoji:
    """An emoji that Unicode has not got: one shape of one colour."""
    sprite = Image.new("RGBA", (64, 64))
    getattr(ImageDraw.Draw(sprite), shape)(box, fill=colour)
    return Emoji("?", f"{colour} {shape}", "made up", "for a test", sprite)


def gallery(concept: Emoji, count: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.stack([concepts.draw_concept(concept, rng) for _ in range(count)]).astype(float)


def coverage(picture: np.ndarray) -> np.ndarray:
    """How much of each pixel a white shape covers, but for noise: (32, 32), 0 where there is nothing but background."""
    grey = picture.mean(axis=-1)
    level = np.median(grey[grey < 128])
    share = (grey - level) / (255 - level)
    return share * (share > 0.1)


def middle(share: np.ndarray) -> tuple[float, float]:
    """Centre of gravity (x, y) in pixels from the left and upper edges."""
    y, x = np.indices(share.shape) + 0.5
    return (x * share).sum() / share.sum(), (y * share).sum() / share.sum()


def spread(values: list[float], low: float, high: float, tolerance: float) -> bool:
    """Whether values stay in a range, and use at least nine tenths of it."""
    inside = low - tolerance <= min(values) and max(values) <= high + tolerance
    return bool(inside and np.ptp(values) >= 0.9 * (high - low))


# --- what is chosen --------------------------------------------------------------------------------------------------


def test_choice_is_random_without_repeats_and_of_the_sheet(everything):
    assert Counter(e.character for e in everything) == Counter(e.character for e in emoji())
    order = {e.character: i for i, e in enumerate(emoji())}
    places = [order[e.character] for e in concepts.choose(300, seed=0)]
    assert len(set(places)) == 300
    assert abs(np.corrcoef(places, range(300))[0, 1]) < 0.2
    means = [np.mean([order[e.character] for e in concepts.choose(100, seed)]) for seed in range(10)]
    assert np.mean(means) == pytest.approx(688, abs=4 * 397.5 / np.sqrt(1000))  # 397.5: deviation of 0 to 1376


@pytest.mark.parametrize("seed", [0, 7])
def test_longer_choice_begins_with_the_shorter_one(seed):
    long = [e.character for e in concepts.choose(1377, seed)]
    for count in (1, 5, 10, 300):
        assert [e.character for e in concepts.choose(count, seed)] == long[:count]


def test_another_seed_makes_another_choice():
    first, again, other = ({e.character for e in concepts.choose(50, seed)} for seed in (0, 0, 1))
    assert first == again
    assert len(first & other) < 10


@pytest.mark.parametrize("count", [0, -1, 1378, 10**9])
def test_choice_of_a_number_that_there_is_not_is_refused(count):
    with pytest.raises(InputError, match=rf"cannot choose {count} of 1377 emoji; ask for 1 to 1377"):
        concepts.choose(count, seed=0)


# --- what is drawn ---------------------------------------------------------------------------------------------------


def test_each_class_shows_its_own_concept():
    """Three discs of pure colours: red, green and blue shine in the first, second and third channel."""
    discs = [made_up("ellipse", colour) for colour in ("red", "lime", "blue")]
    pairs = concepts.draw_concepts([discs[2], discs[0], discs[1]], [5, 4, 3], seed=0)
    shown = pairs.images.mean(dim=(2, 3)).argmax(dim=1)
    assert shown.tolist() == 5 * [2] + 4 * [0] + 3 * [1]
    assert pairs.classes.tolist() == 5 * [0] + 4 * [1] + 3 * [2]


@pytest.mark.parametrize("counts", [[3, 1, 2], [0, 4, 1], [2, 0, 0], [1, 1, 0]])
def test_each_concept_is_drawn_as_often_as_asked(counts):
    for given in (counts, tuple(counts), np.array(counts)):
        pairs = concepts.draw_concepts(concepts.choose(3, seed=0), given, seed=0)
        assert len(pairs) == len(pairs.images) == sum(counts)
        assert pairs.classes.tolist() == [c for c, count in enumerate(counts) for _ in range(count)]


def test_tensors_are_what_the_encoders_expect():
    pairs = concepts.draw_concepts(concepts.choose(4, seed=0), [5] * 4, seed=0)
    assert isinstance(pairs, Pairs)
    assert pairs.images.shape == (20, 3, 32, 32)
    assert pairs.images.dtype == torch.float32
    assert pairs.classes.dtype == torch.int64
    assert pairs.images.is_contiguous()
    assert 0 <= pairs.images.min() < 0.1
    assert 0.9 < pairs.images.max() <= 1


def test_picture_is_the_sprite_turned_scaled_and_on_a_grey(everything):
    """Each real emoji, taken out of its picture, has the mean colour of its sprite."""
    rng = np.random.default_rng(0)
    for e in everything[:60]:
        drawn = np.mean([concepts.draw_concept(e, rng).astype(float) for _ in range(10)], axis=0).mean(axis=(0, 1))
        pixels = np.asarray(e.sprite).astype(float)
        alpha = pixels[..., 3:] / 255
        share = alpha.mean() * (25**2 + 10**2 / 12) / 32**2  # mean of the square of 20 to 30 px
        expected = (pixels[..., :3] * alpha).sum(axis=(0, 1)) / alpha.sum() * share + (1 - share) * 255 * 0.35 / 2
        assert drawn == pytest.approx(expected, abs=22), e.name


@pytest.mark.parametrize(
    ("count", "counts"),
    [(3, [1, 1]), (2, [1, 1, 1]), (2, [3, -1]), (2, [0, 0]), (0, []), (1, [])],
    ids=["too few", "too many", "negative", "nothing to draw", "no concepts", "no counts"],
)
def test_counts_that_do_not_fit_are_refused(count, counts, everything):
    message = rf"{count} concepts, {len(counts)} counts; give one count, 0 or more, for each concept"
    with pytest.raises(InputError, match=message):
        concepts.draw_concepts(everything[:count], counts, seed=0)


# --- how it varies ---------------------------------------------------------------------------------------------------


def test_emoji_stays_inside_the_picture_and_reaches_every_edge(discs):
    """A disc that fills its sprite has the area of a circle of its width, however it is turned, if none is cut off."""
    edges = []
    for share in map(coverage, discs):
        rows, columns = (np.nonzero(share.max(axis=axis) > 0.5)[0] for axis in (1, 0))
        height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
        assert abs(width - height) <= 1
        assert share.sum() == pytest.approx(np.pi / 4 * ((width + height) / 2) ** 2, rel=0.08)
        edges.append([columns.min(), rows.min(), 31 - columns.max(), 31 - rows.max()])
    assert np.min(edges, axis=0).tolist() == [0, 0, 0, 0]


def test_no_place_is_preferred(discs):
    """The mean place is the middle, in both directions, and they have nothing to do with each other."""
    places = np.array([middle(coverage(picture)) for picture in discs])
    deviation = places.std(axis=0)
    assert deviation == pytest.approx([2.2, 2.2], abs=0.4)  # uniform over 2 to 12 px, by width: 2.15 and a bit
    assert np.abs(places.mean(axis=0) - 16).max() < 3.5 * deviation.max() / np.sqrt(len(places))
    assert abs(np.corrcoef(places.T)[0, 1]) < 0.15


def test_size_varies_over_its_range(discs):
    widths = [2 * np.sqrt(coverage(picture).sum() / np.pi) for picture in discs]
    assert spread(widths, *concepts.EXTENT, tolerance=0.7)
    assert np.mean(widths) == pytest.approx(25, abs=0.5)


def test_rotation_varies_over_its_range_either_way(bars):
    angles = []
    for share in map(coverage, bars):
        x, y = middle(share)
        dy, dx = np.indices(share.shape) + 0.5 - np.array([y, x])[:, None, None]
        moment = (share * (dx + 1j * dy) ** 2).sum()  # turns twice as fast as the bar
        angles.append(np.degrees(np.angle(moment)) / 2)
    assert spread(angles, -concepts.ROTATION, concepts.ROTATION, tolerance=1)
    assert abs(np.mean(angles)) < 4 * 15 / np.sqrt(3 * len(angles))


def test_background_varies_over_its_range_and_is_grey(bars):
    """The bar never reaches a corner of the picture."""
    corners = bars[:, [0, 0, -1, -1], [0, -1, 0, -1]]  # (600, 4, 3)
    levels = np.median(corners.mean(axis=2), axis=1)
    assert spread(levels, 0, 255 * 0.35, tolerance=10)
    assert np.mean(levels) == pytest.approx(255 * 0.35 / 2, abs=5)
    assert np.ptp(corners.mean(axis=(0, 1))) < 1


def test_size_place_rotation_and_background_have_nothing_to_do_with_each_other(bars):
    shares = list(map(coverage, bars))
    features = np.array(
        [[share.sum(), *middle(share), np.median(p[p < 128])] for share, p in zip(shares, bars, strict=True)]
    )
    correlations = np.corrcoef(features.T) - np.eye(4)
    assert np.abs(correlations).max() < 0.17


def test_noise_is_as_strong_as_it_should_be_on_every_pixel_and_channel():
    """In the middle of a sprite of one grey, far from 0 and 255."""
    grey = made_up("rectangle", "#808080")
    inner = gallery(grey, 80)[:, 13:19, 13:19]  # (80, 6, 6, 3): sprites of 20 px and more cover the middle
    assert inner.mean() == pytest.approx(128, abs=0.5)
    assert inner.std() == pytest.approx(255 * concepts.NOISE, rel=0.05)
    first, second, third = (inner[..., channel].ravel() for channel in range(3))
    for one, other in itertools.combinations((first, second, third), 2):
        assert abs(np.corrcoef(one, other)[0, 1]) < 0.08
    assert abs(np.corrcoef(inner[:, :-1].ravel(), inner[:, 1:].ravel())[0, 1]) < 0.08


def test_drawing_needs_nothing_but_the_generator_and_leaves_the_sprite_alone(everything):
    concept = everything[0]
    before = np.array(concept.sprite)
    first, again = (concepts.draw_concept(concept, np.random.default_rng(3)) for _ in range(2))
    assert (first == again).all()
    assert (np.array(concept.sprite) == before).all()
    assert first.shape == (32, 32, 3)
    assert first.dtype == np.uint8


# --- seeds -----------------------------------------------------------------------------------------------------------


def test_pictures_follow_from_the_seed_alone(everything):
    first = concepts.draw_concepts(everything[:4], [2, 3, 0, 1], seed=5)
    random.seed(1), np.random.seed(1), torch.manual_seed(1)  # noqa: NPY002
    before = random.getstate(), str(np.random.get_state()), torch.get_rng_state()  # noqa: NPY002
    again = concepts.draw_concepts(concepts.choose(4, seed=0), [2, 3, 0, 1], seed=5)
    assert torch.equal(first.images, again.images)
    assert random.getstate() == before[0]
    assert str(np.random.get_state()) == before[1]  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), before[2])


def test_another_seed_gives_other_pictures(everything):
    one, other = (concepts.draw_concepts(everything[:4], [3] * 4, seed).images for seed in (5, 6))
    assert not any(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_no_two_pictures_of_a_concept_are_the_same(everything):
    pairs = concepts.draw_concepts(everything[:1], [200], seed=0)
    assert len({image.numpy().tobytes() for image in pairs.images}) == 200


# --- words -----------------------------------------------------------------------------------------------------------


def test_every_emoji_has_a_word_of_its_own(everything):
    """One id each, from 1 on, in the order of the concepts; 0 is the padding."""
    tokenizer = concepts.words(everything)
    assert isinstance(tokenizer, Tokenizer)
    assert tokenizer.context_length == 1
    assert len(tokenizer.words) == len(set(tokenizer.words)) == 1 + 1377
    tokens = tokenizer.encode(tokenizer.words[1:])
    assert torch.equal(tokens, torch.arange(1, 1378)[:, None])
    assert tokenizer.decode(tokens) == list(tokenizer.words[1:])


def test_word_is_the_name_in_small_letters_with_hyphens(everything):
    for e, word in zip(everything, concepts.words(everything).words[1:], strict=True):
        assert word == word.lower()
        assert not any(letter.isspace() for letter in word)
        assert word.split("-") == "-".join(e.name.lower().split(" ")).split("-")


def test_vocabulary_of_some_knows_no_others(everything):
    with pytest.raises(CaptionError, match="unknown word"):
        concepts.words(everything[:5]).encode(concepts.words(everything[5:6]).words[1:])
