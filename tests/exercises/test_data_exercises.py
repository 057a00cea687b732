"""A right answer to an exercise of chapter 1 passes, and every mistake is told what is wrong with it."""

from dataclasses import replace

import torch
import torch.nn.functional as F
from exercises.judge import answers
from sklearn.linear_model import RidgeClassifier
from sklearn.neighbors import NearestNeighbors

from toyclip import checkpoint, zero_shot
from toyclip.data import CAPTIONS, Rendering, draw_pairs
from toyclip.exercises import data as exercises
from toyclip.pairs import Pairs, split


def flat(pairs):
    return pairs.images.flatten(1).numpy()


def again(pairs, by=1):
    """The pairs, and all of them moved to the right."""
    pixels = torch.cat([pairs.pixels, pairs.pixels.roll(by, dims=3)])
    return Pairs(pixels, pairs.classes.repeat(2), pairs.captions.repeat(2))


def split_first(pairs, seed):
    training, held_out = split(pairs, seed)
    return again(training), held_out


def mislabelled(pairs, seed):
    training, held_out = split_first(pairs, seed)
    return replace(training, captions=training.captions.flip(0)), held_out


def both_doubled(pairs, seed):
    training, held_out = split(pairs, seed)
    return again(training), again(held_out)


def two_pixels(pairs, seed):
    training, held_out = split(pairs, seed)
    return again(training, by=2), held_out


def nearer_than(limit):
    def search(training, held_out):
        distance, _ = NearestNeighbors(n_neighbors=1).fit(flat(training)).kneighbors(flat(held_out))
        return [i for i, d in enumerate(distance[:, 0]) if d < limit]

    return search


def identical(training, held_out):
    seen = {p.numpy().tobytes() for p in training.pixels}
    return [i for i, p in enumerate(held_out.pixels) if p.numpy().tobytes() in seen]


class Linear:
    """A linear classifier of pictures drawn so, in a frame of black if they are narrow; fitted when it is asked."""

    def __init__(self, rendering):
        self.rendering = rendering

    def predict(self, pixels):
        pairs = draw_pairs(per_class=100, seed=3, rendering=self.rendering)
        border = (32 - self.rendering.size) // 2
        pairs = replace(pairs, pixels=F.pad(pairs.pixels, (border,) * 4))
        return RidgeClassifier(100).fit(flat(pairs), pairs.classes.numpy()).predict(pixels)


class Network:
    """The model of the package, which is right wherever a shape lies."""

    def predict(self, pixels):
        model, tokenizer = checkpoint.load()
        images = torch.from_numpy(pixels).view(-1, 3, 32, 32)
        return zero_shot.predict(model, images, zero_shot.classifier(model, CAPTIONS, tokenizer)).numpy()


CASES = [
    (exercises.count_captions, 7380, None),
    (exercises.mean_colour, lambda images: images.mean(dim=(2, 3)), None),
    (exercises.doubled, split_first, None),
    (exercises.suspects, nearer_than(2.0), None),
    (exercises.count_captions, 9**4, "shorter ones"),
    (exercises.count_captions, 10 + 10**2 + 10**3 + 10**4, "padding"),
    (exercises.count_captions, 16, "too few"),
    (exercises.count_captions, 10**6, "too many"),
    (exercises.mean_colour, lambda images: images.mean(dim=1), "shape"),
    (exercises.mean_colour, lambda images: images.amax(dim=(2, 3)), "not the means"),
    (exercises.doubled, split, "training side should be"),
    (exercises.doubled, lambda pairs, seed: split(again(pairs), seed), "no copies there"),
    (exercises.doubled, both_doubled, "no copies there"),
    (exercises.doubled, lambda pairs, seed: (again(pairs), split(pairs, seed)[1]), "as well"),
    (exercises.doubled, two_pixels, "one pixel"),
    (exercises.doubled, mislabelled, "caption"),
    (exercises.suspects, identical, "miss 12 of 12"),
    (exercises.suspects, nearer_than(6.0), "nobody copied"),
    (exercises.suspects, lambda training, held_out: [], "miss 12"),
    (exercises.still, Linear(exercises.STILL), None),
    (exercises.still, Linear(Rendering()), "it is right for"),
    (exercises.still, Network(), "seen shapes that move"),
]

test_answer_is_judged = answers(exercises, CASES)
