"""How many pictures of each concept a model names rightly: from a folder of pictures to the table of trend."""

import csv
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path

import torch
from torch import Tensor

from toyclip.errors import ImageError, InputError, ModelFileError
from toyclip.files import write_whole
from toyclip.own.opening import Opened
from toyclip.zero_shot import classifier, similarities

BATCH = 64  # pictures in memory at a time


@dataclass
class Score:
    """What came out for the concepts of one folder; the first three lists have an entry for each of them."""

    concepts: list[str]
    correct: list[int]  # pictures for which the concept's own sentence won
    n: list[int]  # pictures that could be read
    skipped: list[str] = field(default_factory=list)  # a sentence for each file that could not be read


def score(
    opened: Opened,
    folder: str | Path,
    templates: Sequence[str] = (),
    watch: Callable[[list], Iterable] = iter,
) -> Score:
    """Let a model name every picture of a folder that has a folder for each concept, such as `bee/1.png`.

    Every picture is compared with one sentence of each concept, as in the zero-shot classification of Radford et al.
    2021, section 3.1; several templates are averaged. A `_` in a folder's name stands for a space, what begins with a
    dot is left out. A file that cannot be read as a picture is skipped and reported.

    Args:
        opened: a model as `own.opening.opened` returns it.
        templates: sentences with `{}` where the concept stands; the model's own if there are none.
        watch: is given the list of (concept, its folder), and hands on what it holds: a progress bar.

    Raises:
        InputError: if there are fewer than two concepts, two of one name, a template lacks `{}`, or no picture at all
            can be read.
        CaptionError: if the model cannot read a sentence.
        ModelFileError: if the model's answers are not finite.
    """
    folders, chosen = concept_folders(folder), templates or (opened.template,)
    for template in chosen:
        if template.count("{}") != 1:
            raise InputError(f"the template {template!r} needs one '{{}}', where the concept goes")
    sentences = [[template.replace("{}", concept) for template in chosen] for concept in folders]
    weights = classifier(opened.model, sentences, opened.tokenizer)  # (C, D)
    result = Score(list(folders), [], [])
    for number, (_, place) in enumerate(watch(list(folders.items()))):
        files = sorted(file for file in place.iterdir() if file.is_file() and not file.name.startswith("."))
        correct = n = 0
        for start in range(0, len(files), BATCH):
            pictures = _readable(opened, files[start : start + BATCH], result.skipped)
            if pictures:
                correct += int((_answers(opened, torch.stack(pictures), weights) == number).sum())
                n += len(pictures)
        result.correct.append(correct)
        result.n.append(n)
    if not any(result.n):
        raise InputError(f"{str(folder)!r} holds no picture that can be read; put PNG or JPEG files into its folders")
    return result


def concept_folders(folder: str | Path) -> dict[str, Path]:
    """The concepts of a folder, by name in the order of the alphabet, and where their pictures are.

    Raises:
        InputError: if it is no folder, there are fewer than two concepts, or two of the same name but
            for capitals.
    """
    if not Path(folder).is_dir():
        raise InputError(f"{str(folder)!r} is no folder; give one that holds a folder of pictures for each concept")
    places = sorted(p for p in Path(folder).iterdir() if p.is_dir() and not p.name.startswith("."))
    concepts = [spoken(place.name) for place in places]
    alike = [concept.casefold() for concept in concepts]  # many a tokenizer sees no capitals
    if len(set(alike)) < max(len(concepts), 2):
        twice = sorted({concept for concept in alike if alike.count(concept) > 1})
        told = f"has two folders for {twice[0]!r}" if twice else f"has {len(concepts)} folders"
        raise InputError(f"{str(folder)!r} {told}; one is needed for each concept, and two concepts to choose from")
    return dict(zip(concepts, places, strict=True))


def spoken(name: str) -> str:
    """The concept that a folder or a line of a table stands for.

    >>> spoken("polar_bear ")
    'polar bear'
    """
    return " ".join(name.replace("_", " ").split())


def _readable(opened: Opened, files: list[Path], skipped: list[str]) -> list[Tensor]:
    """The pictures among these files, (3, H, W) each; what is wrong with the others goes into `skipped`."""
    pictures = []
    for file in files:
        try:
            pictures.append(opened.read(file))  # (3, H, W)
        except ImageError as error:
            skipped.append(str(error))
    return pictures


def _answers(opened: Opened, pictures: Tensor, weights: Tensor) -> Tensor:
    """The concept each of (b, 3, H, W) pictures is nearest to, (b,)."""
    cosine = similarities(opened.model, pictures, weights).cpu()  # (b, C)
    if not cosine.isfinite().all():
        raise ModelFileError("the model's answers to these pictures are not finite; train it again")
    return cosine.argmax(dim=1)


def read_counts(path: str | Path) -> dict[str, int]:
    """How often each concept occurred in training: a CSV table with the columns concept and count.

    A `_` in a name stands for a space, as in a folder's.

    Raises:
        InputError: if the file cannot be read, lacks a column, or holds a count that is no whole number from 0 on, or
            two counts of one concept.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {str(path)!r} ({error}); give a CSV table of concept and count") from None
    rows = csv.DictReader(StringIO(text, newline=""))
    if not {"concept", "count"} <= set(rows.fieldnames or ()):
        raise InputError(f"{str(path)!r} needs the columns concept and count; it has {rows.fieldnames or 'none'}")
    counts = {}
    for row in rows:
        concept, count = spoken(row["concept"] or ""), row["count"] or ""
        if not (count.isascii() and count.isdigit()) or concept in counts:
            told = "a second time" if concept in counts else f"with the count {count!r}"
            raise InputError(f"{str(path)!r} names {concept!r} {told}; give one whole number for each concept")
        counts[concept] = int(count)
    return counts


def check_counts(concepts: Iterable[str], counts: dict[str, int]) -> None:
    """See that each concept has a count.

    Raises:
        InputError: if one has none.
    """
    missing = [concept for concept in concepts if concept not in counts]
    if missing:
        raise InputError(f"there is no count for {missing[0]!r}; add it to the table, 0 if it never occurred")


def write_table(
    result: Score, path: str | Path, dataset: str, model: str, counts: dict[str, int] | None = None
) -> None:
    """Write what `toyclip trend` reads: a line for each concept of which a picture could be read, whole or not at all.

    Args:
        dataset: name of the pictures, the same in every line; concepts are compared within it.
        model: name of the model.
        counts: of each concept, in a column of their own; without them there is no such column.

    Raises:
        InputError: if a concept has no count, or the file cannot be written.
    """
    if counts is not None:
        check_counts(result.concepts, counts)
    out = StringIO(newline="")
    lines = csv.writer(out, lineterminator="\n")
    lines.writerow(["concept", *(["count"] if counts is not None else []), "correct", "n", "dataset", "model"])
    for concept, correct, n in zip(result.concepts, result.correct, result.n, strict=True):
        if n:
            known = [] if counts is None else [counts[concept]]
            lines.writerow([concept, *known, correct, n, dataset, model])
    write_whole(path, lambda beside: beside.write_text(out.getvalue(), encoding="utf-8", newline=""))
