"""The toy without real encoders, from scratch, on a hundred and on a thousand classes (chapter Real encoders)."""

from dataclasses import dataclass

import torch

from toyclip.errors import lookup
from toyclip.lab.study import Study
from toyclip.studies.frequency.concepts import choose
from toyclip.studies.frequency.corpus import TEST_SEED, Size, draw_corpus, hits, learn, new_model, similarity

CLASSES = {f"{k:,} classes": k for k in (100, 1000)}


@dataclass(frozen=True)
class Effort:
    """The same for every number of classes."""

    pictures: int = 8000  # to train on, all classes together
    updates: int = 640
    batch_size: int = 128
    test: int = 2000  # pictures to test on, all classes together


FULL = Effort()


def scratch(name: str, seed: int, effort: Effort = FULL) -> dict:
    """One toy CLIP on emoji of OpenMoji in any place, size, rotation, light and on any ground, a word for each.

    Returns:
        accuracy on new pictures of the same emoji, among all the words; loss in nats; chance.

    Raises:
        InputError: if there is no such number of classes.
    """
    count = lookup(CLASSES, name, "number")
    chosen = choose(count, seed)
    corpus = draw_corpus(chosen, [max(1, effort.pictures // count)] * count, seed)
    size = Size(levels=1, per_level=count, updates=effort.updates, batch_size=min(effort.batch_size, len(corpus)))
    words = torch.arange(1, count + 1)[:, None]  # (count, 1)
    model = new_model(size, seed)
    loss = learn(model, corpus, words[corpus.captions], size, seed)
    test = draw_corpus(chosen, [max(1, effort.test // count)] * count, seed + TEST_SEED)
    right = sum(hits(similarity(model, test.pixels, words), test.classes))
    return {"accuracy": round(right / len(test), 4), "loss": round(loss, 4), "chance": 1 / count}


STUDIES = (Study("real_scratch", scratch, seeds=5, conditions=tuple(CLASSES)),)
