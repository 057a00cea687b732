"""The world is as its captions say, varies as its data card says, and depends on nothing but the seed."""

import math
import random
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from matplotlib.colors import rgb_to_hsv
from sklearn.linear_model import LogisticRegression

from toyclip import data
from toyclip.data import CLASSES, COLORS, SHAPES, Rendering, Tokenizer
from toyclip.encoders import PIXEL_MEAN, PIXEL_STD
from toyclip.errors import CaptionError, InputError

HUES = {"red": (-25, 20), "yellow": (40, 66), "green": (66, 165), "blue": (185, 260)}  # what the words mean, degrees
STILL = Rendering(
    extent=(10, 10), rotation=(0, 0, 0, 0), arm=(0.34, 0.34), hue=((0, 0),) * 4,
    saturation=(1, 1), value=(1, 1), background=(0, 0), noise=0,
)  # fmt: skip


@pytest.fixture(scope="module")
def world() -> data.Pairs:
    return data.draw_pairs(per_class=200, seed=0)


@pytest.fixture(scope="module")
def gallery() -> dict[tuple[str, str], np.ndarray]:
    """60 pictures of each class, (60, 32, 32, 3) float from 0 to 255."""
    rng = np.random.default_rng(1)
    return {pair: np.stack([data.draw(*pair, rng) for _ in range(60)]).astype(float) for pair in CLASSES}


def mask(picture: np.ndarray) -> np.ndarray:
    """Which pixels are mostly shape: backgrounds end at 26 of 255, and every shape has a channel above 178."""
    return picture.max(axis=-1) > 105


def offsets(picture: np.ndarray) -> np.ndarray:
    """Shape pixels as complex numbers, seen from the middle of the shape."""
    y, x = np.nonzero(mask(picture))
    return (x - x.mean()) + 1j * (y - y.mean())


def spread(values: list[float], low: float, high: float, tolerance: float) -> bool:
    """Whether values stay in a range, and use at least two thirds of it."""
    inside = low - tolerance <= min(values) and max(values) <= high + tolerance
    return inside and np.ptp(values) >= 2 / 3 * (high - low)


def fill(picture: np.ndarray) -> np.ndarray:
    """The colour of the shape as (hue in degrees from -180 to 180, saturation, value)."""
    hue, saturation, value = rgb_to_hsv(np.median(picture[mask(picture)], axis=0) / 255)
    return np.array([(360 * hue + 180) % 360 - 180, saturation, value])


# --- what is drawn ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("label", range(16))
def test_colour_word_of_the_caption_is_the_colour_that_was_drawn(world, label):
    word = data.caption(*CLASSES[label]).split()[1]
    for picture in world.images[world.classes == label][:40].permute(0, 2, 3, 1).double().numpy():
        hue = fill(255 * picture)[0] % 360
        low, high = HUES[word]
        assert low - 2 <= hue <= high + 2 or low - 2 <= hue - 360 <= high + 2, f"{word} drawn at {hue:.0f} degrees"


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
    pictures = np.concatenate([gallery[color, shape] for color in COLORS])
    moment = np.mean([(np.abs(z) ** 2).sum() / len(z) ** 2 for z in map(offsets, pictures)])
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
    rows = mask(data.draw("red", "triangle", np.random.default_rng(0), STILL)).sum(axis=1)
    assert (np.diff(rows[rows > 0]) >= 0).all()


# --- how it varies ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("color", COLORS)
def test_shade_varies_over_the_range_of_the_word(gallery, color):
    shades = np.array([fill(picture) for shape in SHAPES for picture in gallery[color, shape]])
    card = Rendering()
    low, high = card.hue[COLORS.index(color)]
    shades[:, 0] += 360 * (shades[:, 0] < low - 20)
    assert spread(shades[:, 0], low, high, tolerance=3)
    assert spread(shades[:, 1], *card.saturation, tolerance=0.04)
    assert spread(shades[:, 2], *card.value, tolerance=0.03)


def test_place_varies_over_the_whole_picture(gallery):
    centres = np.array([[m.mean() for m in np.nonzero(mask(p))] for c in COLORS for p in gallery[c, "circle"]])
    for coordinate in centres.T:
        assert spread(coordinate + 0.5, 32 - 22, 22, tolerance=1)
    assert abs(np.corrcoef(centres.T)[0, 1]) < 0.25  # height says nothing about the other direction


def test_size_varies(gallery):
    extents = [math.sqrt(mask(p).sum() / math.pi) for c in COLORS for p in gallery[c, "circle"]]
    assert spread(extents, *Rendering().extent, tolerance=0.3)


@pytest.mark.parametrize(("shape", "fold"), [("square", 4), ("triangle", 3), ("cross", 4)])
def test_rotation_varies(gallery, shape, fold):
    """A shape with n-fold symmetry turned by phi turns its n-th moment by n phi."""
    most = Rendering().rotation[SHAPES.index(shape)]
    upright = np.angle((offsets(data.draw("red", shape, np.random.default_rng(0), STILL)) ** fold).sum())
    moments = [(offsets(p) ** fold).sum() * np.exp(-1j * upright) for c in COLORS for p in gallery[c, shape]]
    assert spread([math.degrees(np.angle(m)) / fold for m in moments], -most, most, tolerance=2)


def test_background_and_noise_vary(gallery):
    pictures = np.concatenate(list(gallery.values()))
    empty = [picture[picture.max(axis=-1) < 55] for picture in pictures]
    levels = [np.median(pixels) for pixels in empty]
    assert spread(levels, 0, 25.5, tolerance=2)
    noise = [pixels.std() for pixels, level in zip(empty, levels, strict=True) if level > 18]  # far from clipping at 0
    assert np.mean(noise) == pytest.approx(255 * Rendering().noise, rel=0.1)


@pytest.mark.parametrize(("color", "shape"), [("purple", "circle"), ("red", "star"), ("circle", "red")])
def test_what_is_not_in_the_world_cannot_be_drawn(color, shape):
    with pytest.raises(InputError, match=r"cannot draw .*'red'.*'circle'"):
        data.draw(color, shape, np.random.default_rng(0))


# --- seeds -----------------------------------------------------------------------------------------------------------


def test_pictures_follow_from_the_seed_alone():
    first = data.draw_pairs(per_class=3, seed=5)
    random.seed(1), np.random.seed(1), torch.manual_seed(1)  # noqa: NPY002
    before = random.getstate(), str(np.random.get_state()), torch.get_rng_state()  # noqa: NPY002
    again = data.draw_pairs(per_class=3, seed=5)
    assert torch.equal(first.images, again.images)
    assert random.getstate() == before[0]
    assert str(np.random.get_state()) == before[1]  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), before[2])


def test_another_seed_gives_other_pictures():
    one, other = (data.draw_pairs(per_class=3, seed=seed).images for seed in (5, 6))
    assert not any(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_tensors_are_what_the_encoders_expect(world):
    assert world.images.shape == (3200, 3, 32, 32)
    assert world.images.dtype == torch.float32
    assert 0 <= world.images.min() < 0.01
    assert 0.99 < world.images.max() <= 1
    assert Counter(world.classes.tolist()) == dict.fromkeys(range(16), 200)


def test_statistics_that_the_encoder_standardises_by(world):
    assert world.images.mean().item() == pytest.approx(PIXEL_MEAN, abs=0.02)
    assert world.images.std().item() == pytest.approx(PIXEL_STD, abs=0.02)


def test_nothing_to_draw_is_refused():
    with pytest.raises(InputError, match="at least one"):
        data.draw_pairs(per_class=0, seed=0)


# --- the split -------------------------------------------------------------------------------------------------------


def pixels(pairs: data.Pairs) -> list[bytes]:
    return [image.numpy().tobytes() for image in pairs.images]


def test_split_is_stratified_disjoint_and_complete(world):
    training, held_out = data.split(world, seed=0)
    assert Counter(training.classes.tolist()) == dict.fromkeys(range(16), 170)
    assert Counter(held_out.classes.tolist()) == dict.fromkeys(range(16), 30)
    assert not set(pixels(training)) & set(pixels(held_out))
    assert Counter(pixels(training) + pixels(held_out)) == Counter(pixels(world))


def test_split_keeps_each_picture_with_its_class(world):
    label = dict(zip(pixels(world), world.classes.tolist(), strict=True))
    for side in data.split(world, seed=0):
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


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_raw_pixels_are_not_enough_for_a_linear_classifier(world):
    """If a weighted sum of pixels could tell the classes apart, a model of pictures would prove nothing."""
    training, held_out = data.split(world, seed=0)
    linear = LogisticRegression(max_iter=100, C=0.1)
    linear.fit(training.images[::2].flatten(1).numpy(), training.classes[::2].numpy())
    score = linear.score(held_out.images.flatten(1).numpy(), held_out.classes.numpy())
    assert 1.5 / 16 < score < 0.95


# --- captions --------------------------------------------------------------------------------------------------------


def test_classes_are_all_combinations_and_captions_name_them():
    assert set(CLASSES) == {(c, s) for c in ("red", "blue", "green", "yellow") for s in SHAPES}
    assert set(SHAPES) == {"circle", "square", "triangle", "cross"}
    assert [data.caption(*pair) for pair in CLASSES] == [f"a {color} {shape}" for color, shape in CLASSES]
    assert data.caption("blue", "cross", template="{shape}, {color}") == "cross, blue"


def test_tokens_lead_back_to_the_caption():
    captions = [data.caption(*pair) for pair in CLASSES] + ["red", "cross yellow", "a a a a"]
    tokens = Tokenizer().encode(captions)
    assert tokens.dtype == torch.int64
    assert tokens.shape == (19, 4)
    assert Tokenizer().decode(tokens) == captions


def test_words_come_first_and_padding_last():
    tokens = Tokenizer().encode(["a", "a red", "a red cross"])
    assert ((tokens != 0).sum(dim=1) == torch.tensor([1, 2, 3])).all()
    assert ((tokens != 0).int().diff(dim=1) <= 0).all()


def test_every_word_has_its_own_number_and_case_does_not_matter():
    tokenizer = Tokenizer()
    assert len(tokenizer.words) == len(set(tokenizer.words)) == 10
    assert torch.equal(tokenizer.encode(["  A RED   Circle "]), tokenizer.encode(["a red circle"]))


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


def test_smaller_pictures_can_be_drawn():
    assert data.draw("red", "cross", np.random.default_rng(0), replace(Rendering(), size=16)).shape == (16, 16, 3)
