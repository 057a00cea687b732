"""What the emoji are called in five languages, and captions made of it, in words or in pieces of words."""

import functools
import json
from collections.abc import Iterable, Sequence
from importlib.resources import files

import numpy as np
import torch
from torch import Tensor

from toyclip.pictures import Emoji, emoji

LANGUAGES = {"en": "English", "de": "German", "es": "Spanish", "hi": "Hindi", "ja": "Japanese"}
NAME = "a picture of {}"  # the one caption of a concept, where it has only one
TEMPLATES = {  # a name in a sentence, as one would write it under a picture
    "en": ("a picture of {}", "{}", "look, {}"),
    "de": ("ein Bild von {}", "{}", "schau, {}"),
    "es": ("una imagen de {}", "{}", "mira, {}"),
    "hi": ("{} की तस्वीर", "{}", "देखो, {}"),
    "ja": ("{}の絵", "{}", "見て、{}"),
}


@functools.cache
def told() -> dict[str, dict[str, list[str]]]:
    """By language and character, the name of an emoji and then up to four keywords (Unicode CLDR 48.2).

    >>> told()["de"]["🔴"][0]
    'roter Punkt'
    """
    table = json.loads((files("toyclip.assets") / "names.json").read_text(encoding="utf-8"))
    characters = [e.character for e in emoji()]
    return {language: dict(zip(characters, table[language], strict=True)) for language in LANGUAGES}


def named() -> list[Emoji]:
    """The emoji that have a name in every language, in the order of the sheet."""
    return [e for e in emoji() if all(told()[language][e.character] for language in LANGUAGES)]


def name(concept: Emoji, language: str = "en") -> str:
    """One caption of a concept: its name in the first template of the language.

    >>> name(next(e for e in named() if e.character == "🔴"), "es")
    'una imagen de círculo rojo'
    """
    return TEMPLATES[language][0].format(told()[language][concept.character][0])


def captions(concept: Emoji, rng: np.random.Generator, count: int, languages: Sequence[str]) -> list[str]:
    """So many captions by chance: a language, then the name in a template, or two keywords side by side."""
    lines = []
    for _ in range(count):
        language = languages[rng.integers(len(languages))]
        first, *keywords = told()[language][concept.character]
        if len(keywords) >= 2 and rng.integers(2):
            lines.append(", ".join(keywords[i] for i in rng.permutation(len(keywords))[:2]))
        else:
            templates = TEMPLATES[language]
            lines.append(templates[rng.integers(len(templates))].format(first))
    return lines


class Words:
    """Whole words of what was seen, each with a number; 0 is padding, 1 any word that was not seen.

    >>> Words(["a red circle"], context_length=4).encode(["a blue circle"]).tolist()
    [[2, 1, 4, 0]]
    """

    def __init__(self, seen: Iterable[str], context_length: int):
        self.ids = {
            word: i for i, word in enumerate(dict.fromkeys(w for text in seen for w in text.lower().split()), 2)
        }
        self.vocab_size, self.context_length = len(self.ids) + 2, context_length

    def encode(self, texts: Sequence[str]) -> Tensor:
        """(N, L) int64; words beyond the context are cut off."""
        return rows([[self.ids.get(w, 1) for w in text.lower().split()] for text in texts], self.context_length)


class Pieces:
    """Byte pairs (Sennrich et al. 2016) learned from what was seen: any text in any script can be written with them.

    >>> pieces = Pieces(["a red circle", "a red cross"] * 9, vocab_size=300, context_length=16)
    >>> pieces.encode(["a red circle", "円"]).shape
    torch.Size([2, 16])
    """

    def __init__(self, seen: Iterable[str], vocab_size: int, context_length: int):
        from tokenizers import ByteLevelBPETokenizer  # of the extras, and few need it

        self.model, self.context_length = ByteLevelBPETokenizer(lowercase=True), context_length
        self.model.train_from_iterator(list(seen), vocab_size - 1, min_frequency=2, show_progress=False)
        self.vocab_size = vocab_size

    def encode(self, texts: Sequence[str]) -> Tensor:
        """(N, L) int64; what goes beyond the context is cut off."""
        return rows([[i + 1 for i in self.model.encode(text).ids] for text in texts], self.context_length)


def rows(ids: Sequence[Sequence[int]], length: int) -> Tensor:
    """Numbers of words as a table, cut to a length or filled with 0.

    >>> rows([[5], [6, 7, 8]], length=2).tolist()
    [[5, 0], [6, 7]]
    """
    table = torch.zeros(len(ids), length, dtype=torch.int64)  # (N, L)
    for row, numbers in enumerate(ids):
        cut = numbers[:length]
        table[row, : len(cut)] = torch.tensor(cut)
    return table
