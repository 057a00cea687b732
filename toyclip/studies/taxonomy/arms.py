"""What is done to the three parts of the machine, condition by condition, and what the mapping is told (Taxonomy)."""

from dataclasses import dataclass

import numpy as np

from toyclip import streams
from toyclip.studies.taxonomy import text
from toyclip.studies.taxonomy.kinds import ALIGNED, KINDS, SLOTS, Taxonomy


@dataclass(frozen=True)
class Arm:
    """What is done to one of the three parts: the language model, the image encoder, the captions between them."""

    text: str = "true"  # that the language model has read
    encoder: str = "views"
    words: str = "as they are"  # of the aligned leaves, see `kinds.rename`
    share: float = 1.0  # of them that move
    taught: int = 0  # leaves of each kind whose captions name the kind, too
    withheld: int = 0  # whole kinds, drawn by lot, of which none does
    aim: str = "caption"  # of the mapping, see `align`


ARMS = {
    "no kind shown": Arm(),
    **{f"{n} of 10 leaves": Arm(taught=n) for n in range(1, ALIGNED)},
    "all leaves": Arm(taught=ALIGNED),
    **{f"{n} kinds out": Arm(taught=ALIGNED, withheld=n) for n in (4, 8, 12)},
    "random model": Arm(text="none"),
    **{f"{n} of 10 leaves, random model": Arm(text="none", taught=n) for n in (1, 5, 9)},
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


def withheld(seed: int, count: int) -> list[int]:
    """The numbers of so many kinds that are left out altogether, by lot; fewer are among more."""
    return streams.rng(seed, "withheld").permutation(len(KINDS))[:count].tolist()


def captions(arm: Arm, taxonomy: Taxonomy, said: np.ndarray, seed: int) -> tuple[list[int], list[str]]:
    """Which leaf's drawings each caption goes with, and the caption.

    Args:
        said: (L,), whose word each leaf's pictures carry.
    """
    names, named = list(KINDS), taxonomy.words
    leaves = np.flatnonzero(~taxonomy.held_out)
    found = [(leaf, f"{text.NAME} {named[said[leaf]]}") for leaf in leaves.tolist()]
    shut = withheld(seed, arm.withheld)
    for leaf in leaves.tolist():
        kind = taxonomy.kind[said[leaf]]
        if leaf % SLOTS < arm.taught and kind not in shut:
            found.append((leaf, f"{text.IS_A} {names[kind]}"))
    which, sentences = zip(*found, strict=True)
    return list(which), list(sentences)


def parts(arm: Arm, taxonomy: Taxonomy) -> dict[str, np.ndarray]:
    """Which leaves are tested: "seen" are aligned, none with its kind if any are without, "held" are held out."""
    untaught = np.arange(len(taxonomy.leaves)) % SLOTS >= arm.taught % ALIGNED  # all, if all or none are taught
    return {
        "seen": np.flatnonzero(~taxonomy.held_out & untaught),
        "held": np.flatnonzero(taxonomy.held_out),
    }
