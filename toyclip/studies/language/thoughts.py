"""A model is rewarded for thoughts that make the next word of its text likelier (chapter What scale and context buy).

The text is that of `hops`: what one layer cannot find in one pass it can find in two, if it says the first find aloud.
"""

import copy
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from toyclip import streams
from toyclip.errors import lookup
from toyclip.lab.study import Study
from toyclip.studies.language.hops import ASKED, LENGTH, WORDS, K, Text, aloud, blur, looks, ordinary, plain
from toyclip.studies.taxonomy.language import LanguageModel, descend, surprise


@dataclass(frozen=True)
class Size:
    """How much is read, thought and asked."""

    updates: int = 1200  # of pretraining, on ordinary text
    steps: int = 350  # with thoughts
    batch: int = 32
    thoughts: int = 4  # drawn for each text
    test: int = 1000


FULL = Size()
LR = 6e-3
ORDINARY = 4.0  # weight of ordinary text beside thoughts
KEEP = 0.99  # of the average of past weights, at each step
ARMS = {  # how thoughts are drawn and rewarded, and what is read
    "thoughts": ("own", Text()),
    "random thoughts": ("random", Text()),
    "shuffled reward": ("shuffled", Text()),
    "next word": ("none", Text()),
    "no right thoughts in the text": ("own", Text(right=0.0)),
    "one hop, thoughts": ("own", Text(hops=1)),
    "one hop, next word": ("none", Text(hops=1)),
}


def read_on(model: LanguageModel, texts: Tensor, batch: int) -> None:
    """Train on the next word of texts, (N, 12), in place."""
    rest = iter(texts.split(batch))

    def loss() -> Tensor:
        tokens = next(rest)  # (B, 12)
        return surprise(model(tokens), tokens)

    descend(model, loss, len(texts) // batch, LR)


@cache
def pretrained(text: Text, seed: int, size: Size = FULL) -> LanguageModel:
    """One layer that has read ordinary text, the same for all arms of a seed; copy it before training on."""
    model = LanguageModel(WORDS, LENGTH, width=32, layers=1, seed=seed)
    read_on(model, ordinary(text, size.updates * size.batch, seed, "pretraining"), size.batch)
    return model


def told(log_p: Tensor, words: Tensor) -> Tensor:
    """Log-probability of the word that came, (B, V) and (B,) -> (B,)."""
    return log_p.gather(1, words[:, None])[:, 0]


@torch.no_grad()
def draw(model: LanguageModel, tables: Tensor, asked: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Thoughts for each question, drawn from what the model would say after "think", (N, count)."""
    prompts = aloud(tables, asked, asked, asked)[:, : ASKED + 1]  # (N, 10)
    return torch.multinomial(model(prompts)[:, ASKED].softmax(dim=1), count, replacement=True, generator=generator)


@torch.no_grad()
def without(average: LanguageModel, tables: Tensor, asked: Tensor, answers: Tensor) -> Tensor:
    """Log-probability of each answer without a thought, (N,): what a thought has to better to earn a reward.

    Args:
        average: the slow copy of the model, asked with "say".
    """
    return told(average(plain(tables, asked, answers))[:, ASKED].log_softmax(dim=1), answers)


def reason(model: LanguageModel, text: Text, size: Size, seed: int, how: str = "own") -> None:
    """Train thoughts into a model, in place, by their reward, among ordinary text (RLP: Hatamizadeh et al. 2025).

    The reward of a thought is by how many nats it makes the answer likelier than the average model finds it without
    one. A thought is made likelier by its reward (REINFORCE), and the answer is read after it.

    Args:
        how: "own"; "random" thoughts, about which nothing is learned; "shuffled", rewards dealt out to other texts.
    """
    generator = streams.generator(seed, "thinking")
    tables, asked, _, answers = looks(text, size.steps * size.batch, seed, "thoughts")
    lessons = (tables, asked, blur(answers, text.noise, generator))
    rest = iter(zip(*(part.split(size.batch) for part in lessons), strict=True))
    more = iter(ordinary(text, len(asked), seed, "beside thoughts").split(size.batch))
    average = copy.deepcopy(model).requires_grad_(False)

    def loss() -> Tensor:
        for slow, now in zip(average.parameters(), model.parameters(), strict=True):
            slow.lerp_(now.detach(), 1 - KEEP)
        tables, asked, answers = next(rest)  # (B, 8), (B,), (B,)
        thoughts = draw(model, tables, asked, size.thoughts, generator)  # (B, G)
        if how == "random":
            thoughts = torch.randint(1, K + 1, thoughts.shape, generator=generator)  # (B, G)
        texts = [aloud(tables, asked, thought, answers) for thought in thoughts.T]  # G of (B, 12)
        log_p = model(torch.cat(texts)).log_softmax(dim=2).unflatten(0, (-1, len(asked)))  # (G, B, 12, V)
        thought = log_p[:, :, ASKED].gather(2, thoughts.T[:, :, None])[:, :, 0]  # (G, B)
        answer = log_p[:, :, ASKED + 1].gather(2, answers.expand(len(texts), -1)[:, :, None])[:, :, 0]  # (G, B)
        reward = answer.detach() - without(average, tables, asked, answers)  # (G, B)
        if how == "shuffled":
            reward = reward[:, torch.randperm(len(asked), generator=generator)]  # (G, B)
        tokens = next(more)  # (B, 12)
        learned = 0.0 if how == "random" else (reward * thought).mean()
        return ORDINARY * surprise(model(tokens), tokens) - answer.mean() - learned

    descend(model, loss, size.steps, LR)


def matched(size: Size) -> int:
    """Updates on ordinary text that take as many passes as all the steps with thoughts, rounded up.

    A backward pass counts as two. A step asks model and average once each, and trains on all thoughts and on one batch
    of ordinary text.

    >>> matched(Size(steps=3, thoughts=4))      # 2 passes, 3 x 4 and 3 of training: 17, where an update takes 3
    17
    """
    return -(-size.steps * (2 + 3 * size.thoughts + 3) // 3)


@torch.no_grad()
def ask(model: LanguageModel, text: Text, seed: int, size: Size = FULL, how: str = "own") -> dict[str, float]:
    """What a model makes of new questions, whose true answers are asked for.

    Returns:
        "say": share answered rightly without a thought, and "say_nats", the log-probability of the true answer; "think"
        and "think_nats", the same after one thought; "right": share of these thoughts that are right; "if_right": share
        answered rightly after the right thought.
    """
    tables, asked, first, answers = looks(text, size.test, seed, "test")
    generator = streams.generator(seed, "thoughts in the test")
    thoughts = draw(model, tables, asked, 1, generator)[:, 0]  # (N,)
    if how == "random":
        thoughts = torch.randint(1, K + 1, asked.shape, generator=generator)  # (N,)
    said = model(plain(tables, asked, answers))[:, ASKED].log_softmax(dim=1)  # (N, V)
    after, best = (model(aloud(tables, asked, t, answers))[:, ASKED + 1].log_softmax(dim=1) for t in (thoughts, first))
    found = {
        **{name: (log_p.argmax(1) == answers) for name, log_p in (("say", said), ("think", after), ("if_right", best))},
        "right": thoughts == first,
        "say_nats": told(said, answers),
        "think_nats": told(after, answers),
    }
    return {name: round(values.double().mean().item(), 4) for name, values in found.items()}


def thoughts(arm: str, seed: int, size: Size = FULL) -> dict[str, dict[str, float]]:
    """Pretrain on ordinary text, then go on as an arm says.

    Returns:
        "before" and "after" going on, each as of `ask`.

    Raises:
        InputError: if there is no such arm.
    """
    how, text = lookup(ARMS, arm, "arm")
    base = pretrained(text, seed, size)
    model = copy.deepcopy(base)
    if how == "none":
        read_on(model, ordinary(text, matched(size) * size.batch, seed, "more"), size.batch)
    else:
        reason(model, text, size, seed, how)
    return {"before": ask(base, text, seed, size), "after": ask(model, text, seed, size, how)}


STUDIES = (Study("thoughts", thoughts, seeds=5, conditions=tuple(ARMS)),)
