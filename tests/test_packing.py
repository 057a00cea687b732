"""Packed pictures are the same pictures."""

import base64
import io

import numpy as np
import packing
import pytest
from nbformat.v4 import new_code_cell, new_output
from PIL import Image, PngImagePlugin


def picture(pixels: np.ndarray, level: int) -> bytes:
    """A PNG with a text in it, its bytes made by zlib's way of that number."""
    text, file = PngImagePlugin.PngInfo(), io.BytesIO()
    text.add_text("Description", "Dots – of all colours")
    Image.fromarray(pixels).save(file, "PNG", compress_level=level, pnginfo=text)
    return file.getvalue()


def opened(png: bytes) -> Image.Image:
    return Image.open(io.BytesIO(png))


@pytest.mark.parametrize(("alpha", "mode"), [(255, "RGB"), (128, "RGBA")])
def test_packed_picture_has_the_same_pixels_and_text(alpha, mode):
    pixels = np.random.default_rng(0).integers(0, 40, (30, 40, 4), dtype=np.uint8)
    pixels[..., 3] = alpha
    png = picture(pixels, level=1)
    packed = packing.packed(png)
    assert len(packed) < len(png)
    assert not packing.is_packed(png)
    assert packing.is_packed(packed)
    assert opened(packed).mode == mode
    assert np.array_equal(np.asarray(opened(packed).convert("RGBA")), pixels)
    assert opened(packed).text == opened(png).text == {"Description": "Dots – of all colours"}


def test_one_that_is_packed_stays_as_it_is():
    png = picture(np.zeros((8, 8, 3), np.uint8), level=9)
    assert packing.is_packed(png)
    assert packing.packed(png) is png


def test_large_pictures_of_a_cell_are_packed():
    pixels = np.random.default_rng(0).integers(0, 40, (200, 400, 3), dtype=np.uint8)
    shown = [picture(part, level=1) for part in (pixels, pixels[:20])]
    assert len(shown[0]) > packing.LARGE > len(shown[1])
    outputs = [new_output("display_data", data={packing.PNG: base64.b64encode(png).decode()}) for png in shown]
    cell = new_code_cell("", outputs=[*outputs, new_output("stream", text="2")])
    packing.pack_pictures(cell)
    large, small = (base64.b64decode(output.data[packing.PNG]) for output in cell.outputs[:2])
    assert large == packing.packed(shown[0])
    assert small == shown[1]
