"""Emoji are painted as both modules say: whole, anywhere, in any size, turned, on their background, with noise."""

import numpy as np
import pytest
from PIL import Image, ImageDraw
from studies.samples import made_up

from toyclip.pictures import Emoji, emoji
from toyclip.studies.frequency import concepts, corpus

DRAW = {concepts: concepts.draw_concept, corpus: corpus.draw}
SURE = {concepts: {"BACKGROUND": (0, 0), "NOISE": 0}, corpus: {"TINT": (1, 1), "NOISE": 0}}  # nothing but geometry
TURNED = concepts.turned
NOTHING = Emoji("?", "nothing", "made up", "for a test", Image.new("RGBA", (64, 64)))
both = pytest.mark.parametrize("module", DRAW, ids=["concepts", "corpus"])


def gallery(module, concept: Emoji, count: int, **ranges: object) -> np.ndarray:
    """An emoji drawn many times, with ranges other than the module's: (count, 32, 32, 3) float from 0 to 255."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ranges.items():
            patch.setattr(module, name, value)
        rng = np.random.default_rng(0)
        return np.stack([DRAW[module](concept, rng) for _ in range(count)]).astype(float)


def covered(module, shape: str, count: int, **other: object) -> tuple[np.ndarray, list[Image.Image]]:
    """How much of each pixel a shape covers that is as wide as its sprite, (count or less, 32, 32); what was pasted."""
    pasted = []
    sure = SURE[module] | {"turned": lambda *given: pasted.append(TURNED(*given)) or pasted[-1]}
    if module is concepts:
        return gallery(module, made_up(shape, "white", **other), count, **sure)[..., 0] / 255, pasted
    pictures = gallery(module, made_up(shape, "black", **other), count, **sure)
    pictures = np.take_along_axis(pictures, pictures.max(axis=(1, 2)).argmax(axis=1)[:, None, None, None], 3)[..., 0]
    background = pictures.max(axis=(1, 2), keepdims=True)  # of the brightest channel
    bright = background.ravel() > 60
    return 1 - pictures[bright] / background[bright], [p for p, enough in zip(pasted, bright, strict=True) if enough]


@pytest.fixture(scope="module")
def discs() -> dict:
    return {module: covered(module, "ellipse", 500)[0] for module in DRAW}


def spread(values: np.ndarray, low: float, high: float, tolerance: float) -> bool:
    """Whether values stay in a range, and use at least 95 % of it."""
    inside = low - tolerance <= np.min(values) and np.max(values) <= high + tolerance
    return bool(inside and np.ptp(values) >= 0.95 * (high - low))


def largest_correlation(features: np.ndarray) -> float:
    """Of any two columns."""
    return float(np.abs(np.corrcoef(features.T) - np.eye(features.shape[1])).max())


def area(sprite: Image.Image) -> float:
    return np.asarray(sprite)[..., 3].sum() / 255


def spread_of_mass(sprite: Image.Image) -> float:
    """Second moment over squared area: no turning and no scaling changes it, but losing an outer part does."""
    alpha = np.asarray(sprite)[..., 3] / 255
    y, x = np.indices(alpha.shape)
    z = x + 1j * y
    return (alpha * abs(z - np.average(z, weights=alpha)) ** 2).sum() / alpha.sum() ** 2


def outside(concept: Emoji) -> float:
    """The share of an emoji that leaves its sprite when that is turned all the way round."""
    alpha = np.asarray(concept.sprite)[..., 3].astype(float)
    y, x = np.indices(alpha.shape) - 31.5
    return alpha[np.hypot(x, y) > 32].sum() / alpha.sum()


@pytest.mark.parametrize("character", ["made up", "🟥", "⬛"])
def test_square_turned_by_45_degrees_has_half_the_area(character):
    square = {e.character: e for e in emoji()}.get(character, made_up("rectangle", "white"))
    for extent in (20, 30, 60):
        upright, on_its_corner = (concepts.turned(square, angle, extent) for angle in (0, 45))
        assert max(upright.size) == max(on_its_corner.size) == extent
        assert area(on_its_corner) / area(upright) == pytest.approx(0.5, abs=0.05)
        assert spread_of_mass(on_its_corner) == pytest.approx(1 / 6, rel=0.02)  # an octagon has 0.160


@pytest.fixture(scope="module")
def reaching() -> list[Emoji]:
    """All with more than 6 % of them where a turned square has no place, but for mere lines."""
    return [e for e in emoji() if outside(e) > 0.06 and area(e.sprite) > 1000]


@pytest.mark.parametrize("angle", [15, 45, 70, 137])
def test_emoji_that_reach_into_their_corners_lose_nothing_however_they_are_turned(angle, reaching):
    assert len(reaching) > 15
    for e in reaching:
        turned = concepts.turned(e, angle, 60)
        assert spread_of_mass(turned) == pytest.approx(spread_of_mass(e.sprite), rel=0.025), e.name


@both
@pytest.mark.parametrize("shape", ["ellipse", "rectangle"])
def test_emoji_stays_whole_inside_the_picture_and_reaches_every_edge(module, shape):
    """All that is turned is painted: as much of the picture is covered as of the turned emoji."""
    edges = []
    for share, whole in zip(*covered(module, shape, 400), strict=True):
        assert share.sum() == pytest.approx(area(whole), rel=0.02)
        rows, columns = (np.nonzero(share.max(axis=axis) > 0.02)[0] for axis in (1, 0))
        assert abs(np.ptp(columns) + 1 - whole.width) <= 1
        assert abs(np.ptp(rows) + 1 - whole.height) <= 1
        edges.append([columns.min(), rows.min(), 31 - columns.max(), 31 - rows.max()])
    assert np.min(edges, axis=0).tolist() == [0, 0, 0, 0]


@both
def test_size_and_place_vary_over_their_range_and_have_nothing_to_do_with_each_other(module, discs):
    """A disc is as wide as it is high, and as large as a disc of that width but for half a pixel of soft edge."""
    shown, extent = discs[module], module.EXTENT
    sides = np.array([[np.ptp(np.nonzero(s.max(axis=axis) > 0.01)[0]) + 1 for axis in (0, 1)] for s in shown])
    widths = sides.max(axis=1)
    assert np.abs(np.diff(sides)).max() <= 1
    assert np.abs(widths - 0.5 - 2 * np.sqrt(shown.sum(axis=(1, 2)) / np.pi)).max() < 0.6
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
    for share in covered(concepts, "rectangle", 400, box=(6, 26, 57, 37))[0]:
        y, x = np.indices(share.shape)
        z = x + 1j * y
        angles.append(np.degrees(np.angle((share * (z - (share * z).sum() / share.sum()) ** 2).sum())) / 2)
    assert concepts.ROTATION == 15
    assert spread(angles, -15, 15, tolerance=1)
    assert abs(np.mean(angles)) < 4 * 15 / np.sqrt(3 * len(angles))


def test_rotation_in_the_corpus_goes_all_the_way_round_and_prefers_no_direction():
    """Where a dot on one side of a white disc ends up, seen from the middle of the picture."""
    disc = made_up("ellipse", "white")
    ImageDraw.Draw(disc.sprite).ellipse((40, 24, 55, 39), fill="black")
    y, x = np.arange(32)[:, None] - 15.5, np.arange(32) - 15.5
    dark = (255 - gallery(corpus, disc, 400, EXTENT=(30, 30), **SURE[corpus]).mean(axis=3)) * (np.hypot(x, y) < 12.5)
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
    for e in concepts.choose(40, seed=0):
        drawn = np.mean([concepts.draw_concept(e, rng).astype(float) for _ in range(10)], axis=0).mean(axis=(0, 1))
        before = np.asarray(e.sprite).astype(float)
        alpha = before[..., 3:] / 255
        y, x = np.nonzero(alpha[..., 0])
        turns = (x + 1j * y)[:, None] * np.exp(1j * np.radians(np.linspace(-15, 15, 13)))
        sides = (
            np.maximum(np.ptp(turns.real, axis=0), np.ptp(turns.imag, axis=0)) + 2
        )  # px that can be seen, soft edges
        share = alpha.sum() * (sides**-2.0).mean() * (25**2 + 10**2 / 12) / 32**2  # mean of the square of 20 to 30 px
        colour = (before[..., :3] * alpha).sum(axis=(0, 1)) / alpha.sum()
        assert drawn == pytest.approx(colour * share + (1 - share) * 255 * 0.35 / 2, abs=22), e.name
        assert (np.asarray(e.sprite) == before).all()


@both
def test_each_class_shows_its_own_concept(module):
    """Three discs of pure colours: red, green and blue shine in the first, second and third channel."""
    draw = {concepts: concepts.draw_concepts, corpus: corpus.draw_corpus}[module]
    discs = [made_up("ellipse", colour) for colour in ("blue", "red", "lime")]
    pairs = draw(discs, [20, 10, 15], seed=0)
    means = pairs.pixels.double().mean(dim=(2, 3))
    assert [means[pairs.classes == c].mean(dim=0).argmax().item() for c in range(3)] == [2, 0, 1]
    assert len({picture.numpy().tobytes() for picture in draw(discs[:1] * 4, [50] * 4, seed=0).pixels}) == 200
