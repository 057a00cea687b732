"""Pairs in tar files, as WebDataset lays them out: `000.png` and `000.txt` side by side."""

import contextlib
import hashlib
import io
import re
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from toyclip import streams
from toyclip.data import CAPTIONS, CLASSES, Rendering, draw
from toyclip.errors import InputError
from toyclip.files import write_whole

PICTURES = ("png", "jpg", "jpeg", "webp")  # endings of a record's picture; its caption ends in txt
END = bytes(tarfile.BLOCKSIZE)  # a tar ends in blocks of zeros


@dataclass(frozen=True)
class Record:
    """What one record of a shard holds, not looked at yet."""

    name: str
    picture: bytes | None
    caption: bytes | None


@dataclass(frozen=True)
class Damage:
    """Something in a shard that cannot be used, and why."""

    shard: str
    record: str
    reason: str


def write_shards(
    folder: str | Path,
    pictures: int,
    per_shard: int = 1000,
    seed: int = 0,
    rendering: Rendering = Rendering(),
    on_shard: Callable[[int], object] = lambda pictures: None,
) -> list[Path]:
    """Draw a world of any size into tar files, each whole or not there; one shard is in memory at a time.

    Classes are drawn at random, each shard from a stream of its own: the same seed gives the same bytes.

    Args:
        on_shard: called with the number of pictures of each shard that is done.

    Raises:
        InputError: if a number is below 1, the folder holds shards already, or cannot be written to.
    """
    if pictures < 1 or per_shard < 1:
        raise InputError(f"{pictures} pictures, {per_shard} a shard: give numbers of at least 1")
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        raise InputError(f"cannot make the folder {str(folder)!r} ({error}); give another place") from None
    if any(folder.glob("*.tar")):
        raise InputError(f"{str(folder)!r} holds shards already; give an empty folder, or remove them")
    paths = []
    for number, start in enumerate(range(0, pictures, per_shard)):
        rng, size = streams.rng(seed, "shard", number), min(per_shard, pictures - start)
        classes = rng.integers(len(CLASSES), size=size)  # (size,)
        content = io.BytesIO()
        with tarfile.open(fileobj=content, mode="w", format=tarfile.USTAR_FORMAT) as tar:
            for position, c in enumerate(classes.tolist(), start=start):
                _add(tar, f"{position:09d}.png", png(draw(*CLASSES[c], rng, rendering)))
                _add(tar, f"{position:09d}.txt", CAPTIONS[c].encode())
        paths.append(folder / f"shapes-{number:06d}.tar")
        write_whole(paths[-1], lambda beside, content=content: beside.write_bytes(content.getbuffer()))
        on_shard(size)
    return paths


def png(pixels: np.ndarray) -> bytes:
    """A picture, (H, W, 3) uint8, as the bytes of a PNG."""
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "png")
    return content.getvalue()


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    about = tarfile.TarInfo(name)  # no time and no owner: the same pictures are the same bytes
    about.size = len(content)
    tar.addfile(about, io.BytesIO(content))


def shard_paths(where: str) -> list[Path]:
    """The shards that a folder holds, a pattern with * finds, or a range such as `shapes-{000000..000009}.tar` names.

    Raises:
        InputError: if there is none, or one of them is missing, empty or no tar.
    """
    given, span = Path(where), re.search(r"\{(\d+)\.\.(\d+)\}", where)
    try:
        if span:
            width, first, last = len(span[1]), int(span[1]), int(span[2])
            if last - first >= 10_000_000:
                raise ValueError("too many shards in one range")
            names = [f"{where[: span.start()]}{i:0{width}d}{where[span.end() :]}" for i in range(first, last + 1)]
            paths = [Path(name) for name in names]
        elif given.is_dir():
            paths = sorted(given.glob("*.tar"))
        else:
            paths = sorted(given.parent.glob(given.name)) if "*" in given.name else [given]
    except (OSError, ValueError) as error:
        raise InputError(f"cannot look for shards at {where!r} ({error}); give a folder with tar files") from None
    if not paths:
        raise InputError(f"there is no shard at {where!r}; give a folder with tar files, or write some by 'shards'")
    for path in paths:
        with _opened(path) as tar:
            if tar.next() is None:
                raise InputError(f"the shard {str(path)!r} is empty; write it again, or leave it out")
    return paths


def described(paths: list[Path]) -> str:
    """Which shards these are, in a few words: their number, and a hash of their names and sizes."""
    text = "\n".join(f"{path.name} {path.stat().st_size}" for path in paths)
    return f"{len(paths)} shards {hashlib.sha256(text.encode()).hexdigest()[:12]}"


def _opened(path: Path) -> tarfile.TarFile:
    try:
        return tarfile.open(path, "r:")
    except FileNotFoundError:
        raise InputError(f"there is no shard {str(path)!r}; write it again, or leave it out") from None
    except (OSError, ValueError, tarfile.TarError) as error:
        reason = "it is empty" if path.is_file() and not path.stat().st_size else " ".join(str(error).split())
        raise InputError(f"cannot read the shard {str(path)!r} ({reason}); write it again, or leave it out") from None


def count(path: Path) -> int:
    """How many records with a picture a shard holds; only the headers are read.

    Raises:
        InputError: if the shard is missing or no tar.
    """
    found = set()
    with _opened(path) as tar, contextlib.suppress(OSError, tarfile.TarError):  # told when its contents are read
        for member in tar:
            name, kind = _split(member.name)
            found |= {name} if kind in PICTURES else set()
    return len(found)


def records(path: Path) -> Iterator[Record | Damage]:
    """The records of a shard in its order; where the tar breaks off, what is whole and then one Damage.

    Members whose names are the same up to the first dot belong together, as in WebDataset.

    Raises:
        InputError: if the shard is missing or no tar.
    """
    name, found, damage = "", {}, []
    for member, content in _files(path, damage):
        key, kind = _split(member)
        if key != name and found:
            yield _record(name, found)
            found = {}
        name, found[kind] = key, content
    last = _record(name, found)
    if found and not (damage and (last.picture is None or last.caption is None)):  # the rest was cut off
        yield last
    yield from damage


def _files(path: Path, damage: list[Damage]) -> Iterator[tuple[str, bytes]]:
    """Names and contents of a tar; Python's own loop ends in silence at a broken header or a missing end."""
    broken = Damage(path.name, "", "in a tar that breaks off")
    with _opened(path) as tar:
        try:
            for member in tar:
                if member.isfile():
                    yield member.name, tar.extractfile(member).read()
            tar.fileobj.seek(tar.offset)
            if tar.fileobj.read(len(END)) != END:
                damage.append(broken)
        except (OSError, tarfile.TarError):
            damage.append(broken)


def _split(name: str) -> tuple[str, str]:
    """The record that a member belongs to, and what it is: "a/07.png" -> ("a/07", "png")."""
    path = PurePosixPath(name)
    stem, _, ending = path.name.partition(".")
    return str(path.with_name(stem or path.name)), ending.lower()


def _record(name: str, found: dict[str, bytes]) -> Record:
    picture = next((found[kind] for kind in PICTURES if kind in found), None)
    return Record(name, picture, found.get("txt"))
