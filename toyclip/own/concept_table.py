"""How often each concept stood in a corpus, and how often a model was right about it: one checked table (for trend)."""

import math
from dataclasses import dataclass

import numpy as np

from toyclip.errors import InputError
from toyclip.own.table_files import Columns

SHARES_ABOVE, PERCENT_ABOVE = 0.02, 2.0  # the largest accuracy decides; below both, and between 1 and 2, nothing does
UNITS = {"share": 1.0, "percent": 100.0}


@dataclass(frozen=True)
class Concepts:
    """N rows, one a concept of a test set; a concept under several seeds has a row each only if its count differs.

    Args:
        concept, dataset: (N,) names.
        count: (N,) training pairs that name the concept, 0 or at least 1.
        accuracy: (N,) 0 to 1.
        others: column -> (N,) counts of other corpora, NaN where unknown.
        seed: (N,) names; all alike where seeds do not matter.
        notes: what was done to the table, in words.
        called: the columns of count and accuracy.
    """

    concept: np.ndarray
    dataset: np.ndarray
    count: np.ndarray
    accuracy: np.ndarray
    others: dict[str, np.ndarray]
    seed: np.ndarray
    notes: tuple[str, ...] = ()
    called: tuple[str, str] = ("count", "accuracy")

    def __len__(self) -> int:
        return len(self.concept)


def concepts(
    columns: Columns,
    count: str | None = None,
    accuracy: str | None = None,
    model: str | None = None,
    unit: str | None = None,
) -> Concepts:
    """Check a table and take from it what the trend of one model needs.

    Columns: concept, a count, and correct with n, or an accuracy; optionally dataset, model and seed. Every further
    column count_X is the count of another corpus. Whether an accuracy is a share or in percent its largest value
    decides: above 0.02 and up to 1 it is a share, above 2 percent, anything else is refused.
    Rows without a count or an accuracy are left out, and said to be.

    Args:
        count: the column to take, if not "count".
        accuracy: the same, if not "correct" and "n" or "accuracy".
        model: whose rows to take, if there are several.
        unit: of the accuracy, share or percent, where its values do not tell.

    Raises:
        InputError: if a column is missing or a value is none of its kind, a concept is there twice, or the unit of the
            accuracy is ambiguous.

    >>> table = concepts({"concept": ["cat", "dog"], "count": ["0", "12"], "correct": [1, 4], "n": [5, 5]})
    >>> table.count.tolist(), table.accuracy.tolist()
    ([0.0, 12.0], [0.2, 0.8])
    """
    columns = _of_one_model(columns, model)
    count = count or "count"
    kinds = [name for name in columns if name == "count" or name.startswith("count_")]
    _demand(columns, "concept", list(columns))
    _demand(columns, count, kinds, "--count")
    counted = _numbers(columns, count)
    others = {name: _numbers(columns, name) for name in kinds if name != count}
    for name, values in {count: counted, **others}.items():
        _refuse((values < 0) | ((values > 0) & (values < 1)), values, name, "a count is 0 or at least 1")
    called, right = _accuracy(columns, accuracy, unit)
    known = ~np.isnan(counted) & ~np.isnan(right)
    notes = [f"left out for want of a count or an accuracy: {(~known).sum():,}"] if not known.all() else []
    blank = [""] * len(known)
    texts = [np.array([_name(v) for v in columns.get(key, blank)])[known] for key in ("concept", "dataset", "seed")]
    name, dataset, seed = texts
    if (name == "").any():
        raise InputError("a row has no concept; every row needs one")
    table = Concepts(name, dataset, counted[known], right[known], {k: v[known] for k, v in others.items()}, seed)
    return _over_seeds(table, notes, (count, called))


def _of_one_model(columns: Columns, model: str | None) -> Columns:
    """The rows of one model, if there is a column of that name."""
    if "model" not in columns:
        if model is not None:
            raise InputError("the table has no column 'model'; leave --model out, or name a column with --accuracy")
        return columns
    names = sorted({_name(value) for value in columns["model"]})
    if len(names) > 1 and model is None:
        raise InputError(f"the table has {len(names)} models; choose with --model one of {', '.join(names)}")
    if model is not None and model not in names:
        raise InputError(f"there is no model {model!r} in the table; choose one of {', '.join(names)}")
    kept = [i for i, value in enumerate(columns["model"]) if model is None or _name(value) == model]
    return {name: [values[i] for i in kept] for name, values in columns.items()}


def _accuracy(columns: Columns, column: str | None, unit: str | None) -> tuple[str, np.ndarray]:
    """What the accuracy is called, and its values, (N,), 0 to 1."""
    if column is None and {"correct", "n"} <= set(columns):
        correct, n = _numbers(columns, "correct"), _numbers(columns, "n")
        _refuse(n < 1, n, "n", "at least one test picture")
        _refuse((correct < 0) | (correct > n), correct, "correct", "0 to n right answers")
        return "correct / n", correct / n
    column = column or "accuracy"
    _demand(columns, column, [name for name in columns if name.startswith(("acc", "correct"))], "--accuracy")
    values = _numbers(columns, column)
    top = float(np.nanmax(values, initial=0))
    told = "share" if SHARES_ABOVE < top <= 1 else "percent" if top > PERCENT_ABOVE else None
    if (unit or told) not in UNITS:
        wrong = f"no unit {unit!r}" if unit else f"the largest value of {column!r} is {top:g}: shares or percent?"
        raise InputError(f"{wrong}; say --unit share or --unit percent")
    whole = UNITS[unit or told]
    _refuse((values < 0) | (values > whole), values, column, f"an accuracy from 0 to {whole:g}")
    return column, values / whole


def _over_seeds(table: Concepts, notes: list[str], called: tuple[str, str]) -> Concepts:
    """The mean over seeds where every concept has one count; all rows where seeds have counts of their own."""
    keys = list(zip(table.dataset.tolist(), table.concept.tolist(), strict=True))
    rows: dict[tuple, list[int]] = {}
    for i, key in enumerate(keys):
        rows.setdefault(key, []).append(i)
        if len({table.seed[j] for j in rows[key]}) < len(rows[key]):
            raise InputError(
                f"concept {key[1]!r} is there twice{f' in set {key[0]!r}' if key[0] else ''}; one row a concept, or "
                "columns dataset, model and seed that tell the rows apart"
            )
    if len(set(table.seed.tolist())) < 2:
        return Concepts(**{**vars(table), "notes": tuple(notes), "called": called})
    if any(len(set(table.count[own])) > 1 for own in rows.values()):
        notes.append("counts differ between seeds: one row a concept and seed")
        return Concepts(**{**vars(table), "notes": tuple(notes), "called": called})
    first = [own[0] for own in rows.values()]
    mean = np.array([table.accuracy[own].mean() for own in rows.values()])  # (K,)
    notes.append(f"mean accuracy over {len(set(table.seed.tolist()))} seeds")
    others = {name: values[first] for name, values in table.others.items()}
    alike = np.full(len(first), "")
    return Concepts(
        table.concept[first], table.dataset[first], table.count[first], mean, others, alike, tuple(notes), called
    )


def _demand(columns: Columns, name: str, instead: list[str], option: str = "") -> None:
    if name not in columns:
        hint = f"choose with {option} one of" if option and instead else "it has"
        raise InputError(f"the table has no column {name!r}; {hint} {', '.join(instead or columns)}")


def _numbers(columns: Columns, name: str) -> np.ndarray:
    """A column as numbers, (N,), NaN where a cell is empty."""
    values = np.full(len(columns[name]), np.nan)  # (N,)
    for i, cell in enumerate(columns[name]):
        if cell is None:
            continue
        try:
            values[i] = float(cell)
        except (TypeError, ValueError):
            values[i] = math.inf
        if not math.isfinite(values[i]):
            raise InputError(f"{cell!r} in column {name!r}, row {i + 1}, is not a number; mend it or leave it empty")
    return values


def _refuse(wrong: np.ndarray, values: np.ndarray, name: str, expected: str) -> None:
    if wrong.any():
        i = int(np.flatnonzero(wrong)[0])
        raise InputError(f"column {name!r} holds {values[i]:g} in row {i + 1}; expected {expected}")


def _name(value: object) -> str:
    return "" if value is None else str(value)
