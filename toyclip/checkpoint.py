"""Models on disk: safetensors with the configuration inside, written whole or not at all."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from importlib.resources import files
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors import torch as safetensors
from torch import Tensor

from toyclip.data import Rendering, Tokenizer
from toyclip.encoders import Config, ToyCLIP
from toyclip.errors import InputError, ModelFileError
from toyclip.files import check_writable, write_json, write_whole  # noqa: F401 (the command line takes them from here)

FORMAT = "toyclip-2"
PRETRAINED = Path(str(files("toyclip") / "pretrained" / "shapes.safetensors"))


def save(model: ToyCLIP, tokenizer: Tokenizer, path: str | Path) -> None:
    """Write the weights, the model's configuration and the vocabulary into one safetensors file.

    Raises:
        InputError: if the model was built for another tokenizer, or the file cannot be written.
    """
    _check_fit(tokenizer, model.config)
    about = {"format": FORMAT, "config": asdict(model.config), "words": tokenizer.words[1:]}
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    content = safetensors.save(weights, metadata={"toyclip": json.dumps(about, allow_nan=False)})
    write_whole(path, lambda beside: beside.write_bytes(content))


def load(path: str | Path = PRETRAINED) -> tuple[ToyCLIP, Tokenizer]:
    """Read a model that `save` wrote; without a path, the small trained one that comes with the package.

    Raises:
        ModelFileError: if the file is missing, damaged, holds another model, or one whose answers are not finite.

    >>> model, tokenizer = load()
    >>> tokenizer.words[1:3]
    ('a', 'red')
    """
    written = "a model written by 'toyclip train --out FILE'"
    if not os.path.isfile(path):
        raise ModelFileError(f"there is no file {str(path)!r}; give {written}")
    try:
        with safe_open(path, framework="pt") as file:
            about = (file.metadata() or {}).get("toyclip")
            weights = {name: file.get_tensor(name) for name in file.keys()}
        config, tokenizer = _described(about)
        _check_size(weights, config)
        model = ToyCLIP(config).eval()
        _check_weights(weights, model.state_dict())
        model.load_state_dict(weights)
        _check_answers(model, tokenizer)
    except (OSError, SafetensorError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split("\n")[:1])
        raise ModelFileError(f"{str(path)!r} is no whole toyclip model ({reason}); give {written}") from None
    return model, tokenizer


def _described(text: str | None) -> tuple[Config, Tokenizer]:
    """What a file says of its model; InputError names the first entry that is missing, unknown or wrong."""
    if text is None:
        raise InputError("it has no metadata 'toyclip'")
    try:
        about = json.loads(text, parse_int=lambda digits: int(digits) if len(digits) < 19 else float(digits))
    except (ValueError, RecursionError):
        raise InputError("its metadata 'toyclip' is no JSON") from None
    _check_keys(about, "its metadata", ("format", "config", "words"))
    if about["format"] != FORMAT:
        raise InputError(f"it has format {about['format']!r}; this version reads {FORMAT!r}")
    said = about["config"]
    _check_keys(said, f"config={said!r}", [field.name for field in fields(Config)])
    if not isinstance(said["image_encoder"], str):
        raise InputError(f"image_encoder={said['image_encoder']!r} is no text")
    strides = tuple(said["strides"]) if isinstance(said["strides"], list) else said["strides"]
    config = Config(**said | {"strides": strides})
    tokenizer = Tokenizer(about["words"], config.context_length)
    for number, word in enumerate(about["words"], start=1):
        if not word.isprintable():  # it would be shown in messages
            raise InputError(f"word {number} is {word!r}")
    _check_fit(tokenizer, config)
    return config, tokenizer


def _check_keys(table: object, what: str, names: Sequence[str]) -> None:
    """A table must have exactly these entries: a missing one would silently become something else."""
    if not isinstance(table, dict):
        raise InputError(f"{what} is no table")
    for name in (*names, *table):
        if name not in table or name not in names:
            raise InputError(f"{'unknown' if name in table else 'missing'} entry {name!r}")


def _check_fit(tokenizer: Tokenizer, config: Config) -> None:
    """The tokenizer must write what a model of this configuration reads."""
    if len(tokenizer.words) != config.vocab_size:
        raise InputError(f"{len(tokenizer.words) - 1} words, but vocab_size={config.vocab_size} with the padding")
    if tokenizer.context_length != config.context_length:
        raise InputError(f"captions of {tokenizer.context_length}, but context_length={config.context_length}")


def _check_size(weights: Mapping[str, Tensor], config: Config) -> None:
    """Before any memory is taken: every encoder has at least one matrix as wide as it is high."""
    least = config.width**2 + config.embed_dim * (config.embed_dim + config.vocab_size + config.context_length)
    if sum(tensor.numel() for tensor in weights.values()) < least:
        sizes = ", ".join(f"{n}={getattr(config, n)}" for n in ("width", "embed_dim", "vocab_size", "context_length"))
        raise InputError(f"the weights are too few for {sizes}")


def _check_weights(weights: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    """The first weight that is missing, unknown, of another shape, no float or not finite is named."""
    for name in (*expected, *weights):
        if name not in expected or name not in weights:
            raise InputError(f"{'unknown' if name in weights else 'missing'} weight {name!r}")
        found, wanted = weights[name], tuple(expected[name].shape)
        if tuple(found.shape) != wanted:
            raise InputError(f"weight {name!r} of shape {tuple(found.shape)}, not {wanted}")
        if found.dtype not in (torch.float32, torch.float64, torch.float16, torch.bfloat16):
            raise InputError(f"weight {name!r} of {found.dtype}")
        if not found.float().isfinite().all():
            raise InputError(f"weight {name!r} that is not finite")


@torch.no_grad()
def _check_answers(model: ToyCLIP, tokenizer: Tokenizer) -> None:
    """Finite weights may still be so large that sums overflow: a black and a white picture, and every word, tell."""
    size = Rendering().size
    pictures = torch.tensor([0, 255], dtype=torch.uint8).reshape(2, 1, 1, 1).expand(2, 3, size, size)
    lengths = torch.cat([model.embed_images(pictures), model.embed_texts(tokenizer.encode(tokenizer.words[1:]))]).norm(
        dim=1
    )  # of unit vectors, unless their own length was infinite or 0
    scale = model.logit_scale
    if not (lengths.sub(1).abs() < 0.01).all() or not scale.isfinite() or not scale > 0:
        raise InputError("its answers are no finite numbers other than 0")
