"""Who says that a drawing is what was asked for: a CLIP, a classifier, a distance, a search for copies.

The paper behind the frequency law scores drawings by the cosine of picture and caption under a CLIP (Udandarao et al.
2024, section 3). Here the judges saw every concept equally often, in pictures of their own.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from toyclip.encoders import Config, ToyCLIP
from toyclip.pairs import Pairs
from toyclip.studies.frequency.corpus import Size, hits, learn, similarity
from toyclip.studies.frequency.words import all_words
from toyclip.studies.generation.flow import as_signal
from toyclip.train import Loss, contrastive

World = Callable[[Sequence[int], int], Pairs]  # counts of each concept, seed of the pictures
STRIDES = (2, 2, 1, 1)  # pictures of 16 px instead of 32: two halvings instead of three
EQUAL = 100  # pictures of each concept that a judge sees
AWAY = {  # is added to a seed, for pictures of their own
    "test": 1_000_000,
    "clip": 2_000_000,
    "classifier": 3_000_000,
    "perfect": 4_000_000,
}
POOL = 256  # drawings at a time that are compared with all training pictures


def recogniser(corpus: Pairs, size: Size, seed: int, loss_of: Loss = contrastive, device: str = "cpu") -> ToyCLIP:
    """A CLIP with one word for each concept, trained on a corpus of pictures of 16 px."""
    words = Config(image_encoder="strided", strides=STRIDES, vocab_size=size.concepts + 1, context_length=1)
    model = ToyCLIP(words, seed)
    learn(model, corpus, corpus.captions[:, None] + 1, size, seed, loss_of, device=device)
    return model


def words(concepts: int) -> Tensor:
    """The captions of all concepts, (K, 1) token ids."""
    return torch.arange(1, concepts + 1)[:, None]


@dataclass(frozen=True)
class Judges:
    """Two models that saw each concept equally often: a CLIP, and a classifier that never compared captions."""

    clip: ToyCLIP
    classifier: ToyCLIP


def judges(world: World, size: Size, seed: int, equal: int = EQUAL, device: str = "cpu") -> Judges:
    """Both judges of a seed, each trained on pictures that nobody else sees."""
    clip, classifier = (
        recogniser(world([equal] * size.concepts, seed + AWAY[who]), size, seed + AWAY[who], loss, device)
        for who, loss in (("clip", contrastive), ("classifier", all_words(words(size.concepts))))
    )
    return Judges(clip, classifier)


def energy_distance(some: Tensor, others: Tensor) -> float:
    """How far two clouds of points lie apart; 0 in the mean over clouds from one source (Székely and Rizzo 2013).

    Twice the mean distance from one to the other, less the mean distances within each, no point with itself.

    Args:
        some: (n, D), n at least 2.
        others: (m, D), m at least 2.

    >>> energy_distance(torch.zeros(2, 1), torch.ones(3, 1))
    2.0
    """
    within = [torch.cdist(x, x).sum() / (len(x) * (len(x) - 1)) for x in (some, others)]  # () each
    return (2 * torch.cdist(some, others).mean() - within[0] - within[1]).item()


def own_cosine(cosine: Tensor, classes: Tensor) -> list[float]:
    """The mean cosine of each concept's pictures with its own caption, (N, K) and (N,) -> K numbers."""
    own = cosine.gather(1, classes[:, None]).squeeze(1)  # (N,)
    return [round(own[classes == c].mean().item(), 4) for c in range(cosine.shape[1])]


@torch.no_grad()
def scores(jury: Judges, drawn: Pairs, real: Pairs, concepts: int) -> dict[str, list]:
    """What the judges say of the drawings, concept by concept.

    Args:
        drawn: at least two drawings of each concept.
        real: pictures of each concept that nothing was trained on.

    Returns:
        "cosine": mean cosine of drawing and caption under the CLIP, and "named", how many drawings have their own
        word nearest; "classified": the same by the classifier; "distance": energy distance between drawings and real
        pictures in the classifier's embeddings.
    """
    cosine = similarity(jury.clip, drawn.pixels, words(concepts))  # (N, K)
    drawn_at, real_at = (jury.classifier.embed_images(part.pixels) for part in (drawn, real))  # (N, D), (R, D)
    return {
        "cosine": own_cosine(cosine, drawn.classes),
        "named": hits(cosine, drawn.classes),
        "classified": hits(similarity(jury.classifier, drawn.pixels, words(concepts)), drawn.classes),
        "distance": [
            round(energy_distance(drawn_at[drawn.classes == c], real_at[real.classes == c]), 4) for c in range(concepts)
        ],
    }


def nearest_seen(asked: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
    """How far each picture is from the nearest training picture, and which one that is, (N,) and (N,).

    Args:
        asked: (N, 3, H, W) uint8.
        seen: (M, 3, H, W) uint8.

    Returns:
        Root of the mean squared difference, black and white being 2 apart, and positions in `seen`.

    >>> nearest_seen(torch.zeros(1, 3, 2, 2, dtype=torch.uint8), torch.full((1, 3, 2, 2), 255, dtype=torch.uint8))
    (tensor([2.]), tensor([0]))
    """
    gallery = as_signal(seen).flatten(1)  # (M, P)
    found = [torch.cdist(as_signal(part).flatten(1), gallery).min(dim=1) for part in asked.split(POOL)]
    return torch.cat([part.values for part in found]) / gallery.shape[1] ** 0.5, torch.cat([p.indices for p in found])


def by_concept(values: Tensor, classes: Tensor, concepts: int) -> list[float]:
    """The median of each concept's values, K numbers."""
    return [round(values[classes == c].median().item(), 4) for c in range(concepts)]
