"""Pictures in as few bytes as they need: for the notebooks, which a reader fetches, and for the pages made of them."""

import base64
import io

from nbformat import NotebookNode
from PIL import Image, PngImagePlugin

LARGE = 50_000  # bytes of a picture that is worth the time
PNG = "image/png"


def is_packed(png: bytes) -> bool:
    """Whether its bytes were made by the slowest of zlib's ways, which the head of the packed bytes tells."""
    start = png.index(b"IDAT") + 4
    return png[start + 1] >> 6 == 3


def packed(png: bytes) -> bytes:
    """The same PNG, each pixel as it was and with the text that lies in it, packed; as it is if it was.

    One without transparent pixels needs no fourth channel.
    """
    if is_packed(png):
        return png
    with Image.open(io.BytesIO(png)) as picture:
        opaque = picture.mode == "RGBA" and picture.getextrema()[3] == (255, 255)
        text = PngImagePlugin.PngInfo()
        for name, value in picture.text.items():
            text.add_text(name, value)
        file = io.BytesIO()
        (picture.convert("RGB") if opaque else picture).save(file, "PNG", optimize=True, pnginfo=text)
    return file.getvalue()


def pack_pictures(cell: NotebookNode) -> None:
    """Pack the large pictures in the output of a cell."""
    for output in cell.outputs:
        picture = base64.b64decode(output.get("data", {}).get(PNG, ""))
        if len(picture) > LARGE:
            output.data[PNG] = base64.b64encode(packed(picture)).decode()
