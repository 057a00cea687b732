"""Models on disk: safetensors with the configuration inside, written whole or not at all (helper, no chapter)."""

import json
from importlib.resources import files
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from toyclip.data import Tokenizer
from toyclip.encoders import ToyCLIP
from toyclip.errors import ModelFileError
from toyclip.files import check_writable, write_json, write_whole  # noqa: F401 (the command line takes them from here)

FORMAT = "toyclip-1"
PRETRAINED = Path(str(files("toyclip") / "pretrained" / "shapes.safetensors"))


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
