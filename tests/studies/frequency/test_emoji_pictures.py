"""Emoji are painted as both modules say: whole, anywhere, in any size, turned, on their background, with noise."""

import numpy as np
import pytest
from PIL import Image
from studies.samples import made_up

from toyclip.pictures import Emoji
from toyclip.studies.frequency import concepts, corpus

DRAW = {concepts: concepts.draw_concept, corpus: corpus.draw}
SURE = {concepts: {"BACKGROUND": (0, 0), "NOISE": 0}, corpus: {"TINT": (1, 1), "NOISE": 0}}  # nothing but geometry
NOTHING = Emoji("?", "nothing", "made up", "for a test", Image.new("RGBA", (64, 64)))
both = pytest.mark.parametrize("module", DRAW, ids=["concepts", "corpus"])


def gallery(module, concept: Emoji, count: int, **ranges: object) -> np.ndarray:
    """An emoji drawn many times, with ranges other than the module's: (count, 32, 32, 3) float from 0 to 255."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ranges.items():
            patch.setattr(module, name, value)
        rng = np.random.default_rng(0)
        return np.stack([DRAW[module](concept, rng) for _ in range(count)]).astype(float)


def shares(module, shape: str, count: int, **other: object) -> np.ndarray:
    """How much of each pixel a shape covers that is as wide as its sprite, (count or less, 32, 32)."""
    if module is concepts:
        return gallery(module, made_up(shape, "white", **other), count, **SURE[module])[..., 0] / 255
    pictures = gallery(module, made_up(shape, "black", **other), count, **SURE[module])
    pictures = np.take_along_axis(pictures, pictures.max(axis=(1, 2)).argmax(axis=1)[:, None, None, None], 3)[..., 0]
    background = pictures.max(axis=(1, 2), keepdims=True)  # of the brightest channel
    bright = background.ravel() > 60
    return 1 - pictures[bright] / background[bright]


@pytest.fixture(scope="module")
def discs() -> dict:
    return {module: shares(module, "ellipse", 500) for module in DRAW}


def spread(values: np.ndarray, low: float, high: float, tolerance: float) -> bool:
    """Whether values stay in a range, and use at least 95 % of it."""
    inside = low - tolerance <= np.min(values) and np.max(values) <= high + tolerance
    return bool(inside and np.ptp(values) >= 0.95 * (high - low))


def largest_correlation(features: np.ndarray) -> float:
    """Of any two columns."""
    return float(np.abs(np.corrcoef(features.T) - np.eye(features.shape[1])).max())


@both
def test_emoji_stays_whole_inside_the_picture_and_reaches_every_edge(module, discs):
    """A disc that fills its sprite has the area of a circle of its width, however it is turned, if none is cut off."""
    edges = []
    for share in discs[module]:
        rows, columns = (np.nonzero(share.max(axis=axis) > 0.5)[0] for axis in (1, 0))
        height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
        assert abs(width - height) <= 1
        assert share.sum() == pytest.approx(np.pi / 4 * ((width + height) / 2) ** 2, rel=0.03)
        edges.append([columns.min(), rows.min(), 31 - columns.max(), 31 - rows.max()])
    assert np.min(edges, axis=0).tolist() == [0, 0, 0, 0]


@both
def test_size_and_place_vary_over_their_range_and_have_nothing_to_do_with_each_other(module, discs):
    shown, extent = discs[module], module.EXTENT
    widths = 2 * np.sqrt(shown.sum(axis=(1, 2)) / np.pi)
    assert spread(widths, *extent, tolerance=0.5)
    assert widths.mean() == pytest.approx(np.mean(extent), abs=4 * np.ptp(extent) / np.sqrt(12 * len(shown)))
    y, x = ((np.arange(32) + 0.5) * shown.sum(axis=axis) / shown.sum(axis=(1, 2))[:, None] for axis in (2, 1))
    room = (np.stack([x.sum(axis=1), y.sum(axis=1)], axis=1) - widths[:, None] / 2) / (32 - widths)[:, None]  # 0 to 1
    assert np.abs(room.mean(axis=0) - 0.5).max() < 4 * 0.35 / np.sqrt(len(shown))
    assert room.std(axis=0) == pytest.approx([0.34, 0.34], abs=0.05)  # 0.29, and more where there is room for 2 px only
    assert largest_correlation(np.column_stack([widths, room])) < 4 / np.sqrt(len(shown))


def test_concepts_turn_a_little_either_way():
    """By the second moments of a bar."""
    angles = []
    for share in shares(concepts, "rectangle", 400, box=(6, 26, 57, 37)):
        y, x = np.indices(share.shape)
        z = x + 1j * y
        angles.append(np.degrees(np.angle((share * (z - (share * z).sum() / share.sum()) ** 2).sum())) / 2)
    assert concepts.ROTATION == 15
    assert spread(angles, -15, 15, tolerance=1)
    assert abs(np.mean(angles)) < 4 * 15 / np.sqrt(3 * len(angles))


def test_rotation_in_the_corpus_goes_all_the_way_round_and_prefers_no_direction():
    """Where a dot near the edge of its sprite ends up, seen from the middle of the picture."""
    dot = made_up("ellipse", "black", box=(46, 24, 61, 39))
    pictures = gallery(corpus, dot, 400, EXTENT=(30, 30), **SURE[corpus]).sum(axis=3)
    dark = pictures.max(axis=(1, 2), keepdims=True) - pictures
    y, x = np.arange(32)[:, None] - 15.5, np.arange(32) - 15.5
    angles = np.angle([(d * (x + 1j * y)).sum() for d in dark])
    assert np.histogram(angles, bins=8, range=(-np.pi, np.pi))[0] == pytest.approx([50] * 8, abs=27)
    assert max(abs(np.exp(1j * times * angles).mean()) for times in (1, 2, 3, 4)) < 3 / np.sqrt(400)


@pytest.mark.parametrize(("module", "high"), [(concepts, 0.35 * 255), (corpus, 255)], ids=["grey", "any colour"])
def test_background_is_one_colour_of_its_range(module, high):
    sure = SURE[module] | ({"BACKGROUND": concepts.BACKGROUND} if module is concepts else {})
    pictures = gallery(module, NOTHING, 600, **sure)
    assert (pictures == pictures[:, :1, :1]).all()
    colours = pictures[:, 0, 0]
    for channel in colours.T:
        assert spread(channel, 0, high, tolerance=1)
    assert colours.mean(axis=0) == pytest.approx([high / 2] * 3, abs=4 * 0.29 * high / np.sqrt(600))
    assert colours.std(axis=0) == pytest.approx([0.29 * high] * 3, rel=0.08)
    if module is concepts:
        assert (colours == colours[:, :1]).all()
    else:
        assert largest_correlation(colours) < 4 / np.sqrt(600)


@pytest.mark.parametrize(("module", "noise"), [(concepts, 0.02), (corpus, 0.05)], ids=["concepts", "corpus"])
def test_noise_is_as_strong_as_it_should_be_on_every_pixel_and_channel(module, noise):
    """In the middle of a sprite of one grey, far from 0 and 255."""
    plain = {name: value for name, value in SURE[module].items() if name != "NOISE"}
    inner = gallery(module, made_up("rectangle", "#808080"), 80, EXTENT=(30, 30), **plain)[:, 12:20, 12:20]
    assert inner.mean() == pytest.approx(128, abs=0.5)
    assert inner.std() == pytest.approx(255 * noise, rel=0.03)
    assert largest_correlation(inner.reshape(-1, 3)) < 4 / np.sqrt(80 * 64)
    assert abs(np.corrcoef(inner[:, :-1].ravel(), inner[:, 1:].ravel())[0, 1]) < 4 / np.sqrt(80 * 56 * 3)
    assert abs(np.corrcoef(inner[:-1].ravel(), inner[1:].ravel())[0, 1]) < 4 / np.sqrt(79 * 64 * 3)


def test_tint_is_one_factor_for_each_channel_of_the_whole_picture():
    """The same pictures with it and without."""
    sprite, factors = made_up("rectangle", "#806040", box=(12, 12, 51, 51)), []
    plain, tinted = (gallery(corpus, sprite, 300, TINT=tint, NOISE=0) for tint in ((1, 1), corpus.TINT))
    for before, after in zip(plain, tinted, strict=True):
        seen = (after < 255) & (before > 50)
        parts = [after[..., c][seen[..., c]] / before[..., c][seen[..., c]] for c in range(3)]
        assert all(np.ptp(part) < 0.03 for part in parts)  # whole numbers above 50
        factors.append([np.median(part) for part in parts])
    assert all(spread(channel, 0.6, 1.4, tolerance=0.01) for channel in np.transpose(factors))
    assert np.mean(factors, axis=0) == pytest.approx([1] * 3, abs=0.06)
    assert largest_correlation(np.array(factors)) < 4 / np.sqrt(300)


@pytest.mark.parametrize(("colour", "level"), [("white", 255), ("black", 0), ("#646464", 140)])
def test_light_is_cut_off_at_white_and_does_not_begin_again_at_black(colour, level):
    bright = {"EXTENT": (30, 30), "TINT": (1.4, 1.4)}
    plain, noisy = (gallery(corpus, made_up("rectangle", colour), 5, NOISE=n, **bright) for n in (0, 0.02))
    assert (plain[:, 12:20, 12:20] == level).all()
    assert np.abs(noisy[:, 12:20, 12:20] - level).max() < 6 * 0.02 * 255


def test_real_emoji_has_the_mean_colour_of_its_sprite():
    rng = np.random.default_rng(0)
    for emoji in concepts.choose(40, seed=0):
        drawn = np.mean([concepts.draw_concept(emoji, rng).astype(float) for _ in range(10)], axis=0).mean(axis=(0, 1))
        before = np.asarray(emoji.sprite).astype(float)
        alpha = before[..., 3:] / 255
        share = alpha.mean() * (25**2 + 10**2 / 12) / 32**2  # mean of the square of 20 to 30 px
        colour = (before[..., :3] * alpha).sum(axis=(0, 1)) / alpha.sum()
        assert drawn == pytest.approx(colour * share + (1 - share) * 255 * 0.35 / 2, abs=22), emoji.name
        assert (np.asarray(emoji.sprite) == before).all()


@both
def test_each_class_shows_its_own_concept(module):
    """Three discs of pure colours: red, green and blue shine in the first, second and third channel."""
    draw = {concepts: concepts.draw_concepts, corpus: corpus.draw_corpus}[module]
    discs = [made_up("ellipse", colour) for colour in ("blue", "red", "lime")]
    pairs = draw(discs, [20, 10, 15], seed=0)
    means = pairs.pixels.double().mean(dim=(2, 3))
    assert [means[pairs.classes == c].mean(dim=0).argmax().item() for c in range(3)] == [2, 0, 1]
    assert len({picture.numpy().tobytes() for picture in draw(discs[:1] * 4, [50] * 4, seed=0).pixels}) == 200
