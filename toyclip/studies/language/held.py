"""How much of a skill must pretraining hold for a little adaptation to bring it out? (chapter Re-weighting).

A scene names three coloured shapes, a question asks for the colour of one. In pretraining most answers are any of the
colours, right by luck only; a share of them, the dose, is right. Then all weights are adapted to right answers. A
linear probe of the frozen model says what can be had by weighing what it computes before the answer, and nothing else.
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from toyclip import streams
from toyclip.errors import lookup
from toyclip.lab.study import Study
from toyclip.studies.language.unread import draw_apart
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


def questions(
    count: int, rng: np.random.Generator, dose: float, wording: int = ASKED, *, seed: int, asked: bool = False
) -> Tensor:
    """Scenes with a question of those that are only asked, whatever its wording, or of all others, (N, LENGTH)."""

    def draw(n: int) -> tuple[Tensor, Tensor]:
        tokens = scenes(n, rng, dose, wording)  # (n, LENGTH)
        return torch.cat([tokens[:, : ANSWER - 1], tokens[:, ANSWER : ANSWER + 1]], dim=1), tokens

    return draw_apart(draw, count, seed, asked)[1]


def pretrained(condition: str, seed: int, updates: int) -> LanguageModel:
    """A model that has read questions in both wordings, answered right as often as its condition says."""
    model = LanguageModel(VOCABULARY, LENGTH, width=48, seed=seed)
    if condition == NOTHING:
        return model
    rng = streams.rng(seed, "pretraining")
    dose, other = DOSES.get(condition, 0.0), float(condition == ELSEWHERE)

    def loss() -> Tensor:
        halves = [questions(32, rng, *what, seed=seed) for what in ((dose, ASKED), (other, OTHER))]
        tokens = torch.cat(halves)  # (64, LENGTH)
        return F.cross_entropy(model(tokens[:, :-1])[:, ANSWER], tokens[:, -1])

    descend(model, loss, updates)
    return model


def before_answer(model: LanguageModel, tokens: Tensor) -> Tensor:
    """What the model has computed where the answer comes next, (B, LENGTH) token ids -> (B, W)."""
    x = model.words(tokens[:, :-1]) + model.positions.weight[: LENGTH - 1]  # (B, LENGTH - 1, W)
    for block in model.blocks:
        x = block(x)
    return model.norm(x)[:, ANSWER]


def colors_of(model: LanguageModel, tokens: Tensor) -> Tensor:
    """Logits of the colours alone where the answer comes next, (B, LENGTH) token ids -> (B, COLORS)."""
    return before_answer(model, tokens) @ model.words.weight[COLOR : COLOR + COLORS].T


def lessons(seed: int, updates: int) -> Iterator[Tensor]:
    """The batches of an adaptation, all answers right, (64, LENGTH) each."""
    rng = streams.rng(seed, "adaptation")
    return (questions(64, rng, 1.0, seed=seed) for _ in range(updates))


def adapted(model: LanguageModel, seed: int, updates: int) -> LanguageModel:
    """A copy of the model whose weights have all learned from so many batches of right answers."""
    copied, rest = copy.deepcopy(model), lessons(seed, updates)

    def loss() -> Tensor:
        tokens = next(rest)  # (64, LENGTH)
        return F.cross_entropy(colors_of(copied, tokens), tokens[:, -1] - COLOR)

    descend(copied, loss, updates)
    return copied


@torch.no_grad()
def answered(model: LanguageModel, seed: int, count: int) -> dict[str, float]:
    """How the model answers questions that were never read: as `graded` says."""
    tokens = questions(count, streams.rng(seed, "questions"), 1.0, seed=seed, asked=True)  # (N, LENGTH)
    return graded(colors_of(model, tokens).log_softmax(dim=1), tokens[:, -1] - COLOR)


@torch.no_grad()
def probed(model: LanguageModel, seed: int, updates: int, count: int) -> dict[str, float]:
    """The same of a linear probe (Alain and Bengio 2016) of the frozen model, fitted to the lessons of an adaptation.

    It weighs what the model has computed before the answer, and computes nothing itself.
    """
    taught = torch.cat(list(lessons(seed, updates)))  # (M, LENGTH)
    tokens = questions(count, streams.rng(seed, "questions"), 1.0, seed=seed, asked=True)  # (N, LENGTH)
    probe = LogisticRegression(C=10.0, max_iter=2000)
    probe.fit(before_answer(model, taught).numpy(), taught[:, -1].numpy())
    log_p = torch.from_numpy(probe.predict_log_proba(before_answer(model, tokens).numpy()))  # (N, COLORS)
    return graded(log_p, tokens[:, -1] - COLOR)


def graded(log_p: Tensor, right: Tensor) -> dict[str, float]:
    """Share of questions whose likeliest colour is right, and the mean log-probability of the right one, nats."""
    return {
        "right": round((log_p.argmax(dim=1) == right).double().mean().item(), 4),
        "nats": round(log_p.gather(1, right[:, None]).mean().item(), 4),
    }


def held(condition: str, seed: int, amounts: Amounts = FULL) -> dict[str, dict]:
    """Pretrain, adapt for a while, and ask what was never read.

    Returns:
        "before": what `answered` says of the pretrained model; "all weights" and "a linear probe": the same by updates
        of adaptation, and by as many batches.

    Raises:
        InputError: if there is no such condition.
    """
    lookup(dict.fromkeys(CONDITIONS), condition, "condition")
    model, asked = pretrained(condition, seed, amounts.pretraining), amounts.asked
    return {
        "before": answered(model, seed, asked),
        "all weights": {str(u): answered(adapted(model, seed, u), seed, asked) for u in amounts.adaptation},
        "a linear probe": {str(u): probed(model, seed, u, asked) for u in amounts.adaptation},
    }


def likely(runs: list[dict], arm: str, updates: int = 20) -> np.ndarray:
    """Probability of the right answer, geometric mean over questions, one for each of the stored runs, (S,).

    Args:
        arm: as `held` returns them; "before" knows no updates.

    >>> likely([{"before": {"nats": 0.0}}, {"before": {"nats": -1.0}}], "before").round(2).tolist()
    [1.0, 0.37]
    """
    told = [run[arm] if arm == "before" else run[arm][str(updates)] for run in runs]
    return np.exp([one["nats"] for one in told])


STUDIES = (Study("held", held, seeds=5, conditions=CONDITIONS),)
