"""What else could explain a trend: curves judged on concepts left out, and sets that differ (for trend)."""

import warnings
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit
from scipy.stats import norm

from toyclip.own.frequency_trend import SPREAD

if TYPE_CHECKING:
    from statsmodels.regression.mixed_linear_model import MixedLM

FOLDS = 10
MIDDLES, STEEPNESSES = 24, np.geomspace(0.5, 16, 10)  # of the S-curves tried; a steepness is per decade
MIN_SETS, MAX_GROUPS = 5, 500  # below that a variance between sets is a guess; above, the fit takes minutes
Z = float(norm.ppf(0.975))


def held_out(x: np.ndarray, y: np.ndarray, concepts: np.ndarray, seed: int, folds: int = FOLDS) -> dict:
    """Each tenth of the concepts predicted from the rest: by the mean, by a line, and by the best of 240 S-curves.

    An S-curve is bottom + height / (1 + exp(-steepness (x - middle))); bottom and height are fitted by least squares,
    middle and steepness are the best of a grid, so that no fit can fail.

    Returns:
        Roots of the mean squared errors "mean", "line" and "s", in accuracy, and "gain", by how much the squared error
        of the S-curve is smaller than the line's as a share of the line's, with its 95 % interval over concepts; it is
        left out if the line has no error.
    """
    order = np.random.default_rng(seed).permutation(concepts.max() + 1)  # (K,)
    fold = order[concepts] % folds  # (N,)
    middles = np.linspace(x.min(), x.max(), MIDDLES)  # (24,)
    grid = [(m, s) for m in middles for s in STEEPNESSES]
    curves = np.stack([expit(s * (x - m)) for m, s in grid])  # (240, N)
    squared = {
        "mean": (y - _predicted(np.zeros((1, len(x))), y, fold, folds)) ** 2,
        "line": (y - _predicted(x[None], y, fold, folds)) ** 2,
        "s": (y - _predicted(curves, y, fold, folds)) ** 2,
    }
    found = {name: float(np.sqrt(error.mean())) for name, error in squared.items()}
    if found["line"] < SPREAD:
        return found
    difference = np.bincount(concepts, squared["line"] - squared["s"]) * (concepts.max() + 1) / len(x)  # (K,)
    half = Z * float(difference.std(ddof=1)) / len(difference) ** 0.5
    gain, line = float(difference.mean()), found["line"] ** 2
    return found | {"gain": [gain / line, (gain - half) / line, (gain + half) / line]}


def _predicted(curves: np.ndarray, y: np.ndarray, fold: np.ndarray, folds: int) -> np.ndarray:
    """What the best of some curves, scaled to the other folds, says of each concept, (N,).

    Args:
        curves: (C, N) shapes, of which a height and a bottom are fitted.
    """
    inside = (fold == np.arange(folds)[:, None]).astype(float)  # (folds, N)
    n, sy, syy = inside.sum(axis=1), inside @ y, inside @ y**2  # (folds,) each
    sc, scc, scy = curves @ inside.T, curves**2 @ inside.T, (curves * y) @ inside.T  # (C, folds) each
    n, sy, syy, sc, scc, scy = (v.sum(axis=-1, keepdims=True) - v for v in (n, sy, syy, sc, scc, scy))  # of the others
    cc, cy, yy = scc - sc**2 / n, scy - sc * sy / n, syy - sy**2 / n
    height = np.where(cc > 1e-9, cy / np.maximum(cc, 1e-9), 0)  # (C, folds)
    best = np.argmin(yy - height * cy, axis=0)  # (folds,)
    chosen = (best, np.arange(folds))
    bottom = (sy - height[chosen] * sc[chosen]) / n  # (folds,)
    return bottom[fold] + height[chosen][fold] * curves[best[fold], np.arange(len(y))]


def mixed_model(x: np.ndarray, y: np.ndarray, sets: np.ndarray, concepts: np.ndarray) -> dict:
    """The slope where sets, or concepts seen under several seeds, differ by more than their counts say.

    Every set has its own intercept and its own slope, normal about common ones; with several rows a concept every set
    has its own intercept and every concept a normal one. By restricted maximum likelihood (MixedLM of statsmodels).

    Returns:
        "slope" with its 95 % interval and, of sets, "slope_sd" between them; or "left_out", why there is none.
    """
    repeated = len(np.unique(concepts)) < len(x)
    if not repeated and len(np.unique(sets)) < MIN_SETS:
        return {"left_out": f"fewer than {MIN_SETS} sets"}
    if len(np.unique(concepts if repeated else sets)) > MAX_GROUPS:
        return {"left_out": f"more than {MAX_GROUPS} groups"}
    from statsmodels.regression.mixed_linear_model import MixedLM  # takes two seconds to import

    a = x - x.mean()  # (N,)
    if repeated:
        dummies = (sets[:, None] == np.unique(sets)).astype(float)  # (N, G)
        model = MixedLM(100 * y, np.column_stack([a, dummies]), groups=concepts)
    else:
        own = np.stack([a, np.ones(len(x))], axis=1)  # (N, 2)
        model = MixedLM(100 * y, own, groups=sets, exog_re=own)
    for methods in [("lbfgs",)] if repeated else [("lbfgs", "powell"), ("powell",)]:
        found = _fitted(model, methods)
        if found is not None:
            slope, error, deviation = (float(value) / 100 for value in found)
            told = {"slope": [slope, slope - Z * error, slope + Z * error]}
            return told if repeated else told | {"slope_sd": deviation}
    return {"left_out": "the fit did not converge"}


def _fitted(model: "MixedLM", methods: tuple[str, ...]) -> tuple[float, float, float] | None:
    """Slope, its standard error and the deviation between groups, or None if the last fit says that it failed.

    With two variances gradients get stuck, and Powell's method (as in trend.py) alone takes three times as long.
    """
    start = None
    with warnings.catch_warnings():
        try:
            for method in methods:
                warnings.simplefilter("error" if method == methods[-1] else "ignore")
                warnings.filterwarnings("ignore", "The MLE may be on the boundary|The random effects covariance matrix")
                exact = {"ftol": 1e-8} if method == "powell" else {}
                fit = model.fit(reml=True, start_params=start, method=method, **exact)
                start = fit.params_object
            found = fit.fe_params[0], fit.bse_fe[0], float(np.sqrt(max(fit.cov_re[0, 0], 0)))
        except (Warning, np.linalg.LinAlgError, ValueError):
            return None
    return found if np.isfinite(found).all() and found[1] > 0 else None
