"""Accuracy against the logarithm of a count: slopes, correlations, curves, shares of variance (helper of Lots).

Throughout, x is (S, K), the log10 count of each concept under each seed, NaN where the count is 0, and y is (S, K), its
accuracy from 0 to 1.
"""

import warnings
from collections.abc import Callable, Sequence

import numpy as np
from scipy.optimize import curve_fit
from scipy.special import expit
from scipy.stats import linregress, t

from toyclip.errors import InputError


def table(results: Sequence[dict], test: int) -> tuple[np.ndarray, np.ndarray]:
    """x and y of one condition's stored results.

    Args:
        results: one a seed, with "counts" and "hits" of each concept.
        test: test pictures of each concept.

    >>> x, y = table([{"counts": [0, 100], "hits": [1, 5]}], test=10)
    >>> x.tolist(), y.tolist()
    ([[nan, 2.0]], [[0.1, 0.5]])
    """
    counts = np.array([result["counts"] for result in results], dtype=float)  # (S, K)
    x = np.log10(np.where(counts > 0, counts, np.nan))  # (S, K)
    return x, np.array([result["hits"] for result in results]) / test


def mean_interval(values: Sequence[float], confidence: float = 0.95) -> tuple[float, float, float]:
    """The mean over seeds, and the lower and upper end of its interval (Student's t).

    >>> [round(v, 2) for v in mean_interval([1.0, 2.0, 3.0])]
    [2.0, -0.48, 4.48]
    """
    if len(values) < 2:
        raise InputError(f"an interval of {len(values)} values has no width; give at least two seeds")
    mean, deviation = float(np.mean(values)), float(np.std(values, ddof=1))
    half = float(t.ppf(0.5 + confidence / 2, len(values) - 1)) * deviation / len(values) ** 0.5
    return mean, mean - half, mean + half


def estimate(values: Sequence[float], form: str = ".1f") -> str:
    """The same in words.

    >>> estimate([1.0, 2.0, 3.0])
    '2.0 (-0.5 to 4.5)'
    """
    mean, low, high = mean_interval(values)
    return f"{mean:{form}} ({low:{form}} to {high:{form}})"


def mean_and_range(values: Sequence[float], form: str = ".2f") -> str:
    """The mean of all seeds, and the least and the most: 2.00 (1.00 to 3.00)."""
    return f"{np.mean(values):{form}} ({min(values):{form}} to {max(values):{form}})"


def per_cent(values: Sequence[float], form: str = ".0f") -> str:
    """The same of shares in per cent, of which there is none below 0 or above 100.

    Raises:
        ValueError: if a value is no share in per cent.

    >>> per_cent([97.0, 99.0, 100.0])
    '99 (95 to 100)'
    """
    if not all(-1e-9 <= value <= 100 + 1e-9 for value in values):
        raise ValueError(f"expected shares from 0 to 100 %, got {min(values):g} to {max(values):g}")
    mean, low, high = mean_interval(values)
    return f"{mean:{form}} ({max(low, 0.0):{form}} to {min(high, 100.0):{form}})"


def per_seed(measure: Callable[[np.ndarray, np.ndarray], float], x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A measure of each seed's (x, y), (S,), concepts without a count left out."""
    return np.array([measure(a[~np.isnan(a)], b[~np.isnan(a)]) for a, b in zip(x, y, strict=True)])


def slopes(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Slope of the least-squares line of each seed, (S,), in accuracy per decade of the count."""
    return per_seed(lambda a, b: float(linregress(a, b).slope), x, y)


def correlations(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Pearson's r over the concepts of each seed, (S,)."""
    return per_seed(lambda a, b: float(linregress(a, b).rvalue), x, y)


def placebo(x: np.ndarray) -> np.ndarray:
    """The counts of another seed: each seed gets those of the next, (S, K)."""
    return np.roll(x, -1, axis=0)


def added_slope(other: np.ndarray, y: np.ndarray, own: np.ndarray) -> float:
    """Slope of accuracy against other counts among concepts whose own count is the same.

    The mean of each own count is taken off both (Frisch and Waugh 1933): lots that resemble each other by chance lend
    each other nothing.

    Args:
        other: (K,).
        y: (K,).
        own: (K,), every count several times.
    """
    same = own[:, None] == own  # (K, K)
    a, b = (values - (same @ values) / same.sum(axis=1) for values in (other, y))  # (K,), (K,)
    return float((a @ b) / (a @ a))


def placebo_slopes(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """For each seed the mean `added_slope` of all other seeds' counts, (S,)."""
    seeds = range(len(x))
    return np.array([np.mean([added_slope(x[o], y[s], x[s]) for o in seeds if o != s]) for s in seeds])


def bins(x: np.ndarray, y: np.ndarray, edges: Sequence[float]) -> list[tuple[float, int, float]]:
    """All bins of log10 counts that hold a concept of any seed: (mean of x, number of concepts, mean accuracy).

    Args:
        edges: of the bins, rising; a bin holds its lower edge.
    """
    which = np.digitize(x, edges)  # NaN lies beyond the last edge
    inside = [np.flatnonzero((which == i).ravel() & ~np.isnan(x).ravel()) for i in range(1, len(edges))]
    return [(float(x.ravel()[i].mean()), len(i), float(y.ravel()[i].mean())) for i in inside if len(i)]


def bin_correlation(x: np.ndarray, y: np.ndarray, edges: Sequence[float]) -> np.ndarray:
    """Pearson's r of each seed over its bins' means, (S,): what Udandarao et al. 2024 report."""

    def of_means(a: np.ndarray, b: np.ndarray) -> float:
        centres, _, means = zip(*bins(a, b, edges), strict=True)
        return float(linregress(centres, means).rvalue)

    return per_seed(of_means, x, y)


def level_means(counts: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean accuracy of the concepts that share a count: the L different counts, and the means of each seed, (S, L).

    Args:
        counts: (S, K), every count under every seed.
    """
    levels = np.unique(counts)
    return levels, np.array([[b[a == level].mean() for level in levels] for a, b in zip(counts, y, strict=True)])


def logistic(x: np.ndarray, top: float, middle: float, steepness: float) -> np.ndarray:
    """An S from 0 to `top`."""
    return top * expit(steepness * (x - middle))


def power_law(x: np.ndarray, error: float, exponent: float) -> np.ndarray:
    """The error falls as a power of the count: 1 - error * count ** -exponent."""
    return 1 - error * 10 ** (-exponent * x)


CURVES: dict[str, tuple[Callable, tuple]] = {  # curve, and where the fit starts
    "line": (lambda x, intercept, slope: intercept + slope * x, (0.0, 0.3)),
    "logistic": (logistic, (0.8, 1.5, 3.0)),
    "power law": (power_law, (1.0, 0.2)),
}


def held_out_errors(x: np.ndarray, y: np.ndarray, curves: Sequence[str] = tuple(CURVES)) -> dict[str, np.ndarray]:
    """Each curve is fitted to all seeds but one and judged on that one: root of the mean squared error, (S,) each."""
    errors: dict[str, list[float]] = {name: [] for name in curves}
    for seed in range(len(x)):
        others = np.arange(len(x)) != seed  # (S,)
        for name in curves:
            curve, start = CURVES[name]
            fitted, _ = curve_fit(curve, x[others].ravel(), y[others].ravel(), p0=start, maxfev=20_000)
            errors[name].append(float(np.sqrt(np.mean((curve(x[seed], *fitted) - y[seed]) ** 2))))
    return {name: np.array(values) for name, values in errors.items()}


def held_out_error_of_means(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The same, (S,), of no curve at all but the other seeds' mean accuracy at each count: hard to beat by any curve.

    Args:
        x: no NaN; all seeds have the same counts.
    """
    errors = []
    for seed in range(len(x)):
        others = np.arange(len(x)) != seed  # (S,)
        predicted = np.array([y[others][x[others] == count].mean() for count in x[seed]])  # (K,)
        errors.append(float(np.sqrt(np.mean((predicted - y[seed]) ** 2))))
    return np.array(errors)


def shares_of_variance(x: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """How much of the variance of accuracy is the count's, the concept's, and neither's; they add up to 1.

    A mixed model with a level for each count as fixed effects and a random intercept for each concept, fitted by
    restricted maximum likelihood. "concept" is what a concept brings along under every seed, "rest" what changes with
    the seed, the chance of the test included.

    Args:
        x: every count several times; a concept without one, NaN, is left out.
    """
    from statsmodels.regression.mixed_linear_model import MixedLM  # takes a second, and few need it

    kept = ~np.isnan(x.ravel())  # (S K,)
    counts = x.ravel()[kept]  # (n,)
    fixed = (counts[:, None] == np.unique(counts)).astype(float)  # (n, L)
    concept = np.broadcast_to(np.arange(x.shape[1]), x.shape).ravel()[kept]  # (n,)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The MLE may be on the boundary")  # no variance at all is a finding, too
        model = MixedLM(100 * y.ravel()[kept], fixed, groups=concept)  # points: the smallest variances warn
        fit = model.fit(reml=True, method="powell")  # without gradients, which get stuck where a concept says little
    parts = {
        "count": float(np.var(fixed @ fit.fe_params)),
        "concept": float(fit.cov_re[0, 0]),
        "rest": float(fit.scale),
    }
    return {name: value / sum(parts.values()) for name, value in parts.items()}
