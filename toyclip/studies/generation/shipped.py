"""Two trained generators that come with the package, in half the precision (chapter Generation)."""

from importlib.resources import files
from pathlib import Path

from safetensors.torch import load_file

from toyclip.errors import lookup
from toyclip.studies.generation.unet import UNet

ASSETS = Path(str(files("toyclip.assets")))  # where make_generators writes them
NAMES = ("emoji", "letters")  # each is the run of seed 0 of its study, lots as dealt


def file_of(name: str) -> Path:
    """Where a generator's weights are.

    Raises:
        InputError: if there is no such generator.

    >>> file_of("emoji").name
    'generator_emoji.safetensors'
    """
    lookup(dict.fromkeys(NAMES), name, "generator")
    return ASSETS / f"generator_{name}.safetensors"


def shipped(name: str) -> UNet:
    """A trained generator, "emoji" or "letters".

    Raises:
        InputError: if there is no such generator.

    >>> shipped("emoji").words
    22
    """
    weights = load_file(file_of(name))
    model = UNet(words=len(weights["text_encoder.weight"]) - 1)  # the empty caption is none
    model.load_state_dict({key: value.float() for key, value in weights.items()})
    return model
