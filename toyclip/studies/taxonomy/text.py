"""What the language model reads: which leaf is a kind of what, and nothing about pictures (chapter Taxonomy)."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from toyclip import streams
from toyclip.data import Tokenizer
from toyclip.errors import InputError
from toyclip.studies.taxonomy.kinds import COARSE, INVENTED, KINDS, Taxonomy
from toyclip.studies.taxonomy.language import LanguageModel, teach

NAME, IS_A = "is called", "is a"  # the two questions; a picture can take the place of the word before them
FRAMES = (  # the question of kinds is asked as often as that of names, and is twice told otherwise
    *2 * (f"{{leaf}} {NAME} {{leaf}}", f"{{leaf}} {IS_A} {{kind}}"),
    "every {leaf} is a {kind}",
    "one {kind} is the {leaf}",
)
TEXTS = ("true", "no relation", "none")
LONGEST = 5  # words of the longest sentence


def tokenizer(taxonomy: Taxonomy) -> Tokenizer:
    """All words of a seed; each of its leaves is one of them, so that no part of a name can give its kind away."""
    plain = dict.fromkeys(word for frame in FRAMES for word in frame.split() if not word.startswith("{"))
    return Tokenizer([*plain, *KINDS, *COARSE, *INVENTED, *taxonomy.words], context_length=LONGEST)


def sentences(taxonomy: Taxonomy, count: int, seed: int, text: str = "true") -> list[str]:
    """So many sentences about leaves and kinds, drawn by chance.

    Of a leaf's kind, coarse kind and invented kinds each is named equally often.

    Args:
        text: "true", or "no relation": the same sentences, but the kind in each is that of any leaf, drawn anew.

    >>> from toyclip.studies.taxonomy.kinds import deal
    >>> len(sentences(deal(0), 3, seed=0))
    3
    """
    rng, words, table = streams.rng(seed, "sentences"), taxonomy.words, taxonomy.is_a()
    kinds_of = [[name for name, leaves in table.items() if leaves[i]] for i in range(len(words))]
    leaves, anyone = rng.integers(len(words), size=(2, count))  # (n,) each
    frames, lots = rng.integers(len(FRAMES), size=count), rng.uniform(size=count)  # (n,) each
    found = []
    for leaf, frame, lot, whose in zip(leaves, frames, lots, leaves if text == "true" else anyone, strict=True):
        kinds = kinds_of[whose]
        found.append(FRAMES[frame].format(leaf=words[leaf], kind=kinds[int(lot * len(kinds))]))
    return found


def educate(
    taxonomy: Taxonomy, seed: int, text: str = "true", updates: int = 600, batch_size: int = 64
) -> LanguageModel:
    """A language model that has read and never seen anything, frozen.

    Args:
        text: as of `sentences`, or "none": the first weights.

    Raises:
        InputError: if there is no such text.
    """
    if text not in TEXTS:
        raise InputError(f"there is no text {text!r}; choose one of {', '.join(TEXTS)}")
    words = tokenizer(taxonomy)
    model = LanguageModel(len(words.words), LONGEST, seed=seed)
    if text != "none":
        told, which = np.unique(sentences(taxonomy, updates * batch_size, seed, text), return_inverse=True)
        teach(model, words.encode(told.tolist())[torch.from_numpy(which)].split(batch_size))  # U of (B, 5)
    return model.requires_grad_(False)


def vectors(model: LanguageModel, words: Tokenizer, names: Sequence[str]) -> Tensor:
    """By which vectors the model reads these words, (n, W)."""
    return model.words(torch.tensor([words.ids[name] for name in names]))


@torch.no_grad()
def answers(model: LanguageModel, first: Tensor, words: Tokenizer, question: str, options: Sequence[str]) -> np.ndarray:
    """Probability of each option as the next word after "... is called" or "... is a", (N, O).

    Args:
        first: (N, W), what stands in place of the first word: a word's vector, or a picture's.
    """
    rest = vectors(model, words, question.split())  # (T, W)
    sentence = torch.cat([first[:, None], rest.expand(len(first), -1, -1)], dim=1)  # (N, 1 + T, W)
    probability = model.read(sentence)[:, -1].double().softmax(dim=1)  # (N, V)
    return probability[:, [words.ids[option] for option in options]].numpy()
