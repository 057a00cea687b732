"""Batches from shards, split over processes and their data workers: every record once an epoch, none twice."""

import io
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from toyclip import streams
from toyclip.data import Rendering, Tokenizer
from toyclip.errors import CaptionError, InputError, ProcessLostError
from toyclip.large.processes import Processes
from toyclip.large.shards import Damage, Record, count, records
from toyclip.large.training import Batch
from toyclip.pictures import MOST_PIXELS, eight_bits, on_background, to_pixels

T = TypeVar("T")
BUFFER = 1000  # pairs among which the next one is drawn
REASONS = ("with a broken picture", "without a picture", "without a caption", "with a caption of other words",
           "in a tar that breaks off")  # fmt: skip
PARCEL = 64  # pairs that a worker hands over at a time


def decoded(record: Record, tokenizer: Tokenizer, size: int = Rendering().size) -> Batch | str:
    """A record's picture, (3, size, size) uint8, and caption, (L,) int64; or in words what is wrong with it."""
    if record.picture is None or record.caption is None:
        return "without a picture" if record.picture is None else "without a caption"
    try:
        (tokens,) = tokenizer.encode([record.caption.decode()])  # (L,)
    except (CaptionError, UnicodeDecodeError):
        return "with a caption of other words"
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(io.BytesIO(record.picture)) as file:
            if file.width * file.height > MOST_PIXELS:
                return "with a broken picture"
            picture = file.convert("RGB") if file.mode == "RGB" else on_background(eight_bits(file))
    except Exception:  # whatever Pillow's many readers make of broken bytes
        return "with a broken picture"
    return to_pixels(picture, size), tokens


def shuffled(items: Iterable[T], size: int, rng: np.random.Generator) -> Iterator[T]:
    """The same items in another order: each is drawn from the next `size`, which are all that is held.

    >>> sorted(shuffled(range(9), 4, np.random.default_rng(0)))
    [0, 1, 2, 3, 4, 5, 6, 7, 8]
    """
    held: list[T] = []
    for item in items:
        if len(held) < size:
            held.append(item)
            continue
        drawn = int(rng.integers(size))
        yield held[drawn]
        held[drawn] = item
    yield from (held[i] for i in rng.permutation(len(held)))


class _Reader(IterableDataset):
    """What one worker reads: parcels of pairs; damage; and an error as a value, since a worker's own is a traceback."""

    def __init__(self, paths: Sequence[Path], seed: int):
        self.paths, self.seed = paths, seed

    def __iter__(self) -> Iterator[Batch | Damage | InputError]:
        worker = get_worker_info()
        first, step = (worker.id, worker.num_workers) if worker else (0, 1)
        rng, tokenizer, parcel = streams.rng(self.seed, "buffer", first), Tokenizer(), []
        try:
            for item in shuffled(self._pairs(self.paths[first::step], tokenizer), BUFFER, rng):
                if isinstance(item, Damage):
                    yield item
                    continue
                parcel.append(item)
                if len(parcel) == PARCEL:
                    yield _stacked(parcel)
                    parcel = []
            if parcel:
                yield _stacked(parcel)
        except InputError as error:
            yield error

    def _pairs(self, paths: Sequence[Path], tokenizer: Tokenizer) -> Iterator[Batch | Damage]:
        for path in paths:
            usable = 0
            for item in records(path):
                pair = item if isinstance(item, Damage) else decoded(item, tokenizer)
                usable += isinstance(pair, tuple)
                yield Damage(path.name, item.name, pair) if isinstance(pair, str) else pair
            if not usable:
                raise InputError(f"the shard {str(path)!r} holds no usable pair; write it again, or leave it out")


def _stacked(pairs: list[Batch]) -> Batch:
    images, tokens = zip(*pairs, strict=True)
    return torch.stack(images), torch.stack(tokens)  # (n, 3, H, W), (n, L)


class Shards:
    """A source for `fit`: process r of P reads shards r, r + P, ..., worker w of W of these again every W-th.

    Shuffled twice, by one seed an epoch: the order of a process's shards, and within a buffer the pairs. A process
    whose shards hold fewer pairs goes on without any when it has run out; give shards of one size, a multiple of P.

    Raises:
        InputError: if there are fewer shards than processes.
    """

    def __init__(self, paths: Sequence[Path], batch_size: int, processes: Processes, workers: int = 0):
        if len(paths) < processes.size:
            raise InputError(f"{len(paths)} shards for {processes.size} processes; give at least one for each")
        self.processes = processes
        self.paths, self.workers = list(paths[processes.rank :: processes.size]), workers
        quotient, rest = divmod(batch_size, processes.size)
        self.share = quotient + (processes.rank < rest)
        if quotient == 0:
            raise InputError(f"a batch of {batch_size} is too small for {processes.size} processes; use a larger one")
        pairs = sum(map(count, self.paths))
        self.steps = max(processes.sizes(-(-pairs // self.share)))  # no process has more batches, damaged ones included
        size, length = Rendering().size, Tokenizer().context_length
        self.nothing = torch.zeros(0, 3, size, size, dtype=torch.uint8), torch.zeros(0, length, dtype=torch.int64)
        self.damage: Counter[str] = Counter()  # records of this process that were skipped in the last epoch, by reason
        self.captions = torch.zeros(0, dtype=torch.int64)  # how often each caption came in it, by `caption_number`

    def epoch(self, order: torch.Generator) -> Iterator[Batch]:
        """All pairs of this process's shards in a new order; what cannot be used is counted in `damage`."""
        seed = int(torch.randint(2**62, (), generator=order))
        shard_order = torch.randperm(len(self.paths), generator=streams.generator(seed, "shards")).tolist()
        return self._batches(_Reader([self.paths[i] for i in shard_order], seed))

    def skipped(self) -> str:
        """What was left out in the last epoch, in all processes; "" if nothing was. All of them have to ask.

        Several records that a tar has lost by breaking off count as one.
        """
        counts = torch.tensor([self.damage[reason] for reason in REASONS])  # (reasons,)
        counts, pairs = self.processes.sum(counts).tolist(), int(self.processes.sum(self.captions).sum())
        parts = [f"{n} {reason}" for n, reason in zip(counts, REASONS, strict=True) if n]
        return f"skipped {sum(counts)} damaged records beside {pairs:,} pairs: {', '.join(parts)}" if parts else ""

    def batch_sizes(self) -> Counter[int]:
        """How many batches of the last epoch had how many pairs, of all processes together. All of them have to ask.

        When a process has run out, the batches that the others go on with are smaller.
        """
        own = int(self.captions.sum())
        mine = torch.tensor([min(self.share, own - first) for first in range(0, own, self.share)])  # (batches,)
        sizes = torch.zeros(max(self.processes.sizes(len(mine))), dtype=torch.int64)  # (most batches,)
        sizes[: len(mine)] = mine
        return Counter(self.processes.sum(sizes).tolist())

    def _batches(self, reader: _Reader) -> Iterator[Batch]:
        self.damage.clear()
        self.captions = torch.zeros(MOST_CAPTIONS, dtype=torch.int64)  # (captions,)
        images, tokens = self.nothing
        for more_images, more_tokens in self._parcels(reader):
            self.captions += caption_number(more_tokens).bincount(minlength=MOST_CAPTIONS)
            images, tokens = torch.cat([images, more_images]), torch.cat([tokens, more_tokens])
            while len(images) >= self.share:
                yield images[: self.share], tokens[: self.share]
                images, tokens = images[self.share :], tokens[self.share :]
        if len(images):
            yield images, tokens

    def _parcels(self, reader: _Reader) -> Iterator[Batch]:
        base = torch.Generator().manual_seed(0)  # DataLoader would draw from the global one
        loader = iter(DataLoader(reader, batch_size=None, num_workers=self.workers, generator=base))
        while True:
            try:
                item = next(loader, None)
            except RuntimeError as error:
                if "DataLoader worker" not in str(error):
                    raise
                raise ProcessLostError("a process that reads shards has ended; start the command again") from None
            if item is None:
                return
            if isinstance(item, InputError):
                raise item
            if isinstance(item, Damage):
                self.damage[item.reason] += 1
            else:
                yield item


MOST_CAPTIONS = len(Tokenizer().words) ** Tokenizer().context_length  # different ones that the vocabulary can write


def caption_number(tokens: Tensor) -> Tensor:
    """A number for every caption, (N, L) -> (N,): the same for the same words.

    >>> caption_number(Tokenizer().encode(["a", "red"])).tolist()
    [1000, 2000]
    """
    words, length = len(Tokenizer().words), Tokenizer().context_length
    return (tokens * words ** torch.arange(length - 1, -1, -1)).sum(dim=1)
