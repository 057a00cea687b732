"""Checks of the reader's answers to the exercises of the chapter The cascade."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from scipy.linalg import orthogonal_procrustes
from scipy.special import softmax
from torch import Tensor, nn

from toyclip import checkpoint, streams
from toyclip.binding import bind
from toyclip.data import CAPTIONS, draw_pairs
from toyclip.lab.answers import answer

MODALITIES = 6  # of ImageBind
NUMBERS = 48  # at most, of a picture in the exercise that makes a modality
WANTED = 0.6  # share of them that must find their caption


@answer
def kinds(given: Sequence[float]) -> str | None:
    """Of six modalities: kinds of pairs there are, kinds that are needed if all are tied to one."""
    all_kinds, needed = given
    right = len([(a, b) for a in range(MODALITIES) for b in range(a)])
    if all_kinds == MODALITIES**2:
        return "a pair has no order, and no modality is paired with itself"
    if all_kinds != right:
        return f"{all_kinds:g} is not how many pairs can be chosen from {MODALITIES}"
    if needed == MODALITIES:
        return "the hub need not be tied to itself"
    return None if needed == MODALITIES - 1 else f"each of the others needs one kind of pair, so it is not {needed:g}"


@answer
def sure(given: Callable[[np.ndarray, float], np.ndarray]) -> str | None:
    """Cosines (C,) and a temperature -> the probability of each caption, (C,)."""
    for temperature in (1.0, 0.05, 0.001):
        cosine = np.random.default_rng(3).uniform(-1, 1, 5)
        found, right = np.asarray(given(cosine, temperature), dtype=float), softmax(cosine / temperature)
        if found.shape != right.shape:
            return f"five cosines went in, and the shape {found.shape} came out"
        if not np.isfinite(found).all():
            return f"at a temperature of {temperature:g} the exponential overflows; take the largest away first"
        if np.allclose(found, softmax(cosine * temperature)) and temperature != 1:
            return "cosines are divided by a temperature, not multiplied with it"
        if not np.isclose(found.sum(), 1):
            return f"the probabilities add up to {found.sum():.3g}"
        if not np.allclose(found, right):
            return f"at a temperature of {temperature:g} the likeliest has {right.max():.3f}, and not {found.max():.3f}"
    return None


@answer
def modality(given: Callable[[Tensor], Tensor]) -> str | None:
    """Pictures (N, 3, 32, 32) in [0, 1] -> what your sense makes of them, (N, at most 48)."""
    model, tokenizer = checkpoint.load()
    pairs = draw_pairs(64, streams.number(0, "a sense of one's own"))
    test = draw_pairs(20, streams.number(1, "a sense of one's own"))
    sensed, fresh = (given(p.images.clone()) for p in (pairs, test))
    if sensed.ndim != 2 or len(sensed) != len(pairs) or not 1 <= sensed.shape[1] <= NUMBERS:
        return f"expected (N, at most {NUMBERS}), got {tuple(sensed.shape)} of {len(pairs)} pictures"
    if not torch.allclose(given(test.images[:4]), fresh[:4], atol=1e-4):
        return "what becomes of a picture must not depend on the others in its batch"
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        encoder = nn.Sequential(nn.Linear(sensed.shape[1], 64), nn.ReLU(), nn.Linear(64, 64))
        anchors, captions = model.embed_images(pairs.pixels), model.embed_texts(tokenizer.encode(CAPTIONS))
    bound = bind(encoder, sensed.float(), anchors, epochs=12, lr=1e-2)
    right = ((bound.embed(fresh.float()) @ captions.T).argmax(dim=1) == test.classes).double().mean().item()
    return (
        None
        if right >= WANTED
        else f"{right:.0%} find their caption; {WANTED:.0%} are wanted. What is lost, colour or shape?"
    )


@answer
def mended(given: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> str | None:
    """The same pictures in two spaces, (N, D) each -> an orthogonal matrix that turns the first into the second."""
    for seed in range(3):
        rng = np.random.default_rng(seed)
        one = rng.normal(size=(50, 8))
        turn = np.linalg.qr(rng.normal(size=(8, 8)))[0]
        other = one @ turn + 0.1 * rng.normal(size=(50, 8))
        found, right = np.asarray(given(one, other), dtype=float), orthogonal_procrustes(one, other)[0]
        if found.shape != (8, 8):
            return f"expected a matrix (8, 8), got the shape {found.shape}"
        if np.allclose(found, right, atol=1e-6):
            continue
        if np.allclose(found, right.T, atol=1e-6):
            return "it turns the second space into the first; transpose it"
        if not np.allclose(found @ found.T, np.eye(8), atol=1e-6):
            return "that stretches the space; a turn leaves lengths and angles as they are"
        return "it is a turn, but another one leaves the pictures nearer to each other"
    return None
