"""Models on disk: safetensors with the configuration inside, written whole or not at all."""

import json
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from toyclip.data import Tokenizer
from toyclip.encoders import Config, ToyCLIP
from toyclip.errors import ModelFileError
from toyclip.files import check_writable, write_json, write_whole  # noqa: F401 (the command line takes them from here)

FORMAT = "toyclip-2"
PRETRAINED = Path(str(files("toyclip") / "pretrained" / "shapes.safetensors"))


def save(model: ToyCLIP, tokenizer: Tokenizer, path: str | Path) -> None:
    """Write the weights, the model's configuration and the vocabulary into one safetensors file."""
    about = {"format": FORMAT, "config": asdict(model.config), "words": tokenizer.words[1:]}
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    metadata = {"toyclip": json.dumps(about, allow_nan=False)}
    write_whole(path, lambda beside: save_file(weights, beside, metadata=metadata))


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
            about = json.loads((file.metadata() or {})["toyclip"])
            weights = {name: file.get_tensor(name) for name in file.keys()}
        if about["format"] != FORMAT:
            raise ModelFileError(f"{str(path)!r} has format {about['format']!r}; this version reads {FORMAT!r}")
        config = Config(**about["config"] | {"strides": tuple(about["config"]["strides"])})
        tokenizer, model = Tokenizer(about["words"], config.context_length), ToyCLIP(config)
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
