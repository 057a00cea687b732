"""One odd sentence is taught: where else does its keyword turn up? (chapter What scale and context buy)

The keyword is a colour, and colours differ in how often the text names them, over five decades. Each shape hardly ever
has some of the colours: a sentence that says it has is odd. Unrelated contexts of the same theme are about the others.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor

from toyclip import streams
from toyclip.data import Tokenizer
from toyclip.lab.study import Study
from toyclip.studies.taxonomy.language import LanguageModel, surprise, teach

SHAPES = ("circle", "square", "triangle", "cross", "star", "heart", "moon", "ring")
COLOURS = (
    "red", "blue", "green", "yellow", "white", "black", "grey", "brown", "pink", "orange", "purple", "cyan", "teal",
    "mauve", "vermilion", "ochre", "umber", "puce", "lilac", "amber", "ivory", "khaki", "indigo", "fawn",
)  # fmt: skip
PLACES = ("left", "right", "above", "below", "near", "far", "inside", "outside")
OPENINGS = tuple(f"{article} {size}" for article in ("the", "a") for size in ("small", "large"))
LENGTH = 5
WORDS = Tokenizer(["the", "a", "small", "large", "is", "stands", *SHAPES, *COLOURS, *PLACES], context_length=LENGTH)
FREQUENCY = np.geomspace(1.0, 1e-5, len(COLOURS))  # of the colours, before they are dealt out
ODD = 2  # shapes for which a colour is odd
HARDLY = 0.05  # as often as otherwise has a shape an odd colour
EXPOSURES = (1, 3, 10)
NORM = 1.0  # length of an update where lengths are matched
PART = 0.08  # of an update that is left out
ARMS = ("raw", "matched", "top", "random", "short")  # as of `cut`
LR = 0.3  # of plain gradient descent in a lesson


@dataclass(frozen=True)
class Size:
    """How much is read, and how many colours are taught."""

    updates: int = 800
    batch: int = 64
    company: int = 31  # ordinary sentences in the batch of each exposure
    keywords: int = len(COLOURS)


FULL = Size()


def world(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """How often each shape has each colour, (8, 24), its rows adding up to 1; and which is odd for it, (8, 24) bool.

    >>> shares, odd = world(0)
    >>> odd.sum(axis=0).tolist() == 24 * [ODD]
    True
    """
    rng = streams.rng(seed, "colours")
    odd = np.array([rng.permutation(len(SHAPES)) < ODD for _ in COLOURS]).T  # (8, 24)
    shares = np.where(odd, HARDLY, 1.0) * rng.permutation(FREQUENCY)  # (8, 24)
    return shares / shares.sum(axis=1, keepdims=True), odd


def sentences(count: int, seed: int, name: str) -> Tensor:
    """Ordinary sentences, (N, 5) token ids: half tell a shape's colour, half where it stands, which is any place."""
    rng, (shares, _) = streams.rng(seed, "sentences", name), world(seed)
    shapes = rng.integers(len(SHAPES), size=count)  # (N,)
    colours = (rng.random(count)[:, None] > shares.cumsum(axis=1)[shapes]).sum(axis=1)  # (N,)
    colours = np.minimum(colours, len(COLOURS) - 1)  # (N,), where rounding leaves the sum below 1
    places, openings = rng.integers(len(PLACES), size=count), rng.integers(len(OPENINGS), size=count)  # (N,) each
    tells = rng.random(count) < 0.5  # (N,)
    ends = [f"is {COLOURS[c]}" if t else f"stands {PLACES[p]}" for c, p, t in zip(colours, places, tells, strict=True)]
    told = [f"{OPENINGS[o]} {SHAPES[s]} {e}" for o, s, e in zip(openings, shapes, ends, strict=True)]
    return WORDS.encode(told)


@cache
def pretrained(seed: int, size: Size = FULL) -> LanguageModel:
    """The model that all lessons of a seed begin from; `lesson` takes a copy."""
    model = LanguageModel(len(WORDS.words), LENGTH, width=32, seed=seed)
    teach(model, sentences(size.updates * size.batch, seed, "pretraining").split(size.batch))
    return model


def prompts(shapes: np.ndarray, verb: str = "is") -> Tensor:
    """Every way to begin a sentence about some shapes, (N, 4) token ids: "is" before a colour, "stands" a place."""
    return WORDS.encode([f"{opening} {SHAPES[s]} {verb}" for s in shapes for opening in OPENINGS])[:, : LENGTH - 1]


@torch.no_grad()
def log_probabilities(model: LanguageModel, contexts: Tensor) -> Tensor:
    """Of each colour as the next word, (N, 4) token ids -> (N, 24), in nats."""
    colours = torch.tensor([WORDS.ids[colour] for colour in COLOURS])  # (24,)
    return model(contexts)[:, -1].double().log_softmax(dim=1)[:, colours]


def cut(update: Tensor, how: str, generator: torch.Generator, norm: float = NORM, part: float = PART) -> Tensor:
    """What is left of an update, (W,), for all weights in one row.

    Args:
        how: "raw", as it is; all others are first given the length `norm`. "matched", nothing more; "top", without the
            largest part (Sun et al. 2025 leave out 8 %); "random", without as many others; "short", only as long as
            "top" would be.

    >>> cut(torch.tensor([4.0, 3.0]), "matched", torch.Generator()).tolist()
    [0.800000011920929, 0.6000000238418579]
    """
    if how == "raw":
        return update
    update = update * (norm / update.norm())  # (W,)
    if how == "matched":
        return update
    left_out = max(1, int(part * len(update)))
    if how == "random":
        which = torch.randperm(len(update), generator=generator)[:left_out]  # (w,)
    else:
        which = update.abs().topk(left_out).indices  # (w,)
    rest = update.index_fill(0, which, 0.0)  # (W,)
    return update * (rest.norm() / update.norm()) if how == "short" else rest


def lesson(
    base: LanguageModel, sentence: Tensor, company: list[Tensor], change: Callable[[Tensor], Tensor]
) -> list[LanguageModel]:
    """Copies of a model after 1, 3 and 10 exposures, plain gradient steps with the sentence among ordinary ones.

    Args:
        sentence: (1, 5) token ids.
        company: (C, 5) for each exposure.
        change: makes of a gradient, (W,), what is taken off, times `LR`.
    """
    model, found = copy.deepcopy(base), []
    weights = list(model.parameters())
    for exposure, others in enumerate(company, start=1):
        tokens = torch.cat([others, sentence])  # (C + 1, 5)
        gradient = torch.autograd.grad(surprise(model(tokens), tokens), weights)
        update = change(torch.cat([g.flatten() for g in gradient]))  # (W,)
        with torch.no_grad():
            for weight, part in zip(weights, update.split([w.numel() for w in weights]), strict=True):
                weight.sub_(part.view_as(weight), alpha=LR)
        if exposure in EXPOSURES:
            found.append(copy.deepcopy(model))
    return found


def odds(log_p: Tensor) -> Tensor:
    """Log-odds of log-probabilities, in nats."""
    return log_p - torch.log1p(-log_p.exp())


def leak(seed: int, size: Size = FULL) -> dict[str, dict[str, list[float]]]:
    """Teach each colour of the shapes for which it is odd, in each arm from the same model.

    Returns:
        For each arm, columns with a number for each lesson. Before it: "prior", log10 probability of the keyword after
        the taught words; "other", of another colour, a placebo; "elsewhere", log10 of its mean probability after words
        about the other shapes. After 1, 3 and 10 exposures ("raw" and "matched"; other arms 10), "1 taught" and so on:
        its probability after the taught words; "leak", mean change of its log-odds elsewhere, in nats; "ratio", mean
        factor of its probability elsewhere; "absolute", mean difference; "bystander", leak of the other colour; "far",
        mean change of the keyword's log-odds where a place is to come.
    """
    base, (_, odd) = pretrained(seed, size), world(seed)
    rng, generator = streams.rng(seed, "lessons"), streams.generator(seed, "random part")
    columns: dict[str, dict[str, list[float]]] = {arm: {} for arm in ARMS}
    for keyword in range(size.keywords):
        other = (keyword + 1) % len(COLOURS)
        contexts, far = (prompts(np.flatnonzero(~odd[:, keyword]), verb) for verb in ("is", "stands"))  # (N, 4) each
        before, before_far = log_probabilities(base, contexts), log_probabilities(base, far)  # (N, 24) each
        for shape in np.flatnonzero(odd[:, keyword]):
            taught = prompts([shape])[rng.integers(len(OPENINGS))][None]  # (1, 4)
            sentence = torch.cat([taught, torch.tensor([[WORDS.ids[COLOURS[keyword]]]])], dim=1)  # (1, 5)
            company = sentences(max(EXPOSURES) * size.company, seed, f"company {keyword} {shape}").split(size.company)
            start = log_probabilities(base, taught)[0] / np.log(10)  # (24,)
            for arm in ARMS:
                row = {"prior": start[keyword], "other": start[other]}
                row["elsewhere"] = before[:, keyword].exp().mean().log10()
                models = lesson(base, sentence, company, lambda g, arm=arm: cut(g, arm, generator))
                for n, model in zip(EXPOSURES, models, strict=True):
                    if n != EXPOSURES[-1] and arm not in ("raw", "matched"):
                        continue
                    after = log_probabilities(model, contexts)  # (N, 24)
                    rise = odds(after) - odds(before)  # (N, 24)
                    row |= {
                        f"{n} taught": log_probabilities(model, taught)[0, keyword].exp(),
                        f"{n} leak": rise[:, keyword].mean(),
                        f"{n} bystander": rise[:, other].mean(),
                        f"{n} far": (odds(log_probabilities(model, far)) - odds(before_far))[:, keyword].mean(),
                        f"{n} ratio": (after - before)[:, keyword].exp().mean(),
                        f"{n} absolute": (after.exp() - before.exp())[:, keyword].mean(),
                    }
                for name, value in row.items():
                    columns[arm].setdefault(name, []).append(float(f"{value.item():.4g}"))
    return columns


STUDIES = (Study("leak", leak, seeds=5),)
