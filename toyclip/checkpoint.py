"""Models on disk: safetensors with the configuration inside, written whole or not at all (helper, no chapter)."""

import json
import os
import tempfile
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from toyclip.data import Tokenizer
from toyclip.encoders import ToyCLIP
from toyclip.errors import InputError, ModelFileError

FORMAT = "toyclip-1"
PRETRAINED = Path(str(files("toyclip") / "pretrained" / "shapes.safetensors"))


def write_whole(path: str | Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a file beside `path`, then rename it: readers see the old file or the whole new one.

    Raises:
        InputError: if the folder does not exist or cannot be written to.
    """
    path = Path(path)
    check_writable(path)
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    try:
        write(Path(beside))
        os.chmod(beside, 0o644)
        os.replace(beside, path)
    finally:
        Path(beside).unlink(missing_ok=True)


def check_writable(path: str | Path) -> None:
    """Raise InputError, before any work is done, if a file could not be written at `path`."""
    path = Path(path)
    if (path.exists() and not path.is_file()) or not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise InputError(f"cannot write {str(path)!r}; give a file name in a folder that exists and can be written to")


def write_json(path: str | Path, value: object) -> None:
    """Write a value as indented JSON, whole or not at all."""
    text = json.dumps(value, indent=1, ensure_ascii=False) + "\n"
    write_whole(path, lambda beside: beside.write_text(text, encoding="utf-8"))


def save(model: ToyCLIP, tokenizer: Tokenizer, path: str | Path) -> None:
    """Write the weights, the shape of the model and the vocabulary into one safetensors file."""
    config = {
        "format": FORMAT,
        "embed_dim": model.image_encoder.projection.out_features,
        "strided": model.image_encoder.strided,
        "words": tokenizer.words[1:],
        "context_length": tokenizer.context_length,
    }
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    write_whole(path, lambda beside: save_file(weights, beside, metadata={"toyclip": json.dumps(config)}))


def load(path: str | Path = PRETRAINED) -> tuple[ToyCLIP, Tokenizer]:
    """Read a model that `save` wrote; without a path, the small trained one that comes with the package.

    Raises:
        ModelFileError: if the file is missing, damaged, or holds another model.

    >>> model, tokenizer = load()
    >>> tokenizer.words[1:3]
    ('a', 'red')
    """
    try:
        with safe_open(path, framework="pt") as file:
            config = json.loads((file.metadata() or {})["toyclip"])
            weights = {name: file.get_tensor(name) for name in file.keys()}
        if config["format"] != FORMAT:
            raise ModelFileError(f"{str(path)!r} has format {config['format']!r}; this version reads {FORMAT!r}")
        tokenizer = Tokenizer(config["words"], config["context_length"])
        model = ToyCLIP(config["embed_dim"], len(tokenizer.words), config["context_length"], config["strided"])
        model.load_state_dict(weights)
        if not all(tensor.isfinite().all() for tensor in weights.values()):
            raise ModelFileError(f"{str(path)!r} holds weights that are not finite; train the model again")
    except ModelFileError:
        raise
    except FileNotFoundError:
        raise ModelFileError(f"there is no file {str(path)!r}; give a model written by 'toyclip train --out'") from None
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise ModelFileError(
            f"{str(path)!r} is no whole toyclip model ({reason}); give a file written by 'toyclip train --out'"
        ) from None
    return model.eval(), tokenizer
