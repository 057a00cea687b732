"""What a picture is asked with: a bare name, a sentence, a name with its kind, or with another kind (Real encoders)."""

import torch

from toyclip.errors import lookup
from toyclip.lab.study import Study
from toyclip.studies.real_encoders.features import concept_names, texts
from toyclip.studies.real_encoders.heads import ranks, split, train_heads
from toyclip.studies.real_encoders.transfer import ALL, CHOSEN_ON, REPORTED_ON, Arm, concepts, prepared

ASKED = ("name", "sentence", "kind", "other kind")
TAUGHT = {"names": ("name",), "sentences": ("sentence",), "names, sentences and tags": ("name", "sentence", "tags")}
TWO_MEANINGS = (  # names that mean something else as well; chosen by their meanings, before anything was measured
    "anchor", "bank", "bat", "battery", "beetle", "bell", "bone", "bug", "chestnut", "comet", "crown", "cricket",
    "drum", "duck", "ear", "eye", "fly", "foot", "gear", "key", "kite", "magnet", "mate", "mouse", "pick", "pill",
    "ram", "ring", "rocket", "rose", "school", "scroll", "seal", "snail", "spider", "star", "tiger", "tongue", "tooth",
    "turkey", "watch", "window", "wolf", "worm",
)  # fmt: skip


def wording(name: str, seed: int) -> dict:
    """Heads that were taught with some captions, asked with others.

    Returns:
        For each wording the share of right pictures of two vendors never seen: of trained concepts among the trained,
        of held out ones among the held out, and of trained ones whose name has two meanings.

    Raises:
        InputError: if there is no such way to teach.
    """
    styles = lookup(TAUGHT, name, "way to teach")
    trained, held_out = split(concepts(), seed)
    found = prepared(Arm())
    shown = found.by(*ALL)
    shown = shown[torch.isin(shown.concepts, trained)]
    model, _ = train_heads(shown, [texts(style) for style in styles], Arm().training, seed)
    asked = found.by(CHOSEN_ON, REPORTED_ON)
    double = torch.tensor([c for c, said in enumerate(concept_names()) if said in TWO_MEANINGS])
    result = {}
    for style in ASKED:
        parts = {}
        for part, ids in (("trained", trained), ("held out", held_out)):
            these = asked[torch.isin(asked.concepts, ids)]
            right = ranks([model], these, texts(style), ids) == 0  # (N,)
            parts[part] = right.double().mean().item()
            if part == "trained":
                parts["two meanings"] = right[torch.isin(these.concepts, double)].double().mean().item()
        result[style] = {part: round(value, 4) for part, value in parts.items()}
    return result


STUDIES = (Study("real_wording", wording, seeds=5, conditions=tuple(TAUGHT)),)
