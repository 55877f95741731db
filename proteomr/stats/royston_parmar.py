"""Royston and Parmar's models: survival on a scale as a restricted cubic spline of log time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from proteomr._typing import F64, I64
from proteomr.stats.parametric_limit import LimitedFit, fit_limited
from proteomr.stats.parametric_survival import TimeColumns
from proteomr.stats.survival_links import SCALES, ScaleName
from proteomr.stats.time_splines import expand_times, place_knots

__all__ = ["SplineFit", "fit_royston_parmar", "lay_out_times", "start_line"]


@dataclass(frozen=True, slots=True)
class SplineFit:
    """A fit, the coefficients of the splines first, those of each baseline stratum in turn.

    Attributes
    ----------
    fit : coefficients ``(S (K + 2) + p,)``.
    knots : ``(K + 2,)``, of log time.
    """

    fit: LimitedFit
    knots: F64


def fit_royston_parmar(
    X: F64,
    outcome: F64,
    *,
    scale: ScaleName = "hazard",
    knots: int = 0,
    weights: F64 | None = None,
    strata: I64 | None = None,
) -> SplineFit | None:
    """Fit ``g(S(t)) = s(log t) + x'theta`` with s a restricted cubic spline of some inner knots.

    Mirrors R's ``flexsurv::flexsurvspline(..., k, scale)`` in model, knots and coefficients; there
    is no inner knot in a Weibull (hazard), log-logistic (odds) or log-normal (normal) model.
    Source: Royston and Parmar 2002, doi:10.1002/sim.1203. Baseline strata have a spline each, with
    the same knots.

    Parameters
    ----------
    X : ``(n, p)``, without an intercept.
    outcome : ``(n, 3)``: entry (-inf or 0 for none), exit, and 1 for the event or 0.
    knots : inner ones.
    weights : ``(n,)``, above 0.
    strata : ``(n,)``, codes.

    Returns
    -------
    The fit; None where events are at too few different times for the knots.

    Examples
    --------
    >>> t = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 7.0])
    >>> outcome = np.column_stack([0 * t, t, [1.0, 1.0, 0.0, 1.0, 1.0, 1.0]])
    >>> found = fit_royston_parmar(np.array([[1.0, 0, 1, 0, 1, 0]]).T, outcome, knots=1)
    >>> found.fit.coefficients.round(3).tolist()
    [-2.935, 1.473, -0.457, 0.394]
    """
    codes = None if strata is None else np.unique(strata, return_inverse=True)[1]
    laid_out = lay_out_times(outcome, inner=knots, strata=codes)
    if laid_out is None:
        return None
    times, at = laid_out
    line = start_line(outcome, scale=scale)
    start = np.tile(np.concatenate([line, np.zeros(at.size - 2)]), times.q // at.size)
    fit = fit_limited(X, times, scale=SCALES[scale], start=start, weights=weights)
    return SplineFit(fit, at)


def lay_out_times(
    outcome: F64, *, inner: int, strata: I64 | None = None, knots: F64 | None = None
) -> tuple[TimeColumns, F64] | None:
    """Return the columns of people's times, and the knots; None where there are too few times.

    Parameters
    ----------
    outcome : ``(n, 3)``.
    strata : ``(n,)``, codes from 0.
    knots : of log time; None for those of the events.

    Examples
    --------
    >>> outcome = np.array([[0.0, 1.0, 1.0], [0.0, np.e, 1.0]])
    >>> lay_out_times(outcome, inner=0)[0].at_exit.tolist()
    [[1.0, 0.0], [1.0, 1.0]]
    """
    entry, exit_, event = outcome.T
    log_exit = np.log(exit_)
    if knots is None:
        knots = place_knots(log_exit[event > 0.0], inner=inner)
    if knots is None:
        return None
    at_exit, slopes = expand_times(log_exit, knots)
    late, at_entry = entry > 0.0, None
    if late.any():
        at_entry = np.where(
            late[:, None], expand_times(np.log(np.where(late, entry, 1.0)), knots)[0], 0.0
        )
    if strata is not None:
        at_exit, slopes = _divide(at_exit, strata), _divide(slopes, strata)
        at_entry = None if at_entry is None else _divide(at_entry, strata)
    return TimeColumns(
        at_exit, slopes, event, log_exit, at_entry, late if late.any() else None
    ), knots


def _divide(columns: F64, strata: I64) -> F64:
    """Give each stratum columns of its own, 0 for others."""
    n, q = columns.shape
    out = np.zeros((n, int(strata.max(initial=0)) + 1, q))
    out[np.arange(n), strata] = columns
    return out.reshape(n, -1)


def start_line(outcome: F64, *, scale: ScaleName) -> F64:
    """Return a line in log time to begin at ``(2,)``: constant hazards, or a share of events.

    Examples
    --------
    >>> outcome = np.array([[0.0, 1.0, 1.0], [0.0, 3.0, 1.0]])
    >>> start_line(outcome, scale="hazard").round(4).tolist()
    [-0.6931, 1.0]
    """
    _, exit_, event = outcome.T
    log_exit = np.log(exit_)
    if scale == "normal":
        share = np.clip(event.mean(), 0.01, 0.9)
        slope = 1.0 / max(float(log_exit.std()), 1e-3)
        return np.array([ndtri(share) - slope * log_exit.mean(), slope])
    largest = log_exit.max()
    total = largest + np.log(np.exp(log_exit - largest).sum())
    return np.array([np.log(max(event.sum(), 1.0)) - total, 1.0])
