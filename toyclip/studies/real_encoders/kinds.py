"""Kinds that no picture was ever paired with, once more: MiniLM frozen, EfficientNet frozen (chapter Taxonomy)."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from toyclip import streams
from toyclip.errors import lookup
from toyclip.lab.study import Study
from toyclip.studies.real_encoders.features import Pictures, pictures
from toyclip.studies.real_encoders.leaves import Leaves, hold_out, leaves_of, read, rename
from toyclip.studies.real_encoders.ranking import grades
from toyclip.studies.real_encoders.transfer import ALL, REPORTED_ON
from toyclip.studies.taxonomy.kinds import coherence
from toyclip.studies.taxonomy.language import descend
from toyclip.studies.taxonomy.mapping import Mapping

UPDATES, BATCH, LR, HIDDEN = 150, 256, 3e-3, 160  # of the mapping; chosen on Twemoji under seed 100
SCALE = 10.0  # 1 / temperature


@dataclass(frozen=True)
class Arm:
    """What is done to the texts, the pictures, or the captions between them."""

    text: str = "MiniLM"
    layers: tuple[str, ...] = ("last",)
    words: str = "as they are"  # see `rename`
    taught: float = 0.0  # share of the aligned leaves whose pictures are shown with their kinds' words, too
    withheld: float = 0.0  # share of the kinds, drawn by lot, of which none is


ARMS = {
    "no kind shown": Arm(),
    **{f"{n} of 10 leaves": Arm(taught=n / 10) for n in range(1, 10)},
    "all leaves": Arm(taught=1.0),
    **{f"{n} % of kinds out": Arm(taught=1.0, withheld=n / 100) for n in (25, 50, 75)},
    "random vectors": Arm(text="random"),
    **{f"{n} of 10 leaves, random vectors": Arm(text="random", taught=n / 10) for n in range(1, 10, 2)},
    "all leaves, random vectors": Arm(text="random", taught=1.0),
    "kinds' words dealt out": Arm(text="kinds dealt out"),
    "within": Arm(words="within"),
    "across": Arm(words="across"),
    "wholes": Arm(words="wholes"),
    "middle layers": Arm(layers=("middle",)),
    "middle layers, across": Arm(layers=("middle",), words="across"),
}
AGAIN = (  # of these with the kinds of WordNet, too
    "no kind shown", "1 of 10 leaves", "5 of 10 leaves", "9 of 10 leaves", "all leaves", "50 % of kinds out",
    "random vectors", "5 of 10 leaves, random vectors", "all leaves, random vectors", "kinds' words dealt out",
    "within", "across", "middle layers",
)  # fmt: skip
CONDITIONS = {f"Unicode, {name}": ("Unicode", arm) for name, arm in ARMS.items()} | {
    f"WordNet, {name}": ("WordNet", ARMS[name]) for name in AGAIN
}


def vectors(arm: Arm, leaves: Leaves, seed: int) -> tuple[Tensor, Tensor]:
    """What stands for the leaves' names, (L, 384), and for the kinds' words, (K, 384), each of length 1."""
    names, kinds = read(leaves.names), read(leaves.kinds)
    if arm.text == "random":
        draw = streams.generator(seed, "random vectors")
        names, kinds = (F.normalize(torch.randn(rows.shape, generator=draw), dim=1) for rows in (names, kinds))
    if arm.text == "kinds dealt out":
        order = streams.rng(seed, "kinds dealt out").permutation(len(kinds))
        kinds = kinds[torch.from_numpy(np.roll(order, 1)[np.argsort(order)])]  # none keeps its own
    return names, kinds


def taught(arm: Arm, leaves: Leaves, said: np.ndarray, held_out: np.ndarray, seed: int) -> tuple[np.ndarray, Tensor]:
    """Which leaves' pictures are shown with kinds, (L,) bool, and which kinds with each leaf, (L, K) bool."""
    rng, shown = streams.rng(seed, "taught"), np.zeros(len(said), dtype=bool)
    for group in np.unique(leaves.group):
        own = rng.permutation(np.flatnonzero((leaves.group == group) & ~held_out))
        shown[own[: round(arm.taught * len(own))]] = True
    told = leaves.truth[said] & shown[:, None]
    told[:, withheld(arm, leaves, seed)] = False
    return shown, torch.from_numpy(told)


def withheld(arm: Arm, leaves: Leaves, seed: int) -> list[int]:
    """The numbers of the kinds that are left out altogether."""
    count = len(leaves.kinds)
    return sorted(streams.rng(seed, "withheld").permutation(count)[: round(arm.withheld * count)].tolist())


def align(
    seen: Pictures, owner: Tensor, said: Tensor, names: Tensor, kinds: Tensor, told: Tensor, seed: int
) -> tuple[Mapping, float]:
    """A mapping trained to bring pictures to the vectors of their words, which stay as they are; its last mean loss.

    Args:
        owner: (N,), of which leaf each picture is.
        said: (L,), whose word a leaf's pictures carry.
        names: (L, 384).
        kinds: (K, 384).
        told: (L, K) bool, the kinds that are shown with a leaf's pictures: each time one of them, by lot.
    """
    mapping = Mapping(seen.features.shape[1], HIDDEN, names.shape[1], seed)
    draw, asked = streams.generator(seed, "alignment"), told.any(dim=0)  # (K,)
    words = torch.unique(said[owner])  # (V,)
    target = torch.searchsorted(words, said[owner])  # (N,)

    def loss() -> Tensor:
        batch = torch.randint(len(owner), (BATCH,), generator=draw)  # (B,)
        looks = SCALE * F.normalize(mapping(seen.features[batch]), dim=1)  # (B, 384)
        naming = F.cross_entropy(looks @ names[words].T, target[batch])
        rows = told[owner[batch]]  # (B, K)
        has = rows.any(dim=1)  # (B,)
        if not has.any():
            return naming
        one = torch.multinomial(rows[has].float(), 1, generator=draw)  # (b, 1)
        others = rows[has].scatter(1, one, value=False) | ~asked  # (b, K): neither right nor wrong
        logits = (looks[has] @ kinds.T).masked_fill(others, -torch.inf)  # (b, K)
        return naming + F.cross_entropy(logits, one[:, 0])

    last = descend(mapping, loss, UPDATES, LR)
    return mapping.requires_grad_(False), last


def real_kinds(name: str, seed: int) -> dict:
    """One mapping between two frozen encoders, scored on a vendor whose drawings nothing was trained on.

    Returns:
        text: average precision of each kind where MiniLM ranks the leaves' names; coherence: how alike the aligned
        leaves look whose words are of one kind; leaf: share of "seen" pictures that are called by the right name of
        all; for "seen" leaves, aligned, none with its kinds if any are without, and for those "held" out: `grades` of
        each kind (or of those withheld), two_ap (picture -> name -> kind in two steps).

    Raises:
        InputError: if there is no such condition.
    """
    table, arm = lookup(CONDITIONS, name, "condition")
    return measure(table, arm, seed)


def measure(table: str, arm: Arm, seed: int, vendor: str = REPORTED_ON) -> dict:
    """The same for any arm and any vendor."""
    leaves = leaves_of(table)
    held_out = hold_out(leaves, seed)
    said = rename(arm.words, leaves, held_out, seed)  # (L,)
    names, kinds = vectors(arm, leaves, seed)
    shown, told = taught(arm, leaves, said, held_out, seed)
    everything = pictures(arm.layers)
    owner_of = torch.full((int(everything.concepts.max()) + 1,), -1)
    owner_of[leaves.concepts] = torch.arange(len(leaves.names))
    aligned = torch.from_numpy(~held_out)
    seen = everything.by(*ALL)
    seen = seen[(owner_of[seen.concepts] >= 0) & aligned[owner_of[seen.concepts]]]
    owner = owner_of[seen.concepts]  # (N,)
    mapping, loss = align(seen, owner, torch.from_numpy(said), names, kinds, told, seed)
    looks = torch.zeros(len(leaves.names), seen.features.shape[1]).index_add(0, owner, seen.features)
    looks = (looks / owner.bincount(minlength=len(looks)).clamp(min=1)[:, None]).numpy()[~held_out]
    truth, asked = leaves.truth[said], withheld(arm, leaves, seed) or list(range(len(leaves.kinds)))
    lore = (names @ kinds.T).numpy()  # (L, K)
    result: dict = {
        "text": grades(lore, leaves.truth)["ap"],
        "coherence": [round(float(alike(looks, truth[~held_out, k])), 4) for k in range(len(leaves.kinds))],
        "loss": round(loss, 4),
    }
    tested = everything.by(vendor)
    tested = tested[owner_of[tested.concepts] >= 0]
    whose = owner_of[tested.concepts].numpy()  # (M,)
    found = F.normalize(mapping(tested.features), dim=1)  # (M, 384)
    untold = ~shown if 0 < arm.taught < 1 else np.ones_like(shown)
    for part, chosen in (("seen", ~held_out & untold), ("held", held_out)):
        rows = chosen[whose]
        word = said[whose[rows]]  # (m,)
        called = found[rows] @ names.T  # (m, L)
        steps = (SCALE * called).softmax(dim=1).numpy() @ lore  # (m, K)
        right = truth[whose[rows]]
        result[part] = grades((found[rows] @ kinds.T).numpy()[:, asked], right[:, asked])
        result[part]["two_ap"] = grades(steps[:, asked], right[:, asked])["ap"]
        if part == "seen":
            result["leaf"] = round(float((called.argmax(dim=1).numpy() == word).mean()), 4)
    return result


def alike(looks: np.ndarray, own: np.ndarray) -> float:
    """How alike the leaves of one kind look: `coherence` of it.

    Args:
        looks: (L, D).
        own: (L,) bool, at least two.
    """
    return coherence(looks, own.astype(int))[1]


STUDIES = (Study("real_kinds", real_kinds, seeds=5, conditions=tuple(CONDITIONS)),)
