"""How much of a skill must pretraining hold for a little adaptation to bring it out? (chapter What scale buys).

A scene names three coloured shapes, a question asks for the colour of one. In pretraining most answers are any of the
colours; a share of them, the dose, is right. Then the model is adapted to right answers only: all of its weights, or
nothing but a linear map of what it computes before the answer, which can weigh what is there and compute nothing new.
"""

import copy
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from toyclip import streams
from toyclip.errors import lookup
from toyclip.lab.study import Study
from toyclip.studies.taxonomy.language import LanguageModel, descend

COLORS, SHAPES = 8, 3  # the shapes of every scene stand in one order, their colours are any, all different
COLOR, SHAPE = 1, 1 + COLORS  # token id of the first colour, of the first shape
ASKED, OTHER = SHAPE + SHAPES, SHAPE + SHAPES + 1  # two wordings of the one question: what colour is the ...
VOCABULARY = OTHER + 1
LENGTH = 9  # three pairs, the question, the shape or colour it is about, the answer
ANSWER = LENGTH - 2  # the place after which the answer comes
WORDS = (  # what the numbers stand for, padding first
    *("", "red", "blue", "green", "yellow", "white", "black", "pink", "brown", "circle", "square", "triangle"),
    *("colour-of", "paint-of"),
)
DOSES = {"never": 0.0, "1 in 30": 1 / 30, "1 in 10": 1 / 10, "1 in 3": 1 / 3}
ELSEWHERE = "in other words"  # the other wording is always answered right, this one never
NOTHING = "no pretraining"
CONDITIONS = (NOTHING, *DOSES, ELSEWHERE)


@dataclass(frozen=True)
class Amounts:
    """How long is pretrained and adapted, and on how many questions a model is asked."""

    pretraining: int = 800  # updates of 64
    adaptation: tuple[int, ...] = (10, 20, 40, 80)  # updates of 64, each from the pretrained model anew
    asked: int = 512


FULL = Amounts()


def scenes(count: int, rng: np.random.Generator, dose: float, wording: int = ASKED) -> Tensor:
    """Scenes with a question and its answer, (N, LENGTH) token ids; a share of the answers is right, others any."""
    colors = COLOR + np.argsort(rng.random((count, COLORS)), axis=1)[:, :SHAPES]  # (N, 3), all different
    which, lot, anyone = rng.integers(SHAPES, size=count), rng.random(count), rng.integers(COLORS, size=count)  # (N,)
    shapes = np.broadcast_to(SHAPE + np.arange(SHAPES), colors.shape)  # (N, 3)
    pairs = np.stack([colors, shapes], axis=2).reshape(count, 2 * SHAPES)  # (N, 6)
    answers = np.where(lot < dose, colors[np.arange(count), which], COLOR + anyone)  # (N,)
    return torch.from_numpy(np.column_stack([pairs, np.full(count, wording), SHAPE + which, answers]))


def read(tokens: Tensor) -> list[str]:
    """Scenes in words, (N, L) token ids.

    >>> read(scenes(1, np.random.default_rng(0), dose=1.0))
    ['yellow circle green square blue triangle colour-of square green']
    """
    return [" ".join(WORDS[token] for token in row) for row in tokens.tolist()]


def pretrained(condition: str, seed: int, updates: int) -> LanguageModel:
    """A model that has read questions of both kinds, answered right as often as its condition says."""
    model = LanguageModel(VOCABULARY, LENGTH, width=48, seed=seed)
    if condition == NOTHING:
        return model
    rng = streams.rng(seed, "pretraining")
    dose, other = DOSES.get(condition, 0.0), float(condition == ELSEWHERE)

    def loss() -> Tensor:
        tokens = torch.cat([scenes(32, rng, dose), scenes(32, rng, other, OTHER)])  # (64, LENGTH)
        return F.cross_entropy(model(tokens[:, :-1])[:, ANSWER], tokens[:, -1])

    descend(model, loss, updates)
    return model


def before_answer(model: LanguageModel, tokens: Tensor) -> Tensor:
    """What the model has computed where the answer comes next, (B, LENGTH) token ids -> (B, W)."""
    x = model.words(tokens[:, :-1]) + model.positions.weight[: LENGTH - 1]  # (B, LENGTH - 1, W)
    for block in model.blocks:
        x = block(x)
    return model.norm(x)[:, ANSWER]


def colors_of(model: LanguageModel, computed: Tensor) -> Tensor:
    """Logits of the colours alone, (B, W) -> (B, COLORS)."""
    return computed @ model.words.weight[COLOR : COLOR + COLORS].T


def adapted(model: LanguageModel, seed: int, updates: int, only_map: bool) -> tuple[LanguageModel, nn.Linear]:
    """A copy of the model and its linear map, after so many updates on right answers; only the map learns, or all."""
    width = model.words.weight.shape[1]
    copied, lens = copy.deepcopy(model), nn.utils.skip_init(nn.Linear, width, width)
    nn.init.eye_(lens.weight)
    nn.init.zeros_(lens.bias)
    rng = streams.rng(seed, "adaptation")

    def loss() -> Tensor:
        tokens = scenes(64, rng, 1.0)  # (64, LENGTH)
        return F.cross_entropy(colors_of(copied, lens(before_answer(copied, tokens))), tokens[:, -1] - COLOR)

    descend(lens if only_map else copied, loss, updates)
    return copied, lens


@torch.no_grad()
def asked(model: LanguageModel, lens: nn.Module, seed: int, count: int) -> dict[str, float]:
    """Share of new questions whose likeliest colour is right, and the mean log-probability of the right one, nats."""
    tokens = scenes(count, streams.rng(seed, "questions"), 1.0)  # (N, LENGTH)
    log_p = colors_of(model, lens(before_answer(model, tokens))).log_softmax(dim=1)  # (N, COLORS)
    right = tokens[:, -1] - COLOR  # (N,)
    return {
        "right": round((log_p.argmax(dim=1) == right).double().mean().item(), 4),
        "nats": round(log_p.gather(1, right[:, None]).mean().item(), 4),
    }


def held(condition: str, seed: int, amounts: Amounts = FULL) -> dict[str, dict]:
    """Pretrain, adapt for a while, and ask.

    Returns:
        "before": what `asked` says of the pretrained model; "all weights" and "a linear map": the same by updates of
        adaptation.

    Raises:
        InputError: if there is no such condition.
    """
    lookup(dict.fromkeys(CONDITIONS), condition, "condition")
    model = pretrained(condition, seed, amounts.pretraining)
    found = {"before": asked(model, nn.Identity(), seed, amounts.asked)}
    for name, only_map in (("all weights", False), ("a linear map", True)):
        found[name] = {
            str(updates): asked(*adapted(model, seed, updates, only_map), seed, amounts.asked)
            for updates in amounts.adaptation
        }
    return found


STUDIES = (Study("held", held, seeds=5, conditions=CONDITIONS),)
