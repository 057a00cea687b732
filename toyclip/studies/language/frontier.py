"""A teacher rewrites answers, some beyond what a student can learn: does that harm? (chapter Re-weighting).

After Li et al. (2024), who let the student choose what it learns from, by how much a question helps it to expect the
teacher's answer.
"""

import functools
from dataclasses import dataclass

import torch
from torch import Tensor

from toyclip import streams
from toyclip.errors import lookup
from toyclip.lab.study import Study
from toyclip.studies.language.decoding import greedy, sample, score
from toyclip.studies.language.lessons import COLOURS, LONGEST, QUESTIONS, Lessons, blank, draw, learn, tokenizer
from toyclip.studies.taxonomy.language import LanguageModel

SURE = len(COLOURS) ** (-0.75 / 4)  # ratio of perplexities, three quarters of the way from one word in four to knowing


@dataclass(frozen=True)
class Student:
    """How large a student is."""

    width: int
    layers: int


STUDENTS = {"small": Student(32, 1), "large": Student(64, 2)}
SELECTIONS = ("none", "all", "own", "random", "another's")
ARMS = {f"{student}: {selection}": (student, selection) for student in STUDENTS for selection in SELECTIONS}


@dataclass(frozen=True)
class Amounts:
    """How long the students learn, and from how much."""

    warm_up: int = 900  # updates, on both kinds of answers
    updates: int = 200  # on what was selected
    lessons: int = 4000  # for each of the two
    test: int = 2000


FULL = Amounts()


@functools.lru_cache(maxsize=4)
def warmed_up(student: str, amounts: Amounts, seed: int) -> LanguageModel:
    """A student that has had four of five answers from the teacher, and one of eight, of any kind, unasked."""
    made, given = STUDENTS[student], draw(amounts.lessons, seed, "warm-up")
    model = LanguageModel(len(tokenizer().words), LONGEST, made.width, made.layers, seed=seed)
    lots = torch.from_numpy(streams.rng(seed, "lots").uniform(size=(2, amounts.lessons, 1)))  # (2, N, 1)
    prompts = torch.where(lots[0] < 1 / 8, blank(given.prompts), given.prompts)  # (N, 6)
    answers = torch.where(lots[1] < 4 / 5, given.refined, given.original)  # (N, 4)
    return learn(model, prompts, answers, amounts.warm_up, seed)


@torch.no_grad()
def ratios(model: LanguageModel, prompts: Tensor, answers: Tensor) -> Tensor:
    """Perplexity of each answer after its question, divided by that without one, (N, 6), (N, 4) -> (N,).

    Near 1 the question does not help; the less, the more the model gets out of it (Li et al. 2024).
    """
    direct, conditional = (score(model, asked, answers) for asked in (blank(prompts), prompts))  # (N,) each
    return torch.exp((direct - conditional) / answers.shape[1])


def selected(student: str, selection: str, given: Lessons, amounts: Amounts, seed: int) -> Tensor:
    """Where the teacher's answer takes the place of the original one, (N,) bool.

    Args:
        selection: "none", "all", "own" (a ratio that shows the student nearly sure), "another's" (the other student's
            own), or "random" (as many as its own, anywhere).
    """
    if selection in ("none", "all"):
        return torch.full((len(given.prompts),), selection == "all")
    (other,) = (name for name in STUDENTS if name != student)
    model = warmed_up(other if selection == "another's" else student, amounts, seed)
    own = ratios(model, given.prompts, given.refined) <= SURE  # (N,)
    if selection == "random":
        return own[torch.from_numpy(streams.rng(seed, "shuffle").permutation(len(own)))]
    return own


def examine(model: LanguageModel, test: Lessons, seed: int) -> dict[str, Tensor]:
    """What a model does with each question, where it speaks by itself by chance, as likely as it finds each word.

    Returns:
        (N,) bool each: "knows", whether it says the right colour once the teacher's words stand before it; "style",
        whether it begins with these words by itself; "true", whether what it says by itself is so, in either style;
        "useful", whether that is the answer to the question.
    """
    forced = greedy(model, torch.cat([test.prompts, test.refined[:, :-1]], dim=1), words=1)[:, 0]  # (N,)
    said = sample(model, test.prompts, words=test.refined.shape[1], generator=streams.generator(seed, "free"))  # (N, 4)
    style = (said[:, :-1] == test.refined[:, :-1]).all(dim=1)  # (N,)
    old = (said[:, :-1] == test.original[:, :-1]).all(dim=1)  # (N,)
    useful = (said == test.refined).all(dim=1)  # (N,)
    present = (said[:, -1:] == test.colours).any(dim=1)  # (N,)
    knows = forced == test.refined[:, -1]  # (N,)
    return {"knows": knows, "style": style, "true": useful | (old & present), "useful": useful}


def frontier(arm: str, seed: int, amounts: Amounts = FULL) -> dict[str, list[float]]:
    """Let a student go on learning from what was selected, and ask it about new scenes.

    Returns:
        for each level, its share of what `examine` finds, the share of the teacher's answers that was "selected", and
        the student's mean ratio of perplexities before ("ratio") of them all.

    Raises:
        InputError: if there is no such arm.
    """
    student, selection = lookup(ARMS, arm, "arm")
    given, test = draw(amounts.lessons, seed, "refined"), draw(amounts.test, seed, "test")
    model = warmed_up(student, amounts, seed)
    chosen = selected(student, selection, given, amounts, seed)  # (N,)
    answers = torch.where(chosen[:, None], given.refined, given.original)  # (N, 4)
    found = examine(learn(model, given.prompts, answers, amounts.updates, seed), test, seed)
    before = {"selected": chosen, "ratio": ratios(model, given.prompts, given.refined)}
    return {name: by_level(hits, test.levels) for name, hits in found.items()} | {
        name: by_level(values, given.levels) for name, values in before.items()
    }


def by_level(values: Tensor, levels: Tensor) -> list[float]:
    """The mean of each level, (N,), (N,) -> one for each question.

    >>> by_level(torch.tensor([1.0, 0.0, 1.0, 1.0, 1.0, 0.0]), torch.tensor([0, 0, 1, 2, 3, 4]))
    [0.5, 1.0, 1.0, 1.0, 0.0]
    """
    return [round(values[levels == level].double().mean().item(), 4) for level in range(len(QUESTIONS))]


STUDIES = (Study("frontier", frontier, seeds=5, conditions=tuple(ARMS)),)
