"""Do instructions have to say anything? Tuned with full, reduced, wrong and no instructions (chapter Re-weighting).

The question is that of Kung and Peng (2023): a model that is tuned on instructions may learn no more from them than
what an answer looks like, and guess.
"""

import copy
import functools
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from toyclip import streams
from toyclip.errors import lookup
from toyclip.lab.study import Study
from toyclip.studies.language import scenes
from toyclip.studies.language.decoding import greedy
from toyclip.studies.language.scenes import ATTRIBUTES, FIRST_VALUE, LONGEST, PLACES, SCENE, VALUES, Task
from toyclip.studies.taxonomy.language import LanguageModel, descend


@dataclass(frozen=True)
class Amounts:
    """How large the model is, and how much it reads and is asked."""

    width: int = 48
    pretraining: int = 700  # updates
    tuning: int = 200  # updates, however few the examples
    batch_size: int = 32
    examples: tuple[int, ...] = (0, 64, 4096)  # for tuning; none: as pretrained
    test: int = 1000  # questions of each set of tasks


FULL = Amounts()


@dataclass(frozen=True)
class Arm:
    """With which instruction, and on which tasks, a model is tuned and asked."""

    instruction: str
    tasks: str = "many"


ARMS = {
    **{name: Arm(name) for name in scenes.INSTRUCTIONS},
    **{f"one space: {name}": Arm(name, "one space") for name in ("full", "space")},
    **{f"own spaces: {name}": Arm(name, "own spaces") for name in ("full", "space")},
}


def task_sets(layout: str, seed: int) -> dict[str, list[Task]]:
    """The tasks of an arm, "seen" in tuning and others.

    Args:
        layout: "many": as of `scenes.tasks`; "one space": one attribute of two places, whose answers are the same four
            words; "own spaces": each attribute of one place, so that the kind of answer gives the task away.

    >>> task_sets("one space", seed=1)
    {'seen': [(1, 0), (1, 2)]}
    """
    if layout == "many":
        return scenes.tasks(seed)
    places = streams.rng(seed, "places").permutation(len(PLACES)).tolist()
    if layout == "one space":
        return {"seen": [(seed % len(ATTRIBUTES), place) for place in sorted(places[:2])]}
    return {"seen": [(attribute, places[attribute % len(PLACES)]) for attribute in range(len(ATTRIBUTES))]}


@functools.lru_cache(maxsize=2)
def pretrained(amounts: Amounts, seed: int) -> LanguageModel:
    """A model that has read statements about scenes and was never asked anything; the words of scenes cost nothing."""
    model = LanguageModel(len(scenes.tokenizer().words), LONGEST, amounts.width, seed=seed)
    rng = streams.rng(seed, "pretraining")

    def loss() -> Tensor:
        tokens = scenes.told(amounts.batch_size, rng)  # (B, 18)
        logits = model(tokens)[:, SCENE - 1 : -1]  # (B, 6, V)
        return F.cross_entropy(logits.flatten(0, 1), tokens[:, SCENE:].flatten())

    descend(model, loss, amounts.pretraining)
    return model


def tune(
    model: LanguageModel, prompts: Tensor, answers: Tensor, updates: int, batch_size: int, seed: int
) -> LanguageModel:
    """A copy of the model, tuned on questions: only the answer costs.

    Args:
        prompts: (N, T) token ids; drawn from again and again, if there are few.
        answers: (N,) token ids.
    """
    model, rng = copy.deepcopy(model), streams.rng(seed, "order")

    def loss() -> Tensor:
        rows = torch.from_numpy(rng.integers(len(prompts), size=batch_size))  # (B,)
        return F.cross_entropy(model(prompts[rows])[:, -1], answers[rows])

    descend(model, loss, updates, lr=2e-3)
    return model


def examine(model: LanguageModel, prompts: Tensor, answers: Tensor, values: Tensor) -> dict[str, float]:
    """Shares of what is said: "right"; "in scene", some object's value of that attribute; "in space", any value of it.

    Args:
        prompts: (N, T) token ids.
        answers: (N,) token ids, of values.
        values: (N, 3), of the attribute asked for, at every place.
    """
    said = greedy(model, prompts, words=1)[:, 0]  # (N,)
    kinds = [torch.div(words - FIRST_VALUE, VALUES, rounding_mode="floor") for words in (said, answers)]  # (N,) each
    in_space, value = kinds[0] == kinds[1], (said - FIRST_VALUE) % VALUES  # (N,) each
    in_scene = in_space & (values == value[:, None]).any(dim=1)  # (N,)
    found = {"right": said == answers, "in scene": in_scene, "in space": in_space}
    return {name: round(hits.double().mean().item(), 4) for name, hits in found.items()}


def luck(values: Tensor, answers: Tensor) -> dict[str, float]:
    """What two ways to guess earn: any word of the right kind, or the right attribute of any object of the scene.

    Args:
        values: (N, 3), of the attribute asked for, at every place.
        answers: (N,) token ids.

    >>> luck(torch.tensor([[0, 1, 2], [3, 3, 3]]), torch.tensor([FIRST_VALUE, FIRST_VALUE + 3]))
    {'any word': 0.25, 'any object': 0.6667}
    """
    right = (answers - FIRST_VALUE) % VALUES  # (N,)
    objects = (values == right[:, None]).double().mean().item()
    return {"any word": 1 / VALUES, "any object": round(objects, 4)}


def instructions(arm: str, seed: int, amounts: Amounts = FULL) -> dict:
    """Pretrain a model, tune it on so many questions with one kind of instruction, and ask it with the same kind.

    Returns:
        for each set of tasks, "seen" and, where there are many, "unseen pairing" and "unseen attribute": the shares of
        `examine` on new questions, each after every number of examples, and "luck", `luck` of these questions.

    Raises:
        InputError: if there is no such arm.
    """
    made = lookup(ARMS, arm, "arm")
    sets = task_sets(made.tasks, seed)
    asked = {name: scenes.ask(made.instruction, tasks, amounts.test, seed, "test") for name, tasks in sets.items()}
    found: dict[str, dict] = {name: {"luck": luck(values, answers)} for name, (_, answers, values) in asked.items()}
    for tuned in models(made, sets["seen"], amounts, seed):
        for name, test in asked.items():
            for measure, share in examine(tuned, *test).items():
                found[name].setdefault(measure, []).append(share)
    return found


def models(arm: Arm, seen: Sequence[Task], amounts: Amounts, seed: int) -> list[LanguageModel]:
    """The pretrained model, tuned on each number of examples of an arm; the larger number holds the smaller."""
    model = pretrained(amounts, seed)
    prompts, answers, _ = scenes.ask(arm.instruction, list(seen), max(amounts.examples), seed, "tuning")
    return [
        tune(model, prompts[:count], answers[:count], amounts.tuning, amounts.batch_size, seed) if count else model
        for count in amounts.examples
    ]


STUDIES = (Study("instructions", instructions, seeds=5, conditions=tuple(ARMS)),)
