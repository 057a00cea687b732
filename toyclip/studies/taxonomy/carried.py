"""Kinds that no picture was ever paired with: what a frozen language model lends to pictures (chapter Taxonomy)."""

import functools
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from toyclip import streams
from toyclip.errors import lookup
from toyclip.lab.study import Study
from toyclip.pairs import Pairs
from toyclip.studies.frequency.concepts import draw_concepts
from toyclip.studies.taxonomy import kinds, seeing, text
from toyclip.studies.taxonomy.grading import graded, luck, precision, rounded
from toyclip.studies.taxonomy.kinds import ALIGNED, COARSE, KINDS, SLOTS, Taxonomy
from toyclip.studies.taxonomy.language import LanguageModel
from toyclip.studies.taxonomy.mapping import Mapping, align

FIRST = 100  # is added to a seed: under those below all sizes and rates were chosen
WITHHELD = 4  # kinds that are left out where whole kinds are


@dataclass(frozen=True)
class Amounts:
    """How large a run is; the tests' differs from the study's in nothing else."""

    lessons: int = 8  # drawings of each emoji that an image encoder learns from
    drawings: int = 16  # of each leaf that is aligned
    test: int = 8  # of each leaf, other ones
    encoder: int = 300  # updates
    language: int = 600
    mapping: int = 300


FULL = Amounts()


@dataclass(frozen=True)
class Arm:
    """What is done to one of the three parts: the language model, the image encoder, the captions between them."""

    text: str = "true"  # that the language model has read
    encoder: str = "views"
    words: str = "as they are"  # of the aligned leaves, see `kinds.rename`
    share: float = 1.0  # of them that move
    taught: int = 0  # leaves of each kind whose captions name the kind, too
    withheld: bool = False  # whole kinds, drawn by lot, of which none does
    aim: str = "caption"  # of the mapping, see `align`


ARMS = {
    "no kind shown": Arm(),
    "half of the leaves": Arm(taught=ALIGNED // 2),
    "all leaves": Arm(taught=ALIGNED),
    "whole kinds": Arm(taught=ALIGNED, withheld=True),
    "random model": Arm(text="none"),
    "no relation": Arm(text="no relation"),
    "within": Arm(words="within"),
    "across, 30 %": Arm(words="across", share=0.3),
    "across, 60 %": Arm(words="across", share=0.6),
    "across": Arm(words="across"),
    "wholes": Arm(words="wholes"),
    "words encoder": Arm(encoder="words"),
    "words encoder, across": Arm(encoder="words", words="across"),
    "untrained encoder": Arm(encoder="untrained"),
    "word's vector": Arm(aim="word"),
}


@functools.lru_cache(maxsize=1)
def taxonomy_of(seed: int) -> Taxonomy:
    """The leaves of a seed."""
    return kinds.deal(seed)


@functools.lru_cache(maxsize=len(text.TEXTS))
def language(seed: int, read: str, amounts: Amounts) -> LanguageModel:
    """The language model of a seed that has read a text."""
    return text.educate(taxonomy_of(seed), seed, read, amounts.language)


@functools.lru_cache(maxsize=1)
def lessons(seed: int, amounts: Amounts) -> Pairs:
    """What all encoders of a seed learn from."""
    seen = seeing.others(taxonomy_of(seed))
    return draw_concepts(seen, [amounts.lessons] * len(seen), streams.number(seed, "lessons"))


@functools.lru_cache(maxsize=1)
def drawings(seed: int, amounts: Amounts) -> tuple[Tensor, Tensor]:
    """Drawings of a seed to align and to test, (L n, 3, H, W) and (L m, 3, H, W) uint8, leaf by leaf."""
    leaves, each = taxonomy_of(seed).leaves, {"aligned": amounts.drawings, "tested": amounts.test}
    aligned, tested = (draw_concepts(leaves, [n] * len(leaves), streams.number(seed, name)) for name, n in each.items())
    return aligned.pixels, tested.pixels


@functools.lru_cache(maxsize=len(seeing.ENCODERS))
def features(seed: int, encoder: str, amounts: Amounts) -> tuple[Tensor, Tensor]:
    """What an encoder makes of the `drawings`, (L, n, 64) and (L, m, 64).

    In units of the aligned drawings' standard deviations from their mean.
    """
    taxonomy, model = taxonomy_of(seed), seeing.school(lessons(seed, amounts), encoder, seed, amounts.encoder)
    leaves = len(taxonomy.leaves)
    used, tested = (seeing.look(model, part).unflatten(0, (leaves, -1)) for part in drawings(seed, amounts))
    known = used[torch.from_numpy(~taxonomy.held_out)].flatten(0, 1)
    mean, deviation = known.mean(dim=0), known.std(dim=0) + 1e-6  # (64,) each
    return (used - mean) / deviation, (tested - mean) / deviation


def captions(arm: Arm, taxonomy: Taxonomy, said: np.ndarray, seed: int) -> tuple[list[int], list[str]]:
    """Which leaf's drawings each caption goes with, and the caption.

    Args:
        said: (L,), whose word each leaf's pictures carry.
    """
    names, named = list(KINDS), taxonomy.words
    leaves = np.flatnonzero(~taxonomy.held_out)
    found = [(leaf, f"{text.NAME} {named[said[leaf]]}") for leaf in leaves.tolist()]
    shut = withheld(seed) if arm.withheld else ()
    for leaf in leaves.tolist():
        kind = taxonomy.kind[said[leaf]]
        if leaf % SLOTS < arm.taught and kind not in shut:
            found.append((leaf, f"{text.IS_A} {names[kind]}"))
    which, sentences = zip(*found, strict=True)
    return list(which), list(sentences)


def withheld(seed: int) -> list[int]:
    """The numbers of the kinds that are left out where whole kinds are."""
    return streams.rng(seed, "withheld").permutation(len(KINDS))[:WITHHELD].tolist()


def parts(arm: Arm, taxonomy: Taxonomy) -> dict[str, np.ndarray]:
    """Which leaves are tested: "seen" are aligned, none with its kind if any are without, "held" are held out."""
    untaught = np.arange(len(taxonomy.leaves)) % SLOTS >= arm.taught % ALIGNED  # all, if all or none are taught
    return {
        "seen": np.flatnonzero(~taxonomy.held_out & untaught),
        "held": np.flatnonzero(taxonomy.held_out),
    }


def carried(name: str, seed: int, amounts: Amounts = FULL) -> dict:
    """One mapping, and how well it finds kinds in pictures.

    A leaf's right kind is that of the word that its pictures carry.

    Args:
        name: of one of ARMS.

    Returns:
        text: share of leaves whose kind the language model knows; reads: how alike the vectors are by which it reads
        the words of a kind; coherence: how alike the leaves look whose words are of one kind; leaf: share of "seen"
        pictures that are called by the right word. For both `parts`: ap and f1 of each kind (or of those withheld),
        luck, two_ap and two_f1 (picture -> word -> kind in two steps), coarse and invented (ap).

    Raises:
        InputError: if there is no such arm.
    """
    arm, seed = lookup(ARMS, name, "condition"), seed + FIRST
    taxonomy, model = taxonomy_of(seed), language(seed, arm.text, amounts)
    words, said = text.tokenizer(taxonomy), kinds.rename(arm.words, seed, arm.share)  # (L,)
    used, tested = features(seed, arm.encoder, amounts)  # (L, n, 64), (L, m, 64)
    mapping = taught(arm, taxonomy, model, said, used, seed, amounts)
    own = text.vectors(model, words, taxonomy.words)  # (L, W)
    told = text.answers(model, own, words, text.IS_A, list(KINDS))  # (L, 16)
    aligned = ~taxonomy.held_out
    looks = used.mean(dim=1).numpy()  # (L, 64)
    result: dict = {
        "text": round(float((told.argmax(axis=1) == taxonomy.kind).mean()), 4),
        "reads": round(float(kinds.coherence(own.numpy(), taxonomy.kind).mean()), 4),
        "coherence": rounded(kinds.coherence(looks[aligned], taxonomy.kind[said][aligned])),
    }
    asked = withheld(seed) if arm.withheld else range(len(KINDS))
    for part, chosen in parts(arm, taxonomy).items():
        first = mapping(tested[chosen].flatten(0, 1))  # (N, W)
        word = np.repeat(said[chosen], amounts.test)  # (N,)
        names = text.answers(model, first, words, text.NAME, taxonomy.words)  # (N, L)
        scores = text.answers(model, first, words, text.IS_A, list(taxonomy.is_a()))  # (N, 22)
        fine, rest = scores[:, : len(KINDS)], scores[:, len(KINDS) :]  # (N, 16), (N, 6)
        two = graded(names @ told, taxonomy.kind[word], asked)
        broad = precision(rest, np.stack(list(taxonomy.is_a().values())[len(KINDS) :], axis=1)[word])
        result[part] = graded(fine, taxonomy.kind[word], asked) | {
            "luck": luck(fine, taxonomy.kind[word], amounts.test, seed),
            "two_ap": two["ap"],
            "two_f1": two["f1"],
            "coarse": broad[: len(COARSE)],
            "invented": broad[len(COARSE) :],
        }
        if part == "seen":
            result["leaf"] = round(float((names.argmax(axis=1) == word).mean()), 4)
    return result


def taught(
    arm: Arm,
    taxonomy: Taxonomy,
    model: LanguageModel,
    said: np.ndarray,
    used: Tensor,
    seed: int,
    amounts: Amounts = FULL,
) -> Mapping:
    """A mapping trained on the drawings to align, (L, n, 64), with the captions of an arm."""
    leaves, sentences = captions(arm, taxonomy, said, seed)
    mapping, told = Mapping(seed=seed), np.repeat(sentences, used.shape[1]).tolist()
    shown = used[leaves].flatten(0, 1)  # (N, 64)
    align(mapping, model, text.tokenizer(taxonomy), shown, told, seed, arm.aim, amounts.mapping)
    return mapping.requires_grad_(False)


STUDIES = (Study("taxonomy", carried, seeds=5, conditions=tuple(ARMS)),)
