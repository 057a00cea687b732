"""All that a table of concepts says about frequency and accuracy, in one dictionary (for trend)."""

import math

import numpy as np

from toyclip.errors import InputError
from toyclip.own.concept_table import Concepts
from toyclip.own.frequency_trend import (
    RULES,
    SPREAD,
    Measures,
    bin_r,
    bins,
    dealt_together,
    log_counts,
    measures,
    moments,
    numbered,
    of_sets,
    permutation_p,
    resampled,
)
from toyclip.own.trend_controls import held_out, mixed_model
from toyclip.own.trend_words import in_words, verdict

UNITS = "slopes in percentage points per tenfold count, held-out errors in percentage points, accuracies from 0 to 1"


def trend(table: Concepts, resamples: int = 1000, number: int = 12, seed: int = 0) -> dict:
    """How accuracy goes with the logarithm of the count, by both rules for zero counts, and what else it goes with.

    Args:
        resamples: of the concepts within their sets, for every interval (95 %, percentiles), and as many permutations
            of the counts among the concepts of a set.
        number: of bins, equal steps of the logarithm; the frequency paper has 12.

    Returns:
        What JSON can hold; None where nothing can be said. [a, b, c] is a value and its interval.

    Raises:
        InputError: if there are fewer than 3 concepts, or all counts or all accuracies are the same.
    """
    if resamples < 100 or number < 3:
        raise InputError(f"{resamples} resamples and {number} bins are too few; give at least 100 and 3")
    _check(table)
    sets = numbered(table.dataset)  # (N,)
    concepts = numbered(table.dataset, table.concept)  # (N,)
    labels = sets, concepts, numbered(table.seed)  # (N,) each
    parts, compared = _parts(table)
    values = np.concatenate([moments(x, table.accuracy, kept) for x, kept in parts.values()], axis=1)  # (N, 6 P)

    def measure(sums: np.ndarray) -> np.ndarray:
        split = sums.reshape(*sums.shape[:-1], len(parts), 6)  # (..., G, P, 6)
        return np.stack(measures(np.moveaxis(split, -3, -2)), axis=-1)  # (..., P, 4)

    points = measure(of_sets(values, sets))  # (P, 4)
    drawn = resampled(values, sets, concepts, measure, resamples, seed)  # (R, P, 4)
    if concepts.max() == sets.max():  # each set has one concept, and every resample is the table again
        drawn = np.full_like(drawn, np.nan)  # (R, P, 4)
    at = {name: (Measures(*points[i]), Measures(*drawn[:, i].T)) for i, name in enumerate(parts)}
    report = {
        "units": UNITS,
        "count": table.called[0],
        "accuracy": table.called[1],
        "notes": list(table.notes),
        "concepts": len(np.unique(concepts)),
        "sets": len(np.unique(sets)),
        "zero_counts": int((table.count == 0).sum()),
        "settings": {"resamples": resamples, "bins": number, "seed": seed},
        "rules": {},
    }
    for rule in RULES:
        x, kept = parts[rule]
        if (why := _nothing(x[kept], table.accuracy[kept])) is not None:
            report["rules"][rule] = {"concepts": int(kept.sum()), "left_out": why}
            continue
        a, y = x[kept], table.accuracy[kept]
        report["rules"][rule] = {
            **_measured(*at[rule]),
            **_binned(a, y, numbered(sets[kept]), number, zeros=bool((table.count[kept] == 0).any())),
            "concepts": int(kept.sum()),
            "decades": float(np.subtract(*np.quantile(a, (0.95, 0.05)))),
            "p": _said(permutation_p(a, y, dealt_together(*(v[kept] for v in labels)), resamples, seed)),
            "held_out": _held_out(a, y, numbered(concepts[kept]), seed),
            "mixed": _mixed(a, y, sets[kept], concepts[kept]),
        }
    report["others"] = {
        name: {rule: _compared(at, parts, name, rule) for rule in RULES if (name, rule) in compared}
        for name in table.others
    }
    report["by_set"] = _by_set(table, sets, parts)
    for rule, found in report["rules"].items():
        found["verdict"] = verdict(report, rule)[0]
    return report | {"words": in_words(report)}


def _check(table: Concepts) -> None:
    if len(table) < 3:
        raise InputError(f"{len(table)} concepts have a count and an accuracy; a trend needs at least 3, better 100")
    if len(set(table.count.tolist())) < 2:
        raise InputError(f"every count is {table.count[0]:g}; a trend needs counts that differ")
    if np.ptp(table.accuracy) == 0:
        raise InputError(f"every accuracy is {table.accuracy[0]:.1%}; a trend needs accuracies that differ")


def _parts(table: Concepts) -> tuple[dict, set]:
    """(x, which concepts count) of each rule, and of own and other counts on the concepts that have both."""
    parts: dict = {rule: log_counts(table.count, rule) for rule in RULES}
    compared = set()
    for name, count in table.others.items():
        for rule in RULES:
            (own, mine), (other, theirs) = parts[rule], log_counts(count, rule)
            both = mine & theirs  # (N,)
            if _nothing(own[both], table.accuracy[both]) or _nothing(other[both], table.accuracy[both]):
                continue
            compared.add((name, rule))
            parts[name, rule, "own"], parts[name, rule, "other"] = (own, both), (other, both)
    return parts, compared


def _nothing(x: np.ndarray, y: np.ndarray) -> str | None:
    """Why these concepts have no trend, if so."""
    if len(x) < 3:
        return f"only {len(x)} concepts"
    same = "counts" if np.var(x) < SPREAD else "accuracies" if np.var(y) < SPREAD else None
    return same and f"all {same} are the same"


def _measured(point: Measures, drawn: Measures) -> dict:
    scale = {"slope": 100, "slope_within": 100}
    return {
        name: interval(scale.get(name, 1) * float(value), scale.get(name, 1) * getattr(drawn, name))
        for name, value in point._asdict().items()
    }


def interval(value: float, drawn: np.ndarray) -> list[float] | None:
    """A value and the middle 95 % of its resamples, or None if either is undefined.

    >>> interval(0.5, np.linspace(0, 1, 101))
    [0.5, 0.025, 0.975]
    """
    if not math.isfinite(value) or np.isnan(drawn).mean() > 0.01:
        return None
    return [value, *(float(end) for end in np.nanquantile(drawn, (0.025, 0.975)))]


def _binned(x: np.ndarray, y: np.ndarray, sets: np.ndarray, number: int, zeros: bool) -> dict:
    """Bins of x, and bins of what is left of x and y when each set's mean is taken off; zeros are in the first."""
    n = np.bincount(sets)[sets]  # (N,)
    a, b = (v - (np.bincount(sets, v)[sets] / n) for v in (x, y))  # (N,), (N,)
    found, within = bins(x, y, number), bins(a, b, number) if np.ptp(a) > SPREAD else []
    told = [{"from": float(10**f.low), "to": float(10**f.high), "n": f.n, "accuracy": float(f.y)} for f in found]
    if zeros:
        told[0]["from"] = 0.0
    return {
        "bins": told,
        "bins_r": _said(bin_r(found)),
        "bins_within_n": [f.n for f in within],
        "bins_r_within": _said(bin_r(within)),
    }


def _held_out(x: np.ndarray, y: np.ndarray, concepts: np.ndarray, seed: int) -> dict:
    if concepts.max() < 29:  # a fold would hold two or three
        return {"left_out": "fewer than 30 concepts"}
    found = held_out(x, y, concepts, seed)
    return {name: value if name == "gain" else 100 * value for name, value in found.items()}


def _mixed(x: np.ndarray, y: np.ndarray, sets: np.ndarray, concepts: np.ndarray) -> dict:
    found = mixed_model(x, y, sets, concepts)
    if "slope" in found:
        found["slope"] = [100 * value for value in found["slope"]]
    if "slope_sd" in found:
        found["slope_sd"] *= 100
    return found


def _compared(at: dict, parts: dict, name: str, rule: str) -> dict:
    """Own counts beside another corpus's, on the same concepts, by the same rule."""
    (own, own_drawn), (other, other_drawn) = at[name, rule, "own"], at[name, rule, "other"]
    x, both = parts[name, rule, "own"]
    counts = np.stack([x[both], parts[name, rule, "other"][0][both]])  # (2, n)
    found = {"concepts": int(both.sum()), "r_of_counts": float(np.corrcoef(counts)[0, 1])}
    for key in ("r", "r_within"):
        a, b = float(getattr(own, key)), float(getattr(other, key))
        found[f"{key}_own"], found[f"{key}_other"] = _said(a), _said(b)
        found[f"{key}_difference"] = interval(a - b, getattr(own_drawn, key) - getattr(other_drawn, key))
    return found


def _by_set(table: Concepts, sets: np.ndarray, parts: dict) -> list[dict]:
    found = []
    for g in range(sets.max() + 1):
        row = {"set": str(table.dataset[sets == g][0])}
        for rule in RULES:
            x, kept = parts[rule]
            own = kept & (sets == g)  # (N,)
            one = measures(of_sets(moments(x, table.accuracy, own), np.zeros(len(x), dtype=int)))
            row[rule] = {"concepts": int(own.sum()), "slope": _said(100 * float(one.slope)), "r": _said(float(one.r))}
        found.append(row)
    return found


def _said(value: float) -> float | None:
    return value if math.isfinite(value) else None
