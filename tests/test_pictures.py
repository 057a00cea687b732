"""Any picture file is read and framed, damaged ones are refused; the emoji are what Unicode says they are."""

import unicodedata
from importlib.resources import files

import numpy as np
import pytest
import torch
from matplotlib.colors import rgb_to_hsv
from PIL import Image, ImageDraw

from toyclip import pictures
from toyclip.data import CLASSES
from toyclip.errors import ImageError

HUES = {"red": (-25, 20), "yellow": (40, 66), "green": (66, 165), "blue": (185, 260)}  # what the words mean, degrees


@pytest.fixture(scope="module")
def sheet() -> list[pictures.Emoji]:
    return pictures.emoji()


@pytest.fixture
def store(tmp_path):
    """Save a picture in a format that loses nothing and return its path."""

    def save(picture: Image.Image, name: str = "picture.png", **options):
        picture.save(tmp_path / name, **options)
        return tmp_path / name

    return save


def disc(size: tuple[int, int], center: tuple[float, float], radius: float, colour=(230, 30, 30)) -> Image.Image:
    """A disc on the dark background, anti-aliased."""
    big = Image.new("RGB", (size[0] * 4, size[1] * 4), pictures.BACKGROUND)
    x, y = center
    ImageDraw.Draw(big).ellipse([4 * v for v in (x - radius, y - radius, x + radius, y + radius)], fill=colour)
    return big.reduce(4)


# --- files -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("framed", [True, False])
@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"])
def test_every_kind_of_picture_becomes_the_same_kind_of_tensor(mode, framed, store):
    colourless = Image.new("L", (40, 40), 0)
    colourless.paste(255, (10, 10, 30, 30))
    picture = colourless.convert("RGB").convert(mode) if mode != "I;16" else colourless.convert("I;16")
    tensor = pictures.load_picture(store(picture, "picture.tif" if mode == "CMYK" else "picture.png"), framed)
    assert tensor.shape == (3, 32, 32)
    assert tensor.dtype == torch.float32
    assert 0 <= tensor.min() <= tensor.max() <= 1
    if mode not in ("I;16", "CMYK"):
        assert tensor[:, 16, 16].min() > 0.99
        assert tensor[:, 0, 0].max() < 0.01


def test_grey_of_16_bits_is_scaled(store):
    grey = np.full((40, 40), 2_000, dtype=np.uint16)
    grey[10:30, 10:30] = 60_000
    tensor = pictures.load_picture(store(Image.fromarray(grey)), framed=False)
    assert tensor[0, 0, 0].item() == pytest.approx(2_000 / 65_535, abs=0.01)
    assert tensor[0, 16, 16].item() == pytest.approx(60_000 / 65_535, abs=0.01)


@pytest.mark.parametrize("size", [(1, 1), (1, 400), (400, 1), (3, 2), (33, 31), (1000, 20)])
def test_every_size_of_picture_fits(size, store):
    for framed in (True, False):
        tensor = pictures.load_picture(store(Image.new("RGB", size, (200, 100, 50))), framed)
        assert tensor.shape == (3, 32, 32)
        assert tensor[:, 16, 16].tolist() == pytest.approx([200 / 255, 100 / 255, 50 / 255], abs=0.01)


def test_long_thin_picture_does_not_fill_the_memory(store):
    assert pictures.load_picture(store(Image.new("RGB", (100_000, 1)))).shape == (3, 32, 32)


def test_transparent_pixels_show_the_dark_background_whatever_colour_they_hide(store):
    clear = Image.new("RGBA", (40, 40), (255, 255, 255, 0))
    half = Image.new("RGBA", (40, 40), (255, 255, 255, 128))
    dark = pictures.BACKGROUND[0] / 255
    assert pictures.load_picture(store(clear)).numpy() == pytest.approx(dark, abs=0.01)
    assert pictures.load_picture(store(half)).numpy() == pytest.approx((dark + 1) / 2, abs=0.01)


@pytest.mark.parametrize(
    ("orientation", "turn"),
    [(1, None), (2, "FLIP_LEFT_RIGHT"), (3, "ROTATE_180"), (4, "FLIP_TOP_BOTTOM"), (5, "TRANSPOSE"),
     (6, "ROTATE_270"), (7, "TRANSVERSE"), (8, "ROTATE_90")],
)  # fmt: skip
def test_orientation_that_a_camera_noted_is_followed(orientation, turn, store):
    rng = np.random.default_rng(0)
    picture = Image.fromarray(rng.integers(256, size=(48, 64, 3), dtype=np.uint8))
    exif = Image.Exif()
    exif[0x0112] = orientation
    upright = picture.transpose(Image.Transpose[turn]) if turn else picture
    turned = pictures.load_picture(store(picture, exif=exif), framed=False)
    assert torch.equal(turned, pictures.load_picture(store(upright, "upright.png"), framed=False))


@pytest.mark.filterwarnings("ignore:Truncated File Read:UserWarning")
@pytest.mark.parametrize("suffix", ["png", "jpg", "gif", "webp", "bmp", "tif"])
def test_truncated_file_is_refused(suffix, store, tmp_path):
    noise = Image.fromarray(np.random.default_rng(0).integers(256, size=(40, 40, 3), dtype=np.uint8))
    whole = store(noise, f"whole.{suffix}").read_bytes()
    path = tmp_path / f"part.{suffix}"
    for part in (0.0, 0.01, 0.1, 0.5):
        path.write_bytes(whole[: int(part * len(whole))])
        with pytest.raises(ImageError, match="part") as error:
            pictures.load_picture(path)
        assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize("content", [b"", b"a red circle\n", b"\x89PNG\r\n\x1a\n", bytes(1000), b"%PDF-1.7\n"])
def test_file_that_is_no_picture_is_refused(content, tmp_path):
    (tmp_path / "file.png").write_bytes(content)
    with pytest.raises(ImageError, match="cannot read .*file.png.*give a whole PNG or JPEG".replace(".png", r"\.png")):
        pictures.load_picture(tmp_path / "file.png")


def test_missing_file_and_folder_are_refused(tmp_path):
    with pytest.raises(ImageError, match="there is no file"):
        pictures.load_picture(tmp_path / "nothing.png")
    with pytest.raises(ImageError, match="cannot read"):
        pictures.load_picture(tmp_path)


# --- framing ---------------------------------------------------------------------------------------------------------


def test_frame_does_not_depend_on_where_and_how_large_the_subject_is(store):
    reference = pictures.load_picture(store(disc((160, 160), (80, 80), 50)))
    for center, radius in [((60, 60), 50), ((100, 90), 50), ((80, 80), 25), ((30, 130), 20), ((80, 80), 75)]:
        tensor = pictures.load_picture(store(disc((160, 160), center, radius)))
        assert (tensor - reference).abs().mean() < 0.015, f"differs for a disc of {radius} px at {center}"
    wide = pictures.load_picture(store(disc((400, 160), (320, 80), 50)))
    assert (wide - reference).abs().mean() < 0.015
    squeezed = pictures.load_picture(store(disc((160, 160), (80, 80), 25)), framed=False)
    assert (squeezed - reference).abs().mean() > 0.05


@pytest.mark.parametrize("size", [(160, 160), (200, 120), (97, 203)])
def test_frame_is_square_with_the_subject_in_the_middle(size):
    framed = np.asarray(pictures.frame(disc(size, (50, 40), 30)))
    assert framed.shape[0] == framed.shape[1] == pytest.approx(61 / pictures.FILL, abs=2)
    y, x = np.nonzero(framed[..., 0] > 120)
    assert (x.min() + x.max()) / 2 == pytest.approx(framed.shape[1] / 2, abs=1.5)
    assert (y.min() + y.max()) / 2 == pytest.approx(framed.shape[0] / 2, abs=1.5)
    assert (framed[0] == pictures.BACKGROUND).all()


def test_frame_keeps_proportions_and_pads_with_the_border_colour():
    picture = Image.new("RGB", (100, 100), (90, 90, 90))
    picture.paste((250, 250, 250), (20, 40, 60, 50))  # 40 x 10
    framed = np.asarray(pictures.frame(picture))
    assert framed.shape == (64, 64, 3)
    assert (framed[..., 0] == 250).sum() == 400
    assert (framed[..., 0] == 90).sum() == 64 * 64 - 400


def test_picture_without_a_subject_is_padded_to_a_square():
    framed = pictures.frame(Image.new("RGB", (30, 10), (50, 60, 70)))
    assert framed.size == (30, 30)
    assert framed.getcolors() == [(900, (50, 60, 70))]


def test_small_tensor_has_the_mean_of_the_picture():
    noise = np.random.default_rng(0).integers(256, size=(128, 128, 3), dtype=np.uint8)
    tensor = pictures.to_tensor(Image.fromarray(noise))
    blocks = noise.reshape(32, 4, 32, 4, 3).mean(axis=(1, 3)) / 255
    assert tensor.permute(1, 2, 0).numpy() == pytest.approx(blocks, abs=0.0041)  # one step of 256


# --- emoji -----------------------------------------------------------------------------------------------------------


def test_sheet_has_every_emoji_once_with_its_names(sheet):
    assert len(sheet) == len({e.character for e in sheet}) == len({e.name for e in sheet}) == 1377
    for e in sheet:
        assert len(e.character) == 1
        assert all(text.strip() for text in (e.name, e.group, e.subgroup))
    assert 8 <= len({e.group for e in sheet}) <= 10


def test_sheet_has_no_empty_sprite(sheet):
    for e in sheet:
        assert e.sprite.size == (64, 64)
        alpha = np.asarray(e.sprite)[..., 3]
        assert (alpha > 128).mean() > 0.02, f"{e.name} is empty"


def test_sprites_are_in_the_order_of_their_names(sheet):
    """Emoji whose name begins with a colour show it."""
    checked = 0
    for e in sheet:
        word = e.name.split()[0]
        if word in HUES and e.name.split()[-1] in ("circle", "square", "heart", "book"):
            pixels = np.asarray(e.sprite)[np.asarray(e.sprite)[..., 3] > 250][:, :3] / 255
            hue, saturation, value = rgb_to_hsv(np.median(pixels, axis=0))
            hue = 360 * hue - 360 * (hue > 0.9)
            assert saturation > 0.4
            assert value > 0.3
            assert HUES[word][0] <= hue <= HUES[word][1], f"{e.name} at {hue:.0f} degrees"
            checked += 1
    assert checked >= 12


def test_names_are_close_to_those_of_the_unicode_database(sheet):
    """CLDR's names and the character database's share a word for most emoji that this Python knows."""
    shared = [
        bool(set(e.name.lower().replace("-", " ").split()) & set(known.lower().replace("-", " ").split()))
        for e in sheet
        if (known := unicodedata.name(e.character, ""))
    ]
    assert np.mean(shared) > 0.8


def test_assets_are_small():
    sizes = [(files("toyclip.assets") / name).stat().st_size for name in ("emoji.png", "emoji.csv")]
    assert sum(sizes) <= 2_000_000


def test_world_emoji_are_the_classes_that_unicode_names(sheet):
    names = {e.character: e.name.replace("mark", "") for e in sheet}
    assert len(pictures.WORLD_EMOJI) == len(set(pictures.WORLD_EMOJI.values())) == 10
    for character, (color, shape) in pictures.WORLD_EMOJI.items():
        assert shape in names[character].split()
        assert shape == "cross" or color in names[character].split()


@pytest.mark.parametrize("framed", [True, False])
def test_world_emoji_show_the_colour_of_their_class(framed):
    pairs = pictures.world_emoji(framed)
    assert pairs.images.shape == (10, 3, 32, 32)
    assert pairs.classes.tolist() == [CLASSES.index(pair) for pair in pictures.WORLD_EMOJI.values()]
    for image, label in zip(pairs.images, pairs.classes.tolist(), strict=True):
        pixels = image.permute(1, 2, 0)[image.amax(dim=0) > 0.5].double().numpy()
        low, high = HUES[CLASSES[label][0]]
        hue = 360 * rgb_to_hsv(np.median(pixels, axis=0))[0]
        assert low <= hue <= high or low <= hue - 360 <= high


def test_missing_emoji_is_named(monkeypatch):
    monkeypatch.setitem(pictures.WORLD_EMOJI, "x", ("red", "cross"))
    with pytest.raises(ValueError, match=r"lacks \['x'\]"):
        pictures.world_emoji()
