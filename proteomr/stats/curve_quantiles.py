"""Quantiles of survival curves, and what is read off a curve at chosen times.

Letters: K groups, T times of a grid.
"""

from __future__ import annotations

import math

import numpy as np

from proteomr._typing import F64
from proteomr.stats.kaplan_meier import SurvivalCurves

__all__ = ["find_crossing", "read_curves"]

_TOLERANCE = math.sqrt(float(np.finfo(np.float64).eps))  # what a curve may miss a level by


def find_crossing(times: F64, curve: F64, *, level: float = 0.5) -> float:
    r"""Return the first time at which a falling curve is at or below a level; NaN for never.

    A curve that is flat exactly at the level has its median in the middle of the flat, between the
    time when it gets there and that when it goes on falling. One that stays there to the end has
    it at the time when it gets there. The limits of the quantile are the crossings of the curve's
    limits (Brookmeyer and Crowley 1982, doi:10.2307/2530286), which are NaN where the curve has
    none, and passed over.

    R: the median and limits of ``summary(survfit(...))$table`` (survival 3.5-3);
    ``quantile(survfit(...))`` differs where the curve ends flat at the level: there it gives the
    middle between that time and the last.

    Parameters
    ----------
    times, curve : ``(T,)``.
    level : of survival, between 0 and 1: 0.5 for the median.

    Examples
    --------
    >>> find_crossing(np.array([1.0, 2.0, 4.0]), np.array([0.75, 0.5, 0.25]))
    3.0
    """
    there = ~np.isnan(curve)
    times, curve = times[there], curve[there]
    below = np.flatnonzero(curve < level + _TOLERANCE)
    if not below.size:
        return math.nan
    first = below[0]
    further = np.flatnonzero(curve[first:] < curve[first])
    if abs(curve[first] - level) < _TOLERANCE and further.size:
        return float(times[first] + times[first + further[0]]) / 2.0
    return float(times[first])


def read_curves(curves: SurvivalCurves, at: F64) -> tuple[F64, F64]:
    """Return survival and its standard error at chosen times: ``(K, len(at))`` each.

    Before the first time of the grid survival is 1, without error.

    Examples
    --------
    >>> curves = SurvivalCurves(np.array([2.0]), np.array([[0.75]]), np.array([[0.1]]))
    >>> read_curves(curves, np.array([1.0, 2.0]))[0].tolist()
    [[1.0, 0.75]]
    """
    K = curves.survival.shape[0]
    place = np.searchsorted(curves.times, at, side="right")
    survival = np.concatenate([np.ones((K, 1)), curves.survival], axis=1)
    se = np.concatenate([np.zeros((K, 1)), curves.se], axis=1)
    return survival[:, place], se[:, place]
