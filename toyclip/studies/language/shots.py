"""Words against examples: what a handful of shots says that nobody meant to say (chapter What scale and context buy).

The question is always the shape. In the toy CLIP the shots of a shape are pictures, whose mean is its prototype (Snell
et al. 2017); in the language model they are lines of a prompt, and `examples` draws them. A shot has a nuisance, its
colour or its place. Drawn with a nuisance of its own for each shape, shots cannot say which of the two is meant.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from toyclip import streams
from toyclip.checkpoint import load
from toyclip.data import COLORS, SHAPES, Pairs, Rendering, Tokenizer, caption, draw_pairs
from toyclip.encoders import ToyCLIP
from toyclip.errors import lookup
from toyclip.lab.study import Study
from toyclip.recipes import FAST, Recipe
from toyclip.studies.language.examples import LESSONS, Lessons, prompted
from toyclip.train import train
from toyclip.zero_shot import classifier

SMALL = Rendering(extent=(9.0, 9.4))  # the smallest of the world, which have most room for a corner
TESTS = {"clean": Rendering(), "noisy": Rendering(noise=0.2)}  # the second takes words off the ceiling
OWN = "a colour of its own"
WAYS = {  # nuisance of a shot -> how it is dealt out: to each shot, to each shape a value of its own, to all one value
    "varied": ("colour", "each"),
    OWN: ("colour", "own"),
    "one colour": ("colour", "one"),
    "a corner of its own": ("corner", "own"),
    "one corner": ("corner", "one"),
}


@dataclass(frozen=True)
class Amounts:
    """How much is drawn and trained."""

    counts: tuple[int, ...] = (1, 2, 4, 8, 16, 32)  # shots of each shape
    pool: int = 100  # pictures of each class that shots are taken from, large ones and small ones
    test: int = 30  # of each class
    draws: int = 20
    recipe: Recipe = FAST
    lessons: Lessons = LESSONS


FULL = Amounts()


def color_of(classes: Tensor) -> Tensor:
    """Number of the colour of each class of the world, (N,) -> (N,)."""
    return classes // len(SHAPES)


def shape_of(classes: Tensor) -> Tensor:
    """Number of the shape of each class of the world, (N,) -> (N,)."""
    return classes % len(SHAPES)


def corners(pixels: Tensor) -> Tensor:
    """In which quarter a picture has the middle of its light: 0 top left, 1 top right, 2 and 3 below, (N, 3, H, W) ->
    (N,).

    >>> picture = torch.zeros(1, 3, 8, 8, dtype=torch.uint8)
    >>> picture[..., 1, 6] = 255
    >>> corners(picture)
    tensor([1])
    """
    light = pixels.float().amax(dim=1)  # (N, H, W)
    light = (light - light.flatten(1).median(dim=1).values[:, None, None]).clamp(min=0) ** 2  # the ground left out
    down, right = light.sum(dim=2), light.sum(dim=1)  # (N, H), (N, W)
    middle = (pixels.shape[-1] - 1) / 2
    below, beside = (
        (part * torch.arange(part.shape[1])).sum(dim=1) / part.sum(dim=1) > middle for part in (down, right)
    )  # (N,) each
    return 2 * below.long() + beside.long()


def deal(how: str, shots: int, rng: np.random.Generator) -> np.ndarray:
    """The nuisance of each shot of each shape, (4, shots), one of four values.

    Args:
        how: "each" shot by lot, each shape its "own", all shapes "one".

    Raises:
        InputError: if there is no such way.

    >>> deal("own", 3, np.random.default_rng(0)).std(axis=1).tolist()
    [0.0, 0.0, 0.0, 0.0]
    """
    dealt = {
        "each": rng.integers(4, size=(4, shots)),  # (4, K)
        "own": np.repeat(rng.permutation(4)[:, None], shots, axis=1),  # (4, K)
        "one": np.full((4, shots), rng.integers(4)),  # (4, K)
    }
    return lookup(dealt, how, "way")


def choose(shapes: Tensor, nuisances: Tensor, wanted: np.ndarray, rng: np.random.Generator) -> Tensor:
    """Pictures of each shape with the nuisances that its shots want, none twice, of which there are enough, (4, K).

    Args:
        shapes: (N,) of the pictures, 0 to 3.
        nuisances: (N,), 0 to 3.
        wanted: (4, K).
    """
    order = rng.permutation(len(shapes))  # (N,)
    kinds = (4 * shapes + nuisances).numpy()[order]  # (N,)
    left = {kind: iter(order[kinds == kind].tolist()) for kind in range(16)}
    return torch.tensor([[next(left[4 * shape + value]) for value in row] for shape, row in enumerate(wanted)])


def prototypes(embeddings: Tensor) -> Tensor:
    """One unit vector per class, the mean of its shots, (C, K, D) -> (C, D)."""
    return F.normalize(embeddings.mean(dim=1), dim=-1)


def told_by_words(model: ToyCLIP, tokenizer: Tokenizer) -> Tensor:
    """The classifier of shapes from text, each shape by its four captions, (4, D)."""
    return classifier(model, [[caption(color, shape) for color in COLORS] for shape in SHAPES], tokenizer)


@torch.no_grad()
def embed(model: ToyCLIP, pairs: Pairs) -> Tensor:
    """Unit vectors of pictures, (N, D)."""
    return torch.cat([model.embed_images(part) for part in pairs.pixels.split(512)])


def few_shots(model: ToyCLIP, tokenizer: Tokenizer, seed: int, amounts: Amounts = FULL) -> dict:
    """New pictures asked for their shape, by words and by prototypes of few shots.

    Returns:
        for each of TESTS, which differ in nothing but noise, "words": share right; "shots": way -> for each count the
        share right, mean of all draws; "led": of the mistakes after the most shots with a colour of their own, the
        share that name the shape whose shots had the picture's colour.
    """
    grounds = {"colour": Rendering(), "corner": SMALL}
    pools = {kind: draw_pairs(amounts.pool, streams.number(seed, kind), ground) for kind, ground in grounds.items()}
    embeddings = {kind: embed(model, pool) for kind, pool in pools.items()}  # (N, D) each
    nuisances = {"colour": color_of(pools["colour"].classes), "corner": corners(pools["corner"].pixels)}  # (N,) each
    tests = {name: draw_pairs(amounts.test, streams.number(seed, "test"), ground) for name, ground in TESTS.items()}
    asked = {name: embed(model, test) for name, test in tests.items()}  # (N, D) each
    color, shape = (part(tests["clean"].classes) for part in (color_of, shape_of))  # (N,) each
    right = {name: {way: np.zeros((amounts.draws, len(amounts.counts))) for way in WAYS} for name in TESTS}
    wrong, led = dict.fromkeys(TESTS, 0), dict.fromkeys(TESTS, 0)
    for way, draw in product(WAYS, range(amounts.draws)):
        kind, how = WAYS[way]
        rng = streams.rng(seed, way, draw)
        wanted = deal(how, max(amounts.counts), rng)  # (4, K)
        shots = embeddings[kind][choose(shape_of(pools[kind].classes), nuisances[kind], wanted, rng)]  # (4, K, D)
        for name, (i, count) in product(TESTS, enumerate(amounts.counts)):
            said = (asked[name] @ prototypes(shots[:, :count]).T).argmax(dim=1)  # (N,)
            right[name][way][draw, i] = (said == shape).double().mean()
            if way == OWN and count == max(amounts.counts):
                mistakes = said != shape  # (N,)
                wrong[name] += int(mistakes.sum())
                led[name] += int((torch.from_numpy(wanted[:, 0])[said] == color)[mistakes].sum())
    words = told_by_words(model, tokenizer)  # (4, D)
    return {
        name: {
            "words": round(((asked[name] @ words.T).argmax(dim=1) == shape).double().mean().item(), 4),
            "shots": {way: [round(float(v), 4) for v in shares.mean(axis=0)] for way, shares in right[name].items()},
            "led": round(led[name] / max(1, wrong[name]), 4),
        }
        for name in TESTS
    }


READERS = {"any colours": 0.0, "half in one colour": 0.5, "nearly all in one colour": 0.95, "all in one colour": 1.0}
SUBJECTS = ("shipped CLIP", "CLIP", *READERS)


def shots(subject: str, seed: int, amounts: Amounts = FULL) -> dict:
    """One subject, asked by words and by shots.

    Args:
        subject: "shipped CLIP", where the seed decides the pictures alone; "CLIP", trained by the fast recipe on the
            seed; or a language model, by the documents that it has read.

    Raises:
        InputError: if there is no such subject.
    """
    ask = {
        "shipped CLIP": lambda: few_shots(*load(), seed, amounts),
        "CLIP": lambda: few_shots(train(amounts.recipe, seed)[0], Tokenizer(), seed, amounts),
        **{name: lambda share=share: prompted(share, seed, amounts.lessons) for name, share in READERS.items()},
    }
    return lookup(ask, subject, "subject")()


STUDIES = (Study("shots", shots, seeds=5, conditions=SUBJECTS),)
