"""Whether an iteration ended at an optimum, judged by what its path did not use.

A small Newton decrement alone proves nothing: it is measured by an inverse information that the
path has made itself, and it is negative, or small by accident, where that inverse is wrong. A
certificate therefore asks for what no path assumes: for one solution :func:`find_doubt`, for fits
by the thousand :func:`certify`. The latter goes by the score ``g`` and the Fisher information ``I``
in double precision at the final parameters: ``g_a^2 / I_aa <= g' I^-1 g`` for every column a, so
that each score in units of its own standard deviation bounds the true decrement from below, without
any inverse. (The inequality is that of Cauchy and Schwarz in the metric of ``I``.)
"""

from __future__ import annotations

import math

import numpy as np

from proteomr._typing import F64, Bool

__all__ = ["DISTANCE", "certify", "find_doubt", "scale_scores"]

DISTANCE = 1e-8
"""Standard errors that a solution may lie from the exact optimum.

Far below what a standard error is worth, and above what rounding leaves of a score in which one
point lies 1e6 standard errors off (some 1e-10).
"""

_RISE = 1e-9  # of an objective in units of -2 log likelihood: 3e-5 standard errors' worth
_ROUNDING = 1e-12  # of a sum of squares, relative: a few hundred terms


def find_doubt(
    *,
    distance: float,
    curvature: float,
    value: float = 0.0,
    rival: float = math.inf,
    bound: float = DISTANCE,
) -> str | None:
    """Return what speaks against a solution being the optimum, or None.

    Parameters
    ----------
    distance : length of a further Newton step in standard errors, from the score and information at
        the solution.
    curvature : smallest eigenvalue of the information there; above zero at an optimum.
    value : objective that was minimised.
    rival : the least value of the objective that was seen anywhere else, starts included.
    bound : of the distance; wider only for a path whose end another package defines.

    Examples
    --------
    >>> find_doubt(distance=1e-12, curvature=2.0) is None
    True
    >>> find_doubt(distance=1e-12, curvature=2.0, value=3.0, rival=1.0)
    'a better solution was seen than the one that the iteration came to'
    """
    if not (math.isfinite(distance) and math.isfinite(curvature) and math.isfinite(value)):
        return "the score, the information or the objective is not a finite number"
    if not curvature > 0.0:
        return "the information at the solution is not above zero"
    if not 0.0 <= distance <= bound:
        return f"the score at the solution is not zero: {distance:.1e} standard errors off"
    if value > rival + _RISE + _ROUNDING * abs(rival):
        return "a better solution was seen than the one that the iteration came to"
    return None


def scale_scores(score: F64, curvature: F64) -> F64:
    """Return the largest score of each fit, squared, over its own information ``(R,)``.

    A column without information and without score, such as one that is 0 on all rows of the fit,
    takes no part; one with a score and no information gives infinity.

    Parameters
    ----------
    score : ``(R, k)``, in double precision, at the final parameters.
    curvature : ``(R, k)``, the diagonal of the information there.

    Examples
    --------
    >>> score, curvature = np.array([[0.5, 0.0], [0.3, 0.3]]), np.array([[4.0, 0.0], [9.0, 0.0]])
    >>> scale_scores(score, curvature).tolist()
    [0.0625, inf]
    """
    with np.errstate(all="ignore"):
        ratios = score / np.sqrt(curvature)
        squares = np.where(score == 0.0, 0.0, ratios * ratios)
    return np.asarray(np.where(np.isnan(squares), np.inf, squares).max(axis=1, initial=0.0))


def certify(
    *, decrement: F64, scores: F64, estimate: F64, se: F64, bound: float, score_bound: float
) -> Bool:
    """Say which fits have their certificate ``(R,)``.

    Parameters
    ----------
    decrement : ``(R,)``, squared Newton decrement of the last step; negative is divergence.
    scores : ``(R,)``, from :func:`scale_scores`.
    estimate, se : ``(R,)``, of the column of interest.
    bound, score_bound : what the decrement and the scaled scores must lie below; never negative.

    Examples
    --------
    >>> one = np.ones(3)
    >>> bounds = {"bound": 1e-22, "score_bound": 1e-20}
    >>> decrement = np.array([1e-25, -1e-25, np.nan])
    >>> certify(decrement=decrement, scores=0 * one, estimate=one, se=one, **bounds).tolist()
    [True, False, False]
    """
    settled = (decrement >= 0.0) & (decrement < bound) & (scores <= score_bound)
    return np.asarray(settled & np.isfinite(estimate) & np.isfinite(se) & (se > 0.0))
