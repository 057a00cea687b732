"""What goes into a table of concepts: how often captions name each, how often a classifier was right (for trend)."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from toyclip.errors import InputError
from toyclip.own.table_files import Columns

WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
VOWELS = "aeiouy"


def count_concepts(captions: Iterable[str], concepts: Sequence[str], lemmas: bool = True) -> dict[str, int]:
    """How many captions name each concept; a caption that names one twice counts once.

    A concept is named by its words in their order with nothing between them, whatever their case; hyphens, underscores
    and punctuation part words. With lemmas a word of the caption also stands for its `lemmas`. Captions may come from
    a generator: they are read once, and none is kept.

    Raises:
        InputError: if there are no concepts, one is there twice, or one has no word in it.

    >>> count_concepts(["Two dogs, running", "a dog", "hot-dog stand"], ["dog", "hot dog", "run"])
    {'dog': 3, 'hot dog': 1, 'run': 1}
    >>> count_concepts(["Two dogs, running", "a dog", "hot-dog stand"], ["dog", "hot dog", "run"], lemmas=False)
    {'dog': 2, 'hot dog': 1, 'run': 0}
    """
    if not concepts or len(set(concepts)) < len(concepts):
        raise InputError("expected concepts that differ from one another; take out what is there twice")
    wanted: dict[tuple[str, ...], list[str]] = {}
    for concept in concepts:
        if not (words := tuple(_words(concept))):
            raise InputError(f"concept {concept!r} has no word in it; captions cannot name it")
        wanted.setdefault(words, []).append(concept)
    starts: dict[str, list[tuple[str, ...]]] = {}  # first word -> what begins with it
    for words in wanted:
        starts.setdefault(words[0], []).append(words)
    counts, forms = dict.fromkeys(concepts, 0), _Forms(lemmas)
    for caption in captions:
        said = [forms[word] for word in _words(caption)]
        found = set(_named(said, starts))
        for words in found:
            for concept in wanted[words]:
                counts[concept] += 1
    return counts


def lemmas(word: str) -> set[str]:
    """A lower-case word and what it may be a plural, an -ing or an -ed form of, by spelling alone.

    Off come -s, -es, -ing and -ed (not of -eed); -ies and -ied become -y, and -ing and -ed may have doubled a consonant
    or taken an e away. What comes off leaves at least two letters with a vowel. It misses irregular forms (geese, ran,
    leaves), knows no parts of speech, and takes some words for forms of others: "building" names "build" as well.

    >>> sorted(lemmas("running")), sorted(lemmas("ponies")), sorted(lemmas("bus")), sorted(lemmas("geese"))
    (['run', 'runn', 'runne', 'running'], ['ponie', 'ponies', 'pony'], ['bu', 'bus'], ['geese'])
    """
    found = {word}
    if word.endswith("s") and not word.endswith("ss"):
        found |= _stem(word[:-1])
        if word.endswith(("ses", "xes", "zes", "ches", "shes", "oes")):
            found |= _stem(word[:-2])
        if word.endswith("ies"):
            found |= _stem(word[:-3], "y")
    for ending in ("ing", "ed"):
        if word.endswith(ending) and not word.endswith("eed"):
            stem = word[: -len(ending)]
            found |= _stem(stem) | _stem(stem, "e")
            if stem[-1:] == stem[-2:-1]:
                found |= _stem(stem[:-1])
    return found | (_stem(word[:-3], "y") if word.endswith("ied") else set())


def _stem(stem: str, ending: str = "") -> set[str]:
    whole = len(stem) >= 2 and (ending == "y" or any(letter in VOWELS for letter in stem))
    return {stem + ending} if whole else set()


class _Forms(dict):
    """word -> its forms, worked out when first met; a corpus has few different words."""

    def __init__(self, lemmas: bool) -> None:
        self.lemmas = lemmas

    def __missing__(self, word: str) -> set[str]:
        if len(self) > 1_000_000:  # a corpus of noise must not fill the memory
            self.clear()
        self[word] = lemmas(word) if self.lemmas else {word}
        return self[word]


def _words(text: str) -> list[str]:
    return WORD.findall(text.replace("_", " ").casefold())


def _named(said: list[set[str]], starts: dict[str, list[tuple[str, ...]]]) -> Iterator[tuple[str, ...]]:
    """The concepts whose words follow one another in a caption."""
    for i, forms in enumerate(said):
        for form in forms:
            for words in starts.get(form, ()):
                if i + len(words) <= len(said) and all(w in s for w, s in zip(words[1:], said[i + 1 :], strict=False)):
                    yield words


def from_predictions(
    predicted: Sequence[int],
    target: Sequence[int],
    class_names: Sequence[str],
    counts: Mapping[str, float] | Sequence[float],
) -> Columns:
    """The columns concept, count, correct and n from a classifier's answers; a class without a test picture has no row.

    Args:
        predicted: (P,) the class that the model chose for each picture.
        target: (P,) the right one.
        class_names: (C,) what they are called.
        counts: of each class in the training captions, by name or in the order of class_names.

    Raises:
        InputError: if the lengths differ, a class is out of range, or one has no count.

    >>> from_predictions([0, 1, 1], [0, 0, 1], ["cat", "dog"], {"cat": 7, "dog": 0})
    {'concept': ['cat', 'dog'], 'count': [7, 0], 'correct': [1, 1], 'n': [2, 1]}
    """
    chosen, right, names = np.asarray(predicted), np.asarray(target), list(class_names)  # (P,), (P,)
    if chosen.shape != right.shape or chosen.ndim != 1:
        raise InputError(f"predictions {chosen.shape} and targets {right.shape} must be two lists of one length")
    for what, values in (("prediction", chosen), ("target", right)):
        if values.dtype.kind not in "iu" or not ((values >= 0) & (values < len(names))).all():
            raise InputError(f"every {what} must be the number of a class, from 0 to {len(names) - 1}")
    if not isinstance(counts, Mapping):
        if len(counts) != len(names):
            raise InputError(f"{len(names)} classes have {len(counts)} counts; give one count a class")
        counts = dict(zip(names, counts, strict=True))
    if len(set(names)) < len(names) or not set(names) <= set(counts):
        raise InputError("every class needs a name of its own and a count; some name is there twice or has no count")
    n = np.bincount(right, minlength=len(names))  # (C,)
    correct = np.bincount(right[chosen == right], minlength=len(names))  # (C,)
    tested = np.flatnonzero(n)
    return {
        "concept": [names[i] for i in tested],
        "count": [counts[names[i]] for i in tested],
        "correct": correct[tested].tolist(),
        "n": n[tested].tolist(),
    }
