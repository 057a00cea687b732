"""The world of 64 pairs: painted hues against the words, painted areas against closed forms, counts and captions."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from matplotlib.colors import rgb_to_hsv

from toyclip.errors import InputError
from toyclip.studies.composition import grid
from toyclip.studies.composition.grid import COLORS, EXTENT, HUES, PAIRS, SHAPES

BITE = 0.85  # radius of what the crescent lacks, in radii; 0.4 aside


def lens(r: float, d: float) -> float:
    """Area that a circle of radius 1 and one of radius r share, their middles d apart."""
    a, b = (d * d + 1 - r * r) / 2 / d, (d * d + r * r - 1) / 2 / d
    return math.acos(a) - a * math.sqrt(1 - a * a) + r * r * math.acos(b / r) - b * math.sqrt(r * r - b * b)


AREAS = {  # in squared radii
    "circle": math.pi,
    "ring": math.pi * (1 - 0.55**2),
    "crescent": math.pi - lens(BITE, 0.4),
    "square": 1.7**2,
    "bar": 2 * 0.7,
    "triangle": 3 * math.sqrt(3) / 4,
    "star": 10 * math.sin(math.pi / 5) * 0.4 / 2,  # ten triangles with sides of 1 and 0.4
    "cross": 2 * 2 * 0.66 - 0.66**2,
}


@pytest.fixture(scope="module")
def gallery() -> dict[tuple[str, str], np.ndarray]:
    """A dozen pictures of each pair, (12, 32, 32, 3) float from 0 to 255."""
    rng = np.random.default_rng(1)
    return {pair: np.stack([grid.draw(*pair, rng) for _ in range(12)]).astype(float) for pair in PAIRS}


@pytest.fixture
def plain(monkeypatch):
    """Without noise, the brightest channel of a picture is the share of each pixel that the shape covers."""
    monkeypatch.setattr(grid, "LOOK", replace(grid.LOOK, value=(1, 1), background=(0, 0), noise=0))

    def drawn(shape: str, count: int, radius: float | None = None) -> np.ndarray:
        if radius:
            monkeypatch.setattr(grid, "EXTENT", (radius, radius))
        rng = np.random.default_rng(2)
        return np.stack([grid.draw("blue", shape, rng).max(axis=-1) for _ in range(count)]) / 255  # (count, 32, 32)

    return drawn


def mask(picture: np.ndarray) -> np.ndarray:
    """Which pixels are mostly shape: backgrounds end at 26 of 255, and every shape has a channel above 178."""
    return picture.max(axis=-1) > 105


def offsets(covered: np.ndarray) -> tuple[complex, np.ndarray]:
    """The middle of a shape, and its pixels as complex numbers seen from there."""
    y, x = np.nonzero(covered)
    z = x + 1j * y
    return z.mean(), z - z.mean()


def fill(picture: np.ndarray) -> np.ndarray:
    """The colour of the shape as (hue in degrees, saturation, value)."""
    return rgb_to_hsv(np.median(picture[mask(picture)], axis=0) / 255) * (360, 1, 1)


def spread(values: list[float], low: float, high: float, tolerance: float) -> bool:
    """Whether values stay in a range, and use at least two thirds of it."""
    inside = low - tolerance <= min(values) and max(values) <= high + tolerance
    return bool(inside and np.ptp(values) >= 2 / 3 * (high - low))


@pytest.mark.parametrize("color", COLORS)
def test_hue_of_the_painted_pixels_is_the_words(gallery, color):
    hues = [fill(picture)[0] for shape in SHAPES for picture in gallery[color, shape]]
    away = [(hue - HUES[color] + 180) % 360 - 180 for hue in hues]
    assert spread(away, -9, 9, tolerance=2.5), f"{color}: {min(away):.1f} to {max(away):.1f} degrees"
    others = [HUES[other] for other in COLORS if other != color]
    assert min(abs((HUES[color] - hue + 180) % 360 - 180) for hue in others) > 2 * 9  # no hue belongs to two words


def test_saturation_brightness_background_and_noise_are_as_told(gallery):
    pictures = np.concatenate(list(gallery.values()))
    _, saturation, value = np.transpose([fill(picture) for picture in pictures])
    assert spread(saturation, 0.6, 1.0, tolerance=0.03)
    assert spread(value, 0.7, 1.0, tolerance=0.03)
    corners = [np.sort(picture[[0, 0, -1, -1], [0, -1, 0, -1]].mean(axis=-1))[:2].mean() for picture in pictures]
    assert spread(corners, 0, 0.1 * 255, tolerance=8)
    noise = [np.std(picture[:2]) for picture in gallery["red", "bar"]]
    assert np.median(noise) == pytest.approx(0.02 * 255, rel=0.15)


@pytest.mark.parametrize("shape", SHAPES)
def test_area_of_a_stencil_is_the_closed_form(shape):
    painted = np.asarray(grid.stencil(shape, 400, 1001))
    assert set(np.unique(painted)) == {0, 255}
    assert np.count_nonzero(painted) / 400**2 == pytest.approx(AREAS[shape], rel=0.01)


@pytest.mark.parametrize("shape", ["square", "bar", "triangle", "star", "cross"])
def test_corners_by_the_shoelace_formula(shape):
    x, y = np.array(grid.corners(shape)).T
    assert abs((x * np.roll(y, -1) - y * np.roll(x, -1)).sum()) / 2 == pytest.approx(AREAS[shape])
    extents = {"square": [1.7, 1.7], "bar": [2, 0.7], "cross": [2, 2], "triangle": [math.sqrt(3), 1.5]}  # in radii
    assert [np.ptp(x), np.ptp(y)] == pytest.approx(extents.get(shape, [np.ptp(x), np.ptp(y)]))


@pytest.mark.parametrize(("shape", "turns"), [("square", 4), ("bar", 2), ("triangle", 3), ("star", 5), ("cross", 4)])
def test_shape_turns_into_itself(shape, turns):
    z = np.array([complex(*corner) for corner in grid.corners(shape)])
    turned = z * np.exp(2j * math.pi / turns)
    assert np.abs(turned[:, None] - z).min(axis=1).max() < 1e-9


@pytest.mark.parametrize("shape", SHAPES)
def test_only_ring_and_crescent_hold_a_hole(shape):
    """The ring's is in the middle and closed, the crescent's to the right and open."""
    painted = np.asarray(grid.stencil(shape, 40, 101)) > 0
    assert painted[50, 50] == (shape not in ("ring", "crescent"))
    if shape == "ring":
        across = np.flatnonzero(np.diff(painted[50].astype(int)))
        assert (across - 50).tolist() == pytest.approx([-40, -22, 22, 40], abs=1.5)
    if shape == "crescent":
        assert painted[50, 11:].nonzero()[0].max() + 11 == pytest.approx(50 + 40 * (0.4 - BITE), abs=1.5)
        assert not painted[50, 35:].any()
        assert painted[:50].any(axis=0).nonzero()[0].max() > 60  # its horns reach further


@pytest.mark.parametrize("shape", SHAPES)
def test_painted_area_is_the_shape_at_any_place_and_rotation(plain, shape):
    """At the largest radius and over all places: what is cut off would be missing.

    Pillow's outlines cover the pixels that they touch, of which four make one: hence the 6 %.
    """
    areas = plain(shape, 60, radius=11.0).sum(axis=(1, 2)) / 11**2
    assert AREAS[shape] * 0.99 <= areas.min()
    assert areas.max() <= AREAS[shape] * 1.06
    assert np.ptp(areas) < 0.004 * AREAS[shape]


def test_size_and_place_vary_over_all_the_room(plain):
    """Radii from 7 to 11; the middle lies anywhere at least as far from the frame as the square's corners reach."""
    assert EXTENT == (7.0, 11.0)
    assert spread(np.sqrt(plain("circle", 150).sum(axis=(1, 2)) / math.pi), 7, 11, tolerance=0.2)
    assert pytest.approx(0.85 * math.sqrt(2), abs=0.01) == grid.REACH
    middles = np.array([offsets(covered > 0.5)[0] for covered in plain("circle", 150, radius=8.0)])
    for places in (middles.real, middles.imag):
        assert spread(places, 8 * grid.REACH - 0.5, 31.5 - 8 * grid.REACH, tolerance=0.5)
    assert abs(np.corrcoef(middles.real, middles.imag)[0, 1]) < 0.3


def test_rotation_is_any(plain):
    """Where the bar's long axis points, and where the crescent's back does: evenly in all directions."""
    bars, crescents = ([offsets(covered > 0.5)[1] for covered in plain(shape, 160)] for shape in ("bar", "crescent"))
    axes = [np.angle((z**2).sum()) for z in bars]
    backs = [np.angle((z * np.abs(z) ** 2).sum()) for z in crescents]
    for angles in (axes, backs):
        assert np.histogram(angles, bins=4, range=(-math.pi, math.pi))[0].min() > 20


def test_captions_of_the_64_pairs_are_all_different_and_right():
    assert len(set(PAIRS)) == 64
    assert {color for color, _ in PAIRS} == set(COLORS)
    assert {shape for _, shape in PAIRS} == set(SHAPES)
    assert len(grid.CAPTIONS.unique(dim=0)) == 64
    assert grid.TOKENIZER.decode(grid.CAPTIONS) == [f"a {color} {shape}" for color, shape in PAIRS]
    assert [PAIRS.index((color, shape)) for color in COLORS for shape in SHAPES] == list(range(64))


def test_each_picture_is_its_pairs(monkeypatch):
    """What is drawn is the position of its colour and its shape."""

    def draw(color, shape, rng):
        assert isinstance(rng, np.random.Generator)
        picture = np.zeros((32, 32, 3), dtype=np.uint8)
        picture[3, 5] = COLORS.index(color), SHAPES.index(shape), 7
        return picture

    monkeypatch.setattr(grid, "draw", draw)
    corpus = grid.draw_grid([2] * 64, seed=0)
    color, shape, mark = corpus.pixels[:, :, 3, 5].T.long()
    assert torch.equal(8 * color + shape, corpus.classes)
    assert (mark == 7).all()


@pytest.mark.parametrize("pair", [("brown", "circle"), ("red", "heart"), ("circle", "red")], ids=" ".join)
def test_unknown_colour_or_shape_is_refused(pair):
    with pytest.raises(InputError, match="cannot draw") as error:
        grid.draw(*pair, np.random.default_rng(0))
    assert "pink" in str(error.value)
    assert "crescent" in str(error.value)
