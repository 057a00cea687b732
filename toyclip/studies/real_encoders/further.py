"""Further away than any drawing: photographs, icons, other languages, and no training at all (Real encoders).

`python -m toyclip.assets.make_far` made the file; far.json beside it says from what.
"""

import functools
from importlib.resources import files

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor

from toyclip import streams
from toyclip.errors import lookup
from toyclip.lab.study import Study
from toyclip.studies.real_encoders import features
from toyclip.studies.real_encoders.features import Pictures, pictures, restore, texts
from toyclip.studies.real_encoders.heads import ranks, split
from toyclip.studies.real_encoders.transfer import ARMS, CHOSEN_ON, STEPS, Arm, concepts, examine, learn

LANGUAGES = {"German": "de", "French": "fr", "Spanish": "es", "Arabic": "ar", "Japanese": "ja"}
CLASSES = 10  # of ImageNet, that a picture is described with (Norouzi et al. 2014)
FURTHER = ("icons", "photographs")
CURES = "eight sets, outlined, middle"
CONDITIONS = {  # the arm, and whether pairs are shuffled
    "pairs": (Arm(), False),
    "shuffled pairs": (Arm(), True),
    CURES: (ARMS[CURES], False),
    "no training": (None, False),
}
DATA = "far.safetensors"


@functools.cache
def _tensors() -> dict[str, Tensor]:
    return load_file(str(files("toyclip.assets") / DATA))


@functools.cache
def far_pictures(kind: str, layers: tuple[str, ...] = ("last",)) -> Pictures:
    """Photographs or icons of concepts, with the features that `features.pictures` has of drawings.

    Raises:
        InputError: if there are no such pictures.
    """
    lookup(dict.fromkeys(FURTHER), kind, "kind of pictures")
    parts, held = [], features._tensors()
    for layer in layers:
        spread = held[f"scale.{layer}"] ** 0.5  # (D,)
        length = (restore(held[f"pictures.{layer}"]) * spread).square().sum(dim=1).mean().sqrt()  # ()
        parts.append(restore(_tensors()[f"{kind}.{layer}"]) * spread / length)  # (N, D)
    ids = _tensors()[f"{kind}.concept"].long()  # (N,)
    return Pictures(torch.cat(parts, dim=1), ids, torch.full_like(ids, -1), torch.zeros_like(ids))


def spoken(name: str) -> Tensor:
    """What MiniLM makes of all names in a language, (C, D), or of the names of ImageNet's classes, (1000, D)."""
    rows = restore(_tensors()[f"texts.{name}"]) * features._tensors()["scale.text"] ** 0.5  # (N, D)
    return rows / rows.square().sum(dim=1).mean().sqrt()


def alike(language: str) -> Tensor:
    """Which names share a word with the English one, (C,)."""
    return _tensors()[f"alike.{language}"]


def bridged(kind: str) -> Pictures:
    """Pictures whose features are captions': the mean of MiniLM's for the classes of ImageNet that EfficientNet sees,
    each as likely as it is (ConSE, Norouzi et al. 2014). Nothing is trained on pairs.

    Args:
        kind: "drawings", those of STEPS, "icons" or "photographs".
    """
    which, likely = _tensors()[f"bridge.{kind}"].long(), _tensors()[f"bridge.likely.{kind}"].float()  # (N, CLASSES)
    described = torch.einsum("nk,nkd->nd", likely, F.normalize(spoken("classes"), dim=1)[which])  # (N, D)
    of = far_pictures(kind) if kind in FURTHER else pictures().by(*(v for step in STEPS.values() for v in step))
    return Pictures(described, of.concepts, of.vendors, of.views)


def nearest(shown: Tensor, captions: Tensor) -> Tensor:
    """Cosines, (N, C), of (N, D) and (C, D) of one space."""
    return F.normalize(shown, dim=1) @ F.normalize(captions, dim=1).T


def further(name: str, seed: int) -> dict:
    """The last two steps down, and names in other languages; without training all steps.

    Returns:
        For each step R@1 and R@10 of trained concepts among the trained, and of those held out; for each language R@10
        of trained concepts on a vendor never seen: of all names, of those that share no word with the English one, and
        as a control when every picture is to find another's name, dealt by lot.

    Raises:
        InputError: if there is no such condition.
    """
    arm, shuffled = lookup(CONDITIONS, name, "condition")
    trained, held_out = split(concepts(), seed)
    if arm:
        models, seen, _ = learn(arm, seed, trained, shuffled)
        asked, steps = seen.by(CHOSEN_ON), {kind: far_pictures(kind, arm.layers) for kind in FURTHER}
    else:
        models, seen = [nearest], bridged("drawings")
        asked = seen.by(CHOSEN_ON)
        steps = {step: seen.by(*vendors) for step, vendors in STEPS.items()} | {kind: bridged(kind) for kind in FURTHER}
    return {
        "steps": {step: examine(models, shown, trained, held_out) for step, shown in steps.items()},
        "languages": {said: understood(models, asked, said, trained) for said in ("English", *LANGUAGES)},
    }


def understood(models: list, asked: Pictures, language: str, ids: Tensor) -> dict[str, float]:
    """R@10 of some concepts' pictures among their names in a language."""
    said = texts("name") if language == "English" else spoken(language)
    own = torch.ones(len(said), dtype=torch.bool) if language == "English" else alike(language)  # (C,)
    shown = asked[torch.isin(asked.concepts, ids)]
    moved = said.clone()
    moved[ids] = said[ids[torch.randperm(len(ids), generator=streams.generator(0, "another's name"))]]
    place, other = (ranks(models, shown, rows, ids) < 10 for rows in (said, moved))  # (N,) each
    parts = {"all": place, "other words": place[~own[shown.concepts]], "another's name": other}
    return {part: round(hits.double().mean().item(), 4) for part, hits in parts.items() if len(hits)}


STUDIES = (Study("real_further", further, seeds=5, conditions=tuple(CONDITIONS)),)
