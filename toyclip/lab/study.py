"""What a study is, and the file that keeps its results: counted, hashed, and stale when other code made it (helper)."""

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from toyclip.errors import InputError
from toyclip.files import write_whole
from toyclip.lab.provenance import fingerprint

RESULTS = Path(__file__).parents[1] / "results"  # they come with the package
Key = tuple[str | None, int]  # of a run: its condition, if the study has any, and its seed


@dataclass(frozen=True)
class Study:
    """A function of a seed, or of a condition and a seed, called for each of them; what it returns is stored."""

    name: str  # of its file, NAME.json
    run: Callable[..., object]  # (seed) or, with conditions, (condition, seed); defined at the top of a module
    seeds: int  # from 0 to seeds - 1
    conditions: tuple[str, ...] = ()
    alone: bool = False  # it measures time or memory: one process, and nothing beside it
    usual: int | None = None  # how many seeds it is declared with, where it is to be done with others

    def with_seeds(self, seeds: int) -> "Study":
        """The same study on another number of seeds."""
        return replace(self, seeds=seeds, usual=self.usual or self.seeds)

    @property
    def keys(self) -> list[Key]:
        """All runs, seed by seed, so that those of one seed share what a process keeps of it."""
        return [(condition, seed) for seed in range(self.seeds) for condition in self.conditions or (None,)]


def describe(name: str, key: Key) -> str:
    """A run in words.

    >>> describe("captions", (None, 3)), describe("models", ("base", 0))
    ("study 'captions', seed 3", "study 'models', condition 'base', seed 0")
    """
    condition, seed = key
    return f"study {name!r}, " + (f"condition {condition!r}, " if condition is not None else "") + f"seed {seed}"


def stored(name: str, folder: str | Path = RESULTS) -> dict:
    """What a study left in `folder`.

    Returns:
        study, command, seeds, conditions (if it has any), machine (several: a list), seconds (of all runs), code,
        results (one per seed; with conditions, for each a list of one per seed), sha256 (of all the rest).

    Raises:
        InputError: if there is no such result, or it is not as the study wrote it.
    """
    path, again = Path(folder) / f"{name}.json", f"'python -m toyclip study {name}'"
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"there is no result {str(path)!r}; make it with {again}") from None
    except (OSError, ValueError):
        raise InputError(f"{str(path)!r} is no whole JSON file; make it again with {again}") from None
    if not isinstance(table, dict) or table.get("sha256") != _sha256(table) or table.get("study") != name:
        raise InputError(f"{str(path)!r} is not as the study wrote it; make it again with {again}")
    seeds, results = len(table["seeds"]), table["results"]
    lists = [results[c] for c in table["conditions"]] if "conditions" in table else [results]
    if table["seeds"] != list(range(seeds)) or any(len(part) != seeds for part in lists):
        raise InputError(f"{str(path)!r} does not hold one result for each seed; make it again with {again}")
    return table


def runs_of(table: dict) -> dict[Key, object]:
    """The result of each run in what `stored` returned."""
    parts = table["results"] if "conditions" in table else {None: table["results"]}
    return {(condition, seed): result for condition, part in parts.items() for seed, result in enumerate(part)}


def stale(studies: Iterable[Study], folder: str | Path = RESULTS) -> dict[str, str]:
    """The studies that have to be run again, by name, each with the reason why."""
    reasons = {}
    for study in studies:
        try:
            table = stored(study.name, folder)
        except InputError:
            there = (Path(folder) / f"{study.name}.json").exists()
            reasons[study.name] = "not as the study wrote it" if there else "missing"
            continue
        if table["code"] != fingerprint(study.run):
            reasons[study.name] = "made by other code"
        elif len(table["seeds"]) != study.seeds:
            reasons[study.name] = f"{len(table['seeds'])} seeds instead of {study.seeds}"
        elif tuple(table.get("conditions", ())) != study.conditions:
            reasons[study.name] = "other conditions"
    return reasons


def write_table(
    study: Study, folder: Path, code: str, machines: list[dict], seconds: float, results: dict[Key, object]
) -> None:
    """Write a finished study's file, one run a line, whole or not at all.

    Raises:
        InputError: if the folder cannot be written to.
    """
    seeds, usual = list(range(study.seeds)), study.usual or study.seeds
    parts = {condition: [results[condition, seed] for seed in seeds] for condition in study.conditions}
    command = f"python -m toyclip study {study.name}" + (f" --seeds {study.seeds}" if study.seeds != usual else "")
    table = {"study": study.name, "command": command, "seeds": seeds}
    table |= {"conditions": list(study.conditions)} if parts else {}
    table |= {"machine": machines[0] if len(machines) == 1 else machines, "seconds": round(seconds, 2), "code": code}
    table["results"] = parts or [results[None, seed] for seed in seeds]
    lines = [f" {_json(key)}: {_json(value)}" for key, value in table.items() if key != "results"]
    if parts:
        lists = [f"  {_json(condition)}: [\n   {_rows(part, 3)}\n  ]" for condition, part in parts.items()]
        lines.append(' "results": {\n' + ",\n".join(lists) + "\n }")
    else:
        lines.append(f' "results": [\n  {_rows(table["results"], 2)}\n ]')
    lines.append(f' "sha256": {_json(_sha256(table))}')
    text = "{\n" + ",\n".join(lines) + "\n}\n"
    write_whole(folder / f"{study.name}.json", lambda beside: beside.write_text(text, encoding="utf-8"))


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _rows(results: list, indent: int) -> str:
    return (",\n" + " " * indent).join(map(_json, results))


def _sha256(table: dict) -> str:
    rest = {key: value for key, value in table.items() if key != "sha256"}
    text = json.dumps(rest, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
