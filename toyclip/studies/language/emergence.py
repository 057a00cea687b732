"""Eight sizes of one model, two abilities, two yardsticks (chapter What scale and context buy).

A caption is five colours, to be said of a picture by its name of two words: a small model keeps a part of them. Binding
is one look-up that is there or not: of two coloured shapes, the colour of the one that is asked for, in questions that
no model has read. Exact match counts what is right as a whole; log-likelihood asks for words (Schaeffer et al. 2023).
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import torch
from torch import Tensor

from toyclip import streams
from toyclip.data import Tokenizer
from toyclip.errors import lookup
from toyclip.lab.study import Study
from toyclip.studies.language.decoding import greedy, log_likelihoods
from toyclip.studies.language.unread import draw_apart
from toyclip.studies.taxonomy.language import PADDING, LanguageModel, descend, surprise

COLORS = ("red", "blue", "green", "yellow", "black", "white")
SHAPES = ("circle", "square", "triangle", "cross", "star", "heart")
TITLES, OWNERS = tuple(f"title{i}" for i in range(16)), tuple(f"owner{i}" for i in range(16))  # name a picture together
LENGTH = 5  # colours of a caption
TOKENIZER = Tokenizer((*COLORS, *SHAPES, *TITLES, *OWNERS), context_length=2 + LENGTH)
WIDTHS = (8, 12, 16, 20, 24, 32, 64, 112)


@dataclass(frozen=True)
class Task:
    """For how long an ability is learned."""

    updates: int
    batch_size: int


TASKS = {"captions": Task(updates=300, batch_size=64), "binding": Task(updates=600, batch_size=32)}


@dataclass(frozen=True)
class Scope:
    """How many sizes are trained, how much is asked, and by what the updates are divided in tests."""

    widths: tuple[int, ...] = WIDTHS
    asked: int = 400  # scenes; of captions all are asked
    looks: int = 20  # evenly over the updates
    part: int | Fraction = 1


FULL = Scope()
PATIENT = Scope(widths=WIDTHS[:2], part=Fraction(1, 4))  # the two narrowest, for four times as long


def captions(seed: int) -> tuple[Tensor, Tensor]:
    """The names of all 256 pictures, and their five colours by lot, (256, 2) and (256, 5) token ids."""
    title, owner = np.divmod(np.arange(len(TITLES) * len(OWNERS)), len(OWNERS))  # (256,) each
    names = np.stack([title + TOKENIZER.ids[TITLES[0]], owner + TOKENIZER.ids[OWNERS[0]]], axis=1)  # (256, 2)
    told = streams.rng(seed, "captions").integers(len(COLORS), size=(len(names), LENGTH))  # (256, 5)
    return torch.from_numpy(names), torch.from_numpy(told + TOKENIZER.ids[COLORS[0]])


def scenes(count: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Two coloured shapes and one of the two shapes; its colour, (N, 5) and (N, 1) token ids.

    Both colours stand in the prompt: who knows its words, and not which belong together, is right every other time and
    pays log 2.

    >>> prompts, answers = scenes(1, np.random.default_rng(0))
    >>> TOKENIZER.decode(prompts), TOKENIZER.decode(answers)
    (['yellow star green heart heart'], ['green'])
    """
    color, shape = (
        rng.permuted(np.tile(np.arange(len(words)), (count, 1)), axis=1)[:, :2] + TOKENIZER.ids[words[0]]
        for words in (COLORS, SHAPES)
    )  # (N, 2) each, two that differ
    which = rng.integers(2, size=(count, 1))  # (N, 1)
    asked, answers = (np.take_along_axis(part, which, axis=1) for part in (shape, color))  # (N, 1) each
    prompts = np.concatenate([np.stack([color, shape], axis=2).reshape(count, 4), asked], axis=1)  # (N, 5)
    return torch.from_numpy(prompts), torch.from_numpy(answers)


def questions(count: int, seed: int, what: str) -> tuple[Tensor, Tensor]:
    """Scenes that are "read", or others that are "asked" and that nobody has read, (N, 5) and (N, 1) token ids."""
    rng = streams.rng(seed, what)
    return draw_apart(lambda n: scenes(n, rng), count, seed, asked=what == "asked")


@torch.no_grad()
def right(model: LanguageModel, prompts: Tensor, answers: Tensor) -> dict:
    """How well a model answers, by both yardsticks.

    Returns:
        "log_likelihood": of a word, after the right ones before it, nats; "p": share of words right after the right
        ones, and "free", after the model's own; "exact": share of answers whose first 1, 2, ... words are all right.
    """
    tokens, start = torch.cat([prompts, answers], dim=1), prompts.shape[1] - 1  # (N, T)
    said = model(tokens[:, :-1])[:, start:].argmax(dim=2)  # (N, A)
    alone = greedy(model, prompts, answers.shape[1]) == answers  # (N, A)
    exact = alone.cumprod(dim=1).double().mean(dim=0)  # (A,)
    return {
        "log_likelihood": round(log_likelihoods(model, tokens)[:, start:].double().mean().item(), 4),
        "p": round((said == answers).double().mean().item(), 4),
        "free": round(alone.double().mean().item(), 4),
        "exact": [round(v, 4) for v in exact.tolist()],
    }


def learn(width: int, task: str, seed: int, scope: Scope = FULL) -> tuple[LanguageModel, dict]:
    """A model of a width, trained to answer, and what it can do on the way and at the end.

    Returns:
        the model; what `right` says of it at the end, its "parameters", and what `right` says at evenly spaced looks,
        the first before training and the last after it: "log_likelihoods" and "ps".

    Raises:
        InputError: if there is no such task.
    """
    chosen = lookup(TASKS, task, "task")
    updates, batch_size = max(2, chosen.updates // scope.part), chosen.batch_size
    if task == "captions":
        asked = captions(seed)
        drawn = streams.rng(seed, "order").integers(len(asked[0]), size=updates * batch_size)  # (U B,)
        read = [part[torch.from_numpy(drawn)] for part in asked]
    else:
        asked = questions(scope.asked, seed, "asked")
        read = questions(updates * batch_size, seed, "read")
    model = LanguageModel(len(TOKENIZER.words), TOKENIZER.context_length, width=width, seed=seed)
    batches = iter(zip(*(part.split(batch_size) for part in read), strict=True))
    step, looks, every = iter(range(updates)), [], max(1, updates // scope.looks)

    def loss() -> Tensor:
        if next(step) % every == 0:
            looks.append(right(model, *asked))
        prompts, answers = next(batches)  # (B, P), (B, A)
        only = torch.cat([torch.full_like(prompts, PADDING), answers], dim=1)  # (B, T), nothing asked of the prompt
        return surprise(model(torch.cat([prompts, answers], dim=1)), only)

    descend(model, loss, updates)
    looks.append(right(model, *asked))
    return model, looks[-1] | {
        "parameters": sum(p.numel() for p in model.parameters()),
        "log_likelihoods": [look["log_likelihood"] for look in looks],
        "ps": [look["p"] for look in looks],
    }


def emergence(task: str, seed: int, scope: Scope = FULL) -> dict:
    """One ability, learned by models of all widths: width -> what `learn` says.

    Raises:
        InputError: if there is no such task.
    """
    return {str(width): learn(width, task, seed, scope)[1] for width in scope.widths}


def patience(seed: int, scope: Scope = PATIENT) -> dict:
    """Binding once more, by the narrowest models and for longer: is the threshold one of size? As `emergence` says."""
    return {str(width): learn(width, "binding", seed, scope)[1] for width in scope.widths}


STUDIES = (
    Study("emergence", emergence, seeds=5, conditions=tuple(TASKS)),
    Study("patience", patience, seeds=5),
)
