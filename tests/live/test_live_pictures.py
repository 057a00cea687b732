"""Any picture becomes the same 32 x 32 as with Pillow, to the byte."""

import numpy as np
import pytest
from javascript import Engine
from PIL import Image, ImageDraw
from playwright.sync_api import Error

from toyclip import pictures

CONVERT = """const each = 4 * width * height;
const made = new Uint8Array(3072 * (rgba.length / each));
for (let i = 0; i < rgba.length / each; i++) {
  made.set(fromRGBA(new Uint8ClampedArray(rgba.subarray(i * each, (i + 1) * each)), width, height, framed), i * 3072);
}
return made;"""


def in_page(js: Engine, sprites: list[Image.Image], framed: bool) -> np.ndarray:
    """Pictures of one size as the page reads them, (N, 3, 32, 32)."""
    rgba = np.stack([np.asarray(sprite) for sprite in sprites])  # (N, H, W, 4)
    found = js.run(CONVERT, rgba=rgba.reshape(-1), width=rgba.shape[2], height=rgba.shape[1], framed=framed)
    return found.reshape(-1, 3, 32, 32)


def by_pillow(sprite: Image.Image, framed: bool) -> np.ndarray:
    """The same by the package, (3, 32, 32)."""
    picture = pictures.on_background(sprite)
    return pictures.to_pixels(pictures.frame(picture) if framed else picture).numpy()


@pytest.mark.parametrize("framed", [True, False], ids=["framed", "squeezed"])
def test_emoji_are_the_same_to_the_byte(js, framed):
    sprites = [emoji.sprite for emoji in pictures.emoji()]
    assert len(sprites) == 1377
    sprites = sprites if framed else sprites[::5]
    for start in range(0, len(sprites), 200):
        part = sprites[start : start + 200]
        wanted = np.stack([by_pillow(sprite, framed) for sprite in part])  # (n, 3, 32, 32)
        np.testing.assert_array_equal(in_page(js, part, framed), wanted)


def painted(width: int, height: int, ground: tuple[int, ...], alpha: int = 255) -> Image.Image:
    """An ellipse and a line on a ground, with some noise."""
    picture = Image.new("RGBA", (width, height), (*ground, 255))
    pen = ImageDraw.Draw(picture)
    pen.ellipse([width * 0.2, height * 0.3, width * 0.7, height * 0.9], fill=(200, 90, 40, alpha))
    pen.line([0, height / 2, width * 0.8, height * 0.2], fill=(20, 160, 230, 255), width=max(1, width // 20))
    noise = np.random.default_rng([width, height]).integers(-9, 9, size=(height, width, 4))
    noise[..., 3] = 0
    return Image.fromarray((np.asarray(picture) + noise).clip(0, 255).astype(np.uint8))


def photograph(width: int, height: int) -> Image.Image:
    """Noise of all colours and transparencies: no plain border."""
    return Image.fromarray(np.random.default_rng(width).integers(0, 256, size=(height, width, 4), dtype=np.uint8))


def blank(width: int, height: int, colour: tuple[int, ...]) -> Image.Image:
    return Image.new("RGBA", (width, height), colour)


PICTURES = [
    painted(300, 200, (255, 255, 255)), painted(200, 333, (13, 13, 13), alpha=100), painted(40, 31, (0, 120, 255)),
    painted(32, 32, (255, 255, 255)), painted(33, 32, (90, 90, 90)), painted(20, 20, (255, 250, 240)),
    painted(9, 25, (30, 200, 30)), painted(640, 480, (0, 0, 0)), photograph(50, 80), photograph(31, 17),
    photograph(200, 1), blank(1, 1, (9, 200, 31, 255)), blank(64, 2, (255, 255, 255, 128)), blank(45, 45, (0, 0, 0, 0)),
]  # fmt: skip


@pytest.mark.parametrize("framed", [True, False])
@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: "x".join(map(str, picture.size)))
def test_other_pictures_too_larger_or_smaller_than_32(js, picture, framed):
    found, wanted = in_page(js, [picture], framed)[0], by_pillow(picture, framed)  # (3, 32, 32)
    if framed or picture.width >= picture.height:
        np.testing.assert_array_equal(found, wanted)
    else:  # Pillow may take the columns first, by its version and the shape; each of two passes rounds
        apart = np.abs(found.astype(int) - wanted)
        assert apart.max() <= 1
        assert (apart > 0).mean() < 0.1


@pytest.mark.parametrize(("length", "width", "height"), [(4, 2, 1), (0, 0, 0), (4 * 2049, 2049, 1)])
def test_what_is_no_picture_is_refused_in_one_sentence(js, length, width, height):
    with pytest.raises(Error, match=r"InputError: got a picture of .*; give RGBA with 1 to 2048 px a side"):
        js.run("fromRGBA(new Uint8ClampedArray(length), width, height);", length=length, width=width, height=height)
