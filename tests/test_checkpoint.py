"""A model comes back from its file bit by bit, a damaged file is refused, and a half-written one never exists."""

import json
import pickle

import pytest
import torch
from safetensors.torch import load_file, save_file

from toyclip import checkpoint
from toyclip.checkpoint import PRETRAINED
from toyclip.data import Tokenizer, draw_pairs
from toyclip.encoders import ToyCLIP
from toyclip.errors import InputError, ModelFileError
from toyclip.infonce import epoch_floor
from toyclip.pictures import world_emoji
from toyclip.train import RECIPES
from toyclip.zero_shot import accuracy

CONFIG = {"format": "toyclip-1", "embed_dim": 64, "strided": True, "words": ["a"], "context_length": 4}


@pytest.fixture(scope="module")
def shipped() -> tuple[ToyCLIP, Tokenizer]:
    return checkpoint.load()


# --- round trip ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "tokenizer"),
    [
        (ToyCLIP(seed=1), Tokenizer()),
        (ToyCLIP(seed=2, strided=True), Tokenizer()),
        (ToyCLIP(8, vocab_size=3, context_length=7, seed=3), Tokenizer(("ünï", "two"), context_length=7)),
    ],
    ids=["reference", "strided", "small"],
)
def test_model_comes_back_bit_by_bit(model, tokenizer, tmp_path):
    checkpoint.save(model, tokenizer, tmp_path / "model.safetensors")
    loaded, words = checkpoint.load(tmp_path / "model.safetensors")
    assert loaded.state_dict().keys() == model.state_dict().keys()
    assert all(torch.equal(loaded.state_dict()[name], tensor) for name, tensor in model.state_dict().items())
    assert (words.words, words.context_length) == (tokenizer.words, tokenizer.context_length)
    images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(loaded.embed_images(images), model.embed_images(images))
    assert load_file(tmp_path / "model.safetensors").keys() == model.state_dict().keys()  # others can read it too


# --- damaged and foreign files ---------------------------------------------------------------------------------------


def refused(path) -> str:
    """Why a file is not loaded: one line."""
    with pytest.raises(ModelFileError) as error:
        checkpoint.load(path)
    assert str(path) in str(error.value)
    assert len(str(error.value).splitlines()) == 1
    return str(error.value)


@pytest.mark.parametrize("length", [0, 1, 7, 8, 9, 500, 5_000, 100_000, -1])
def test_truncated_file_is_refused(length, tmp_path):
    (tmp_path / "part").write_bytes(PRETRAINED.read_bytes()[:length])
    assert "no whole toyclip model" in refused(tmp_path / "part")


@pytest.mark.parametrize("content", [b"a red circle\n", b"\x89PNG\r\n\x1a\n" + bytes(100), bytes(1000)])
def test_file_of_another_kind_is_refused(content, tmp_path):
    (tmp_path / "other").write_bytes(content)
    assert "no whole toyclip model" in refused(tmp_path / "other")


def test_missing_file_and_folder_are_refused(tmp_path):
    assert "there is no file" in refused(tmp_path / "nothing")
    refused(tmp_path)


@pytest.mark.parametrize(
    "stored",
    [None, "{", "[]", "{}", json.dumps(CONFIG), json.dumps({**CONFIG, "format": "toyclip-0"}),
     json.dumps({**CONFIG, "embed_dim": -1}), json.dumps({**CONFIG, "words": 5}),
     json.dumps({**CONFIG, "context_length": "4"})],
)  # fmt: skip
def test_safetensors_that_hold_something_else_are_refused(stored, tmp_path):
    metadata = None if stored is None else {"toyclip": stored}
    save_file({"weight": torch.zeros(3)}, tmp_path / "foreign.safetensors", metadata=metadata)
    refused(tmp_path / "foreign.safetensors")


def test_weights_of_another_shape_are_refused(tmp_path):
    weights = {name: tensor[:1] if tensor.ndim else tensor for name, tensor in load_file(PRETRAINED).items()}
    config = {**CONFIG, "words": Tokenizer().words[1:]}
    save_file(weights, tmp_path / "cut.safetensors", metadata={"toyclip": json.dumps(config)})
    refused(tmp_path / "cut.safetensors")


def test_no_file_can_run_code(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (tmp_path / "ran").mkdir, ()

    (tmp_path / "bomb.pt").write_bytes(pickle.dumps(Bomb()))
    refused(tmp_path / "bomb.pt")
    torch.save({"bomb": Bomb()}, tmp_path / "bomb.pt")
    refused(tmp_path / "bomb.pt")
    assert not (tmp_path / "ran").exists()


# --- writing ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("exists", [True, False])
def test_writer_that_fails_halfway_leaves_everything_as_it_was(exists, tmp_path):
    path = tmp_path / "model.safetensors"
    if exists:
        path.write_text("old")

    def half(beside):
        beside.write_text("ne")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        checkpoint.write_whole(path, half)
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == ({path.name: "old"} if exists else {})


def test_readers_see_the_old_file_until_the_new_one_is_whole(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")

    def write(beside):
        for part in ("n", "ne", "new"):
            beside.write_text(part)
            assert path.read_text() == "old"

    checkpoint.write_whole(path, write)
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("file", "new")]


def test_value_that_is_no_json_leaves_no_file(tmp_path):
    with pytest.raises(TypeError):
        checkpoint.write_json(tmp_path / "history.json", {"model": object()})
    assert not list(tmp_path.iterdir())
    checkpoint.write_json(tmp_path / "history.json", {"word": "grün"})
    assert json.loads((tmp_path / "history.json").read_text(encoding="utf-8")) == {"word": "grün"}


def test_place_that_cannot_be_written_to_is_refused(tmp_path):
    for path in (tmp_path, tmp_path / "nowhere" / "model.safetensors"):
        with pytest.raises(InputError, match="cannot write"):
            checkpoint.save(ToyCLIP(), Tokenizer(), path)
    assert not list(tmp_path.iterdir())


# --- the model that comes with the package ---------------------------------------------------------------------------


def test_shipped_model_says_how_it_was_made(shipped):
    history = json.loads(PRETRAINED.with_suffix(".json").read_text(encoding="utf-8"))
    assert f"--recipe {history['recipe']} --seed {history['seed']} " in history["command"]
    assert "toyclip train" in history["command"]
    assert history["parameters"] == sum(p.numel() for p in shipped[0].parameters()) == 74_913
    assert history["accuracy"] == 1.0
    assert len(history["epochs"]) == RECIPES[history["recipe"]].epochs
    assert history["epochs"][-1]["floor"] == epoch_floor([170] * 16, RECIPES[history["recipe"]].batch_size)
    assert history["epochs"][-1]["logit_scale"] == pytest.approx(shipped[0].logit_scale.item())
    assert history["machine"]["torch"]


def test_shipped_model_is_small():
    assert PRETRAINED.stat().st_size < 74_913 * 4 + 3_000


def test_shipped_model_knows_freshly_drawn_pictures(shipped):
    assert accuracy(shipped[0], draw_pairs(per_class=30, seed=987_654), shipped[1]) >= 0.98


def test_shipped_model_knows_the_emoji(shipped):
    assert accuracy(shipped[0], world_emoji(), shipped[1]) >= 0.8
