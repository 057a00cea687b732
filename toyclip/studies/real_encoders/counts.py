"""How many drawings of a concept were seen, dealt by lot, with real encoders (chapter Real encoders)."""

import numpy as np
import torch

from toyclip import streams
from toyclip.errors import lookup
from toyclip.lab.study import Study
from toyclip.studies.real_encoders.features import Pictures, texts
from toyclip.studies.real_encoders.heads import ranks, train_heads
from toyclip.studies.real_encoders.transfer import ALL, CHOSEN_ON, REPORTED_ON, STYLES, Arm, concepts, prepared

VIEWS = ("plain", "outlined")
COUNTS = (1, 2, 4, 8)  # drawings of a concept; a quarter of the concepts each, by lot
CONDITIONS = {  # do concepts differ in how many drawings are seen, and in how often they are seen
    "as it comes": (True, True),
    "equal exposure": (True, False),
    "one drawing repeated": (False, True),
}


def deal(number: int, seed: int) -> np.ndarray:
    """A count for each of some concepts, (C,), every count as often as the others, dealt by lot.

    >>> sorted(deal(8, seed=0).tolist())
    [1, 1, 2, 2, 4, 4, 8, 8]
    """
    return streams.rng(seed, "deal").permutation(np.resize(COUNTS, number))


def drawn(shown: Pictures, counts: np.ndarray, differ: bool, exposure: bool, seed: int) -> Pictures:
    """The training pictures: of concept c counts[c] rows as it comes, or max(COUNTS) rows where exposure is equal.

    Args:
        differ: the rows are of as many drawings as its count says; otherwise all are of one drawing.
        exposure: a concept has as many rows as its count says.
    """
    rng, rows = streams.rng(seed, "drawings"), []
    for concept, count in enumerate(counts):
        own = rng.permutation(torch.nonzero(shown.concepts == concept)[:, 0].numpy())
        different = own[: count if differ else 1]
        rows.append(np.resize(different, count if exposure else max(COUNTS)))
    return shown[torch.from_numpy(np.concatenate(rows))]


def frequency(name: str, seed: int) -> dict:
    """Train on counts dealt by lot, test on both vendors never seen.

    Returns:
        counts of each concept; hits of each, on Twemoji and OpenMoji together, of two.

    Raises:
        InputError: if there is no such condition.
    """
    differ, exposure = lookup(CONDITIONS, name, "condition")
    found = prepared(Arm())
    training = found.by(*ALL, views=VIEWS)
    counts = deal(concepts(), seed)
    captions = [texts(style) for style in STYLES]
    model, _ = train_heads(drawn(training, counts, differ, exposure, seed), captions, Arm().training, seed)
    asked = found.by(CHOSEN_ON, REPORTED_ON)
    right = ranks([model], asked, texts("name"), torch.arange(concepts())) == 0  # (N,)
    hits = torch.zeros(concepts(), dtype=torch.int64).index_add(0, asked.concepts, right.long())
    return {"counts": counts.tolist(), "hits": hits.tolist()}


STUDIES = (Study("real_counts", frequency, seeds=8, conditions=tuple(CONDITIONS)),)
