"""What `toyclip floor` prints: the range of a loss in words, and for machines."""

from dataclasses import asdict
from textwrap import fill

from toyclip.own.floor_report import Report


def as_dict(about: Report, loss: float | None, said: str | None) -> dict:
    """A report for machines, in which bytes that are no UTF-8 are written out, as \\udce9 for E9."""
    most = [
        {"caption": caption.encode("utf-8", "backslashreplace").decode(), "pairs": pairs}
        for caption, pairs in about.most.items()
    ]
    return asdict(about) | {"most": most, "loss": loss, "said": said}


def in_words(about: Report, said: str | None) -> list[str]:
    """The lines of a report."""
    size, chance = about.batch_size, about.chance
    several = about.pictures < about.pairs
    told = [
        f"{about.pairs:,} pairs, {about.captions:,} different captions" + f", {about.pictures:,} pictures" * several
    ]
    told += [f"{about.empty:,} of them have an empty caption"] * (about.empty > 0)
    told += [
        "",
        f"chance  {chance:8.4f} nats  log {size:,}: every answer a guess",
        f"floor   {about.floor:8.4f} nats  the lowest mean loss, whatever the model",
        "",
    ]
    kinds = [("caption", about.by_caption), *[("picture", about.by_picture)] * several]
    for name, twins in kinds:
        told.append(
            f"{twins.share:.1%} of rows meet their {name} again in the batch, {twins.expected:.4g} times on average, "
            f"which alone costs {twins.floor:.4f} nats"
            if twins.share
            else f"no two rows of a batch share a {name}"
        )
    if about.most:
        width = len(f"{max(about.most.values()):,}")
        told += ["", "most repeated captions", *(f"{n:{width + 2},}  {shown(c)}" for c, n in about.most.items())]
    usual = (
        f"A loss that stays at {chance:.2f} has learned nothing; exactly 0 from the first step on means a batch of "
        f"one. Below {about.floor:.2f} no mean can be: then the loss, the batch or the captions are not what they are "
        "taken for. One that stays above it is not stopped by twins."
    )
    return [*told, "", fill(said or usual, 100)]


def shown(caption: str) -> str:
    """A caption on one line that a terminal can take."""
    clean = "".join(c if c.isprintable() else f"\\x{ord(c) & 255:02x}" for c in caption)
    return (clean if len(clean) <= 80 else f"{clean[:79]}…") or "(empty)"
