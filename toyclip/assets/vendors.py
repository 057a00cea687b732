"""Emoji of ten vendors from the SVG that packages of npm hold, drawn with resvg: plain, outlined, recoloured.

npm pack @iconify-json/noto ...            # `PACKAGES` below; each is one .tgz file
"""

import hashlib
import io
import json
import re
import tarfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from toyclip.assets.frozen import PICTURE

DRAWN = 160  # px, before the picture is cropped to what is drawn
MARGIN = 4  # px around it
EDGE, BROAD = 60, 5  # how much colours must differ, 0 to 255, and how wide a line is drawn there, px


@dataclass(frozen=True)
class Package:
    """A vendor's drawings."""

    name: str  # on npm
    version: str
    licence: str
    by: str


PACKAGES = {
    "Noto": Package("@iconify-json/noto", "1.2.9", "Apache-2.0", "Google"),
    "Fluent": Package("@iconify-json/fluent-emoji", "1.2.7", "MIT", "Microsoft"),
    "Fluent flat": Package("@iconify-json/fluent-emoji-flat", "1.2.6", "MIT", "Microsoft"),
    "Noto v1": Package("@iconify-json/noto-v1", "1.2.5", "Apache-2.0", "Google"),
    "EmojiOne": Package("@iconify-json/emojione", "1.2.3", "CC-BY-4.0", "Emoji One"),
    "EmojiOne v1": Package("@iconify-json/emojione-v1", "1.2.3", "CC-BY-SA-4.0", "Emoji One"),
    "Firefox": Package("@iconify-json/fxemoji", "1.2.2", "Apache-2.0", "Mozilla"),
    "Streamline": Package("@iconify-json/streamline-emojis", "1.2.4", "CC-BY-4.0", "Streamline"),
    "Twemoji": Package("@iconify-json/twemoji", "1.2.5", "CC-BY-4.0", "Twitter"),
    "OpenMoji": Package("@iconify-json/openmoji", "1.2.29", "CC-BY-SA-4.0", "OpenMoji"),
}


def archive(folder: Path, package: Package) -> Path:
    """The file that `npm pack` makes of a package.

    >>> archive(Path(), PACKAGES["Noto"]).name
    'iconify-json-noto-1.2.9.tgz'
    """
    return folder / f"{package.name.removeprefix('@').replace('/', '-')}-{package.version}.tgz"


def sha256(path: Path) -> str:
    """Of a file, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def slug(name: str) -> str:
    """A name of Unicode's as these packages spell it.

    >>> slug("woman’s hat"), slug("piñata"), slug("person: beard")
    ('womans-hat', 'pinata', 'person-beard')
    """
    plain = name.lower().replace("’", "").replace("ñ", "n").replace("“", "").replace("”", "")
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")


class Drawings:
    """The SVG of one vendor, found by a character or by its name."""

    def __init__(self, path: Path) -> None:
        with tarfile.open(path) as tar:
            self.icons, self.chars = (json.load(tar.extractfile(f"package/{n}.json")) for n in ("icons", "chars"))
        self.names = {name.replace("-", ""): name for name in {**self.icons.get("aliases", {}), **self.icons["icons"]}}

    def find(self, character: str, name: str) -> str | None:
        """The SVG of an emoji, if the vendor drew it."""
        called = self.chars.get(f"{ord(character):x}") or self.names.get(slug(name).replace("-", ""))
        while called in self.icons.get("aliases", {}):
            called = self.icons["aliases"][called]["parent"]
        if called not in self.icons["icons"]:
            return None
        icon = {key: self.icons.get(key, 0 if key in ("left", "top") else 16) for key in BOX}
        icon |= self.icons["icons"][called]
        box = " ".join(str(icon[key]) for key in BOX)
        return (
            '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
            f'viewBox="{box}">{icon["body"]}</svg>'
        )


BOX = ("left", "top", "width", "height")


def draw(svg: str) -> Image.Image:
    """An SVG as an RGBA picture, PICTURE px wide and high, cropped to what is drawn."""
    import resvg_py

    png = resvg_py.svg_to_bytes(svg_string=svg, width=DRAWN, skip_system_fonts=True)
    return fitted(Image.open(io.BytesIO(bytes(png))).convert("RGBA"))


def fitted(picture: Image.Image) -> Image.Image:
    """An RGBA picture cropped to what is drawn, and brought to PICTURE px."""
    picture = picture.crop(picture.getchannel("A").point(lambda a: 255 * (a > 8)).getbbox())
    scale = (PICTURE - 2 * MARGIN) / max(picture.size)
    picture = picture.resize([max(1, round(scale * side)) for side in picture.size], Image.Resampling.LANCZOS)
    square = Image.new("RGBA", (PICTURE, PICTURE))
    square.paste(picture, ((PICTURE - picture.width) // 2, (PICTURE - picture.height) // 2))
    return square


def plain(picture: Image.Image) -> Image.Image:
    """On a white ground, RGB."""
    return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")


def outlined(picture: Image.Image) -> Image.Image:
    """The same with a black line around it, and wherever two of its colours meet."""
    pixels = np.asarray(plain(picture)).copy()  # (H, W, 3)
    channels = np.dstack([pixels, np.asarray(picture.getchannel("A"))])
    x = torch.from_numpy(channels).permute(2, 0, 1).float()  # (4, H, W)
    most, least = (sign * F.max_pool2d(sign * x, BROAD, stride=1, padding=BROAD // 2) for sign in (1, -1))
    edge = (most - least > torch.tensor([EDGE, EDGE, EDGE, 127.5])[:, None, None]).any(dim=0)  # (H, W)
    pixels[edge.numpy()] = 0
    return Image.fromarray(pixels)


def recoloured(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """The same with its hues turned, and more or less colour and light, by chance."""
    hsv = np.asarray(plain(picture).convert("HSV"), dtype=float)  # (H, W, 3)
    turned = (hsv[..., 0] + rng.uniform(-40, 40)) % 256
    others = np.clip(hsv[..., 1:] * rng.uniform(0.6, 1.4, 2), 0, 255)
    changed = Image.fromarray(np.dstack([turned, others]).astype(np.uint8), "HSV").convert("RGB")
    ground = Image.new("RGB", picture.size, "white")
    ground.paste(changed, mask=picture.getchannel("A"))
    return ground
