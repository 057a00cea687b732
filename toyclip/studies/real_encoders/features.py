"""What two frozen encoders make of emoji of ten vendors and of their names, read from a file (chapter Real encoders).

`python -m toyclip.assets.make_real` made the file, two bits a number; real.json beside it says from what.
"""

import functools
import json
from dataclasses import dataclass
from importlib.resources import files

import torch
from safetensors.torch import load_file
from torch import Tensor

from toyclip.errors import InputError, lookup

LEVELS, STEP = 4, 0.9957  # of a number in units of its standard deviation: the best for a bell curve (Max 1960)
PLACES = (64, 16, 4, 1)  # of the four numbers in a byte
VIEWS = ("plain", "outlined", "recoloured")
DATA = "real.safetensors"


def quantise(values: Tensor) -> Tensor:
    """(N, D) of unit variance -> (N, D / 4) bytes, four numbers of two bits in each.

    >>> restore(quantise(torch.tensor([[0.1, 3.0, -0.5, -1.2]]))).round(decimals=1).tolist()
    [[0.5, 1.5, -0.5, -1.5]]
    """
    levels = (values / STEP + LEVELS / 2).floor().clamp(0, LEVELS - 1).unflatten(1, (-1, len(PLACES)))  # (N, D / 4, 4)
    return (levels * torch.tensor(PLACES)).sum(dim=2).to(torch.uint8)


def restore(packed: Tensor) -> Tensor:
    """(N, D / 4) bytes -> (N, D), each number the middle of its level."""
    levels = packed[..., None] // torch.tensor(PLACES, dtype=torch.uint8) % LEVELS  # (N, D / 4, 4)
    return (levels.flatten(1).float() - (LEVELS - 1) / 2) * STEP


@dataclass(frozen=True)
class Pictures:
    """Frozen features of pictures."""

    features: Tensor  # (N, D)
    concepts: Tensor  # (N,) which emoji
    vendors: Tensor  # (N,) who drew it, a position in VENDORS
    views: Tensor  # (N,) a position in VIEWS

    def __len__(self) -> int:
        return len(self.concepts)

    def __getitem__(self, rows: Tensor) -> "Pictures":
        """Some of the pictures, by a mask or by positions."""
        return Pictures(self.features[rows], self.concepts[rows], self.vendors[rows], self.views[rows])

    def by(self, *vendors: str, views: tuple[str, ...] = ("plain",)) -> "Pictures":
        """Those that some vendors drew, in some views.

        Raises:
            InputError: if there is no such vendor or view.
        """
        who = [lookup(dict(zip(vendor_names(), range(99), strict=False)), name, "vendor") for name in vendors]
        how = [lookup(dict(zip(VIEWS, range(9), strict=False)), name, "view") for name in views]
        return self[torch.isin(self.vendors, torch.tensor(who)) & torch.isin(self.views, torch.tensor(how))]


@functools.cache
def description() -> dict:
    """What real.json says: the concepts, the vendors, the captions, what was read and by what."""
    return json.loads((files("toyclip.assets") / "real.json").read_text(encoding="utf-8"))


def vendor_names() -> list[str]:
    """The ten vendors, in the order of the file."""
    return list(description()["vendors"])


def concept_names() -> list[str]:
    """What Unicode calls the emoji."""
    return [name for _, name, _ in description()["concepts"]]


@functools.cache
def _tensors() -> dict[str, Tensor]:
    return load_file(str(files("toyclip.assets") / DATA))


@functools.cache
def pictures(layers: tuple[str, ...] = ("last",), power: float = 0.5) -> Pictures:
    """All pictures.

    Args:
        layers: "last", the mean over places of EfficientNet-Lite0's last layer, "middle", of blocks before it, or both.
        power: of each principal component's deviation that is left: 1 as it was, 0 whitened.

    Raises:
        InputError: if there is no such layer.
    """
    held = _tensors()
    if not layers or set(layers) - {"last", "middle"}:
        raise InputError(f"there are no features of {layers}; choose from 'last' and 'middle'")
    parts = [restore(held[f"pictures.{name}"]) * held[f"scale.{name}"] ** power for name in layers]  # (N, D) each
    parts = [part / part.square().sum(dim=1).mean().sqrt() for part in parts]  # of mean square length 1
    ids = (held[f"pictures.{name}"].long() for name in ("concept", "vendor", "view"))
    return Pictures(torch.cat(parts, dim=1), *ids)


@functools.cache
def texts(style: str = "name", power: float = 0.5) -> Tensor:
    """What MiniLM makes of one caption of every concept, (C, D).

    Args:
        style: a key of "captions" in real.json, such as "name" or "sentence".
        power: as for `pictures`.

    Raises:
        InputError: if there is no such style.
    """
    lookup(description()["captions"], style, "style of captions")
    held = _tensors()
    rows = restore(held[f"texts.{style}"]) * held["scale.text"] ** power
    return rows / rows.square().sum(dim=1).mean().sqrt()
