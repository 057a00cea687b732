"""Pairs of a picture and a sound, how an encoder of sounds is tied to a hub, and how it is asked for words."""

import functools
from dataclasses import dataclass

import torch
from torch import Tensor

from toyclip import streams
from toyclip.binding import Bound, bind
from toyclip.data import CAPTIONS, CLASSES, Pairs, Tokenizer, draw_pairs
from toyclip.encoders import ToyCLIP
from toyclip.studies.cascade.listening import SoundEncoder, spectrogram
from toyclip.studies.cascade.sounds import draw_sounds


@dataclass(frozen=True)
class Size:
    """How large a run is."""

    pairs: int = 64  # of a picture and a sound, of each class
    test: int = 30  # sounds of each class to test on
    epochs: int = 24
    batch_size: int = 64


FULL = Size()


@dataclass(frozen=True)
class Heard:
    """Pictures with a sound each, and sounds without pictures to test on."""

    pictures: Pairs  # N; no model has seen them in its training
    spectra: Tensor  # (N, 64, F), of the sound that belongs to each picture
    test: Tensor  # (T, 64, F)
    classes: Tensor  # (T,), of the test sounds

    def __getitem__(self, index: Tensor) -> "Heard":
        return Heard(self.pictures[index], self.spectra[index], self.test, self.classes)


@functools.lru_cache(maxsize=2)
def heard(size: Size, seed: int) -> Heard:
    """The pairs and the test of a seed: its pictures have a stream of their own, and so have its sounds."""
    pictures = draw_pairs(size.pairs, streams.number(seed, "pictures with a sound"))
    spectra = spectrogram(draw_sounds(pictures.classes, streams.number(seed, "sounds with a picture")))
    classes = torch.arange(len(CLASSES)).repeat_interleave(size.test)  # (T,)
    test = spectrogram(draw_sounds(classes, streams.number(seed, "sounds to test on")))
    return Heard(pictures, spectra, test, classes)


@torch.no_grad()
def captions_of(model: ToyCLIP) -> Tensor:
    """Where the 16 captions lie, (16, D)."""
    return model.embed_texts(Tokenizer().encode(CAPTIONS))


@torch.no_grad()
def pictures_of(model: ToyCLIP, pictures: Pairs) -> Tensor:
    """Where pictures lie, (N, D)."""
    return torch.cat([model.embed_images(part) for part in pictures.pixels.split(512)])


def tie(
    spectra: Tensor,
    anchors: Tensor,
    size: Size,
    seed: int,
    head: str = "linear",
    filters: SoundEncoder | None = None,
    **options,
) -> Bound:
    """A new sound encoder, trained on these sounds and the places of their partners.

    Args:
        spectra: (N, 64, F).
        anchors: (N, D).
        filters: whose convolutions are taken over, frozen, so that the head alone is trained.
        options: of `bind`, where they differ.
    """
    encoder = SoundEncoder(anchors.shape[1], seed, head)
    if filters is not None:
        for new, old in ((encoder.first, filters.first), (encoder.second, filters.second)):
            new.requires_grad_(False).load_state_dict(old.state_dict())
    how = {"epochs": size.epochs, "batch_size": size.batch_size, "seed": seed} | options
    return bind(encoder, spectra, anchors, **how)


def scores(sounds: Tensor, captions: Tensor, classes: Tensor) -> dict:
    """How well sounds and words find each other.

    Args:
        sounds: (T, D) unit vectors, as many of each class.
        captions: (16, D) unit vectors.
        classes: (T,).

    Returns:
        accuracy: share of the sounds whose own caption is the nearest of 16.
        found: share of its own sounds among the nearest T / 16 of each caption, 0 to 1, on average.
        by_class: how many sounds of each class are right.
    """
    cosine = sounds @ captions.T  # (T, 16)
    right = cosine.argmax(dim=1) == classes  # (T,)
    each = len(classes) // len(captions)
    nearest = classes[cosine.T.topk(each, dim=1).indices]  # (16, each)
    own = torch.arange(len(captions))[:, None]  # (16, 1)
    return {
        "accuracy": right.double().mean().item(),
        "found": (nearest == own).double().mean().item(),
        "by_class": torch.bincount(classes[right], minlength=len(captions)).tolist(),
    }
