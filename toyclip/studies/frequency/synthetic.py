"""A second synthetic world: sentences for captions, counts after Zipf's law, other emoji (chapter Lots)."""

from dataclasses import replace

import numpy as np
import torch

from toyclip import streams
from toyclip.data import Pairs, Tokenizer
from toyclip.encoders import Config, ToyCLIP
from toyclip.lab.study import Study
from toyclip.studies.frequency.concepts import choose, draw_concepts, words
from toyclip.studies.frequency.corpus import TEST_SEED, Size, hits, learn, similarity

NARROW = Size(levels=8, per_level=12, updates=300, batch_size=64, test=20)  # 96 concepts, no ladder of counts
TOTAL = 1600  # pairs to train on
EXPONENT = 1.2  # of the law: the k-th concept has a share in proportion to k ** -EXPONENT
FRAMES = ("{}", "a photo of {}", "my {} today", "look at this {}", "{} for sale", "one more {}")  # what people write
ASKED = "a photo of {}"  # of every word at the test
WIDTH = 32  # channels, half as many as in the other studies: one core trains it


def law(concepts: int) -> np.ndarray:
    """Shares of the concepts from the commonest to the rarest, (K,).

    >>> law(2).round(2).tolist()
    [0.7, 0.3]
    """
    shares = np.arange(1, concepts + 1) ** -EXPONENT
    return shares / shares.sum()


def zipf_counts(concepts: int, total: int, seed: int) -> np.ndarray:
    """How often each concept occurs, (K,): its place in the law is drawn by lot, its count is what chance makes of it.

    >>> int(zipf_counts(96, total=1600, seed=0).sum())
    1600
    """
    rng = streams.rng(seed, "zipf")
    return rng.multinomial(total, rng.permutation(law(concepts)))


def speaker(names: Tokenizer) -> Tokenizer:
    """A tokenizer for all frames with any of the words in them."""
    filler = dict.fromkeys(word for frame in FRAMES for word in frame.split() if word != "{}")
    return Tokenizer([*names.words[1:], *filler], context_length=max(len(frame.split()) for frame in FRAMES))


def captions(corpus: Pairs, names: Tokenizer, seed: int) -> list[str]:
    """A sentence for each pair, its frame drawn by lot."""
    frames = streams.rng(seed, "frames").integers(len(FRAMES), size=len(corpus))
    chosen = names.words[1:]
    return [FRAMES[f].format(chosen[c]) for f, c in zip(frames, corpus.captions.tolist(), strict=True)]


def synthetic(seed: int, size: Size = NARROW, total: int = TOTAL, device: str = "cpu") -> dict:
    """One corpus of sentences and clean pictures, a model trained on it, and what it knows.

    Returns:
        counts (pairs with each concept's word), hits (of `size.test` pictures of each concept), loss in nats.
    """
    concepts = choose(size.concepts, seed)
    names = words(concepts)
    tokenizer = speaker(names)
    counts = zipf_counts(size.concepts, total, seed)
    corpus = draw_concepts(concepts, counts.tolist(), seed)
    config = Config(image_encoder="strided", width=WIDTH)
    config = replace(config, vocab_size=len(tokenizer.words), context_length=tokenizer.context_length)
    model = ToyCLIP(config, seed)
    loss = learn(model, corpus, tokenizer.encode(captions(corpus, names, seed)), size, seed, device=device)
    test = draw_concepts(concepts, [size.test] * size.concepts, seed + TEST_SEED)
    asked = tokenizer.encode([ASKED.format(word) for word in names.words[1:]])  # (K, L)
    return {
        "counts": torch.bincount(corpus.captions, minlength=size.concepts).tolist(),
        "hits": hits(similarity(model, test.pixels, asked), test.classes),
        "loss": round(loss, 4),
    }


STUDIES = (Study("frequency_synthetic", synthetic, seeds=8),)
