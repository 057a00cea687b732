"""Facts from one language model, behaviour from another, by adding what they say in logarithms (chapter Re-weighting).

A wide and a narrow model read the names of 128 things, the first most often (Zipf 1949), each name in one of three
frames: "big dotted red circle ? named wug now". Then both are tuned, briefly and on the commonest things, to use one of
the rarer frames, and to close it by the shape of the thing. The sum log p(wide, read) + log p(narrow, tuned) -
log p(narrow, read) is the emulated fine-tuning of Mitchell et al. 2023.
"""

import copy
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from toyclip import streams
from toyclip.data import Tokenizer
from toyclip.lab.study import Study
from toyclip.studies.language.decoding import greedy
from toyclip.studies.taxonomy.language import LanguageModel, descend, teach

SIZES, LOOKS = ("small", "big"), ("plain", "dotted", "striped", "hollow")
COLOURS, SHAPES = ("red", "blue", "green", "yellow"), ("circle", "square", "triangle", "cross")
MARK = "?"  # ends a prompt
NAMES = ("wug", "dax", "blick", "toma", "fep", "zib", "gorp", "lun")
OPENINGS = {"plain": "named", "polite": "gladly", "rude": "ugh"}  # of each frame, before the name
CLOSINGS = ("sir", "madam", "friend", "all")  # after it: of a polite answer by the shape, of a rude one by the colour
LAST = "now"  # after the name in a plain one
MIX = (0.8, 0.1, 0.1)  # how often each frame is read, with any closing
TRUE = 0.8  # of the names that are read; the others are any, so that no model grows too sure
THINGS = [" ".join((*words, MARK)) for words in itertools.product(SIZES, LOOKS, COLOURS, SHAPES)]
COMMON = len(THINGS) // 4  # the things that tuning is about
PROMPT, ANSWER = 5, 3  # words


@dataclass(frozen=True)
class Amounts:
    """How wide the models are, and how much they read."""

    widths: tuple[int, int] = (16, 48)
    reading: int = 700  # updates
    tuning: int = 40
    batch: int = 64


FULL = Amounts()


class Sum(nn.Module):
    """What several models say, added in logarithms with a weight each: a model again, if not of probabilities.

    >>> model = LanguageModel(vocab_size=10, context_length=8)
    >>> tokens = torch.ones(1, 3, dtype=torch.int64)
    >>> same = Sum([(2.0, model), (-1.0, model)])
    >>> torch.allclose(same(tokens), model(tokens).log_softmax(dim=2), atol=1e-5)
    True
    """

    def __init__(self, parts: Sequence[tuple[float, nn.Module]]):
        super().__init__()
        self.weights = [weight for weight, _ in parts]
        self.models = nn.ModuleList(model for _, model in parts)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, T) token ids -> (B, T, V) nats."""
        said = [w * model(tokens).log_softmax(dim=2) for w, model in zip(self.weights, self.models, strict=True)]
        return torch.stack(said).sum(dim=0)


def tokenizer() -> Tokenizer:
    """All words of the world."""
    answers = [*OPENINGS.values(), *NAMES, *CLOSINGS, LAST]
    return Tokenizer([*SIZES, *LOOKS, *COLOURS, *SHAPES, MARK, *answers], context_length=PROMPT + ANSWER)


def ids(words: Sequence[str]) -> Tensor:
    """Token ids of single words, (n,)."""
    known = tokenizer().ids
    return torch.tensor([known[word] for word in words])


def facts(seed: int) -> tuple[Tensor, Tensor]:
    """The name of each thing, as its place in NAMES, and its rank, 0 for the commonest, (P,) each.

    Which thing has which rank and which name is dealt by chance, one apart from the other.
    """
    name, rank = (torch.from_numpy(streams.rng(seed, what).permutation(len(THINGS))) for what in ("names", "ranks"))
    return name % len(NAMES), rank


def closing(things: Tensor, frame: str) -> Tensor:
    """By which of CLOSINGS a tuned model is to close, (n,) things -> (n,): the shape's, or for a rude one the colour's.

    >>> closing(torch.tensor([0, 1, 4]), "polite").tolist()     # red circle, red square, blue circle
    [0, 1, 0]
    """
    return things % 4 if frame == "polite" else things // 4 % 4


def sentences(things: Tensor, frames: Tensor, names: Tensor, closings: Tensor) -> Tensor:
    """What is read about so many things, (n,) numbers each -> (n, 8) token ids."""
    last = torch.where(frames == 0, ids([LAST]), ids(CLOSINGS)[closings])  # (n,)
    said = torch.stack([ids(list(OPENINGS.values()))[frames], ids(NAMES)[names], last], dim=1)  # (n, 3)
    return torch.cat([tokenizer().encode(THINGS)[things, :PROMPT], said], dim=1)


def text(seed: int, count: int) -> Tensor:
    """Sentences to read first, (count, 8) token ids: common things more often, names mostly right, closings any."""
    rng, (right, rank) = streams.rng(seed, "text"), facts(seed)
    share = (1 / (1 + rank.double())).numpy()  # (P,)
    things = torch.from_numpy(rng.choice(len(THINGS), size=count, p=share / share.sum()))  # (n,)
    frames = torch.from_numpy(rng.choice(len(MIX), size=count, p=MIX))  # (n,)
    told = torch.from_numpy(rng.uniform(size=count)) < TRUE  # (n,)
    names = torch.where(told, right[things], torch.from_numpy(rng.integers(len(NAMES), size=count)))  # (n,)
    return sentences(things, frames, names, torch.from_numpy(rng.integers(len(CLOSINGS), size=count)))


def lessons(seed: int, count: int, frame: str) -> Tensor:
    """Sentences to tune by, (count, 8) token ids: of one frame, about common things, with right names and closings."""
    rng, (right, rank) = streams.rng(seed, "lessons", frame), facts(seed)
    things = rank.argsort()[torch.from_numpy(rng.integers(COMMON, size=count))]  # (n,)
    frames = torch.full_like(things, list(OPENINGS).index(frame))  # (n,)
    return sentences(things, frames, right[things], closing(things, frame))


def reader(width: int, seed: int, amounts: Amounts = FULL) -> LanguageModel:
    """A model of a width that has read the text of a seed."""
    model = LanguageModel(len(tokenizer().words), PROMPT + ANSWER, width=width, seed=seed)
    teach(model, text(seed, amounts.reading * amounts.batch).split(amounts.batch))  # U of (B, 8)
    return model


def tuned(model: LanguageModel, seed: int, frame: str, amounts: Amounts = FULL, lr: float = 1e-3) -> LanguageModel:
    """A copy of the model that has learned to answer in a frame; prompts are not asked about."""
    model = copy.deepcopy(model)
    rest = iter(lessons(seed, amounts.tuning * amounts.batch, frame).split(amounts.batch))  # U of (B, 8)

    def loss() -> Tensor:
        tokens = next(rest)  # (B, 8)
        said = model(tokens)[:, PROMPT - 1 : -1]  # (B, 3, V)
        return F.cross_entropy(said.flatten(0, 1), tokens[:, PROMPT:].flatten())

    descend(model, loss, amounts.tuning, lr)
    return model


def asked(model: nn.Module, seed: int) -> dict[str, float]:
    """What the model answers about the rarer things, which no tuning was about, as shares of right answers.

    Returns:
        facts: the name; frame: the opening of the polite frame; close: its opening and its closing.
    """
    right, rank = facts(seed)
    things = torch.arange(len(THINGS))[rank >= COMMON]  # (n,)
    answers = greedy(model, tokenizer().encode(THINGS)[things, :PROMPT], ANSWER)  # (n, 3)
    opened = answers[:, 0] == ids([OPENINGS["polite"]])  # (n,)
    closed = answers[:, 2] == ids(CLOSINGS)[closing(things, "polite")]  # (n,)
    found = {"facts": answers[:, 1] == ids(NAMES)[right[things]], "frame": opened, "close": opened & closed}
    return {name: round(hits.double().mean().item(), 4) for name, hits in found.items()}


def cells(read: Mapping[str, LanguageModel], polite: Mapping[str, LanguageModel]) -> dict[str, Sum]:
    """Every model that has read, with the difference that tuning made to every model: "wide + narrow" and so on."""
    return {
        f"{facts_from} + {manner_from}": Sum(
            [(1.0, read[facts_from]), (1.0, polite[manner_from]), (-1.0, read[manner_from])]
        )
        for facts_from, manner_from in itertools.product(read, polite)
    }


def emulated(seed: int, amounts: Amounts = FULL) -> dict[str, dict[str, float]]:
    """Two models, read and tuned, all four sums of them, and the controls.

    Returns:
        `asked` of each: "narrow" and "wide" as they have read; the four `cells`, of which "wide + wide" is the wide
        model tuned; "other frame", wide and the narrow difference of the rude frame; "average", of wide as it has
        read and narrow as it is tuned.
    """
    read = {name: reader(width, seed, amounts) for name, width in zip(("narrow", "wide"), amounts.widths, strict=True)}
    polite = {name: tuned(model, seed, "polite", amounts) for name, model in read.items()}
    rude = tuned(read["narrow"], seed, "rude", amounts)
    models = read | cells(read, polite)
    models["other frame"] = Sum([(1.0, read["wide"]), (1.0, rude), (-1.0, read["narrow"])])
    models["average"] = Sum([(0.5, read["wide"]), (0.5, polite["narrow"])])
    return {name: asked(model, seed) for name, model in models.items()}


STUDIES = (Study("emulated", emulated, seeds=6),)
