r"""The variance between studies, by nine estimators, for many pooled questions at once.

With :math:`W = \mathrm{diag}(1 / (v + \tau^2))` and :math:`P = W - WX(X'WX)^{-1}X'W`:

- DL (DerSimonian and Laird 1986, doi:10.1016/0197-2456(86)90046-2), HE (Hedges and Olkin 1985), HS
  (Hunter and Schmidt 1990) and SJ (Sidik and Jonkman 2005, doi:10.1111/j.1467-9876.2005.00489.x)
  are closed forms;
- PM (Paule and Mandel 1982), the same as EB (Morris 1983): the root of
  :math:`y'Py = k - p`, a convex falling function;
- ML and REML (Viechtbauer 2005, doi:10.3102/10769986030003261): the highest of all maxima that a
  grid finds, each a root of the score, :math:`y'PPy - \mathrm{tr}\,W` and
  :math:`y'PPy - \mathrm{tr}\,P`, within a bracket that holds every root.

R: ``metafor::rma(method = ...)``, version 3.8, which stops its iterations at 1e-5.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal, TypeAlias

import numpy as np
from scipy import special

from proteomr._typing import F64, Bool
from proteomr.stats.falling_roots import find_falling_root
from proteomr.stats.study_effects import StudyEffects, Weighed, weigh_studies
from proteomr.stats.study_sums import add_studies, combine, project

__all__ = ["ESTIMATORS", "Tau2", "certify_tau2", "estimate_tau2", "profile_q"]

Tau2: TypeAlias = Literal["FE", "DL", "REML", "PM", "EB", "SJ", "HE", "HS", "ML"]
ESTIMATORS: tuple[Tau2, ...] = ("FE", "DL", "REML", "PM", "EB", "SJ", "HE", "HS", "ML")

# Modes of these likelihoods lie as far apart as the variances of studies do; two dozen points that
# grow as fourth powers put several between any two modes that differ by more than rounding.
_POINTS = (np.arange(25) / 24.0) ** 4
_CHECK = 1e-9  # how far from a root the sign of its function is looked at, a tenth of the promise


def estimate_tau2(effects: StudyEffects, method: Tau2) -> F64:
    """Estimate the variance between studies ``(m,)``; 0 where no more studies than columns are.

    In the units that `effects` are held in: times their scale squared it is that of the effects.

    Parameters
    ----------
    effects : of m units.
    method : one of :data:`ESTIMATORS`; FE is 0.

    Examples
    --------
    >>> effects = StudyEffects.of(np.array([[0.0, 1.0, 5.0]]), np.ones((1, 3)))
    >>> [estimate_tau2(effects, method).round(6).tolist() for method in ("DL", "REML")]
    [[6.0], [6.0]]
    """
    free = (effects.count - effects.rank).astype(np.float64)
    some = np.flatnonzero(free > 0)
    out = np.zeros(free.shape)
    if method == "FE" or not some.size:
        return out
    part, df = (effects, free) if some.size == free.size else (effects.take(some), free[some])
    if method in {"ML", "REML"}:
        out[some] = _find_highest(_take_out_fit(part), df, restricted=method == "REML")
    elif method in {"PM", "EB"}:
        out[some] = solve_q(_take_out_fit(part), df)
    else:
        out[some] = np.maximum(_CLOSED[method](part, df), 0.0)
    return out


def _take_out_fit(effects: StudyEffects) -> StudyEffects:
    """Return effects less their fit, of which every criterion here is one, as P X = 0.

    Where the columns fit nearly all, residuals of the effects themselves are what large numbers
    leave, other at every variance; those of what is left keep their digits. The fit is the weighted
    one, which lets no study of large errors into the others.
    """
    for _ in range(2):  # the second takes out what rounding leaves of the first
        fit = weigh_studies(effects, np.zeros(effects.spread.shape))
        effects = replace(effects, y=fit.residual)
    return effects


def _of_laird(effects: StudyEffects, df: F64) -> F64:
    fit = weigh_studies(effects, np.zeros(df.shape))
    return (fit.q - df) / fit.trace()


def _of_hunter(effects: StudyEffects, df: F64) -> F64:
    del df
    fit = weigh_studies(effects, np.zeros(effects.spread.shape))
    return np.asarray((fit.q - effects.count) / add_studies(fit.w))


def _of_hedges(effects: StudyEffects, df: F64) -> F64:
    squares, leverage = _fit_equally(effects)
    sampled = np.where(effects.there, effects.v, 0.0) * (1.0 - leverage)
    return np.asarray((squares - add_studies(sampled)) / df)


def _of_jonkman(effects: StudyEffects, df: F64) -> F64:
    start = effects.spread / effects.count
    known = start > 0.0
    fit = weigh_studies(effects, np.where(known, start, 1.0))
    return np.where(known, start * fit.q / df, 0.0)


_CLOSED: dict[str, Callable[[StudyEffects, F64], F64]] = {
    "DL": _of_laird,
    "HS": _of_hunter,
    "HE": _of_hedges,
    "SJ": _of_jonkman,
}


def _fit_equally(effects: StudyEffects) -> tuple[F64, F64]:
    """Return the sum of squares about the unweighted fit, and its leverages."""
    residual = effects.y - combine(effects.Q, project(effects.Q, effects.y))
    leverage = sum(effects.Q[:, :, j] ** 2 for j in range(effects.Q.shape[2]))
    return add_studies(residual**2), np.asarray(leverage)


def solve_q(effects: StudyEffects, target: F64) -> F64:
    """Return the variances ``(m,)`` at which y'Py is the target; 0 where it is below at 0."""

    def evaluate(tau2: F64) -> tuple[F64, F64]:
        fit = weigh_studies(effects, tau2)
        with np.errstate(divide="ignore", invalid="ignore"):
            # Newton's step on 1 / y'Py, a line where all errors are equal
            step = fit.q / target * (fit.q - target) / fit.pull()
        return fit.q - target, step

    squares, _ = _fit_equally(effects)
    least = effects.v.min(axis=1)
    above = evaluate(np.zeros(target.shape))[0] > 0.0
    # y'Py is at most the unweighted squares over tau2 + the least variance
    high = np.where(above, squares / target, 0.0)
    return find_falling_root(evaluate, np.zeros(target.shape), high, unit=least)


def _find_highest(effects: StudyEffects, df: F64, *, restricted: bool) -> F64:
    """Return the highest maximum of a likelihood ``(m,)``."""
    least = effects.v.min(axis=1)
    high = _bound(effects, df if restricted else effects.count.astype(np.float64))
    grid = high * _POINTS[:, None]
    slopes = np.empty(grid.shape)
    for j in range(_POINTS.size):
        slopes[j] = _measure_score(effects, grid[j], restricted=restricted)[0]
    crossing = (slopes[:-1] > 0.0) & (slopes[1:] <= 0.0)
    nth = np.cumsum(crossing, axis=0) * crossing
    best = np.zeros(df.shape)
    heights = _measure(effects, best, restricted=restricted)
    for turn in range(1, int(nth.max(initial=0)) + 1):
        at, units = np.nonzero(nth == turn)
        part = effects.take(units)
        score = _score_of(part, restricted=restricted)
        low, top = grid[at, units], grid[at + 1, units]
        found = find_falling_root(score, low, top, unit=least[units])
        there = _measure(part, found, restricted=restricted)
        higher = (there > heights[units]) | ((turn == 1) & (slopes[0, units] > 0.0))
        units = units[higher]
        best[units], heights[units] = found[higher], there[higher]
    return best


def _measure_score(effects: StudyEffects, tau2: F64, *, restricted: bool) -> tuple[F64, Weighed]:
    fit = weigh_studies(effects, tau2)
    weight = fit.trace() if restricted else add_studies(fit.w)
    return fit.pull() - weight, fit


def _score_of(effects: StudyEffects, *, restricted: bool) -> Callable[[F64], tuple[F64, F64]]:
    def evaluate(tau2: F64) -> tuple[F64, F64]:
        value, fit = _measure_score(effects, tau2, restricted=restricted)
        bend = _trace_square(fit, restricted=restricted) - 2.0 * fit.pull_thrice()
        with np.errstate(divide="ignore", invalid="ignore"):
            return value, -value / bend

    return evaluate


def _trace_square(fit: Weighed, *, restricted: bool) -> F64:
    return fit.trace_of_square_nearly() if restricted else add_studies(fit.w**2)


def _bound(effects: StudyEffects, df: F64) -> F64:
    """Return variances above which the score is negative.

    y'PPy is at most S / (t + a)^2, for the unweighted squares S and the least variance a, and tr P
    at least df / (t + b) for the largest, b. Where these meet the score may be 0, and rounding its
    sign: at twice as much it is clear.
    """
    squares, _ = _fit_equally(effects)
    least = effects.v.min(axis=1)
    most = np.where(effects.there, effects.v, 0.0).max(axis=1)
    mean = squares / df
    return np.asarray(mean + np.sqrt(mean**2 + 4.0 * mean * (most - least)))


def _measure(effects: StudyEffects, tau2: F64, *, restricted: bool) -> F64:
    """Return the logarithm of the likelihood, but for a constant."""
    fit = weigh_studies(effects, tau2)
    logs = add_studies(np.log(np.where(effects.there, fit.w, 1.0)))
    height = 0.5 * (logs - fit.q)
    if restricted:
        height += 0.5 * np.linalg.slogdet(fit.inverse)[1]
        if fit.C.shape[1] > 1:  # the basis is another at other weights
            height -= add_studies(np.log(np.abs(np.diagonal(fit.C, axis1=1, axis2=2))))
    return np.asarray(height)


def certify_tau2(effects: StudyEffects, method: Tau2, tau2: F64) -> Bool:
    """Tell for each unit whether the estimating function changes its sign at the estimate.

    No path of the search has assumed it: the function is looked at on both sides, or above 0 where
    the estimate is 0. Closed forms need to be finite alone.

    Examples
    --------
    >>> effects = StudyEffects.of(np.array([[0.0, 1.0, 5.0]]), np.ones((1, 3)))
    >>> certify_tau2(effects, "REML", np.array([6.0])), certify_tau2(effects, "PM", np.array([5.0]))
    (array([ True]), array([False]))
    """
    sound = np.isfinite(tau2) & (tau2 >= 0.0)
    if method not in {"ML", "REML", "PM", "EB"}:
        return sound
    free = (effects.count - effects.rank).astype(np.float64)
    effects = _take_out_fit(effects)
    least = effects.v.min(axis=1, initial=np.inf)
    reach = _CHECK * (tau2 + np.where(np.isfinite(least), least, 1.0))

    def value(at: F64) -> F64:
        if method in {"PM", "EB"}:
            return weigh_studies(effects, at).q - free
        return _measure_score(effects, at, restricted=method == "REML")[0]

    falls = value(tau2 + reach) <= 0.0
    rises = (tau2 <= reach) | (value(np.maximum(tau2 - reach, 0.0)) >= 0.0)
    return sound & ((free <= 0.0) | (falls & rises))


def profile_q(effects: StudyEffects, *, level: float = 0.95) -> tuple[F64, F64]:
    r"""Return the limits of the variance between studies by Q profiles, ``(m,)`` each.

    The limits are where :math:`y'Py` is a quantile of chi-squared with k - p degrees of freedom
    (Viechtbauer 2007, doi:10.1002/sim.2514); the upper one is 0 where even at 0 it is below. NaN
    where no more studies than columns are.

    Examples
    --------
    >>> effects = StudyEffects.of(np.array([[0.0, 1.0, 5.0]]), np.ones((1, 3)))
    >>> [limit.round(4).tolist() for limit in profile_q(effects)]
    [[0.8976], [275.4852]]
    """
    free = (effects.count - effects.rank).astype(np.float64)
    some = np.flatnonzero(free > 0)
    low, high = np.full(free.shape, np.nan), np.full(free.shape, np.nan)
    if some.size:
        part, df = _take_out_fit(effects.take(some)), free[some]
        upper, lower = (
            np.asarray(special.chdtri(df, 0.5 * (1.0 + sign * level)), np.float64)
            for sign in (-1.0, 1.0)
        )
        low[some], high[some] = solve_q(part, upper), solve_q(part, lower)
    return low * effects.scale**2, high * effects.scale**2
