"""Counting concepts as one must in real data: words by their letters, pictures by a tagger (chapter Lots)."""

import torch
import torch.nn.functional as F
from torch import Tensor

from toyclip.encoders import ToyCLIP
from toyclip.errors import lookup
from toyclip.lab.study import Study
from toyclip.studies.frequency.corpus import FULL, Size, draw_corpus, similarity, vocabulary
from toyclip.studies.frequency.interventions import CONDITIONS, train_on

CORPUS = "20 % mismatched"  # the condition whose pairs are counted
THRESHOLD = 0.7  # of the probability that a tag takes (Udandarao et al. 2024)
SCHOOLING = {"good tagger": 256, "poor tagger": 32}  # pictures of each concept that it has learned from
TAGGER_SEED = 2_000_000  # is added to a seed, for pictures that no corpus and no test holds


def train_tagger(pictures: int, size: Size, seed: int, device: str = "cpu") -> ToyCLIP:
    """A tagger: a model of its own, taught on pictures of its own, equally many of each concept."""
    lessons = draw_corpus(vocabulary(size.concepts)[0], [pictures] * size.concepts, seed + TAGGER_SEED)
    return train_on(lessons, size, seed + TAGGER_SEED, device=device)[0]


@torch.no_grad()
def tag(tagger: ToyCLIP, pictures: Tensor, threshold: float = THRESHOLD) -> Tensor:
    """The tag of each picture, if the tagger is sure enough of any: (N, 3, H, W) uint8 -> (N, K) bool.

    Args:
        threshold: lowest probability of a tag, 0.5 or more, so that no picture gets two.
    """
    words = torch.arange(1, tagger.text_encoder.tokens.num_embeddings)[:, None]  # (K, 1)
    cosine = similarity(tagger, pictures, words)  # (N, K)
    return (tagger.logit_scale * cosine).softmax(dim=1) > threshold


def counting(teacher: str, seed: int, size: Size = FULL, device: str = "cpu") -> dict:
    """What a counter finds in the corpus of a seed that a model has been trained on under the condition `CORPUS`.

    Returns:
        For each concept: "true" (pairs that show it and say it), "text" (that say it), "image" (tagged with it),
        "joint" (both), "shown" (pictures of it), and "found" (those of them that are tagged with it).
    """
    corpus = CONDITIONS[CORPUS](size, seed)
    tagger = train_tagger(lookup(SCHOOLING, teacher, "teacher"), size, seed, device)
    tags = tag(tagger, corpus.pixels)  # (N, K)
    shown, said = (F.one_hot(x, size.concepts).bool() for x in (corpus.classes, corpus.captions))  # (N, K), (N, K)
    found = {
        "true": shown & said, "text": said, "image": tags, "joint": tags & said, "shown": shown, "found": tags & shown,
    }  # fmt: skip
    return {name: which.sum(dim=0).tolist() for name, which in found.items()}


STUDIES = (Study("frequency_counting", counting, seeds=8, conditions=tuple(SCHOOLING)),)
