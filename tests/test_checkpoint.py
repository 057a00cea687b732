"""Every model comes back from its file bit by bit; a damaged or foreign file is refused in one line."""

import json
import os
import pickle
import subprocess
import sys
import tempfile
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
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


@pytest.mark.parametrize("name", ["nothing", "", "x" * 300, "x/" * 3000, "a\nb", "nul\0", "pipe"])
def test_what_is_no_file_is_refused(name, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(
        ModelFileError, match=r"there is no file .*; give a model written by 'toyclip train --out"
    ) as told:
        checkpoint.load(tmp_path / name)
    assert len(str(told.value).splitlines()) == 1


def of_config(**change) -> dict:
    return about(config=asdict(SMALL) | change)


def without(name: str) -> dict:
    return about(config={key: value for key, value in asdict(SMALL).items() if key != name})


WRONG = {  # what a file says of itself, and what is told of it
    "no metadata": (None, "no metadata 'toyclip'"),
    "no JSON": ("{", "no JSON"),
    "JSON of another kind": ("a red circle", "no JSON"),
    "deeply nested": ("[" * 100_000, "no JSON"),
    "number without end": ("1" * 5_000, "no table"),
    "list": ([], "no table"),
    "number": (5, "no table"),
    "null": ("null", "no table"),
    "NaN": ("NaN", "no table"),
    "text": ('"toyclip-2"', "no table"),
    "empty": ({}, "'format'"),
    "no config": ({"format": FORMAT, "words": []}, "'config'"),
    "no words": ({"format": FORMAT, "config": asdict(SMALL)}, "'words'"),
    "older": (about(format="toyclip-1"), r"has format 'toyclip-1'; this version reads 'toyclip-2'"),
    "newer": (about(format="toyclip-3"), "has format 'toyclip-3'"),
    "format is a list": (about(format=["toyclip-2"]), "has format ['toyclip-2']"),
    **{f"config is {value}": (about(config=value), f"config={value!r}") for value in (5, None, [], "pooled", True)},
    "config nested": (about(config={"config": asdict(SMALL)}), "'image_encoder'"),
    "unknown key": (of_config(depth=4), "'depth'"),
    "unknown key of many lines": (of_config(**{"a\nb\x1b": 4}), r"'a\nb\x1b'"),
    **{f"no {name}": (without(name), f"'{name}'") for name in asdict(SMALL)},
    **{f"image_encoder is {v}": (of_config(image_encoder=v), f"image_encoder={v!r}") for v in ("resnet", 5, [], {})},
    **{f"image_encoder is {v}": (of_config(image_encoder=v), "image_encoder=") for v in (None, [["pooled"]])},
    **{f"width is {v}": (of_config(width=v), f"width={v!r}") for v in (-8, 0, 7, 8.0, "8", None, [8], True, {"8": 8})},
    **{f"width is {v}": (of_config(width=v), "width=") for v in (10**30, 10**400, float("nan"), float("inf"))},
    **{f"strides are {v}": (of_config(strides=v), f"strides={v!r}") for v in (2, None, "2221", {"2": 2}, True)},
    **{f"strides are {v}": (of_config(strides=v), f"strides={tuple(v)!r}") for v in ([], [2, 2, 2], [2, 2, 2, "1"],
                                                                                 [2, 2, 2, 0], [2, 2, [2], 1])},
    **{f"pooling is {v}": (of_config(pooling=v), f"pooling={v!r}") for v in ("median", None, ["mean"])},
    **{f"{name} is {v}": (of_config(**{name: v}), f"{name}={v!r}")
       for name in ("embed_dim", "vocab_size", "context_length") for v in (-1, 0, 4.0, "4", None, [4])},
    **{f"{name} is {v}": (of_config(**{name: v}), f"{name}=")
       for name in ("logit_scale", "max_logit_scale", "logit_bias")
       for v in (float("nan"), float("-inf"), 10**400, "1", [1], False)},
    "scale of nothing": (of_config(logit_scale=0.0), "logit_scale=0.0"),
    **{f"words are {v}": (about(words=v), repr(v)) for v in (5, None, "red", {"red": 1}, [])},
    "word is a number": (about(words=["a", 5, "red", None]), "word 2 is 5"),
    "word is a list": (about(words=["a", ["red"]]), "word 2 is ['red']"),
    "word comes twice": (about(words=["a", "red", "a"]), "word 3 is 'a'"),
    "word of two": (about(words=["a red"]), "word 1 is 'a red'"),
    "word is padding": (about(words=["a", "<pad>"]), "word 2 is '<pad>'"),
    "word of many lines": (about(words=["a\nb"]), r"word 1 is 'a\nb'"),
    "half of a character": (about(words=["\ud800"]), r"word 1 is '\ud800'"),
    "a word too few": (about(words=Tokenizer().words[1:-1]), "8 words, but vocab_size=10"),
    "a word too many": (about(words=[*Tokenizer().words[1:], "pink"]), "10 words, but vocab_size=10"),
    **{f"huge {name} {power}": (of_config(**{name: 2**power}), f"{name}={2**power}")
       for name in ("width", "embed_dim") for power in (16, 24, 40, 59)},
    "huge context_length": (of_config(context_length=2**40), "context_length=1099511627776"),
    "huge transformer": (of_config(image_encoder="transformer", width=2**40), "too few for width=1099511627776"),
    "huge strides": (of_config(image_encoder="strided", strides=[2**63] * 4), "strides="),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_file_that_says_something_else_of_itself_is_refused(name, tmp_path):
    stored, told = WRONG[name]
    store(tmp_path / "foreign", stored)
    assert told in refused(tmp_path / "foreign")


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=6,
)


@given(st.sampled_from(["about", "config", "words", *asdict(SMALL)]), anything)
@settings(max_examples=200, deadline=None)
def test_whatever_a_file_says_of_itself_it_is_loaded_or_refused_in_one_line(where, value):
    """Loaded only if it then says the same of itself."""
    said = {"about": value, "config": about(config=value), "words": about(words=value)}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model"
        store(path, said.get(where, of_config(**{where: value})))
        try:
            model, tokenizer = checkpoint.load(path)
        except ModelFileError:
            assert refused(path).isprintable()
        else:
            assert where in ("strides", "logit_scale", "max_logit_scale", "logit_bias") or (where, value) in (
                ("pooling", "max"), ("pooling", "mean"), ("image_encoder", "pooled"), ("image_encoder", "strided"),
                ("width", 8), ("embed_dim", 8), ("vocab_size", 10), ("context_length", 4),
            )  # fmt: skip
            assert len(tokenizer.words) == model.config.vocab_size


@pytest.mark.parametrize(
    "change",
    [{"width": 16}, {"embed_dim": 12}, {"image_encoder": "transformer"}, {"vocab_size": 9}, {"context_length": 5},
     {"logit_bias": 0.0}],
)  # fmt: skip
def test_weights_of_another_shape_or_name_are_refused(change, tmp_path):
    change = replace(SMALL, **change)
    words = [f"word{i}" for i in range(change.vocab_size - 1)]
    store(tmp_path / "other", about(change, words=words))
    assert "weight " in refused(tmp_path / "other")


@pytest.mark.parametrize("change", ["missing", "surplus", "cut"])
def test_weights_that_are_missing_or_too_many_or_cut_are_refused(change, tmp_path):
    weights = ToyCLIP(SMALL).state_dict()
    weights |= {"cut": {"text_encoder.positions": torch.zeros(3, 8)}, "surplus": {"more": torch.zeros(2)}}.get(
        change, {}
    )
    if change == "missing":
        del weights["log_logit_scale"]
    store(tmp_path / "other", about(), weights)
    told = {"missing": "weight 'log_logit_scale'", "surplus": "weight 'more'"}
    assert told.get(change, "weight 'text_encoder.positions' of shape (3, 8), not (4, 8)") in refused(
        tmp_path / "other"
    )


@pytest.mark.parametrize("dtype", [torch.int64, torch.complex64, torch.bool, torch.float8_e5m2])
def test_weights_that_are_no_floats_are_refused_without_a_warning(dtype, tmp_path, recwarn):
    weights = ToyCLIP(SMALL).state_dict()
    store(tmp_path / "other", about(), weights | {"text_encoder.positions": torch.ones(4, 8).to(dtype)})
    assert f"weight 'text_encoder.positions' of {dtype}" in refused(tmp_path / "other")
    assert not recwarn.list


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("name", ["log_logit_scale", "text_encoder.tokens.weight", "image_encoder.convs.0.bias"])
def test_weights_that_are_not_finite_are_refused(name, value, tmp_path):
    weights = ToyCLIP(SMALL).state_dict()
    weights[name].view(-1)[-1] = value
    store(tmp_path / "sick", about(), weights)
    assert f"weight {name!r} that is not finite" in refused(tmp_path / "sick")


def spoil(name: str, value: float, dtype: torch.dtype = torch.float32) -> dict[str, torch.Tensor]:
    """The weights of a small model, but one of them is the same finite number throughout."""
    weights = ToyCLIP(SMALL).state_dict()
    return weights | {name: torch.full_like(weights[name], value, dtype=dtype)}


@pytest.mark.parametrize(
    ("name", "value"),
    [("log_logit_scale", 1e38), ("log_logit_scale", -1e38), ("log_logit_scale", 100.0),
     ("image_encoder.convs.0.weight", 1e38), ("image_encoder.projection.weight", 1e30),
     ("image_encoder.projection.bias", 1e38), ("text_encoder.tokens.weight", 1e38),
     ("text_encoder.positions", 1e25), ("text_encoder.norm.weight", 1e38), ("text_encoder.projection.bias", -1e38)],
)  # fmt: skip
def test_finite_weights_whose_answers_are_not_are_refused(name, value, tmp_path):
    store(tmp_path / "sick", about(), spoil(name, value))
    assert "its answers are no finite numbers" in refused(tmp_path / "sick")


def test_model_that_answers_nothing_and_one_of_doubles_that_are_too_large_are_refused(tmp_path):
    store(tmp_path / "dead", about(), {name: torch.zeros_like(w) for name, w in ToyCLIP(SMALL).state_dict().items()})
    assert "its answers are no finite numbers other than 0" in refused(tmp_path / "dead")
    store(tmp_path / "double", about(), spoil("text_encoder.positions", 1e300, torch.float64))
    assert "weight 'text_encoder.positions' that is not finite" in refused(tmp_path / "double")


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


def test_disk_that_fills_up_leaves_the_old_file_and_is_told_in_one_line(tmp_path, monkeypatch):
    path = tmp_path / "model.safetensors"
    path.write_text("old")

    def full(beside, content):
        with beside.open("wb") as file:
            file.write(content[:100])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(InputError, match=r"^cannot write .*model\.safetensors' \(No space left on device\)"):
        checkpoint.save(ToyCLIP(SMALL), Tokenizer(), path)
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {path.name: "old"}


def test_file_that_may_not_grow_is_told_in_one_line(tmp_path):
    """By the system itself, in a process of its own: no file of more than 1,000 bytes, as on a disk that is full."""
    code = (
        "import resource, signal, sys; from toyclip import checkpoint, errors\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try: checkpoint.save(*checkpoint.load(), sys.argv[1])\n"
        "except errors.InputError as error: print(error)"
    )
    command = [sys.executable, "-c", code, tmp_path / "model"]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "cannot write" in told.stdout
    assert "(File too large)" in told.stdout
    assert (len(told.stdout.splitlines()), told.stderr) == (1, "")
    assert not list(tmp_path.iterdir())


def test_place_that_cannot_be_written_to_is_refused(tmp_path):
    for path in (tmp_path, tmp_path / "nowhere" / "model.safetensors"):
        with pytest.raises(InputError, match="cannot write"):
            checkpoint.save(ToyCLIP(SMALL), Tokenizer(), path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("words", "length"), [(["a", "red"], 4), (Tokenizer().words[1:], 5)])
def test_model_is_not_written_with_the_tokenizer_of_another(words, length, tmp_path):
    """It could not be loaded again."""
    with pytest.raises(InputError, match=r"vocab_size=10|context_length=4"):
        checkpoint.save(ToyCLIP(SMALL), Tokenizer(words, length), tmp_path / "model.safetensors")
    assert not list(tmp_path.iterdir())
