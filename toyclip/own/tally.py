"""How often each text of a long stream occurs, without keeping the texts (page Your own CLIP)."""

from array import array
from collections.abc import Mapping
from hashlib import blake2b

import numpy as np

LEAST = 2**21  # texts that wait before they are sorted in


def digest(text: str) -> bytes:
    """64 bits that stand for a text. Bytes that were no UTF-8 keep their own.

    Two different texts get the same with a probability of 2**-64. Among ten million there is such a pair once in
    370,000 corpora, among 400 million once in 230; it would count as one caption, and the floor would not show it.

    >>> digest("a red circle").hex()
    '8cbf502735c9b035'
    """
    return blake2b(text.encode("utf-8", "surrogateescape"), digest_size=8).digest()


class Tally:
    """A table of digests and counts, 16 bytes for each different text, sorted by digest.

    What comes in waits until it is as long as the table, so that sorting it in costs little for each text.

    >>> tally = Tally()
    >>> for text, times in (("red", 1), ("blue", 1), ("red", 3)):
    ...     tally.add(digest(text), times)
    >>> tally.table()
    {1: 1, 4: 1}
    >>> tally.most(1) == {digest("red"): 4}
    True
    """

    def __init__(self) -> None:
        self.keys = np.empty(0, dtype="<u8")  # (D,)
        self.counts = np.empty(0, dtype=np.int64)  # (D,)
        self._digests, self._times = bytearray(), array("q")

    def add(self, key: bytes, times: int = 1) -> None:
        """Count a text, by its digest, `times` times."""
        self._digests += key
        self._times.append(times)
        if len(self._times) >= LEAST and len(self._times) >= len(self.keys):
            self.settle()

    def settle(self) -> None:
        """Sort in what waits."""
        keys = np.concatenate([self.keys, np.frombuffer(bytes(self._digests), dtype="<u8")])  # (D + W,)
        counts = np.concatenate([self.counts, np.frombuffer(self._times.tobytes(), dtype=np.int64)])  # (D + W,)
        self._digests, self._times = bytearray(), array("q")
        order = np.argsort(keys, kind="stable")  # (D + W,)
        keys = keys[order]
        first = np.flatnonzero(np.concatenate([keys[:1] == keys[:1], keys[1:] != keys[:-1]]))  # (D,)
        self.keys, self.counts = keys[first], np.add.reduceat(counts[order], first) if len(first) else counts

    def count(self, key: bytes) -> int:
        """How often a text occurred, by its digest."""
        self.settle()
        place = np.searchsorted(self.keys, np.frombuffer(key, dtype="<u8"))[0]
        return int(self.counts[place]) if self.keys[place : place + 1].tobytes() == key else 0

    def table(self) -> Mapping[int, int]:
        """How many texts occur so often, for `toyclip.own.twins.twins`."""
        self.settle()
        often, texts = np.unique(self.counts, return_counts=True)  # (U,), (U,)
        return dict(zip(often.tolist(), texts.tolist(), strict=True))

    def most(self, number: int) -> dict[bytes, int]:
        """The digests of the texts that occur most often, with their counts, largest first; of equals, by digest."""
        self.settle()
        order = np.argsort(-self.counts, kind="stable")[:number]  # (number,)
        return {self.keys[i].tobytes(): int(self.counts[i]) for i in order}
