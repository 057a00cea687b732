"""The nine contrasts that the verdicts F1 to F9 rest on, and their p-values, adjusted together (chapter Composition).

All other intervals of these chapters describe; nothing is decided by them.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.stats import spearmanr, ttest_1samp

from toyclip import trend
from toyclip.studies.composition import unseen
from toyclip.studies.composition.readings import last_diagonal, shares_of_words, squares
from toyclip.studies.frequency.corpus import FULL
from toyclip.studies.frequency.readings import columns

Results = Mapping[str, Sequence[dict]]  # of a study: condition -> one result a seed


def holm(p: Mapping[str, float]) -> dict[str, float]:
    """p-values adjusted for their number by Holm's method (1979), in the order given.

    >>> holm({"a": 0.01, "b": 0.04, "c": 0.03})
    {'a': 0.03, 'b': 0.06, 'c': 0.06}
    """
    adjusted, largest = {}, 0.0
    for rank, name in enumerate(sorted(p, key=lambda name: p[name])):
        largest = max(largest, min(1.0, (len(p) - rank) * p[name]))
        adjusted[name] = largest
    return {name: adjusted[name] for name in p}


def lent_slopes(results: Sequence[dict]) -> tuple[np.ndarray, np.ndarray]:
    """Slope of the accuracy on unseen pairs by the geometric mean of their parts' shares, (S,), in points per decade.

    Returns:
        By a seed's own shares, and the mean of the slopes by all other seeds' shares.
    """
    counts, right, diagonal = squares(results)  # (S, 8, 8) each
    colors, shapes = shares_of_words(counts)
    geometric = np.log10(np.sqrt(colors * shapes))  # (S, 8, 8)

    def slopes(values: np.ndarray) -> np.ndarray:
        a, b = (np.array([v[d < unseen.UNSEEN] for v, d in zip(t, diagonal, strict=True)]) for t in (values, right))
        return 100 * trend.slopes(a, b)

    return slopes(geometric), np.mean([slopes(np.roll(geometric, -k, axis=0)) for k in range(1, len(right))], axis=0)


def contrasts(
    conditions: Results, models: Results, composition: Results, priming: Sequence[dict]
) -> dict[str, list[np.ndarray]]:
    """What each claim needs to be above 0, or below: one number a seed; several rows where all of them must be."""
    x, y = trend.table(conditions["base"], FULL.test)
    errors = trend.held_out_errors(x, y, ["line", "logistic"])
    without = [conditions[f"nearest quarter dropped, {by}"] for by in ("pixels", "features")]
    last = {name: last_diagonal(composition[name]) for name in composition if "partners" in name}
    lessons = columns([seed["matched"] for seed in priming])
    own, others = lent_slopes(composition["unequal parts"])

    def gaps(results: Sequence[dict]) -> np.ndarray:
        r = columns(results)
        return (r["rest"] - r["tail"]) - (r["rest, control"] - r["tail, control"])

    ranks = [spearmanr(a, b).statistic for a, b in zip(lessons["before"], lessons["leak"], strict=True)]
    return {
        "F1": [trend.slopes(x, y) - trend.placebo_slopes(x, y)],
        "F2": [errors["line"] - errors["logistic"]],
        "F3": [trend.slopes(*trend.table(results, FULL.test)) for results in without],
        "F4": [trend.slopes(*trend.table(results, FULL.test)) for results in models.values()],
        "F5": [gaps(results) for results in models.values()],
        "F6": [own - others],
        "F7": [last["7 partners"] - last["2 partners"]],
        "F8": [last["2 partners, filters that saw 7"] - last["2 partners"]],
        "F9": [np.array(ranks)],
    }


def p_values(found: Mapping[str, list[np.ndarray]]) -> dict[str, float]:
    """Of each claim by Student's t, two-sided; of several rows the largest, since all must hold."""
    return {claim: max(float(ttest_1samp(row, 0).pvalue) for row in rows) for claim, rows in found.items()}
