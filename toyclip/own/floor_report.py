"""What a loss can be with these captions and this batch, and where a measured one stands (page Your own CLIP)."""

import math
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from toyclip.errors import InputError
from toyclip.own.captions import Pair
from toyclip.own.tally import Tally, digest
from toyclip.own.twins import Twins, twins

SHOWN = 5  # most repeated captions
NEAR = 0.02  # of the way between chance and floor: as near as a number that was read off a curve


@dataclass(frozen=True)
class Report:
    """The range of the loss in nats, and what sets its lower end."""

    batch_size: int
    pairs: int
    captions: int  # different ones
    pictures: int  # different ones
    empty: int  # pairs whose caption is empty
    chance: float
    floor: float
    by_caption: Twins
    by_picture: Twins
    most: dict[str, int]  # captions that occur more than once


def report(read: Callable[[], Iterable[Pair]], batch_size: int) -> Report:
    """Count the pairs that `read` yields; it is called again to name the captions that are repeated most.

    In a batch where k rows share a picture, m share a caption and n share both, the best that a model can do for a row
    costs log(k m / n): of the k alike n have this caption, and these share their probability among m. The other
    direction costs the same. So the floor is that of the pictures plus that of the captions less that of the pairs.

    Args:
        batch_size: rows of the similarity matrix, over all processes that share their negatives.

    Raises:
        InputError: if there is no pair, or the batch is larger than the data.

    >>> captions = [(None, "red", 1), (None, "red", 1), (None, "blue", 1)]
    >>> round(report(lambda: captions, batch_size=2).floor, 4)  # in one of three batches both rows are red
    0.231
    """
    captions, pictures, both, single = Tally(), Tally(), Tally(), 0
    for picture, caption, times in read():
        captions.add(digest(caption), times)
        if picture is None:
            single += times
        else:
            pictures.add(digest(picture), times)
            both.add(digest(f"{caption}\0{picture}"), times)
    table = captions.table()
    if not table:
        raise InputError("there is no caption in what was given; give files that hold some")
    of_pictures, of_pairs = (Counter(tally.table()) + Counter({1: single}) for tally in (pictures, both))
    by_caption, by_picture, by_pair = (twins(counts, batch_size) for counts in (table, of_pictures, of_pairs))
    return Report(
        batch_size=batch_size,
        pairs=sum(often * texts for often, texts in table.items()),
        captions=sum(table.values()),
        pictures=sum(of_pictures.values()),
        empty=captions.count(digest("")),
        chance=math.log(batch_size),
        floor=max(0.0, by_caption.floor + by_picture.floor - by_pair.floor),
        by_caption=by_caption,
        by_picture=by_picture,
        most=named({key: times for key, times in captions.most(SHOWN).items() if times > 1}, read),
    )


def named(most: dict[bytes, int], read: Callable[[], Iterable[Pair]]) -> dict[str, int]:
    """Captions in place of their digests, the most frequent first; reading ends when the last one is found."""
    found, left = {}, dict(most)
    for _, caption, _ in read() if left else ():
        times = left.pop(digest(caption), None)
        if times:
            found[caption] = times
        if not left:
            break
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def where(loss: float, about: Report) -> str:
    """One sentence or two on a loss: what it says if these captions and this batch are those it was measured with.

    Raises:
        InputError: if the loss is no number.
    """
    if not math.isfinite(loss):
        raise InputError(f"a loss of {loss} stands nowhere; the training has failed before it, look for its first step")
    size, chance, floor = about.batch_size, about.chance, about.floor
    span = chance - floor
    if size == 1:
        return (
            "A batch of one has nothing to tell apart: its loss is 0 whatever the model does, and it teaches nothing. "
            "Use a larger batch." + (" Yours is not 0, so it is not this loss." if abs(loss) > 1e-6 else "")
        )
    if loss < floor - max(NEAR * span, 1e-6):
        return (
            f"{loss:g} is below the floor, where the mean over many batches cannot be. Either this is the loss of one "
            "batch with few twins, or something is not what it is taken for: the base of the logarithm, the size of "
            "the batch in a process, masked twins, or the captions."
        )
    if span < 1e-9:
        return "All rows of a batch are alike, so that chance is the floor: there is nothing to learn."
    if loss > chance + NEAR * span:
        return (
            f"{loss:g} is worse than chance: the model is sure and wrong. That is common in the first steps. If it "
            "stays, look for pairs that are shifted against each other, a scale exponentiated twice, embeddings that "
            f"are not normalised, or two directions added instead of averaged (chance is then {2 * chance:.2f})."
        )
    if loss > chance - NEAR * span:
        return (
            f"{loss:g} is chance: the model tells nothing apart. If it stays, nothing is learned: all embeddings have "
            "become equal, a gradient does not arrive, pictures and captions do not belong together, or the learning "
            "rate is far off."
        )
    guess = f"on average as unsure as a guess among {math.exp(loss):.3g} of {size:,}"
    if loss < floor + NEAR * span:
        return (
            f"{loss:g} is the floor, {guess}: what is left is the price of twins, and no training lowers it. Fewer "
            "repeats, a smaller batch or masked twins do."
        )
    share = (chance - loss) / span
    return (
        f"{loss:g} is {share:.0%} of the way from chance to the floor, {guess}. If it stays there, captions are not "
        "what stops it: look at what the model cannot see, at wrong pairs, and at a bound on the scale."
    )
