"""Make far.safetensors and far.json: photographs, icons, names in five languages and ImageNet's classes.

    pip install toyclip[real]
    pip download --no-deps timm==1.0.31        # the names of ImageNet's classes; nothing of it is installed
    npm pack @tabler/icons@3.52.0 cldr-annotations-full@48.2.0  # beside the packages of make_real
    apt-get download tuxpaint-stamps-default   # version 2022.06.04-1; and in the same folder
    dpkg-deb -x tuxpaint-stamps-default_2022.06.04-1_all.deb stamps
    python -m toyclip.assets.make_far FOLDER   # where all of this lies; about four minutes

All of it is in the features of real.safetensors. The photographs are under the GPL 2 and are measured only: of each
there is no more than these features, in two bits each.
"""

import json
import re
import sys
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from toyclip.assets.frozen import efficientnet, see
from toyclip.assets.make_real import HERE, TAGS, UNSEEN, WIDTH, axes, captions, choose, look, reduce
from toyclip.assets.vendors import PACKAGES, Drawings, archive, draw, fitted, plain, sha256
from toyclip.studies.real_encoders.further import CLASSES, LANGUAGES
from toyclip.studies.real_encoders.minilm import MiniLM
from toyclip.studies.real_encoders.transfer import STEPS

SOURCES = {  # file -> what it is, under which licence
    "tuxpaint-stamps-default_2022.06.04-1_all.deb": ("photographs", "GPL-2"),
    "tabler-icons-3.52.0.tgz": ("icons", "MIT"),
    "cldr-annotations-full-48.2.0.tgz": ("names in five languages", "Unicode-3.0"),
    "timm-1.0.31-py3-none-any.whl": ("names of ImageNet's classes", "Apache-2.0"),
}
STAMPS, ICONS, NAMES, IMAGENET = SOURCES
DRAWN = (  # stamps that are no photographs, by eye, before anything was measured; so are those of cartoon/ and symbols/
    "tophat", "key", "eye", "Santa", "star", "tree", "butterfly", "bat_left", "ghost", "skull", "spider",
    "holiday_candle", "0_sun", "basketball", "football", "soccer",
)  # fmt: skip


def photographs(folder: Path, names: list[str]) -> list[tuple[Path, int]]:
    """Stamps that are photographs, and whose caption is the name of a concept, with that concept."""
    known, found = {name.lower(): i for i, name in enumerate(names)}, []
    for path in sorted((folder / "stamps/usr/share/tuxpaint/stamps").rglob("*.png")):
        if path.stem in DRAWN or {"cartoon", "symbols"} & set(path.parts) or not path.with_suffix(".txt").exists():
            continue
        said = path.with_suffix(".txt").read_text(encoding="utf-8", errors="replace").partition("\n")[0]
        if (name := bare(said)) in known:
            found.append((path, known[name]))
    return found


def bare(caption: str) -> str:
    """A caption without its article and its full stop.

    >>> bare("A green apple.")
    'green apple'
    """
    return re.sub(r"^(a|an|the|some) ", "", caption.strip().rstrip(".").lower())


def icons(path: Path, names: list[str]) -> list[tuple[str, int]]:
    """The SVG of icons that are called as a concept is, with that concept: lines of one width, and nothing else."""
    with tarfile.open(path) as tar:
        svg = {
            Path(m.name).stem.replace("-", " "): tar.extractfile(m).read().decode()
            for m in tar if m.name.startswith("package/icons/outline/") and m.name.endswith(".svg")
        }  # fmt: skip
    return [(svg[name.lower()], i) for i, name in enumerate(names) if name.lower() in svg]


def translated(path: Path, characters: list[str], language: str) -> list[str]:
    """What CLDR calls each emoji in a language; a space around every ideograph, as BERT has it."""
    with tarfile.open(path) as tar:
        said = json.load(tar.extractfile(f"package/annotations/{language}/annotations.json"))
    named = {sign.rstrip("\ufe0f"): entry["tts"][0] for sign, entry in said["annotations"]["annotations"].items()}
    return [re.sub("([\u4e00-\u9fff])", r" \1 ", named[c.rstrip("\ufe0f")]) for c in characters]


def classes(path: Path) -> list[str]:
    """The first name of each of ImageNet's classes in WordNet, in the order of their numbers."""
    with zipfile.ZipFile(path) as wheel:
        read = {
            name: wheel.read(f"timm/data/_info/imagenet_{name}.txt").decode() for name in ("synsets", "synset_to_lemma")
        }
    lemma = dict(line.split("\t") for line in read["synset_to_lemma"].strip().split("\n"))
    return [lemma[synset].partition(",")[0] for synset in read["synsets"].split()]


def pixels(pictures: list[Image.Image]) -> Tensor:
    """(N, 3, H, W) uint8 of RGBA pictures on a white ground."""
    return torch.stack([torch.from_numpy(np.array(plain(p))).permute(2, 0, 1) for p in pictures])


def guessed(model: nn.Module, last: Tensor) -> tuple[Tensor, Tensor]:
    """EfficientNet's likeliest CLASSES classes, (N, CLASSES) int16, and how likely each is, 0 to 255."""
    likely, which = (last @ model._fc.weight.T + model._fc.bias).softmax(dim=1).topk(CLASSES)
    return which.to(torch.int16), (255 * likely).round().to(torch.uint8)


@torch.inference_mode()
def main() -> None:
    torch.set_num_threads(1)
    folder = Path(sys.argv[1])
    drawings = {vendor: Drawings(archive(folder, package)) for vendor, package in PACKAGES.items()}
    concepts = choose(drawings)
    seen, said, model, reader = look(concepts, drawings), captions(concepts, folder / TAGS), efficientnet(), MiniLM()
    held, characters, names = {}, [c for c, _, _ in concepts], [name for _, name, _ in concepts]
    plain_ones, vendors = seen["view"] == 0, list(PACKAGES)
    unseen = torch.tensor([vendors.index(vendor) for vendor in UNSEEN])
    fit = plain_ones & ~torch.isin(seen["vendor"], unseen)
    along = {layer: axes(seen[layer][fit], WIDTH[layer]) for layer in ("last", "middle")}
    before = load_file(HERE / "real.safetensors")
    assert all(torch.equal(reduce(seen[layer], along[layer]), before[f"pictures.{layer}"]) for layer in along)

    of_steps = torch.tensor([vendors.index(vendor) for step in STEPS.values() for vendor in step])
    held["bridge.drawings"], held["bridge.likely.drawings"] = guessed(
        model, seen["last"][plain_ones & torch.isin(seen["vendor"], of_steps)]
    )
    found = {
        "photographs": [(fitted(Image.open(path).convert("RGBA")), i) for path, i in photographs(folder, names)],
        "icons": [(draw(svg), i) for svg, i in icons(folder / ICONS, names)],
    }
    for kind, shown in found.items():
        looked = dict(zip(("last", "middle"), see(model, pixels([picture for picture, _ in shown])), strict=True))
        held |= {f"{kind}.{layer}": reduce(rows, along[layer]) for layer, rows in looked.items()}
        held[f"{kind}.concept"] = torch.tensor([i for _, i in shown], dtype=torch.int16)
        held[f"bridge.{kind}"], held[f"bridge.likely.{kind}"] = guessed(model, looked["last"])

    text = axes(torch.cat([reader.read(said["name"]), reader.read(said["tags"])]), WIDTH["text"])
    assert torch.equal(reduce(reader.read(said["name"]), text), before["texts.name"])
    held["texts.classes"] = reduce(reader.read(classes(folder / IMAGENET)), text)
    for language, code in LANGUAGES.items():
        lines = translated(folder / NAMES, characters, code)
        held[f"texts.{language}"] = reduce(reader.read(lines), text)
        pairs = zip(lines, names, strict=True)
        held[f"alike.{language}"] = torch.tensor([bool(words(a) & words(b)) for a, b in pairs])
    save_file({name: rows.contiguous() for name, rows in held.items()}, HERE / "far.safetensors")
    (HERE / "far.json").write_text(json.dumps({
        "command": "python -m toyclip.assets.make_far FOLDER",
        "sources": {name: {"what": what, "licence": licence, "sha256": sha256(folder / name)}
                    for name, (what, licence) in SOURCES.items()},
        "photographs": [path.relative_to(folder / "stamps").as_posix() for path, _ in photographs(folder, names)],
        "icons": [names[i] for _, i in icons(folder / ICONS, names)],
    }, indent=1) + "\n", encoding="utf-8")  # fmt: skip
    print({name: len(rows) for name, rows in held.items()})


def words(caption: str) -> set[str]:
    """The words of a caption, in small letters."""
    return set(re.findall(r"\w+", caption.lower()))


if __name__ == "__main__":
    main()
