"""The world is as its captions say, varies as its data card says, and depends on nothing but the seed."""

import colorsys
import itertools
import math
import random
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import rgb_to_hsv
from scipy import stats
from sklearn.linear_model import LogisticRegression

from toyclip import data
from toyclip.data import CAPTIONS, CLASSES, COLORS, PIXEL_MEAN, PIXEL_STD, SHAPES, Pairs, Rendering, Tokenizer
from toyclip.errors import CaptionError, InputError

# What the words mean, in degrees of hue; and the data card, typed once more, so that no number changes unseen.
HUES = {"red": (-25, 20), "yellow": (40, 66), "green": (66, 165), "blue": (185, 260)}
CARD = {
    "extent": (9, 11), "background": (0, 0.1), "saturation": (0.45, 1), "value": (0.7, 1), "arm": (0.28, 0.40),
    "red": (-16, 16), "blue": (190, 250), "green": (69, 155), "yellow": (45, 61),
    "square": (-8, 8), "triangle": (-15, 15), "cross": (-45, 45),
}  # fmt: skip
STILL = Rendering(
    extent=(10, 10), rotation=(0, 0, 0, 0), arm=(0.34, 0.34), hue=((0, 0),) * 4,
    saturation=(1, 1), value=(1, 1), background=(0, 0), noise=0,
)  # fmt: skip
SIZE = 32


@pytest.fixture(scope="module")
def world() -> Pairs:
    return data.draw_pairs(per_class=200, seed=0)


@pytest.fixture(scope="module")
def gallery() -> dict[tuple[str, str], np.ndarray]:
    """120 pictures of each class, (120, 32, 32, 3) from 0 to 255, drawn by the card, but without noise."""
    rng, clean = np.random.default_rng(1), replace(Rendering(), noise=0.0)
    return {pair: np.stack([data.draw(*pair, rng, clean) for _ in range(120)]).astype(float) for pair in CLASSES}


def every(gallery: dict, color: str | None = None, shape: str | None = None) -> np.ndarray:
    """All pictures of a colour, of a shape, or of both."""
    return np.concatenate([p for (c, s), p in gallery.items() if color in (None, c) and shape in (None, s)])


def ground(picture: np.ndarray) -> np.ndarray:
    """The grey of the background: three of the four corners of a picture are never covered by its shape."""
    return np.median(picture[[0, 0, -1, -1], [0, -1, 0, -1]], axis=0)


def fill(picture: np.ndarray) -> np.ndarray:
    """The colour of the shape: the most frequent one that is far from the ground's."""
    away = np.abs(picture - ground(picture)).sum(axis=-1)
    colours, counts = np.unique(picture[away > 0.8 * away.max()].reshape(-1, 3), axis=0, return_counts=True)
    return colours[counts.argmax()]


def covered(picture: np.ndarray) -> np.ndarray:
    """What part of each pixel lies in the shape, (H, W)."""
    back, front = ground(picture), fill(picture)
    channel = np.abs(front - back).argmax()
    return (picture[..., channel] - back[channel]) / (front - back)[channel]


def centre(part: np.ndarray) -> complex:
    """Of mass, x + iy in pixels."""
    y, x = np.mgrid[: len(part), : len(part)] + 0.5
    return ((x + 1j * y) * part).sum() / part.sum()


def moment(part: np.ndarray, fold: int) -> complex:
    """A shape with n-fold symmetry turned by phi turns its n-th moment by n phi."""
    y, x = np.mgrid[: len(part), : len(part)] + 0.5
    return ((x + 1j * y - centre(part)) ** fold * part).sum()


def hsv(picture: np.ndarray) -> tuple[float, float, float]:
    """Of the shape: hue in degrees from -180 to 180, saturation, value."""
    hue, saturation, value = colorsys.rgb_to_hsv(*fill(picture) / 255)
    return (360 * hue + 180) % 360 - 180, saturation, value


def assert_uniform(values: list[float], low: float, high: float, tolerance: float) -> None:
    """Values lie in the range, reach both of its ends, and are spread evenly over it."""
    slack, found = 5 * (high - low) / len(values), (min(values), max(values))
    assert low - tolerance <= found[0] <= low + tolerance + slack, f"{found} is not {low} to {high}"
    assert high - tolerance - slack <= found[1] <= high + tolerance, f"{found} is not {low} to {high}"
    assert stats.kstest(values, stats.uniform(low, high - low).cdf).statistic < 0.12


# --- what is drawn ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("label", range(16))
def test_colour_word_of_the_caption_is_the_colour_that_was_drawn(world, label):
    word = CAPTIONS[label].split()[1]
    for picture in world[world.classes == label].pixels[:40].permute(0, 2, 3, 1).numpy():
        hue = 360 * rgb_to_hsv(np.median(picture[picture.max(axis=-1) > 105], axis=0) / 255)[0]
        low, high = HUES[word]
        assert low - 2 <= (hue - low + 60) % 360 + low - 60 <= high + 2, f"{word} drawn at {hue:.0f} degrees"


@pytest.mark.parametrize(
    ("shape", "area", "outline"),
    [
        ("circle", math.pi * 10**2, 2 * math.pi * 10),
        ("square", 20**2, 4 * 20),
        ("triangle", math.sqrt(3) / 4 * 20**2, 3 * 20),
        ("cross", 20**2 * (2 * 0.34 - 0.34**2), 4 * 20),
    ],
)
def test_painted_area_is_the_area_of_the_shape(shape, area, outline):
    """Pure red on black without noise: the red channel is the share of each pixel that the shape covers.

    Pillow's outlines cover every pixel they touch: up to half a pixel all around, of pixels that are a quarter wide.
    """
    painted = data.draw("red", shape, np.random.default_rng(0), STILL)[..., 0].sum() / 255
    assert 0.99 * area <= painted <= 1.01 * (area + outline / 8)


@pytest.mark.parametrize(
    ("shape", "low", "high"),
    [("circle", 1 / (2 * math.pi), 0), ("square", 1 / 6, 0), ("triangle", 1 / (3 * math.sqrt(3)), 0),
     ("cross", 0.178, 0.213)],  # a cross lies between arms of 0.40 and of 0.28
)  # fmt: skip
def test_shape_word_is_the_shape_that_was_drawn(gallery, shape, low, high):
    """Polar moment over squared area tells shapes apart at any size, place and rotation."""
    y, x = np.mgrid[:SIZE, :SIZE] + 0.5
    for part in map(covered, every(gallery, shape=shape)[::20]):
        moment = (np.abs(x + 1j * y - centre(part)) ** 2 * part).sum() / part.sum() ** 2
        assert 0.985 * low <= moment <= 1.015 * (high or low)


@pytest.mark.parametrize("shape", ["square", "triangle", "cross"])
def test_corners_by_the_shoelace_formula(shape):
    areas = {"square": 4.0, "triangle": math.sqrt(3), "cross": 8 * 0.3 - 4 * 0.3**2}
    for angle in (0.0, 0.4):
        corners = np.reshape(data.outline(shape, (5, -2), 3.0, angle, 0.3), (-1, 2))
        x, y = corners.T
        shoelace = abs((x * np.roll(y, -1) - y * np.roll(x, -1)).sum()) / 2
        assert shoelace == pytest.approx(9 * areas[shape])


def test_triangle_stands_on_its_base():
    rows = data.draw("red", "triangle", np.random.default_rng(0), STILL)[..., 0].sum(axis=1, dtype=int)
    assert (np.diff(rows[rows > 0])[:-1] >= 0).all()


@pytest.mark.parametrize("size", [16, 24])
def test_pictures_may_have_another_size_and_a_shape_too_large_stands_in_the_middle(size):
    picture = data.draw("red", "circle", np.random.default_rng(0), replace(STILL, size=size, extent=(15, 15)))
    assert picture.shape == (size, size, 3)
    assert picture.dtype == np.uint8
    assert abs(centre(picture[..., 0] / 255) - (1 + 1j) * size / 2) < 0.1


@pytest.mark.parametrize(("color", "shape"), [("purple", "circle"), ("red", "star"), ("circle", "red")])
def test_what_is_not_in_the_world_cannot_be_drawn(color, shape):
    with pytest.raises(InputError, match=r"cannot draw .*'red'.*'circle'"):
        data.draw(color, shape, np.random.default_rng(0))


# --- the data card, measured -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("color", COLORS)
def test_shade_varies_over_the_ranges_of_the_card(gallery, color):
    hue, saturation, value = zip(*map(hsv, every(gallery, color)), strict=True)
    around = sum(CARD[color]) / 2
    assert_uniform([(h - around + 180) % 360 - 180 + around for h in hue], *CARD[color], tolerance=0.9)
    assert_uniform(saturation, *CARD["saturation"], tolerance=0.005)
    assert_uniform(value, *CARD["value"], tolerance=0.003)


def test_background_is_a_grey_of_the_card(gallery):
    grounds = np.array([ground(picture) for picture in every(gallery)]) / 255
    assert (grounds == grounds[:, :1]).all()
    assert_uniform(grounds[:, 0], *CARD["background"], tolerance=0.002)


@pytest.mark.parametrize(("shape", "fold"), [("square", 4), ("triangle", 3), ("cross", 4)])
def test_rotation_varies_over_the_range_of_the_shape(gallery, shape, fold):
    upright = moment(covered(data.draw("red", shape, np.random.default_rng(0), STILL)), fold)
    turns = [moment(covered(picture), fold) / upright for picture in every(gallery, shape=shape)]
    assert_uniform([math.degrees(np.angle(turn)) / fold for turn in turns], *CARD[shape], tolerance=0.8)


def test_extent_varies(gallery):
    """Pillow's outline adds an eighth of a pixel: half of one that is a quarter wide."""
    extents = [math.sqrt(covered(picture).sum() / math.pi) - 1 / 8 for picture in every(gallery, shape="circle")]
    assert_uniform(extents, *CARD["extent"], tolerance=0.04)


def test_arm_varies():
    """At an extent of 10 a cross has an area of 400 (2a - a²)."""
    rng, rendering = np.random.default_rng(2), replace(STILL, arm=Rendering().arm, supersampling=16)
    areas = [data.draw("red", "cross", rng, rendering)[..., 0].sum() / 255 for _ in range(150)]
    assert_uniform([1 - math.sqrt(1 - area / 400) for area in areas], *CARD["arm"], tolerance=0.008)


@pytest.mark.parametrize("extent", [5, 10])
def test_place_varies_up_to_a_margin_of_eight_hundredths(extent):
    rng, rendering, margin = np.random.default_rng(3), replace(STILL, extent=(extent, extent)), 1.08 * extent
    centres = [centre(data.draw("red", "circle", rng, rendering)[..., 0] / 255) for _ in range(400)]
    for coordinate in (np.real(centres), np.imag(centres)):
        assert_uniform(coordinate, margin, SIZE - margin, tolerance=0.15)


def test_everything_varies_independently(gallery):
    """Place, size, shade and ground of 480 circles; 4.5 standard errors of a correlation of 0."""
    rows = []
    for color in COLORS:
        for picture in gallery[color, "circle"]:
            part, (hue, saturation, value), (low, high) = covered(picture), hsv(picture), CARD[color]
            middle = centre(part)
            place = ((hue - low + 10) % 360 - 10) / (high - low)
            rows.append([middle.real, middle.imag, part.sum(), place, saturation, value, ground(picture)[0]])
    correlations = np.corrcoef(np.array(rows).T) - np.eye(7)
    assert np.abs(correlations).max() < 4.5 / math.sqrt(len(rows))


def test_edges_are_averaged_from_four_by_four_points():
    pictures = [data.draw("red", s, np.random.default_rng(seed), STILL)[..., 0] for s in SHAPES for seed in range(9)]
    sixteenths = np.unique(np.stack(pictures)) / 255 * 16
    assert sixteenths == pytest.approx(sixteenths.round(), abs=0.033)  # half a grey level of 255
    assert len(sixteenths) >= 12


def test_shades_are_rounded_to_the_nearest_of_255():
    picture = data.draw(
        "red", "square", np.random.default_rng(0), replace(STILL, value=(0.701, 0.701), background=(0.07, 0.07))
    )
    assert picture[..., 0].max() == 179  # 178.76
    assert picture[..., 1].max() == 18  # 17.85


def noise(level: float, **options) -> np.ndarray:
    """What the noise adds to 40 pictures of one grey, (40, 32, 32, 3): drawn with and without it from the same seed."""
    flat = replace(Rendering(), saturation=(0, 0), value=(level, level), background=(level, level), **options)
    with_noise, without = (
        np.stack([data.draw("red", "circle", np.random.default_rng(seed), rendering) for seed in range(40)])
        for rendering in (flat, replace(flat, noise=0))
    )
    return with_noise.astype(float) - without


def test_noise_is_gaussian_of_a_fiftieth_and_rounded_to_the_nearest():
    """A rounded number has a twelfth more variance; one that is cut off would be half a level lower."""
    levels = noise(0.5)
    assert levels.std() == pytest.approx(math.sqrt((255 * 0.02) ** 2 + 1 / 12), rel=0.015)
    assert levels.mean() == pytest.approx(0, abs=4 * 5.1 / math.sqrt(levels.size))
    assert stats.kurtosis(levels, axis=None) == pytest.approx(0, abs=4 * math.sqrt(24 / levels.size))


def test_noise_of_every_channel_pixel_and_picture_is_its_own():
    levels = noise(0.5)
    neighbours = {
        "channel": (levels[..., 0], levels[..., 1]), "other channel": (levels[..., 1], levels[..., 2]),
        "row": (levels[:, 1:], levels[:, :-1]), "column": (levels[:, :, 1:], levels[:, :, :-1]),
        "picture": (levels[1:], levels[:-1]),
    }  # fmt: skip
    for a, b in neighbours.values():
        assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 4.5 / math.sqrt(a.size)


@pytest.mark.parametrize(("level", "end"), [(0.0, 0), (1.0, 255)])
def test_noise_beyond_black_and_white_is_cut_off(level, end):
    levels = noise(level, noise=0.2) + round(255 * level)
    assert np.mean(levels == end) == pytest.approx(0.5, abs=0.02)
    assert np.abs(levels - end).max() < 5.5 * 51


# --- seeds -----------------------------------------------------------------------------------------------------------


def test_pictures_follow_from_the_seed_alone():
    first = data.draw_pairs(per_class=3, seed=5)
    random.seed(1), np.random.seed(1), torch.manual_seed(1)  # noqa: NPY002
    before = random.getstate(), str(np.random.get_state()), torch.get_rng_state()  # noqa: NPY002
    again = data.draw_pairs(per_class=3, seed=5)
    assert torch.equal(first.pixels, again.pixels)
    assert random.getstate() == before[0]
    assert str(np.random.get_state()) == before[1]  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), before[2])


def test_no_picture_comes_twice_within_or_across_seeds(world):
    other = data.draw_pairs(per_class=20, seed=1)
    assert len(set(pixels(world)) | set(pixels(other))) == len(world) + len(other)


def test_dataset_holds_bytes_and_hands_them_out_as_floats(world):
    assert world.pixels.shape == (3200, 3, 32, 32)
    assert world.pixels.dtype == torch.uint8
    assert world.pixels.is_contiguous()
    assert world.images.dtype == torch.float32
    assert torch.equal(world.images, world.pixels.float() / 255)
    assert Counter(world.classes.tolist()) == dict.fromkeys(range(16), 200)
    assert torch.equal(world.captions, world.classes)


def test_selecting_pairs_keeps_picture_class_and_caption_together():
    pairs = Pairs(torch.arange(15, dtype=torch.uint8).reshape(5, 3, 1, 1), torch.arange(5), 10 + torch.arange(5))
    for index in (torch.tensor([3, 1]), torch.tensor([False, True, False, True, False])):
        part = pairs[index]
        assert part.pixels[:, 0, 0, 0].tolist() == [3 * c for c in part.classes.tolist()]
        assert part.captions.tolist() == [10 + c for c in part.classes.tolist()]
        assert len(part) == 2


def test_statistics_that_pictures_are_standardised_by_are_those_of_the_training_pictures(world):
    for pairs in (data.split(world, seed=0)[0], *(data.draw_pairs(50, seed) for seed in (1, 2))):
        images = pairs.pixels.numpy() / 255
        assert images.mean() == pytest.approx(PIXEL_MEAN, abs=0.01)
        assert images.std() == pytest.approx(PIXEL_STD, abs=0.01)


def test_standardised_pictures_are_those_of_numpy_whether_bytes_or_floats():
    raw = np.random.default_rng(0).integers(256, size=(2, 3, 4, 5), dtype=np.uint8)
    expected = (raw / 255 - 0.18) / 0.26
    for images in (torch.from_numpy(raw), torch.from_numpy(raw) / 255, torch.from_numpy(raw / 255)):
        before = images.clone()
        assert data.standardize(images).numpy() == pytest.approx(expected, abs=1e-5)
        assert torch.equal(images, before)


# --- the one drawing loop --------------------------------------------------------------------------------------------


@settings(max_examples=30)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=6).filter(sum))
def test_as_many_pictures_of_each_class_as_asked_for_each_from_the_stream_of_its_class(counts):
    def draw(c: int, rng: np.random.Generator) -> np.ndarray:
        return np.append(rng.integers(256, size=5), c).astype(np.uint8).reshape(1, 2, 3)

    def streams() -> list[np.random.Generator]:
        return [np.random.default_rng(seed) for seed in range(len(counts))]

    pairs = data.render(draw, counts, streams())
    expected = [draw(c, rng) for c, rng in enumerate(streams()) for _ in range(counts[c])]
    assert pairs.classes.tolist() == pairs.captions.tolist() == [picture[0, 1, 2] for picture in expected]
    assert (pairs.pixels.permute(0, 2, 3, 1).numpy() == np.stack(expected)).all()
    assert torch.equal(pairs.classes.bincount(minlength=len(counts)), torch.tensor(counts))


@pytest.mark.parametrize("counts", [[], [0, 0], [1], [1, 2, 3], [-1, 2]])
def test_counts_that_do_not_fit_the_classes_are_refused(counts):
    with pytest.raises(InputError, match=r"2 classes, .* give one count, 0 or more, for each class"):
        data.render(lambda c, rng: np.zeros((1, 1, 3), np.uint8), counts, [np.random.default_rng(0)] * 2)


def test_a_world_without_classes_is_refused():
    with pytest.raises(InputError, match="0 classes, 0 counts"):
        data.render(lambda c, rng: np.zeros((1, 1, 3), np.uint8), [], [])


@pytest.mark.parametrize("per_class", [0, -1])
def test_nothing_to_draw_is_refused(per_class):
    with pytest.raises(InputError, match="give one count"):
        data.draw_pairs(per_class=per_class, seed=0)


# --- the split -------------------------------------------------------------------------------------------------------


def pixels(pairs: Pairs) -> list[bytes]:
    return [picture.numpy().tobytes() for picture in pairs.pixels]


def test_split_is_stratified_disjoint_and_complete_and_keeps_each_picture_with_its_class(world):
    training, held_out = data.split(world, seed=0)
    assert Counter(training.classes.tolist()) == dict.fromkeys(range(16), 170)
    assert Counter(held_out.classes.tolist()) == dict.fromkeys(range(16), 30)
    assert not set(pixels(training)) & set(pixels(held_out))
    assert Counter(pixels(training) + pixels(held_out)) == Counter(pixels(world))
    label = dict(zip(pixels(world), world.classes.tolist(), strict=True))
    for side in (training, held_out):
        assert [label[image] for image in pixels(side)] == side.classes.tolist()


def test_split_follows_from_its_seed_alone():
    pairs = data.draw_pairs(per_class=20, seed=0)
    torch.manual_seed(7)
    first, again, other = (set(pixels(data.split(pairs, seed)[1])) for seed in (0, 0, 1))
    assert first == again
    assert len(first & other) < len(first) / 2


@pytest.mark.parametrize("held_out", [0.0, 0.01, 0.99, 1.0])
def test_split_that_leaves_a_side_empty_is_refused(held_out):
    with pytest.raises(InputError, match="side empty"):
        data.split(data.draw_pairs(per_class=4, seed=0), seed=0, held_out=held_out)


@pytest.mark.parametrize("rendering", [(), (Rendering(size=12),)], ids=["card", "another"])
def test_world_is_drawn_and_split_by_its_seed(rendering, monkeypatch):
    asked, pairs = [], data.draw_pairs(per_class=20, seed=0)
    monkeypatch.setattr(data, "draw_pairs", lambda **options: asked.append(options) or pairs)
    sides = data.world(4, *rendering)
    assert asked == [{"per_class": 200, "seed": 4, "rendering": (*rendering, Rendering())[0]}]
    assert [pixels(side) for side in sides] == [pixels(side) for side in data.split(pairs, seed=4)]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_raw_pixels_are_not_enough_for_a_linear_classifier(world):
    """If a weighted sum of pixels could tell the classes apart, a model of pictures would prove nothing."""
    training, held_out = data.split(world, seed=0)
    linear = LogisticRegression(max_iter=40, C=0.1)
    linear.fit(training.images[::3].flatten(1).numpy(), training.classes[::3].numpy())
    score = linear.score(held_out.images.flatten(1).numpy(), held_out.classes.numpy())
    assert 1.5 / 16 < score < 0.95


# --- captions --------------------------------------------------------------------------------------------------------


def test_classes_are_all_combinations_and_captions_name_them():
    assert list(CLASSES) == list(itertools.product(("red", "blue", "green", "yellow"), SHAPES))
    assert SHAPES == ("circle", "square", "triangle", "cross")
    assert list(CAPTIONS) == [f"a {color} {shape}" for color, shape in CLASSES]
    assert data.caption("blue", "cross", template="{shape}, {color}") == "cross, blue"


@given(st.lists(st.lists(st.sampled_from(["a", *COLORS, *SHAPES]), min_size=1, max_size=4), min_size=1))
def test_tokens_are_numbers_of_words_then_padding_and_lead_back_to_the_caption(captions):
    tokenizer, ids = Tokenizer(), ["<pad>", "a", *COLORS, *SHAPES]
    tokens = tokenizer.encode([" ".join(words) for words in captions])
    assert tokens.dtype == torch.int64
    assert tokens.tolist() == [[ids.index(word) for word in words] + [0] * (4 - len(words)) for words in captions]
    assert tokenizer.decode(tokens) == [" ".join(words) for words in captions]
    assert torch.equal(tokenizer.encode(["  " + " \t".join(words).upper() for words in captions]), tokens)


@pytest.mark.parametrize(
    ("word", "meant"), [("gren", "green"), ("triangel", "triangle"), ("yelow", "yellow"), ("blu", "blue")]
)
def test_unknown_word_is_named_with_the_nearest_and_the_vocabulary(word, meant):
    with pytest.raises(CaptionError) as error:
        Tokenizer().encode(["a red circle", f"a {word}"])
    message = str(error.value)
    assert f"unknown word '{word}'" in message
    assert f"did you mean '{meant}'" in message
    assert all(known in message for known in ("a", *COLORS, *SHAPES))
    assert "\n" not in message


@pytest.mark.parametrize(
    ("captions", "message"),
    [([""], "empty"), (["a red circle", "  \t "], "empty"), (["a a red red circle"], "5 words; at most 4"),
     (["a red <pad>"], "unknown word"), ("a red circle", r"\['a red circle'\]")],
)  # fmt: skip
def test_caption_that_cannot_be_used_is_refused(captions, message):
    with pytest.raises(CaptionError, match=message):
        Tokenizer().encode(captions)


def test_vocabulary_can_be_another():
    tokenizer = Tokenizer(words=("one", "two"), context_length=2)
    assert tokenizer.encode(["two one"]).tolist() == [[2, 1]]
    with pytest.raises(CaptionError, match="one, two"):
        tokenizer.encode(["red"])


@pytest.mark.parametrize("word", ["the", "purple", "x", "dog"])
def test_no_word_is_suggested_for_one_that_is_far_from_all(word):
    with pytest.raises(CaptionError, match=rf"^unknown word '{word}'\. The vocabulary is: a, red, .*, cross$"):
        Tokenizer().encode([word])


@pytest.mark.parametrize(
    ("words", "told"),
    [([], "at least one word"), ("red", "'red'"), (None, "None"), (5, "5"), ({"red": 1}, "{'red': 1}"),
     (["a", 5, "red"], "word 2 is 5"), (["a", ["red"], 5], r"word 2 is \['red'\]"), (["a", None], "word 2 is None"),
     ([True], "word 1 is True"), (["a", "red", "a", 5], "word 3 is 'a'"), (["a", "<pad>"], "word 2 is '<pad>'"),
     (["a", ""], "word 2 is ''"), (["a b", ""], "word 1 is 'a b'"), (["a", "red "], "word 2 is 'red '"),
     (["a", "Red"], "word 2 is 'Red'"), (["a\u2003b"], "word 1 is")],
)  # fmt: skip
def test_vocabulary_that_captions_could_not_be_written_with_is_refused(words, told):
    """The first wrong word is named; what a terminal cannot show, too, is none."""
    with pytest.raises(CaptionError, match=told) as error:
        Tokenizer(words)
    assert len(str(error.value).splitlines()) == 1
    assert str(error.value).isprintable()


@pytest.mark.parametrize("length", [0, -1, 4.0, "4", None, True, float("nan"), [4]])
def test_context_length_that_is_no_number_of_words_is_refused(length):
    with pytest.raises(CaptionError, match=r"context_length=.* give a whole number above 0"):
        Tokenizer(context_length=length)
