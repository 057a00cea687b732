"""Kinds from WordNet: of which synset a name is one, and which stand above it (Miller 1995).

apt-get download wordnet-base; dpkg -x wordnet-base_*.deb FOLDER    # data.noun and index.noun, WordNet 3.0
"""

from collections.abc import Sequence
from pathlib import Path

FEWEST, MOST = 6, 60  # leaves of a kind; of fewer one learns little, more are half of all that there is
ROOTS = {  # beginning of a subgroup of Unicode -> words, one of which stands above a leaf of it
    "animal": ("animal",),
    "plant": ("plant", "food"),
    "food": ("food",),
    "drink": ("food",),
}
OTHERWISE = ("artifact",)


class WordNet:
    """The nouns: words, senses, and what is above a sense."""

    def __init__(self, folder: Path) -> None:
        self.words: dict[str, str] = {}  # sense -> its first word
        self.above: dict[str, list[str]] = {}  # sense -> the next ones up
        self.senses: dict[str, list[str]] = {}  # word -> its senses, the commonest first
        for line in (folder / "data.noun").read_text(encoding="utf-8").splitlines():
            if not line.startswith("  "):  # the licence
                sense, _, _, count, *rest = line.partition(" | ")[0].split()
                pointers = rest[2 * int(count, 16) + 1 :]
                marks = zip(pointers[::4], pointers[1::4], pointers[2::4], strict=False)
                self.words[sense] = rest[0].replace("_", " ")
                self.above[sense] = [other for mark, other, kind in marks if mark[0] == "@" and kind == "n"]
        for line in (folder / "index.noun").read_text(encoding="utf-8").splitlines():
            if not line.startswith("  "):
                word, _, count, *rest = line.split()
                self.senses[word] = rest[-int(count) :]

    def chain(self, sense: str) -> list[str]:
        """A sense and all above it, nearest first."""
        found = [sense]
        for at in found:
            found += [up for up in self.above[at] if up not in found]
        return found

    def sense(self, name: str, subgroup: str) -> str | None:
        """The commonest sense of a name that is of the sort that Unicode files it under, if there is one."""
        words = next((words for start, words in ROOTS.items() if subgroup.startswith(start)), OTHERWISE)
        roots = {sense for word in words for sense in self.senses[word]}
        found = self.senses.get(name.lower().replace("’", "'").replace(" ", "_"), ())
        return next((sense for sense in found if roots & set(self.chain(sense)[1:])), None)


def kinds_of(net: WordNet, leaves: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    """Name of each leaf that WordNet knows -> the words of its kinds.

    A kind is a sense with FEWEST to MOST leaves below it; two senses of one word are one kind. Of several senses with
    the same leaves the lowest is kept, and no leaf in whose name a kind's word stands.

    Args:
        leaves: (name, subgroup of Unicode's).
    """
    senses = {name: sense for name, subgroup in leaves if (sense := net.sense(name, subgroup))}
    table = _below(net, senses)
    told = {word for word, _ in table.values()}
    left = {name: sense for name, sense in senses.items() if not any(word in name.lower() for word in told)}
    kept: dict[frozenset, str] = {}
    for word, below in sorted(_below(net, left).values(), key=lambda pair: len(pair[1])):
        kept.setdefault(frozenset(below), word)
    found = {name: sorted(word for below, word in kept.items() if name in below) for name in left}
    return {name: words for name, words in found.items() if words}


def _below(net: WordNet, senses: dict[str, str]) -> dict[str, tuple[str, list[str]]]:
    """Sense -> its word and the names below it, of those with neither too few nor too many; the lowest come first."""
    names: dict[str, list[str]] = {}
    for name, sense in senses.items():
        for up in net.chain(sense)[1:]:
            names.setdefault(up, []).append(name)
    lowest = sorted(names, key=lambda up: -len(net.chain(up)))
    return {up: (net.words[up], names[up]) for up in lowest if FEWEST <= len(names[up]) <= MOST}
