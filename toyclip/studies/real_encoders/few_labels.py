"""Few labels: learned prompts against a linear probe and fine-tuning on the same pictures (chapter Real encoders).

Prompts are learned through MiniLM (Zhou et al. 2022), so the study, and nothing else, needs `toyclip[real]`.
"""

import copy
import functools
import warnings
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn

from toyclip import streams
from toyclip.errors import lookup
from toyclip.lab.study import Study
from toyclip.recipes import Recipe
from toyclip.studies.real_encoders.features import Pictures, concept_names, pictures
from toyclip.studies.real_encoders.heads import Heads, Training, train_heads
from toyclip.studies.real_encoders.minilm import MiniLM
from toyclip.studies.real_encoders.transfer import ALL, CHOSEN_ON, REPORTED_ON
from toyclip.train import finish, fit

NEW = 20  # concepts that the heads never met, and that labels are given for
WRITTEN = "a picture of"  # the prompt that stands at the beginning, and where learned ones start
CONDITIONS = {  # labels of a class, and whether they are dealt to classes by lot
    "1 label": (1, False),
    "3 labels": (3, False),
    "8 labels": (8, False),
    "8 labels, shuffled": (8, True),
}
reader = functools.cache(MiniLM)


@dataclass(frozen=True)
class Effort:
    """Updates on all labels at once, and the highest rate of each method.

    Chosen under seed 101, which no study uses.
    """

    updates: int = 30
    prompt: float = 0.05
    tuning: float = 1e-3


FULL = Effort()


@functools.cache
def said(prompt: str) -> Tensor:
    """What MiniLM makes of all names after a prompt, (C, D)."""
    return reader().read([f"{prompt} {name}".strip() for name in concept_names()]).clone()


def scaled(rows: Tensor) -> Tensor:
    """(N, D) of MiniLM's as the heads get them: every dimension with the mean 0 and the same spread over all names."""
    names = said("")
    return (rows - names.mean(dim=0)) / names.std(dim=0) / names.shape[1] ** 0.5


def deal(seed: int, count: int, shuffled: bool) -> tuple[Tensor, Pictures, Tensor]:
    """The new concepts, (K,); of each so many drawings with a label, by lot; and the labels, 0 to K - 1, (N,).

    Args:
        shuffled: the labels are dealt to the drawings by lot, each as often as before.
    """
    shown = pictures().by(*ALL)
    whole = torch.nonzero(shown.concepts.bincount() == len(ALL))[:, 0]  # drawn by all of them
    new = whole[torch.from_numpy(streams.rng(seed, "new concepts").permutation(len(whole))[:NEW])]  # (K,)
    lots = streams.rng(seed, "labels")
    rows = [lots.permutation(torch.nonzero(shown.concepts == concept)[:, 0].numpy())[:count] for concept in new]
    labels = torch.arange(len(new)).repeat_interleave(count)  # (N,)
    if shuffled:
        labels = labels[torch.from_numpy(streams.rng(seed, "shuffled").permutation(len(labels)))]
    return new, shown[torch.tensor([int(row) for part in rows for row in part])], labels


@functools.cache
def introduced(seed: int) -> Heads:
    """Heads that have learned from all drawings of all other concepts, with names and sentences."""
    new, _, _ = deal(seed, 1, shuffled=False)
    shown = pictures().by(*ALL)
    captions = [scaled(said("")), scaled(said(WRITTEN))]
    model, _ = train_heads(shown[~torch.isin(shown.concepts, new)], captions, Training(), seed)
    return model.requires_grad_(False)


class Prompted(nn.Module):
    """Frozen heads and a frozen MiniLM; what is learned stands in the place of the words of WRITTEN.

    Args:
        own: every class gets vectors of its own, instead of all the same.
    """

    def __init__(self, heads: Heads, names: list[str], own: bool) -> None:
        super().__init__()
        self.heads = heads
        ids, self.real = reader().tokens([f"{WRITTEN} {name}" for name in names])  # (K, L)
        words = reader().vectors(ids).clone()  # (K, L, D)
        count = len(WRITTEN.split())  # a token each
        self.before, written, self.name = words.split([1, count, ids.shape[1] - 1 - count], dim=1)
        self.prompt = nn.Parameter((written if own else written[:1]).clone())  # (K or 1, 3, D)
        self.logit_scale, self.clamp_logit_scale = heads.logit_scale, heads.clamp_logit_scale

    def forward(self, shown: Tensor) -> Tensor:
        """Cosines of (B, D) features with the classes, (B, K)."""
        words = torch.cat([self.before, self.prompt.expand(len(self.before), -1, -1), self.name], dim=1)  # (K, L, D)
        return self.heads(shown, scaled(reader().encode(words, self.real)))


class Tuned(nn.Module):
    """Heads whose every weight may move, and fixed captions, (K, D)."""

    def __init__(self, heads: Heads, captions: Tensor) -> None:
        super().__init__()
        self.heads, self.captions = copy.deepcopy(heads).requires_grad_(True), captions
        self.clamp_logit_scale = self.heads.clamp_logit_scale

    @property
    def logit_scale(self) -> Tensor:
        """1 / temperature."""
        return self.heads.logit_scale

    def forward(self, shown: Tensor) -> Tensor:
        """Cosines of (B, D) features with the classes, (B, K)."""
        return self.heads(shown, self.captions)


def learn(model: Prompted | Tuned, shown: Tensor, labels: Tensor, updates: int, lr: float) -> None:
    """Cross-entropy over the classes, all labels in every update."""
    recipe = Recipe("few labels", updates, 2, lr, one_cycle=True, image_encoder="frozen", weight_decay=0.0)
    every = [[torch.arange(len(labels))]] * updates
    finish(fit(model, shown, labels, recipe, every, lambda m, x, y: F.cross_entropy(m.logit_scale * m(x), y)))


def probe(shown: Tensor, labels: Tensor, asked: Tensor) -> Tensor:
    """The classes, (M,), that logistic regression on (N, D) features of pictures gives to (M, D) others."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The number of unique classes")  # one label a class is meant
        fitted = LogisticRegression(max_iter=1000).fit(shown.numpy(), labels.numpy())
    return torch.from_numpy(fitted.predict(asked.numpy()))


def few_labels(name: str, seed: int, effort: Effort = FULL) -> dict:
    """What the same labels of concepts never met are worth to each method.

    Returns:
        For each method its accuracy on drawings of both vendors never seen, among the new classes, and on the labelled
        drawings themselves.

    Raises:
        InputError: if there is no such condition, or MiniLM is not installed.
    """
    count, shuffled = lookup(CONDITIONS, name, "condition")
    new, labelled, labels = deal(seed, count, shuffled)
    asked = pictures().by(CHOSEN_ON, REPORTED_ON)
    asked = asked[torch.isin(asked.concepts, new)]
    right = (asked.concepts[:, None] == new).int().argmax(dim=1)  # (M,)
    heads, names = introduced(seed), [concept_names()[concept] for concept in new]

    models = {"bare name": Tuned(heads, scaled(said("")[new]))}
    models["written prompt"] = Tuned(heads, scaled(said(WRITTEN)[new]))
    models["learned prompt"] = Prompted(heads, names, own=False)
    models["a prompt for each class"] = Prompted(heads, names, own=True)
    models["fine-tuning"] = Tuned(heads, scaled(said(WRITTEN)[new]))
    for method, lr in (("learned prompt", effort.prompt), ("a prompt for each class", effort.prompt),
                       ("fine-tuning", effort.tuning)):  # fmt: skip
        learn(models[method], labelled.features, labels, effort.updates, lr)
    with torch.inference_mode():
        found = {
            m: [model(x).argmax(dim=1) for x in (asked.features, labelled.features)] for m, model in models.items()
        }
    found["linear probe"] = [probe(labelled.features, labels, x) for x in (asked.features, labelled.features)]
    return {
        method: {"new drawings": share(new_ones == right), "labelled": share(old_ones == labels)}
        for method, (new_ones, old_ones) in found.items()
    }


def share(hits: Tensor) -> float:
    """Of what is true, 0 to 1, to four digits."""
    return round(hits.double().mean().item(), 4)


STUDIES = (Study("real_few_labels", few_labels, seeds=5, conditions=tuple(CONDITIONS)),)
