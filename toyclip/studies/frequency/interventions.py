"""What becomes of the effect of frequency when one thing is changed (chapters Lots, Variety)."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from toyclip import streams
from toyclip.data import Pairs
from toyclip.encoders import ToyCLIP
from toyclip.errors import InputError, lookup
from toyclip.lab.study import Study
from toyclip.studies.frequency.corpus import (
    FULL,
    Size,
    assign,
    base_corpus,
    caption_counts,
    draw_corpus,
    held_out_corpus,
    hits,
    learn,
    new_model,
    similarity,
    vocabulary,
    whole,
)
from toyclip.train import contrastive, twins_masked

Change = Callable[[Size, int], Pairs]


def swapped(size: Size, seed: int) -> Pairs:
    """Head and tail change places: the concept with the smallest count gets the largest, and so on."""
    counts = assign(size, seed)
    return draw_corpus(vocabulary(size.concepts)[0], counts.min() * counts.max() // counts, seed)


def copies(size: Size, seed: int) -> Pairs:
    """As many pairs of each concept as ever, but all of them show one and the same picture."""
    corpus = base_corpus(size, seed)
    first = torch.searchsorted(corpus.classes, torch.arange(size.concepts))  # (K,) each concept's first picture
    return replace(corpus, pixels=corpus.pixels[first[corpus.classes]])


def equal_exposures(size: Size, seed: int) -> Pairs:
    """The same different pictures, but all concepts are shown equally often: a rare one's few are repeated."""
    corpus, counts = base_corpus(size, seed), assign(size, seed)
    return corpus[torch.arange(len(corpus)).repeat_interleave(torch.from_numpy(counts.max() // counts)[corpus.classes])]


def mismatched(share: float) -> Change:
    """The words of a random share of all pairs are dealt out among those pairs anew: a few get their own word back."""

    def change(size: Size, seed: int) -> Pairs:
        corpus, generator = base_corpus(size, seed), streams.generator(seed, "mismatched")
        chosen = torch.randperm(len(corpus), generator=generator)[: round(share * len(corpus))]  # (n,)
        captions = corpus.captions.clone()
        captions[chosen] = captions[chosen[torch.randperm(len(chosen), generator=generator)]]
        return replace(corpus, captions=captions)

    return change


def capped_counts(counts: np.ndarray, limit: int) -> np.ndarray:
    """No count above `limit`, and the total kept: all counts are multiplied by one factor and then cut off.

    So looks a corpus that MetaCLIP curates from a larger pool of the same make-up (Xu et al. 2024).

    Raises:
        InputError: if so many pairs do not fit under the limit.

    >>> capped_counts(np.array([1, 2, 4, 8, 16]), limit=8)
    array([2, 5, 8, 8, 8])
    """
    total = int(counts.sum())
    shown = int((counts > 0).sum())
    if limit * shown < total:
        raise InputError(f"{total} pairs do not fit under a limit of {limit} for {shown} concepts; raise it")
    low, high = 1.0, float(limit)
    for _ in range(60):  # the total grows with the factor
        middle = (low + high) / 2
        low, high = (middle, high) if np.minimum(middle * counts, limit).sum() < total else (low, middle)
    return whole(np.minimum(high * counts, limit), total)


def capped(limit: int) -> Change:
    """Counts capped, total kept."""
    return lambda size, seed: draw_corpus(vocabulary(size.concepts)[0], capped_counts(assign(size, seed), limit), seed)


def part(share: float) -> Change:
    """A random part of the corpus; each smaller part lies within the larger ones."""

    def change(size: Size, seed: int) -> Pairs:
        corpus = base_corpus(size, seed)
        order = torch.randperm(len(corpus), generator=streams.generator(seed, "part"))  # (N,)
        return corpus[order[: round(share * len(corpus))].sort().values]

    return change


def without_quarter(rank: Callable[[Size, int], Tensor]) -> Change:
    """Drop the quarter of each concept's pictures that `rank` puts highest; all `rank`s leave the same counts.

    Args:
        rank: (size, seed) -> one number for each picture of the seed's corpus, (N,).
    """

    def change(size: Size, seed: int) -> Pairs:
        corpus, ranked, kept = base_corpus(size, seed), rank(size, seed), []
        for concept in range(size.concepts):
            members = (corpus.classes == concept).nonzero().squeeze(1)  # (n,)
            order = ranked[members].argsort(stable=True)  # (n,)
            kept.append(members[order[: len(members) - len(members) // 4]])
        return corpus[torch.cat(kept)]

    return change


def at_random(size: Size, seed: int) -> Tensor:
    """A random order of the corpus, (N,)."""
    return torch.rand(len(base_corpus(size, seed)), generator=streams.generator(seed, "quarter"))


@torch.no_grad()
def nearest(embed: Callable[[Tensor], Tensor], pictures: Tensor, test: Tensor) -> Tensor:
    """Cosine of each picture with the nearest test picture, (N,).

    Args:
        embed: (n, 3, H, W) float pictures -> (n, D).
        pictures: (N, 3, H, W) uint8.
        test: (T, 3, H, W) uint8.
    """
    gallery = F.normalize(embed(test / 255), dim=1)  # (T, D)
    parts = [F.normalize(embed(part / 255), dim=1) @ gallery.T for part in pictures.split(512)]  # (512, T)
    return torch.cat([part.amax(dim=1) for part in parts])


def pixels(pictures: Tensor) -> Tensor:
    """Every pixel of a picture, its mean taken off: (n, 3, H, W) -> (n, 3 H W)."""
    return pictures.flatten(1) - pictures.flatten(1).mean(dim=1, keepdim=True)


def by_pixels(size: Size, seed: int) -> Tensor:
    """How like its nearest test picture each picture is, pixel by pixel, (N,)."""
    return nearest(pixels, base_corpus(size, seed).pixels, held_out_corpus(size, seed).pixels)


def by_features(size: Size, seed: int) -> Tensor:
    """The same as a model sees it that was trained on the whole corpus, (N,)."""
    model, _ = train_on(base_corpus(size, seed), size, seed)
    return nearest(model.embed_images, base_corpus(size, seed).pixels, held_out_corpus(size, seed).pixels)


def train_on(corpus: Pairs, size: Size, seed: int, masked: bool = False, device: str = "cpu") -> tuple[ToyCLIP, float]:
    """A new model trained on a corpus, and its mean loss in nats."""
    model = new_model(size, seed)
    loss_of = twins_masked if masked else contrastive
    captions = torch.arange(1, size.concepts + 1)[:, None]  # (K, 1)
    return model, learn(model, corpus, captions[corpus.captions], size, seed, loss_of, device=device)


CONDITIONS: dict[str, Change] = {
    "base": base_corpus,
    "twins masked": base_corpus,
    "head and tail swapped": swapped,
    "copies of one picture": copies,
    "equal exposures": equal_exposures,
    "nearest quarter dropped, pixels": without_quarter(by_pixels),
    "nearest quarter dropped, features": without_quarter(by_features),
    "random quarter dropped": without_quarter(at_random),
    **{f"{round(100 * share)} % mismatched": mismatched(share) for share in (0.1, 0.2, 0.3, 0.4)},
    **{f"capped at {limit}": capped(limit) for limit in (512, 256, 187)},
    **{f"1/{2**k} of the corpus": part(2.0**-k) for k in (1, 2, 3, 4, 5)},
}


def condition(name: str, seed: int, size: Size = FULL, device: str = "cpu") -> dict:
    """One run: the corpus of a seed, changed, a new model trained on it, and what it knows.

    Returns:
        counts (pairs with each concept's word), hits (of `size.test` pictures of each concept), loss in nats.

    Raises:
        InputError: if there is no such condition.
    """
    corpus = lookup(CONDITIONS, name, "condition")(size, seed)
    model, loss = train_on(corpus, size, seed, masked=name == "twins masked", device=device)
    test = held_out_corpus(size, seed)
    captions = torch.arange(1, size.concepts + 1)[:, None]  # (K, 1)
    return {
        "counts": caption_counts(corpus, size.concepts).tolist(),
        "hits": hits(similarity(model, test.pixels, captions), test.classes),
        "loss": round(loss, 4),
    }


STUDIES = (Study("frequency_conditions", condition, seeds=8, conditions=tuple(CONDITIONS)),)
