"""What reinforcement does to the formats in which a language model has learned to answer (chapter Re-weighting).

A model reads answers in three formats, right as often in all of them unless told otherwise. Then it answers by itself
and is rewarded for right names. The question is that of Zhao et al. 2025, who ask it of reasoning in mathematics.
"""

import copy
import functools
import itertools
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from toyclip import streams
from toyclip.errors import lookup
from toyclip.lab.study import Study
from toyclip.studies.language.decoding import log_likelihoods, sample
from toyclip.studies.language.openings import (
    CHOICES,
    LENGTH,
    NAMES,
    OPENINGS,
    THINGS,
    ids,
    prompts,
    right_names,
    text,
    tokenizer,
)
from toyclip.studies.taxonomy.language import LanguageModel, descend, teach

K = 4  # answers of which one has to be right for pass@k
GROUP = 8  # answers to one prompt, judged against one another


@dataclass(frozen=True)
class Arm:
    """What was read before, and what is rewarded after; one number for each format."""

    mix: tuple[float, ...] = (0.6, 0.3, 0.1)  # how often the text opens an answer in each way
    told: tuple[float, ...] = (0.4, 0.4, 0.4)  # how often the name in the text is right; else it is any other
    accepted: tuple[float, ...] = (1.0, 1.0, 1.0)  # how often a right answer earns its reward
    shuffled: bool = False  # the rewards of a batch are dealt out to its answers by lot
    kl: float = 0.0  # what a nat of distance from the model before costs
    lr: float = 1e-3  # the highest of the rewarded updates
    width: int = 32


RARE, COMMON = (0.5, 0.75, 1.0), (1.0, 0.75, 0.5)  # which format's right answers are accepted most often
TRUER = (0.3, 0.4, 0.7)  # the rarer a format, the truer what the text says in it
EVEN, STEEP = (1 / 3, 1 / 3, 1 / 3), (0.9, 0.08, 0.02)
ARMS = {  # the first seven, and the two steep ones, begin with one model
    "equal": Arm(),
    "equal, small steps": Arm(lr=3e-4),
    "equal, shuffled": Arm(shuffled=True),
    "common best": Arm(accepted=COMMON),
    "rare best": Arm(accepted=RARE),
    "rare best, KL 0.1": Arm(accepted=RARE, kl=0.1),
    "rare best, KL 0.5": Arm(accepted=RARE, kl=0.5),
    "equal, steep mix": Arm(mix=STEEP),
    "rare best, steep mix": Arm(mix=STEEP, accepted=RARE),
    "equal, even mix": Arm(mix=EVEN),
    "rare truer, width 16": Arm(told=TRUER, width=16),
    "rare truer, width 32": Arm(told=TRUER),
    "rare truer, width 64": Arm(told=TRUER, width=64),
}


@dataclass(frozen=True)
class Size:
    """How much is read and rewarded."""

    pretraining: int = 600  # updates of `batch` sentences
    batch: int = 64
    rewarded: int = 240  # updates
    prompts: int = 16  # of an update, each answered `GROUP` times
    looks: int = 8  # at the model on the way, besides the one before


FULL = Size()


@functools.lru_cache(maxsize=1)
def pretrained(arm: Arm, seed: int, size: Size = FULL) -> LanguageModel:
    """A model that has read the text of an arm."""
    model = LanguageModel(len(tokenizer().words), LENGTH, width=arm.width, seed=seed)
    teach(model, text(arm.mix, arm.told, seed, size.pretraining * size.batch).split(size.batch))  # U of (B, 6)
    return model


@torch.no_grad()
def look(model: LanguageModel, right: Tensor) -> dict[str, list[float] | float]:
    """What the model would answer, by its own probabilities and not by draws.

    Args:
        right: (P,), the place of each thing's name in NAMES.

    Returns:
        share: of each format among the answers; right: how often an answer in it is right; pass1: how often any
        answer is; passk: how often one of K answers to a prompt is.
    """
    words = tokenizer()
    asked, opening, name = prompts(words), ids(words, OPENINGS), ids(words, NAMES)[right]  # (P, 4), (F,), (P,)
    answers = torch.stack([opening.repeat(len(asked)), name.repeat_interleave(CHOICES)], dim=1)  # (P F, 2)
    log_p = log_likelihoods(model, torch.cat([asked.repeat_interleave(CHOICES, dim=0), answers], dim=1))  # (P F, 5)
    opened, named = log_p[:, -2:].double().exp().unflatten(0, (-1, CHOICES)).unbind(2)  # (P, F) each
    either = (opened * named).sum(dim=1)  # (P,)
    return {
        "share": rounded(opened.mean(dim=0)),
        "right": rounded(named.mean(dim=0)),
        "pass1": round(either.mean().item(), 4),
        "passk": round((1 - (1 - either) ** K).mean().item(), 4),
    }


def rounded(values: Tensor) -> list[float]:
    """To four digits."""
    return [round(value, 4) for value in values.tolist()]


def rewards(arm: Arm, answers: Tensor, right: Tensor, generator: torch.Generator) -> Tensor:
    """What each answer earns, 0 or 1, (B,).

    Args:
        answers: (B, 2) token ids; one that begins or goes on otherwise than the text does earns nothing.
        right: (B,), the place of the right name in NAMES.
    """
    words = tokenizer()
    is_format = answers[:, :1] == ids(words, OPENINGS)  # (B, F)
    chance = is_format.float() @ torch.tensor(arm.accepted)  # (B,)
    earned = (torch.rand(len(answers), generator=generator) < chance) & (answers[:, 1] == ids(words, NAMES)[right])
    if arm.shuffled:
        earned = earned[torch.randperm(len(earned), generator=generator)]  # (B,)
    return earned.float()


def reinforce(log_p: Tensor, reward: Tensor) -> Tensor:
    """The loss of REINFORCE, whose baseline is the mean reward of the other answers to the same prompt, ().

    Williams 1992; the baseline is that of Kool et al. 2019. An answer that earns what the others earn changes nothing.

    Args:
        log_p: (P, G), of each answer, in nats.
        reward: (P, G).

    >>> reinforce(torch.tensor([[-1.0, -2.0]]), torch.tensor([[1.0, 0.0]])).item()      # (1 * 1 + 2 * -1) / 2
    -0.5
    """
    count = reward.shape[1]
    advantage = (reward - reward.mean(dim=1, keepdim=True)) * count / (count - 1)  # (P, G)
    return -(advantage * log_p).mean()


def distance(logits: Tensor, before: Tensor) -> Tensor:
    """How far each choice of a word has gone from what it was, Kullback-Leibler, (..., V) twice -> (...) nats.

    >>> distance(torch.tensor([0.0, 0.0]), torch.tensor([0.0, 0.0])).item()
    0.0
    """
    log_p = logits.log_softmax(dim=-1)  # (..., V)
    return (log_p.exp() * (log_p - before.log_softmax(dim=-1))).sum(dim=-1)


def reward_model(model: LanguageModel, arm: Arm, seed: int, size: Size = FULL) -> list[dict[str, list[float] | float]]:
    """Reward a model for its answers, in place; `look` before the first update and after each part of them."""
    words, right, generator = tokenizer(), right_names(seed), streams.generator(seed, "answers")
    before, found, step = copy.deepcopy(model), [], itertools.count()

    def loss() -> Tensor:
        if next(step) % (size.rewarded // size.looks) == 0:
            found.append(look(model, right))
        things = torch.randint(len(THINGS), (size.prompts,), generator=generator)  # (p,)
        things = things.repeat_interleave(GROUP)  # (B,)
        asked = prompts(words)[things]  # (B, 4)
        answers = sample(model, asked, 2, generator)  # (B, 2)
        earned = rewards(arm, answers, right[things], generator)  # (B,)
        read = torch.cat([asked, answers[:, :1]], dim=1)  # (B, 5)
        logits = model(read)[:, -2:]  # (B, 2, V)
        log_p = logits.log_softmax(dim=2).gather(2, answers[:, :, None]).sum(dim=(1, 2))  # (B,)
        cost = reinforce(log_p.unflatten(0, (-1, GROUP)), earned.unflatten(0, (-1, GROUP)))  # ()
        if arm.kl:
            with torch.no_grad():
                old = before(read)[:, -2:]  # (B, 2, V)
            cost = cost + arm.kl * distance(logits, old).sum(dim=1).mean()
        return cost

    descend(model, loss, size.rewarded, arm.lr)
    return [*found, look(model, right)]


def formats(name: str, seed: int, size: Size = FULL) -> dict:
    """One arm from the first weights to the last reward.

    Returns:
        looks: what `look` found before the rewards and after each part of them, all parts equally long.

    Raises:
        InputError: if there is no such arm.
    """
    arm = lookup(ARMS, name, "condition")
    read = replace(Arm(), mix=arm.mix, told=arm.told, width=arm.width)  # what the rewards are does not matter yet
    return {"looks": reward_model(copy.deepcopy(pretrained(read, seed, size)), arm, seed, size)}


STUDIES = (Study("formats", formats, seeds=5, conditions=tuple(ARMS)),)
