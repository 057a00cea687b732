"""What a picture is asked with: a bare name, a sentence, a name with its kind, or with another kind (Real encoders)."""

import torch

from toyclip.errors import lookup
from toyclip.lab.study import Study
from toyclip.studies.real_encoders.features import concept_names, texts
from toyclip.studies.real_encoders.heads import ranks, split, train_heads
from toyclip.studies.real_encoders.transfer import ALL, CHOSEN_ON, REPORTED_ON, Arm, concepts, prepared

ASKED = ("name", "sentence", "kind", "other kind")
TAUGHT = {
    "names": ("name",),
    "sentences": ("sentence",),
    "names, sentences and tags": ("name", "sentence", "tags"),
    "names, with and without kinds": ("name", "kind"),
}
TWO_MEANINGS = (  # names that mean something else as well; chosen by their meanings, before anything was measured
    "anchor", "bank", "bat", "battery", "beetle", "bell", "bone", "bug", "chestnut", "comet", "crown", "cricket",
    "drum", "duck", "ear", "eye", "fly", "foot", "gear", "key", "kite", "magnet", "mate", "mouse", "pick", "pill",
    "ram", "ring", "rocket", "rose", "school", "scroll", "seal", "snail", "spider", "star", "tiger", "tongue", "tooth",
    "turkey", "watch", "window", "wolf", "worm",
)  # fmt: skip


def parts(seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The concepts that are trained, those held out, and of these the ones whose name has two meanings: all there are.

    What was trained has got its meaning from the pictures; only a name never taught can be taken for something else.
    """
    trained, held_out = split(concepts(), seed)
    double = torch.tensor([c for c, said in enumerate(concept_names()[: concepts()]) if said in TWO_MEANINGS])
    trained = trained[~torch.isin(trained, double)]
    return trained, torch.cat([held_out, double]).unique(), double


def wording(name: str, seed: int) -> dict:
    """Heads that were taught with some captions, asked with others.

    Returns:
        For each wording R@1 and R@10 on two vendors never seen: of trained concepts among the trained, of held out ones
        among the held out, and of those of them whose name has two meanings.

    Raises:
        InputError: if there is no such teaching.
    """
    styles = lookup(TAUGHT, name, "teaching")
    trained, held_out, double = parts(seed)
    found = prepared(Arm())
    shown = found.by(*ALL)
    shown = shown[torch.isin(shown.concepts, trained)]
    model, _ = train_heads(shown, [texts(style) for style in styles], Arm().training, seed)
    asked, result = found.by(CHOSEN_ON, REPORTED_ON), {}
    for style in ASKED:
        result[style] = {}
        for part, ids in (("trained", trained), ("held out", held_out)):
            these = asked[torch.isin(asked.concepts, ids)]
            place = ranks([model], these, texts(style), ids)  # (N,)
            result[style][part] = _recall(place)
            if part == "held out":
                result[style]["two meanings"] = _recall(place[torch.isin(these.concepts, double)])
    return result


def _recall(place: torch.Tensor) -> dict[str, float]:
    return {f"R@{k}": round((place < k).double().mean().item(), 4) for k in (1, 10)}


STUDIES = (Study("real_wording", wording, seeds=6, conditions=tuple(TAUGHT)),)
