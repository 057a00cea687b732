"""Captions that do not fit, pairs left out, rare pictures repeated: three corpora beside the dealt one (Generation)."""

from collections.abc import Callable

import numpy as np
import torch

from toyclip import streams
from toyclip.errors import lookup
from toyclip.lab.study import Study
from toyclip.pairs import Pairs
from toyclip.studies.generation.lots import WHOLE, deal, world_of
from toyclip.studies.generation.trial import Scope, trial

WRONG = 0.4  # share of the pairs whose captions are dealt out among them anew


def chosen(corpus: Pairs, seed: int) -> torch.Tensor:
    """The pairs whose captions go astray, (n,) positions: a share of all, but of each concept at least one stays right.

    Without that exception a concept of one picture would be lost or kept by a throw of the coin.
    """
    order = torch.randperm(len(corpus), generator=streams.generator(seed, "astray"))  # (N,)
    last = torch.stack([(corpus.classes == c).nonzero()[-1, 0] for c in corpus.classes.unique()])  # (K,)
    order = order[~torch.isin(order, last)]
    return order[: round(WRONG * len(corpus))]


def misaligned(corpus: Pairs, counts: np.ndarray, seed: int) -> Pairs:
    """The captions of some pairs dealt out among those pairs anew: a few get their own back."""
    astray, generator = chosen(corpus, seed), streams.generator(seed, "dealt anew")
    captions = corpus.captions.clone()  # (N,)
    captions[astray] = captions[astray[torch.randperm(len(astray), generator=generator)]]
    return Pairs(corpus.pixels, corpus.classes, captions)


def left_out(corpus: Pairs, counts: np.ndarray, seed: int) -> Pairs:
    """The same pairs missing altogether: the control, in which no caption is wrong."""
    kept = torch.ones(len(corpus), dtype=torch.bool)  # (N,)
    kept[chosen(corpus, seed)] = False
    return corpus[kept]


def repeated(corpus: Pairs, counts: np.ndarray, seed: int) -> Pairs:
    """The same different pictures, but all concepts are shown equally often."""
    times = torch.from_numpy(counts.max() // counts)[corpus.classes]  # (N,)
    return corpus[torch.arange(len(corpus)).repeat_interleave(times)]


CHANGES: dict[str, Callable[[Pairs, np.ndarray, int], Pairs]] = {
    "40 % misaligned": misaligned,
    "the same left out": left_out,
    "shown equally often": repeated,
}


def captions_run(change: str, seed: int, scope: Scope = WHOLE, device: str = "cpu") -> dict:
    """One generator on a changed corpus; all else is as in the study `generation_lots` under "dealt" and this seed.

    Args:
        change: of one of CHANGES.

    Returns:
        counts of each concept before the change, and what `trial` says.
    """
    counts, world = deal("dealt", scope.ladder, seed), world_of(scope.ladder, seed)
    corpus = lookup(CHANGES, change, "change")(world(counts, seed), counts, seed)
    return {"counts": counts.tolist()} | trial(corpus, world, seed, scope, device)


STUDIES = (Study("generation_captions", captions_run, seeds=5, conditions=tuple(CHANGES)),)
