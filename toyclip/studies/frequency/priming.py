"""A new word is taught on one picture: how far does it leak to others? (page Priming)."""

import copy
from dataclasses import replace

import torch
from torch import Tensor

from toyclip import streams
from toyclip.data import Pairs
from toyclip.encoders import ToyCLIP
from toyclip.infonce import info_nce
from toyclip.lab.study import Study
from toyclip.studies.frequency.corpus import FULL, STRIDED, Size, base_corpus, held_out_corpus, learn

NEW_WORDS = 16  # without a picture in the corpus: their vectors are as random as at the start
PICTURES = 8  # on which each of them is taught, each time from the same trained model
PRESENTATIONS = 10
COMPANY = 31  # ordinary pairs in the batch of each presentation
LR = 0.01  # of plain gradient descent
NORM = 4.0  # length that each gradient is given where lengths are matched; the raw ones are about as long


def with_new_words(size: Size, seed: int, device: str = "cpu") -> ToyCLIP:
    """A model trained on the corpus of a seed, with some words more than it has heard."""
    model = ToyCLIP(replace(STRIDED, vocab_size=size.concepts + 1 + NEW_WORDS, context_length=1), seed)
    corpus = base_corpus(size, seed)
    captions = torch.arange(1, size.concepts + 1)[:, None]  # (K, 1)
    learn(model, corpus, captions[corpus.captions], size, seed, device=device)
    return model


@torch.no_grad()
def log_odds(model: ToyCLIP, pictures: Tensor, known: Tensor, word: int) -> Tensor:
    """Log-odds of a word against all known ones, as the caption of each picture, (N,), in nats.

    Args:
        pictures: (N, 3, H, W) float.
        known: (K, 1) token ids.
        word: token id of the word.
    """
    bank = torch.cat([known, torch.tensor([[word]])])  # (K + 1, 1)
    logits = model.logit_scale * model.embed_images(pictures) @ model.embed_texts(bank).T  # (N, K + 1)
    return logits[:, -1] - logits[:, :-1].logsumexp(dim=1)


def teach(model: ToyCLIP, picture: Tensor, word: int, company: list[Pairs], norm: float | None) -> ToyCLIP:
    """A copy of the model after plain gradient steps on InfoNCE, the new pair in each batch among ordinary ones.

    Args:
        picture: (3, H, W) float.
        company: the ordinary pairs of each presentation.
        norm: length that each gradient is given before its step; None: as it is.
    """
    model = copy.deepcopy(model)
    weights = list(model.parameters())
    for pairs in company:
        images = torch.cat([pairs.images, picture[None]])  # (B, 3, H, W)
        tokens = torch.cat([pairs.captions + 1, torch.tensor([word])])[:, None]  # (B, 1)
        gradient = torch.autograd.grad(info_nce(model(images, tokens)), weights)
        length = torch.stack([g.norm() for g in gradient]).norm()  # ()
        with torch.no_grad():
            for weight, g in zip(weights, gradient, strict=True):
                weight.sub_(g, alpha=LR * (1.0 if norm is None else (norm / length).item()))
    return model


def priming(seed: int, size: Size = FULL, device: str = "cpu") -> dict[str, dict[str, list[float]]]:
    """Teach each new word on each of some pictures, once with gradients as they are and once with matched lengths.

    Returns:
        For "raw" and "matched", columns with one number a teaching, all in nats but "taught": "before" (log-odds of the
        word on its picture), "other" (of the next new word on that picture, a placebo), "taught" (the word's
        probability on its picture afterwards), "leak" and "bystander" (mean change of the log-odds of the word, and of
        the next new word, on test pictures of other concepts).
    """
    model, corpus, test = with_new_words(size, seed, device), base_corpus(size, seed), held_out_corpus(size, seed)
    generator, rng = streams.generator(seed, "company"), streams.rng(seed, "lessons")
    company = [corpus[torch.randperm(len(corpus), generator=generator)[:COMPANY]] for _ in range(PRESENTATIONS)]
    probes = test[torch.arange(0, len(test), max(1, size.test // 2))]  # two pictures a concept
    pictures, known = probes.images, torch.arange(1, size.concepts + 1)[:, None]  # (P, 3, H, W), (K, 1)
    words = [size.concepts + 1 + i for i in range(NEW_WORDS)]
    start = {word: log_odds(model, pictures, known, word) for word in words}  # (P,) each
    columns: dict[str, dict[str, list[float]]] = {"raw": {}, "matched": {}}
    for word, bystander in zip(words, words[1:] + words[:1], strict=True):
        for i in rng.choice(len(probes), min(PICTURES, len(probes)), replace=False).tolist():
            elsewhere = probes.classes != probes.classes[i]  # (P,)
            for arm, norm in (("raw", None), ("matched", NORM)):
                taught = teach(model, pictures[i], word, company, norm)
                after = {w: log_odds(taught, pictures, known, w) for w in (word, bystander)}  # (P,) each
                row = {
                    "before": start[word][i],
                    "other": start[bystander][i],
                    "taught": after[word][i].sigmoid(),
                    "leak": (after[word] - start[word])[elsewhere].mean(),
                    "bystander": (after[bystander] - start[bystander])[elsewhere].mean(),
                }
                for name, value in row.items():
                    columns[arm].setdefault(name, []).append(round(value.item(), 3))
    return columns


STUDIES = (Study("frequency_priming", priming, seeds=8),)
