"""The same trend in other models and other corpora, and the tail as a test of its own (chapter Lots)."""

from dataclasses import replace

import torch
from torch import Tensor

from toyclip.encoders import Config, ToyCLIP
from toyclip.errors import lookup
from toyclip.lab.study import Study
from toyclip.recipes import Recipe
from toyclip.studies.frequency.corpus import (
    FULL,
    RECIPE,
    Size,
    assign,
    caption_counts,
    held_out_corpus,
    hits,
    learn,
    new_model,
    similarity,
)
from toyclip.studies.frequency.interventions import CONDITIONS

SIZES = {"convolutions": (32, 64, 96), "transformer": (24, 32, 48)}  # channels, small to large
CORPORA = {"large": "base", "small": "1/4 of the corpus", "noisy": "40 % mismatched"}  # name -> condition
RUNS = {
    f"{architecture} {width}, {corpus}": (architecture, width, corpus)
    for architecture, widths in SIZES.items()
    for width in widths
    for corpus in CORPORA
}
RARE = 4  # levels of counts that make up the tail: 1 to 8 pictures
OTHER = 500  # is added to a seed, for counts that have nothing to do with it
ADAMW = replace(RECIPE, name="adamw", muon_lr=None)  # what trains a transformer


def build(architecture: str, width: int, size: Size, seed: int) -> tuple[ToyCLIP, Recipe]:
    """A new model and what to train it with; its weights follow from the seed.

    Its words start as those of the fast model do (`ToyCLIP`): models of one seed differ in their image encoder alone.

    Raises:
        InputError: if there is no such architecture.

    >>> model, _ = build("transformer", 32, Size(levels=3, per_level=2), seed=0)
    >>> sum(p.numel() for p in model.image_encoder.parameters())
    22880
    """
    lookup(SIZES, architecture, "architecture")
    encoder, recipe = ("transformer", ADAMW) if architecture == "transformer" else ("strided", RECIPE)
    return new_model(size, seed, Config(image_encoder=encoder, width=width)), recipe


def among(cosine: Tensor, shown: Tensor, concepts: Tensor) -> float:
    """Accuracy on the pictures of some concepts, their own words being the only answers.

    Args:
        cosine: (N, K).
        shown: (N,).
        concepts: (K,) bool.
    """
    rows = concepts[shown]  # (N,)
    answers = cosine[rows].masked_fill(~concepts, -torch.inf).argmax(dim=1)  # (n,)
    return (answers == shown[rows]).double().mean().item()


def model_run(name: str, seed: int, size: Size = FULL, device: str = "cpu") -> dict:
    """One model on one corpus, tested on all concepts, and on tail and rest as two tests of their own.

    The control divides the concepts by the counts of another seed, which the model has nothing to do with.

    Args:
        name: of one of RUNS.

    Returns:
        counts and hits of each concept; loss in nats; parameters of the image encoder; "rest", "tail", "rest, control"
        and "tail, control", accuracies with the words of the part alone as answers.
    """
    architecture, width, corpus = lookup(RUNS, name, "run")
    pairs, test = CONDITIONS[CORPORA[corpus]](size, seed), held_out_corpus(size, seed)
    captions = torch.arange(1, size.concepts + 1)[:, None]  # (K, 1)
    model, recipe = build(architecture, width, size, seed)
    loss = learn(model, pairs, captions[pairs.captions], size, seed, recipe=recipe, device=device)
    cosine = similarity(model, test.pixels, captions)  # (N, K)
    result = {
        "counts": caption_counts(pairs, size.concepts).tolist(),
        "hits": hits(cosine, test.classes),
        "loss": round(loss, 4),
        "parameters": sum(p.numel() for p in model.image_encoder.parameters()),
    }
    for counts, suffix in ((assign(size, seed), ""), (assign(size, seed + OTHER), ", control")):
        tail = torch.from_numpy(counts < 2**RARE)  # (K,)
        result["rest" + suffix] = round(among(cosine, test.classes, ~tail), 4)
        result["tail" + suffix] = round(among(cosine, test.classes, tail), 4)
    return result


STUDIES = (Study("frequency_models", model_run, seeds=4, conditions=tuple(RUNS)),)
