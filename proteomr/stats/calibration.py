"""Whether predicted risks are as high as what happens: slopes, intercepts, and groups."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from scipy.special import expit, logit

from proteomr._typing import F64, I64, Bool

__all__ = ["Line", "fit_calibration", "fit_pseudo_calibration", "group_by_risk"]

_Mean: TypeAlias = Callable[[F64], tuple[F64, F64, F64]]

_ROUNDS = 100  # of Newton's method, which takes five to ten where there is a solution
_SETTLED = 1e-12  # of the last step, relative to the coefficients
_LEAST = 1e-12  # a risk nearer to 0 or 1 counts as this near


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """Intercept and slope of what happens by what was predicted, with their errors.

    Parameters
    ----------
    intercept, slope : 0 and 1 where predictions are right on the average and neither too extreme
        nor too timid.
    intercept_se, slope_se : robust standard errors.
    flat : whether there is no line since all risks are one.
    """

    intercept: float
    slope: float
    intercept_se: float
    slope_se: float
    flat: bool = False


_NONE = Line(np.nan, np.nan, np.nan, np.nan)


def fit_calibration(risk: F64, case: Bool, *, weights: F64 | None = None) -> Line:
    """Return the logistic regression of an outcome on the logit of its predicted risk.

    Source: Cox 1958, doi:10.1093/biomet/45.3-4.562. The intercept is that of a model whose slope
    is 1 (calibration in the large; Van Calster et al. 2019, doi:10.1186/s12916-019-1466-7).

    Parameters
    ----------
    risk : (n,).
    case : (n,).
    weights : (n,) of the people; None for equal ones.

    Returns
    -------
    The line; no numbers where the risks are all one or there is no finite solution.

    Examples
    --------
    >>> risk = np.array([0.25, 0.25, 0.25, 0.25, 0.5, 0.5])
    >>> case = np.array([True, False, False, False, True, False])
    >>> line = fit_calibration(risk, case)
    >>> round(abs(line.intercept), 6), round(line.slope, 6)
    (0.0, 1.0)
    """
    return _fit_line(logit(_clip(risk)), case.astype(np.float64), _logistic, weights)


def fit_pseudo_calibration(risk: F64, pseudo: F64, *, weights: F64 | None = None) -> Line:
    """Return the regression of pseudo-observations on predicted risks, complementary log-log.

    Source: Royston 2015, doi:10.1177/1536867X1501500403; Gerds, Andersen and Kattan 2014,
    doi:10.1002/sim.6152.

    Parameters
    ----------
    risk : (n,) by the horizon.
    pseudo : (n,) of :func:`proteomr.stats.censoring_weights.find_pseudo_risks`.
    weights : (n,) of the people; None for equal ones.

    Examples
    --------
    >>> risk = np.array([0.2, 0.2, 0.6, 0.6])
    >>> round(fit_pseudo_calibration(risk, np.array([0.4, 0.0, 0.5, 0.7])).slope, 6)
    1.0
    """
    near = _clip(risk)
    return _fit_line(np.log(-np.log1p(-near)), pseudo, _complementary, weights)


def _clip(risk: F64) -> F64:
    return np.clip(risk, _LEAST, 1.0 - _LEAST)


def _logistic(eta: F64) -> tuple[F64, F64, F64]:
    """Return means, the weights of their scores, and of their information."""
    mean = expit(eta)
    return mean, np.ones_like(mean), mean * (1.0 - mean)


def _complementary(eta: F64) -> tuple[F64, F64, F64]:
    hazard = np.exp(np.minimum(eta, 50.0))
    slope = hazard * np.exp(-hazard)
    return -np.expm1(-hazard), slope, slope**2


def _fit_line(x: F64, y: F64, mean_of: _Mean, weights: F64 | None) -> Line:
    if not np.ptp(x) > 0.0:
        return replace(_NONE, flat=True)
    v = np.ones(x.size) if weights is None else weights / weights.mean()
    large = _solve(np.ones((x.size, 1)), y, mean_of, offset=x, people=v)
    both = _solve(
        np.column_stack([np.ones(x.size), x]), y, mean_of, offset=np.zeros(x.size), people=v
    )
    if large is None or both is None:
        return _NONE
    (intercept, *_), (intercept_se, *_) = large
    (_, slope), (_, slope_se) = both
    return Line(float(intercept), float(slope), float(intercept_se), float(slope_se))


def _solve(A: F64, y: F64, mean_of: _Mean, *, offset: F64, people: F64) -> tuple[F64, F64] | None:
    """Return coefficients and robust standard errors of estimating equations; None without."""
    b = np.zeros(A.shape[1])
    b[1:] = 1.0
    for _ in range(_ROUNDS):
        mean, push, weight = mean_of(A @ b + offset)
        score = A * (people * push * (y - mean))[:, None]
        information = (A * (people * weight)[:, None]).T @ A
        if not np.linalg.cond(information) < 1e14:
            return None
        step = np.linalg.solve(information, score.sum(axis=0))
        longest = float(np.abs(step).max())
        b = b + step * min(1.0, 2.0 / max(longest, 1e-300))
        if longest <= _SETTLED * (1.0 + float(np.abs(b).max())):
            spread = np.linalg.solve(information, (score.T @ score))
            variance = np.linalg.solve(information, spread.T)
            return b, np.sqrt(np.diagonal(variance))
    return None


def group_by_risk(risk: F64, groups: int) -> I64:
    """Return the group (n,) of each person, 0 the lowest risk; equal risks stand together.

    Parameters
    ----------
    risk : (n,).
    groups : how many, of equal size but for ties.

    Examples
    --------
    >>> group_by_risk(np.array([0.1, 0.4, 0.2, 0.4]), 2).tolist()
    [0, 1, 0, 1]
    """
    borders = np.quantile(risk, np.arange(1, groups) / groups)
    return np.asarray(np.searchsorted(borders, risk, side="left"))
