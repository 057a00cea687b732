"""How the cascade follows its hub: hubs that were frozen early, and hubs that are narrow."""

from toyclip import streams
from toyclip.data import Pairs, draw_pairs
from toyclip.encoders import ToyCLIP
from toyclip.errors import lookup
from toyclip.lab.study import Study
from toyclip.studies.cascade.hubs import checkpoints, hub
from toyclip.studies.cascade.pairing import FULL, Heard, Size, captions_of, heard, pictures_of, scores, tie

STOPS = (0, 4, 12, 20, 40, 86)  # updates after which a hub is frozen; the last is the end of the recipe
WIDTHS = (2, 8)  # channels of the last convolution
TEST = 30  # pictures of each class that a hub itself is tested on


def judged(model: ToyCLIP, pairs: Heard, test: Pairs, size: Size, seed: int) -> dict:
    """The same hub asked about pictures, and about sounds that are tied to it."""
    captions = captions_of(model)
    ears = tie(pairs.spectra, pictures_of(model, pairs.pictures), size, seed)
    return {
        "hub": scores(pictures_of(model, test), captions, test.classes)["accuracy"],
        "cascade": scores(ears.embed(pairs.test), captions, pairs.classes)["accuracy"],
    }


def quality(name: str, seed: int, size: Size = FULL) -> list[dict]:
    """For each hub, its own accuracy on pictures and the accuracy of the cascade on sounds.

    Returns:
        For each stop, or each width: updates or width, hub, cascade.

    Raises:
        InputError: if there is no such condition.
    """
    grown = lookup({"frozen early": early, "narrow": narrow}, name, "condition")(seed)
    pairs, test = heard(size, seed), draw_pairs(TEST, streams.number(seed, "pictures to test on"))
    return [{"hub of": number} | judged(model, pairs, test, size, seed) for number, model in grown.items()]


def early(seed: int) -> dict[int, ToyCLIP]:
    """Hubs of so many updates."""
    return checkpoints(seed, STOPS)


def narrow(seed: int) -> dict[int, ToyCLIP]:
    """Hubs of so many channels."""
    return {width: hub(seed, width) for width in WIDTHS}


STUDIES = (Study("cascade_hubs", quality, seeds=5, conditions=("frozen early", "narrow")),)
