"""Checkpoints, whole or not at all: a run that was killed at any moment goes on to the weights it would have had."""

import contextlib
import errno
import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

import torch
from filelock import FileLock, Timeout
from safetensors import SafetensorError, safe_open
from safetensors import torch as safetensors
from torch import Tensor

from toyclip.errors import InputError, ModelFileError
from toyclip.files import mark, write_whole
from toyclip.large.training import Position, Run

FORMAT = "toyclip-run-1"


def save(path: str | Path, run: Run, about: Mapping[str, object]) -> None:
    """Write all that a run needs to go on: weights, optimisers, generator, position and history.

    One safetensors file, which cannot hold code. It is written beside the old one and takes its place when all of it
    is on the disk, so that whatever happens either the old one or the new one is there.

    Args:
        about: what was asked for (recipe, seed, data, processes), as JSON can say it; `load` wants the same again.

    Raises:
        InputError: if it cannot be written, as on a full disk; the last one is still there.
    """
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in _tensors(run).items()}
    told = {
        "format": FORMAT,
        "about": about,
        "position": asdict(run.position),
        "history": run.history,
        "digest": _digest(tensors),
    }
    content = safetensors.save(tensors, metadata={"toyclip": json.dumps(told, allow_nan=False)})

    def write(beside: Path) -> None:
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())  # on the disk, not in its queue, before the name points to it

    write_whole(path, write)


def load(path: str | Path, run: Run, about: Mapping[str, object]) -> None:
    """Bring a new run to where the stored one was.

    Raises:
        ModelFileError: if the file is missing, damaged or no checkpoint.
        InputError: if it is of a run that was asked for something else; says of what.
    """
    wanted = "give a checkpoint written by 'toyclip train --checkpoint FILE', or remove it to begin again"
    try:
        with safe_open(path, framework="pt") as file:
            told = json.loads((file.metadata() or {}).get("toyclip", "null"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}
        if not isinstance(told, dict) or told.get("format") != FORMAT:
            raise ValueError(f"it is not of the format {FORMAT}")
        if told["digest"] != _digest(tensors):
            raise ValueError("its numbers are not those that were written")
        position, history, before = Position(**told["position"]), told["history"], told["about"]
    except (OSError, SafetensorError, ValueError, TypeError, KeyError) as error:
        reason = " ".join(str(error).split("\n")[:1])
        raise ModelFileError(f"{str(path)!r} is no whole checkpoint ({reason}); {wanted}") from None
    for name in {**before, **about}:
        now, then = json.loads(json.dumps(about.get(name))), before.get(name)
        if now != then:
            raise InputError(
                f"{str(path)!r} is of a run with {name} {then}, and this one has {now}; ask for the same again, or "
                "give another file"
            )
    run.model.load_state_dict(_part(tensors, "model"))
    for number, (optimizer, _) in enumerate(run.optimizers):
        fresh, stored = optimizer.state_dict(), _part(tensors, f"optimizer{number}")
        state: dict[int, dict[str, Tensor]] = {}
        for name, tensor in stored.items():
            index, _, entry = name.partition(".")
            state.setdefault(int(index), {})[entry] = tensor
        optimizer.load_state_dict({**fresh, "state": state})
    run.epoch_start, run.position, run.history = tensors["order"], position, history


def _tensors(run: Run) -> dict[str, Tensor]:
    """All numbers of a run by name; the generator's as it was when the epoch began, from where its order follows."""
    named = {f"model.{name}": tensor for name, tensor in run.model.state_dict().items()}
    for number, (optimizer, _) in enumerate(run.optimizers):
        for index, entries in optimizer.state_dict()["state"].items():
            named |= {f"optimizer{number}.{index}.{entry}": tensor for entry, tensor in entries.items()}
    return {**named, "order": run.epoch_start}


def _part(tensors: Mapping[str, Tensor], owner: str) -> dict[str, Tensor]:
    return {name.partition(".")[2]: t for name, t in tensors.items() if name.partition(".")[0] == owner}


def _digest(tensors: Mapping[str, Tensor]) -> str:
    """Of all numbers with their names: safetensors notices a file cut short, but no byte that has changed."""
    sum_of = hashlib.sha256()
    for name in sorted(tensors):
        sum_of.update(f"{name} {tensors[name].dtype} {tuple(tensors[name].shape)}".encode())
        sum_of.update(tensors[name].contiguous().flatten().view(torch.uint8).numpy())
    return sum_of.hexdigest()


@contextlib.contextmanager
def claimed(path: str | Path) -> Iterator[None]:
    """Keep a checkpoint for this command alone, and clear away what one that was killed has left half-written.

    Raises:
        InputError: if another command is at work with the same checkpoint, or its folder cannot be written to.
    """
    place = Path(path).resolve()  # of a link it is the target that is written
    lock = FileLock(place.with_name(f".{place.name}.lock"))
    try:
        if not place.parent.is_dir():  # the lock would make it
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        lock.acquire(timeout=0)
    except Timeout:
        raise InputError(f"another command is at work with {str(path)!r}; wait for it, or give another file") from None
    except OSError as error:
        advice = "give a file name in a folder that exists and can be written to"
        raise InputError(f"cannot write {str(path)!r} ({error.strerror or error}); {advice}") from None
    try:
        half_written = re.compile(re.escape(mark(place)) + r"\.[0-9a-f]{8}")  # the names of `write_whole`
        for other in place.parent.iterdir():
            if half_written.fullmatch(other.name):
                other.unlink(missing_ok=True)
        yield
    finally:
        Path(lock.lock_file).unlink(missing_ok=True)  # as long as it is ours: the next one may have it a moment later
        lock.release()
