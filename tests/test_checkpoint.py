"""Every model comes back from its file bit by bit; a damaged or foreign file is refused in one line."""

import json
import pickle
from dataclasses import asdict, replace

import pytest
import torch
from safetensors.torch import load_file, save_file
from test_encoders import CONFIGS, random_bytes, random_tokens

from toyclip import checkpoint
from toyclip.checkpoint import FORMAT, PRETRAINED
from toyclip.data import Tokenizer
from toyclip.encoders import Config, ToyCLIP
from toyclip.errors import InputError, ModelFileError

SMALL = Config(width=8, embed_dim=8)
STORED = CONFIGS | {  # what must come back: also every stride told, and a transformer of an odd width
    "late strides": Config(image_encoder="strided", width=16, strides=(2, 1, 2, 1)),
    "transformer of 48": Config(image_encoder="transformer", width=48),
}


def about(of: Config = SMALL, **change) -> dict:
    """What the file of a small model says of itself."""
    return {"format": "toyclip-2", "config": asdict(of), "words": Tokenizer().words[1:], **change}


def store(path, about: object, weights: dict[str, torch.Tensor] | None = None) -> None:
    """Write weights, those of a small model if none are given, with this in the metadata."""
    weights = ToyCLIP(SMALL).state_dict() if weights is None else weights
    text = about if isinstance(about, str) else json.dumps(about)
    save_file(weights, path, metadata=None if about is None else {"toyclip": text})


def refused(path) -> str:
    """Why a file is not loaded: one line."""
    with pytest.raises(ModelFileError) as error:
        checkpoint.load(path)
    assert str(path) in str(error.value)
    assert len(str(error.value).splitlines()) == 1
    return str(error.value)


# --- there and back --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("config", STORED.values(), ids=STORED)
def test_every_model_comes_back_bit_by_bit(config, tmp_path):
    path, model = tmp_path / "model.safetensors", ToyCLIP(config, seed=3)
    words = [f"wörd{i}" for i in range(config.vocab_size - 1)]
    checkpoint.save(model, Tokenizer(words, config.context_length), path)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    loaded, tokenizer = checkpoint.load(path)
    assert torch.equal(torch.get_rng_state(), before)
    assert loaded.config == config
    assert not loaded.training
    assert tokenizer.words == ("<pad>", *words)
    assert tokenizer.context_length == config.context_length
    weights = model.state_dict()
    for found in (loaded.state_dict(), load_file(path)):  # others can read it too
        assert found.keys() == weights.keys()
        assert all(torch.equal(found[name], tensor) for name, tensor in weights.items())
    images, tokens = random_bytes(2), random_tokens(config, 3)
    with torch.no_grad():
        assert torch.equal(loaded.embed_images(images), model.eval().embed_images(images))
        assert torch.equal(loaded.embed_texts(tokens), model.embed_texts(tokens))


def test_stored_model_is_the_same_file_each_time_and_leaves_the_model_as_it_is(tmp_path):
    model = ToyCLIP(Config(image_encoder="strided"), seed=1).to(memory_format=torch.channels_last)
    checkpoint.save(model, Tokenizer(), str(tmp_path / "one"))
    checkpoint.save(model, Tokenizer(), tmp_path / "other")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()
    assert model.training
    assert model.log_logit_scale.requires_grad


# --- damaged and foreign files ---------------------------------------------------------------------------------------


def test_control_is_loaded(tmp_path):
    """What the next tests damage is whole before."""
    store(tmp_path / "whole", about())
    assert checkpoint.load(tmp_path / "whole")[0].config == SMALL


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


WRONG = {
    "no metadata": (None, "'toyclip'"),
    "no JSON": ("{", "no whole"),
    "no table": ([], "no whole"),
    "empty": ({}, "'format'"),
    "no config": ({"format": FORMAT, "words": []}, "'config'"),
    "no words": ({"format": FORMAT, "config": asdict(SMALL)}, "'words'"),
    "words are a number": (about(words=5), "no whole"),
    "older": (about(format="toyclip-1"), r"has format 'toyclip-1'; this version reads 'toyclip-2'"),
    "newer": (about(format="toyclip-3"), "has format 'toyclip-3'"),
    "unknown key": (about(config=asdict(SMALL) | {"depth": 4}), "depth"),
    "missing strides": (about(config={"width": 8}), "strides"),
    "unknown encoder": (about(config=asdict(SMALL) | {"image_encoder": "resnet"}), "'resnet'"),
    "negative width": (about(config=asdict(SMALL) | {"embed_dim": -1}), "no whole"),
    "width as a word": (about(config=asdict(SMALL) | {"width": "8"}), "no whole"),
    "scale of nothing": (about(config=asdict(SMALL) | {"logit_scale": 0.0}), "no whole"),
}


@pytest.mark.parametrize("name", WRONG)
def test_file_that_says_something_else_of_itself_is_refused(name, tmp_path):
    stored, told = WRONG[name]
    store(tmp_path / "foreign", stored)
    assert told in refused(tmp_path / "foreign")


@pytest.mark.parametrize(
    "change",
    [{"width": 16}, {"embed_dim": 12}, {"image_encoder": "transformer"}, {"vocab_size": 9}, {"context_length": 5},
     {"logit_bias": 0.0}],
)  # fmt: skip
def test_weights_of_another_shape_or_name_are_refused(change, tmp_path):
    store(tmp_path / "other", about(replace(SMALL, **change)))
    assert "no whole toyclip model" in refused(tmp_path / "other")


@pytest.mark.parametrize("change", ["missing", "surplus", "cut"])
def test_weights_that_are_missing_or_too_many_or_cut_are_refused(change, tmp_path):
    weights = ToyCLIP(SMALL).state_dict()
    weights |= {"cut": {"text_encoder.positions": torch.zeros(3, 8)}, "surplus": {"more": torch.zeros(2)}}.get(
        change, {}
    )
    if change == "missing":
        del weights["log_logit_scale"]
    store(tmp_path / "other", about(), weights)
    assert "no whole toyclip model" in refused(tmp_path / "other")


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("name", ["log_logit_scale", "text_encoder.tokens.weight", "image_encoder.convs.0.bias"])
def test_weights_that_are_not_finite_are_refused(name, value, tmp_path):
    weights = ToyCLIP(SMALL).state_dict()
    weights[name].view(-1)[-1] = value
    store(tmp_path / "sick", about(), weights)
    assert "weights that are not finite" in refused(tmp_path / "sick")


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


def test_writing_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "model.safetensors"
    path.write_text("old")

    def full(weights, beside, metadata):
        beside.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, "save_file", full)
    with pytest.raises(OSError, match="No space left"):
        checkpoint.save(ToyCLIP(SMALL), Tokenizer(), path)
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {path.name: "old"}


def test_place_that_cannot_be_written_to_is_refused(tmp_path):
    for path in (tmp_path, tmp_path / "nowhere" / "model.safetensors"):
        with pytest.raises(InputError, match="cannot write"):
            checkpoint.save(ToyCLIP(SMALL), Tokenizer(), path)
    assert not list(tmp_path.iterdir())


def test_a_configuration_that_is_no_number_is_not_written(tmp_path):
    """JSON has no NaN: other readers of the file would fail on it."""
    with pytest.raises(ValueError, match="JSON compliant"):
        checkpoint.save(ToyCLIP(Config(logit_bias=float("nan"))), Tokenizer(), tmp_path / "model.safetensors")
    assert list(tmp_path.iterdir()) == []
