"""How far errors by the delta method reach: whether effects follow their curve within their limits.

The error of a difference of mean outcomes is that of its tangent. Where a mediator goes with the
exposure almost alone, its coefficient may be anything; mean outcomes are then 0 or 1 for nearly all
of its values, their tangent is flat, and a small error says the contrary of what is known.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from scipy.special import expit

from proteomr._typing import F64, Bool
from proteomr.stats.outcome_means import OutcomeMeans, Point

__all__ = ["OUT_OF_REACH", "find_out_of_reach", "find_worst_bend"]

# Of a standard error: what is of third order in it is below what is asked of the remainder.
_STEP = 1e-2
_REACH = 1.96  # standard errors of a coefficient, within which it is thought to be
# Errors by which an effect may be away from its curve there: its limits are four errors apart, and
# what is off by as much says nothing. Of a logistic outcome whose odds a standard deviation of the
# mediator makes 2.7-fold, 15 people are off by 0.4 and 2.8 at the most, 30 by 0.6 at the most.
_MOST_BENT = 4.0
# Of a linear predictor, as root mean square: as long as it moves less, a logistic curve of second
# order is near it.
_FAR = 1.0
_FEW_NODES = 12  # of the expectation: two digits are needed


OUT_OF_REACH = "where coefficients may well be, the effect is elsewhere than its error tells"


def find_out_of_reach(
    means_along: Sequence[Callable[[float], OutcomeMeans]],
    effects_of: Callable[[F64], F64],
    points: Sequence[Point],
    *,
    shares: F64,
    errors: F64,
) -> Bool:
    """Return which effects leave their curve within 1.96 standard errors of a coefficient ``(q,)``.

    Parameters
    ----------
    means_along : means at a number of standard errors of a coefficient, all others going with it.
    effects_of : effects ``(q,)`` of the mean outcomes at the points.
    shares : ``(n,)``, what each row counts in a mean.
    errors : ``(q,)``, of the effects.
    """

    def follow(along: Callable[[float], OutcomeMeans], s: float) -> F64:
        means = replace(along(s), nodes=_FEW_NODES)
        return effects_of(np.array([shares @ means.at(point).value for point in points]))

    far = [along for along in means_along if _moves_far(along(0.0), along(_REACH), points, shares)]
    worst = find_worst_bend([partial(follow, along) for along in far], errors)
    return np.asarray(~(worst <= _MOST_BENT))


def find_worst_bend(effects_along: Sequence[Callable[[float], F64]], errors: F64) -> F64:
    """Return by how many errors each effect is away from its curve of second order ``(q,)``.

    Parameters
    ----------
    effects_along : effects ``(q,)`` at a number of standard errors along directions in which
        coefficients may be wrong.
    errors : ``(q,)``, of the effects.

    Examples
    --------
    >>> find_worst_bend([lambda s: np.array([s + s * s])], np.ones(1)).round(8).tolist()
    [0.0]
    >>> flat = lambda s: np.array([np.tanh(1e6 * (s - 0.5))])
    >>> find_worst_bend([flat], np.array([0.1])).round(6).tolist()
    [20.0]
    """
    worst, least = np.zeros(errors.size), np.finfo(np.float64).tiny
    for along in effects_along:
        here, up, down = along(0.0), along(_STEP), along(-_STEP)
        slope = (up - down) / (2.0 * _STEP)
        curve = (up - 2.0 * here + down) / _STEP**2
        for side in (_REACH, -_REACH):
            left = along(side) - here - side * slope - 0.5 * side**2 * curve
            worst = np.maximum(worst, np.abs(left) / np.maximum(errors, least))
    return worst


def _moves_far(
    here: OutcomeMeans, there: OutcomeMeans, points: Sequence[Point], shares: F64
) -> bool:
    """Whether the linear predictor of the outcome moves by more than 1 at a point."""
    for point in points:
        move = _predict(there, point) - _predict(here, point)
        if not float(shares @ np.square(move)) <= _FAR**2:
            return True
    return False


def _predict(means: OutcomeMeans, point: Point) -> F64:
    """Return linear predictors ``(n,)`` at the mean of the mediator."""
    beta, by_a, by_m, by_am, of_mediator, of_outcome = means.focal
    mediator = means.mediator + (of_mediator + beta * point.mediated)
    mediator = expit(mediator) if means.kind == "binary" else mediator
    held = mediator if point.held is None else point.held
    slope = by_m + by_am * point.exposure
    return np.asarray(means.outcome + (of_outcome + by_a * point.exposure) + slope * held)
