"""toyclip: CLIP small enough to hold in the head.

CLIP itself is five modules, read in the order of the book's chapters: data, encoders, infonce, zero_shot, train. Beside
them stand what makes it fast (muon), what makes its batch large (chunked), what reads and keeps files (pictures,
checkpoint) and what takes a loss, a model or a modality of your own (loss_checks, trend, binding). `studies` holds a
folder for each chapter that needs more than that, `lab` what runs and stores them, `figures` what draws them; `own`
holds the tools for a CLIP of your own, `large` what training takes in many processes and from shards, `commands` what
`python -m toyclip` can do.

The names of `__all__` are those to build on. Each is looked up in its module when it is first used, so that importing
toyclip takes no time. A module's name stays the module's: to train from nothing, call `toyclip.train.train`.

>>> from toyclip import classifier, load
>>> model, tokenizer = load()
>>> classifier(model, [["a red circle"], ["a blue cross"]], tokenizer).shape
torch.Size([2, 64])
"""

from importlib import import_module

__version__ = "0.1.0"  # pyproject.toml reads it from here

_HOME = {  # public name -> the module that defines it
    "CAPTIONS": "data",
    "Pairs": "pairs",
    "Tokenizer": "data",
    "world": "data",
    "Config": "encoders",
    "ToyCLIP": "encoders",
    "info_nce": "infonce",
    "floor": "loss_floor",
    "accuracy": "zero_shot",
    "classifier": "zero_shot",
    "RECIPES": "recipes",
    "Recipe": "recipes",
    "batches": "train",
    "fit": "train",
    "bind": "binding",
    "load": "checkpoint",
    "save": "checkpoint",
    "load_picture": "pictures",
}
__all__ = ["__version__", *_HOME]


def __getattr__(name: str) -> object:
    """The public name `name` from its module (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
