"""From the training pictures down to a vendor never seen: where accuracy falls, and what mends it (Real encoders)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from toyclip import streams
from toyclip.errors import lookup
from toyclip.lab.study import Study
from toyclip.studies.real_encoders.features import Pictures, concept_names, pictures, texts
from toyclip.studies.real_encoders.heads import Heads, Training, recall, split, train_heads

TWO = ("Noto", "Fluent")  # what is trained on unless said otherwise
POOL = ("Noto", "Fluent", "Noto v1", "EmojiOne", "EmojiOne v1")  # vendors to draw lots from
ALL = (*POOL, "Fluent flat", "Firefox", "Streamline")
CHOSEN_ON, REPORTED_ON = "Twemoji", "OpenMoji"
STYLES = ("name", "sentence", "tags")  # captions in training; a test asks with names
STEPS = {  # of the way down: what is asked about
    "training pictures": TWO,
    "another drawing of a training vendor": ("Fluent flat",),
    "a vendor never seen": (CHOSEN_ON,),
    "a vendor with a style of its own": (REPORTED_ON,),
}
CONCEPTS = None  # how many are used; None: all
TRAINING = Training()


@dataclass(frozen=True)
class Arm:
    """What one run trains on, and what is done to features before."""

    vendors: tuple[str, ...] = TWO
    views: tuple[str, ...] = ("plain",)
    layers: tuple[str, ...] = ("last",)
    power: float = 0.5  # of each axis's spread that is left; 0 whitens
    change: str = ""  # a key of CHANGES
    heads: int = 1  # whose cosines are averaged
    training: Training = TRAINING


def own_statistics(given: Pictures, trained: tuple[str, ...]) -> Pictures:
    """Each vendor's features with its own mean and deviation taken off, from its pictures alone, without captions."""
    features = given.features.clone()
    for vendor in given.vendors.unique():
        rows, plain = given.vendors == vendor, (given.vendors == vendor) & (given.views == 0)
        mean, deviation = features[plain].mean(dim=0), features[plain].std(dim=0)
        features[rows] = (features[rows] - mean) / deviation * given.features.std(dim=0)
    return replace(given, features=features)


def coral(given: Pictures, trained: tuple[str, ...]) -> Pictures:
    """Each other vendor's features with the mean and the covariance of the training vendors' (Sun et al. 2016)."""
    features, base = given.features.clone(), given.by(*trained).features  # (N, D), (M, D)
    colour = _root(torch.cov(base.T), 0.5)  # (D, D)
    training = torch.isin(given.vendors, given.by(*trained).vendors.unique())
    for vendor in given.vendors[~training].unique():
        rows, plain = given.vendors == vendor, (given.vendors == vendor) & (given.views == 0)
        centred = features[rows] - features[plain].mean(dim=0)
        features[rows] = centred @ _root(torch.cov(features[plain].T), -0.5) @ colour + base.mean(dim=0)
    return replace(given, features=features)


def _root(covariance: Tensor, power: float) -> Tensor:
    """A power of a covariance matrix, with a hundredth of its mean spread added to every direction."""
    values, vectors = torch.linalg.eigh(covariance + 0.01 * covariance.diag().mean() * torch.eye(len(covariance)))
    return vectors * values.clamp(min=1e-9) ** power @ vectors.T


CHANGES: dict[str, Callable[[Pictures, tuple[str, ...]], Pictures]] = {
    "own statistics": own_statistics, "CORAL": coral,
}  # fmt: skip


def prepared(arm: Arm) -> Pictures:
    """All pictures with the features that an arm uses."""
    found = pictures(arm.layers, arm.power)
    found = found if CONCEPTS is None else found[found.concepts < CONCEPTS]
    return CHANGES[arm.change](found, arm.vendors) if arm.change else found


def learn(arm: Arm, seed: int, kept: Tensor, shuffled: bool = False) -> tuple[list[Heads], Pictures, float]:
    """Heads trained on the concepts that are kept, all pictures as they see them, and the last loss in nats.

    Args:
        shuffled: every concept gets the captions of another one, by lot.
    """
    seen = prepared(arm)
    chosen = seen.by(*arm.vendors, views=arm.views)
    chosen = chosen[torch.isin(chosen.concepts, kept)]
    names = None
    if shuffled:
        names = torch.arange(len(concept_names()))
        names[kept] = kept[torch.randperm(len(kept), generator=streams.generator(seed, "shuffled"))]
    captions = [texts(style) for style in STYLES]
    runs = [train_heads(chosen, captions, arm.training, 1000 * seed + i, names) for i in range(arm.heads)]
    return [model for model, _ in runs], seen, runs[-1][1]


def examine(models: Sequence[Heads], shown: Pictures, trained: Tensor, held_out: Tensor) -> dict[str, dict[str, float]]:
    """Recall of trained concepts among the trained, and of those held out among the held out."""
    names = texts("name")
    return {name: recall(models, shown, names, part) for name, part in (("trained", trained), ("held out", held_out))}


def concepts() -> int:
    """How many are used."""
    return CONCEPTS or len(concept_names())


def waterfall(name: str, seed: int) -> dict:
    """Two training vendors, and the four steps down from their pictures.

    Args:
        name: "pairs" or "shuffled pairs".

    Returns:
        For each step R@1 and R@10 of trained concepts and of those held out; loss in nats, chance of R@1.

    Raises:
        InputError: if there is no such condition.
    """
    shuffled = lookup({"pairs": False, "shuffled pairs": True}, name, "condition")
    trained, held_out = split(concepts(), seed)
    models, seen, loss = learn(Arm(), seed, trained, shuffled)
    found = {step: examine(models, seen.by(*vendors), trained, held_out) for step, vendors in STEPS.items()}
    found["training pictures, outlined"] = examine(models, seen.by("Noto", views=("outlined",)), trained, held_out)
    return {"steps": found, "loss": round(loss, 4), "chance": [1 / len(trained), 1 / len(held_out)]}


ARMS = {
    "two vendors": Arm(),
    "own statistics": Arm(change="own statistics"),
    "CORAL": Arm(change="CORAL"),
    "whitened": Arm(power=0.0),
    "recoloured views": Arm(views=("plain", "recoloured")),
    "outlined views": Arm(views=("plain", "outlined")),
    "middle layers": Arm(layers=("last", "middle")),
    "eight sets": Arm(vendors=ALL),
    "eight sets, outlined": Arm(vendors=ALL, views=("plain", "outlined")),
    "eight sets, outlined, middle": Arm(vendors=ALL, views=("plain", "outlined"), layers=("last", "middle")),
    "recipe": Arm(vendors=ALL, views=("plain", "outlined"), layers=("last", "middle"), heads=5),
}


def mend(name: str, seed: int) -> dict:
    """One arm, asked about the vendor that recipes are chosen on and the one that they are reported on.

    Raises:
        InputError: if there is no such arm.
    """
    arm = lookup(ARMS, name, "arm")
    trained, held_out = split(concepts(), seed)
    models, seen, loss = learn(arm, seed, trained)
    vendors = (CHOSEN_ON, REPORTED_ON)
    return {v: examine(models, seen.by(v), trained, held_out) for v in vendors} | {"loss": round(loss, 4)}


def lots(name: str, seed: int) -> dict:
    """Some vendors of POOL, drawn by lot, on the concepts that all of them have drawn; equal updates.

    Args:
        name: "1 vendor", "2 vendors", and so on.

    Raises:
        InputError: if there are not that many vendors.
    """
    count = lookup(LOTS, name, "number")
    found = prepared(Arm())
    drawn = [set(found.by(vendor).concepts.tolist()) for vendor in POOL]
    shared = sorted(set.intersection(*drawn))
    order = streams.rng(seed, "vendors").permutation(len(POOL))[:count]
    trained, held_out = (torch.tensor(shared)[part] for part in split(len(shared), seed))
    vendors = tuple(POOL[i] for i in order)
    models, seen, _ = learn(Arm(vendors=vendors), seed, trained)
    asked = {v: examine(models, seen.by(v), trained, held_out) for v in (CHOSEN_ON, REPORTED_ON)}
    return asked | {"vendors": list(vendors), "concepts": len(shared)}


LOTS = {f"{k} vendor{'s'[: k > 1]}": k for k in range(1, len(POOL) + 1)}

STUDIES = (
    Study("real_waterfall", waterfall, seeds=8, conditions=("pairs", "shuffled pairs")),
    Study("real_mend", mend, seeds=5, conditions=tuple(ARMS)),
    Study("real_lots", lots, seeds=8, conditions=tuple(LOTS)),
)
