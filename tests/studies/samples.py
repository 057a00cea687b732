"""Small worlds, made-up emoji and clocks for the tests of the studies."""

import itertools
from types import SimpleNamespace

import torch
from PIL import Image, ImageDraw
from torch import nn

from toyclip.data import CAPTIONS, Pairs, Rendering, Tokenizer, draw_pairs, split
from toyclip.pictures import Emoji
from toyclip.studies.batch.ablations import World
from toyclip.studies.frequency.concepts import choose, draw_concepts

TOKENS = Tokenizer().encode(CAPTIONS)  # (16, 4)


def tiny_world(seed: int, rendering: Rendering = Rendering()) -> tuple[Pairs, Pairs]:
    """48 pictures to train on, 32 held out."""
    return split(draw_pairs(5, seed, rendering), seed, held_out=0.4)


def shapes_world(seed: int) -> World:
    """Four pictures of each class to train on, two others to test."""
    return World(draw_pairs(4, seed), draw_pairs(2, seed + 1000), TOKENS, vocab_size=10)


def emoji_world(seed: int) -> World:
    """Eight emoji with a word each, eight pictures of each to train on, two to test."""
    chosen = choose(8, seed)
    training, test = draw_concepts(chosen, [8] * 8, seed), draw_concepts(chosen, [2] * 8, seed + 1000)
    return World(training, test, torch.arange(1, 9)[:, None], vocab_size=9)


def made_up(shape: str, colour: str, box: tuple[int, int, int, int] = (0, 0, 63, 63)) -> Emoji:
    """An emoji that Unicode has not got: one shape of one colour."""
    sprite = Image.new("RGBA", (64, 64))
    getattr(ImageDraw.Draw(sprite), shape)(box, fill=colour)
    return Emoji("?", f"{colour} {shape}", "made up", "for a test", sprite)


def names(pairs: Pairs) -> list[bytes]:
    """Something to tell each picture by."""
    return [picture.numpy().tobytes() for picture in pairs.pixels]


def contents(pairs: Pairs) -> list[tuple[bytes, int, int]]:
    """Everything about each pair."""
    return list(zip(names(pairs), pairs.classes.tolist(), pairs.captions.tolist(), strict=True))


def same_weights(one: nn.Module, other: nn.Module) -> bool:
    """Whether two models are equal bit by bit."""
    weights = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in weights)


def ticking() -> SimpleNamespace:
    """Stands in for the module `time`: every look at the clock takes a second."""
    look = itertools.count().__next__
    return SimpleNamespace(perf_counter=look, process_time=look)


class Clock:
    """A clock that moves only when told to."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.time = SimpleNamespace(perf_counter=lambda: self.now, process_time=lambda: self.now)

    def lasts(self, *seconds: float, work=lambda *_: None):
        """`work`, which takes so long the first time, the second time, ...; the last duration stays."""
        durations = list(seconds)

        def slow(*arguments, **options):
            self.now += durations.pop(0) if len(durations) > 1 else durations[0]
            return work(*arguments, **options)

        return slow
