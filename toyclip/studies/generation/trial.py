"""One generator and one recogniser on the same corpus, and all that is measured of them (chapter Generation)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from toyclip.pairs import Pairs
from toyclip.studies.frequency.corpus import Size, hits, similarity
from toyclip.studies.generation.flow import FULL, Schooling, draw, teach
from toyclip.studies.generation.judging import (
    AWAY,
    EQUAL,
    World,
    by_concept,
    judges,
    nearest_seen,
    own_cosine,
    recogniser,
    scores,
    words,
)
from toyclip.studies.generation.unet import UNet

GUIDANCES = (1.0, 2.0, 4.0)
GUIDED = 2.0  # with which everything is drawn that is not about guidance


@dataclass(frozen=True)
class Scope:
    """How large a trial is; the tests' differ in nothing else."""

    ladder: Size  # also for how long a recogniser learns, and on how many fresh pictures of each concept it is tested
    schooling: Schooling = FULL
    drawings: int = 16  # of each concept
    equal: int = EQUAL  # pictures of each concept that a judge sees


def generator(
    corpus: Pairs, concepts: int, seed: int, schooling: Schooling = FULL, device: str = "cpu"
) -> tuple[UNet, float]:
    """A new generator taught on a corpus, and its loss."""
    model = UNet(concepts, seed=seed)
    return model, teach(model, corpus, seed, schooling, device)


def drawings(model: UNet, concepts: int, each: int, seed: int, guidance: float = GUIDED) -> Pairs:
    """So many drawings of each concept, asked for by its word.

    >>> drawings(UNet(words=3), concepts=3, each=2, seed=0).classes.tolist()
    [0, 0, 1, 1, 2, 2]
    """
    asked = torch.arange(concepts).repeat_interleave(each)  # (N,)
    return Pairs(draw(model, asked, seed, guidance=guidance), asked, asked)


def printed_again(corpus: Pairs, asked: Tensor) -> Pairs:
    """What a mere printer would draw: for each wish, (N,), the first training picture with that caption."""
    first = torch.stack([(corpus.captions == c).nonzero()[0, 0] for c in asked])  # (N,)
    return Pairs(corpus.pixels[first], asked, asked)


def trial(corpus: Pairs, world: World, seed: int, scope: Scope, device: str = "cpu") -> dict:
    """What became of one corpus.

    Args:
        corpus: every concept at least once among the captions.
        world: what the corpus was drawn from; the judges see each concept of it equally often.

    Returns:
        loss; "drawn": for each of GUIDANCES `scores` of the drawings; "perfect": those of as many real pictures that
        nobody has seen; "printed": of one training picture for each concept, again and again; "own": "cosine" and
        "named", of the usual drawings, by the recogniser that saw the generator's own corpus; "naming": how many of
        the `ladder.test` fresh pictures of each concept it names; "near": median distance of each concept's usual
        drawings, and of its fresh pictures, to the nearest training picture.
    """
    ladder, concepts = scope.ladder, scope.ladder.concepts
    test = world([ladder.test] * concepts, seed + AWAY["test"])
    perfect = world([scope.drawings] * concepts, seed + AWAY["perfect"])
    jury = judges(world, ladder, seed, scope.equal, device)
    namer = recogniser(corpus, ladder, seed, device=device)
    model, loss = generator(corpus, concepts, seed, scope.schooling, device)
    drawn = {guidance: drawings(model, concepts, scope.drawings, seed, guidance) for guidance in GUIDANCES}
    usual = drawn[GUIDED]
    own = similarity(namer, usual.pixels, words(concepts))  # (N, K)
    return {
        "loss": round(loss, 4),
        "drawn": {str(guidance): scores(jury, part, test, concepts) for guidance, part in drawn.items()},
        "perfect": scores(jury, perfect, test, concepts),
        "printed": scores(jury, printed_again(corpus, usual.classes), test, concepts),
        "own": {"cosine": own_cosine(own, usual.classes), "named": hits(own, usual.classes)},
        "naming": hits(similarity(namer, test.pixels, words(concepts)), test.classes),
        "near": {
            who: by_concept(nearest_seen(part.pixels, corpus.pixels)[0], part.classes, concepts)
            for who, part in (("drawn", usual), ("fresh", test))
        },
    }
