"""What the words have to do with it: a word for two things, all words in the loss, a longer ladder (chapter Lots)."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from toyclip import streams
from toyclip.data import Pairs
from toyclip.encoders import ToyCLIP
from toyclip.errors import lookup
from toyclip.lab.study import Study
from toyclip.studies.frequency.corpus import (
    FULL,
    Size,
    assign,
    base_corpus,
    held_out_corpus,
    learn,
    new_model,
    similarity,
)
from toyclip.train import Loss, contrastive

LONGER = Size(levels=13, per_level=8, updates=2048)  # counts up to 4,096, each picture shown four times as in FULL
TESTS = {"as trained": 0.0, "in noise": 0.25}  # standard deviation of noise on the test pictures, 0 to 1


def own_words(size: Size, seed: int) -> Tensor:
    """A word for each concept, (K,)."""
    return torch.arange(size.concepts)


def shared_words(size: Size, seed: int) -> Tensor:
    """Half of the concepts, drawn by lot, share a word with another of them, and with nothing else, (K,)."""
    half = streams.rng(seed, "shared words").permutation(size.concepts)[: size.concepts // 4 * 2]
    word = np.arange(size.concepts)
    word[half[1::2]] = half[::2]
    return torch.from_numpy(word)


def all_words(captions: Tensor) -> Loss:
    """Cross-entropy of each picture over all captions, seen in the batch or not: a classifier of the same weights.

    Args:
        captions: (K, 1) token ids, each its row's number plus 1.
    """

    def loss(model: ToyCLIP, images: Tensor, tokens: Tensor) -> Tensor:
        return F.cross_entropy(model(images, captions.to(images.device)), tokens[:, 0] - 1)  # (B, K), (B,)

    return loss


CONDITIONS = {  # size, words, and whether the loss knows all of them
    "own words": (FULL, own_words, False),
    "shared words": (FULL, shared_words, False),
    "all words in the loss": (FULL, own_words, True),
    "longer ladder": (LONGER, own_words, False),
}


def noisy(test: Pairs, noise: float, seed: int) -> Tensor:
    """The pictures under Gaussian noise, (N, 3, H, W) uint8."""
    generator = streams.generator(seed, "test noise")
    added = 255 * noise * torch.randn(test.pixels.shape, generator=generator)  # (N, 3, H, W)
    return (test.pixels + added).round().clamp(0, 255).to(torch.uint8)


def words_run(name: str, seed: int, size: Size | None = None, device: str = "cpu") -> dict:
    """One model, tested with all words that its corpus knows as answers.

    Args:
        name: of one of CONDITIONS.
        size: instead of the condition's.

    Returns:
        counts of each concept's own pictures, its word, hits (of `size.test` pictures) in each of TESTS; loss in nats.
    """
    usual, words_of, everything = lookup(CONDITIONS, name, "condition")
    size = size or usual
    corpus, test, word = base_corpus(size, seed), held_out_corpus(size, seed), words_of(size, seed)
    captions = torch.arange(1, size.concepts + 1)[:, None]  # (K, 1)
    model, loss_of = new_model(size, seed), all_words(captions) if everything else contrastive
    loss = learn(model, corpus, captions[word[corpus.classes]], size, seed, loss_of, device=device)
    no_answer = torch.ones(size.concepts, dtype=torch.bool)
    no_answer[word] = False
    found = {}
    for shown, noise in TESTS.items():
        cosine = similarity(model, noisy(test, noise, seed), captions)  # (N, K)
        right = cosine.masked_fill(no_answer, -torch.inf).argmax(dim=1) == word[test.classes]  # (N,)
        found[shown] = torch.bincount(test.classes[right], minlength=size.concepts).tolist()
    return {"counts": assign(size, seed).tolist(), "words": word.tolist(), "hits": found, "loss": round(loss, 4)}


STUDIES = (Study("frequency_words", words_run, seeds=8, conditions=tuple(CONDITIONS)),)
