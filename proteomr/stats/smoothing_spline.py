"""The cubic smoothing spline with a given number of degrees of freedom, as R's ``smooth.spline``.

Storey's estimate of the share of true null hypotheses is a value of this spline. It depends on how
far R's search for the smoothing parameter goes, so the search is R's too.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from proteomr._typing import F64

__all__ = ["fit_smoothing_spline"]

_SPAR_RANGE = (-1.5, 1.5)  # this and the next four as R's smooth.spline: its search of spar
_SPAR_TOLERANCE = 1e-4  # control.spar$tol
_SPAR_RELATIVE = 2e-8  # control.spar$eps
_MAX_STEPS = 500  # control.spar$maxit
_GOLDEN = (3.0 - math.sqrt(5.0)) / 2.0  # share of the golden section, as Brent's fmin


def fit_smoothing_spline(x: F64, y: F64, *, degrees_of_freedom: float) -> F64:
    r"""Fitted values at `x` of the natural cubic spline with the given degrees of freedom.

    .. math:: \min_f \sum_i (y_i - f(x_i))^2 + \lambda \int f''(u)^2\,du,
        \qquad \operatorname{tr} H(\lambda) = \text{df}

    with a knot at every `x`. Source: Hastie and Tibshirani 1990, Generalized Additive Models;
    mirrors ``stats::smooth.spline(x, y, df = , all.knots = TRUE)`` of R 4.2.2 with its tolerances
    and two of its traits: the penalty takes 0.333 for 1/3, and the fitted values belong to the last
    smoothing parameter tried, which need not be the best.

    Parameters
    ----------
    x : (n,) strictly increasing, n >= 4.
    y : (n,) finite.
    degrees_of_freedom : trace of the smoother matrix, above 1 and at most n.

    Returns
    -------
    (n,) fitted values.

    Raises
    ------
    ValueError
        Where `x`, `y` or the degrees of freedom are not as described.

    Examples
    --------
    >>> x = np.linspace(0.0, 1.0, 7)
    >>> fit_smoothing_spline(x, 2 * x, degrees_of_freedom=3.0).round(6).tolist()
    [0.0, 0.333333, 0.666667, 1.0, 1.333333, 1.666667, 2.0]
    """
    _check(x, y, degrees_of_freedom)
    u = (x - x[0]) / (x[-1] - x[0])
    knots = np.concatenate((np.repeat(u[0], 3), u, np.repeat(u[-1], 3)))
    basis = _evaluate_basis(knots, u)
    # R takes leverages a hair's breadth inside the last knot.
    inside = np.append(u[:-1], u[-1] - 1e-11)
    basis_inside = _evaluate_basis(knots, inside)
    gram = basis.T @ basis
    penalty = _roughness(knots)
    inner = slice(2, gram.shape[0] - 3)
    ratio = np.trace(gram[inner, inner]) / np.trace(penalty[inner, inner])
    coefficients = np.zeros(gram.shape[0])

    def criterion(spar: float) -> float:
        factor = cho_factor(gram + ratio * 16.0 ** (6.0 * spar - 2.0) * penalty)
        coefficients[:] = cho_solve(factor, basis.T @ y)
        trace = float(np.sum(basis_inside * cho_solve(factor, basis_inside.T).T))
        return 3.0 + (degrees_of_freedom - trace) ** 2

    _search_minimum(criterion)
    return np.asarray(basis @ coefficients)


def _check(x: F64, y: F64, degrees_of_freedom: float) -> None:
    if x.ndim != 1 or x.shape != y.shape or x.size < 4:
        raise ValueError(f"x and y need one length of at least 4, got {x.shape} and {y.shape}")
    if not (np.isfinite(x).all() and np.isfinite(y).all() and (np.diff(x) > 0).all()):
        raise ValueError("x must be finite and strictly increasing, and y finite")
    if not 1.0 < degrees_of_freedom <= x.size:
        raise ValueError(f"degrees_of_freedom is {degrees_of_freedom}, not in (1, {x.size}]")


def _evaluate_basis(knots: F64, points: F64) -> F64:
    """(n, k) cubic B-splines at points within the knots, by the recursion of Cox and de Boor."""
    last = knots.size - 5
    interval = np.clip(np.searchsorted(knots, points, side="right") - 1, 3, last)
    basis = np.zeros((points.size, knots.size - 1))
    basis[np.arange(points.size), interval] = 1.0
    at = points[:, None]
    for degree in range(1, 4):
        span = knots[degree:] - knots[:-degree]
        weight = np.divide(1.0, span, out=np.zeros_like(span), where=span > 0)
        rising = (at - knots[: -degree - 1]) * weight[:-1]
        falling = (knots[degree + 1 :] - at) * weight[1:]
        basis = rising * basis[:, :-1] + falling * basis[:, 1:]
    return basis


def _roughness(knots: F64) -> F64:
    """(k, k) integrals of products of second derivatives, which are linear between knots."""
    k = knots.size - 4
    slopes = 3.0 * np.diff(np.eye(k), axis=0) / (knots[4:-1] - knots[1:-4])[:, None]
    curvatures = 2.0 * np.diff(slopes, axis=0) / (knots[4:-2] - knots[2:-4])[:, None]
    left, change = curvatures[:-1], np.diff(curvatures, axis=0)
    width = np.diff(knots[3:-3])[:, None]
    cross = left.T @ (width * change)
    third = 0.333  # the weight in R's sgram.f, for 1/3
    return np.asarray(
        left.T @ (width * left) + 0.5 * (cross + cross.T) + third * change.T @ (width * change)
    )


def _search_minimum(function: Callable[[float], float]) -> None:
    """Minimise over the range of R's ``spar`` by golden sections and parabolas.

    The procedure fmin of Forsythe, Malcolm and Moler 1977, after Brent 1973. Nothing is returned:
    `function` keeps what it computed at the last point tried.
    """
    low, high = _SPAR_RANGE
    best = second = third = low + _GOLDEN * (high - low)
    f_best = f_second = f_third = function(best)
    step = step_before = 0.0
    for _ in range(_MAX_STEPS):
        middle = 0.5 * (low + high)
        nearest = _SPAR_RELATIVE * abs(best) + _SPAR_TOLERANCE / 3.0
        if abs(best - middle) <= 2.0 * nearest - 0.5 * (high - low):
            return
        parabola = None
        if abs(step_before) > nearest:
            points = (best, second, third)
            parabola = _parabolic_step(points, (f_best, f_second, f_third), step_before)
            step_before = step
        if parabola is not None and low < best + parabola < high:
            step = parabola
            if min(best + step - low, high - best - step) < 2.0 * nearest:
                step = math.copysign(nearest, middle - best)
        else:
            step_before = (low if best >= middle else high) - best
            step = _GOLDEN * step_before
        trial = best + (step if abs(step) >= nearest else math.copysign(nearest, step))
        f_trial = function(trial)
        if f_trial <= f_best:
            low, high = (best, high) if trial >= best else (low, best)
            third, f_third, second, f_second = second, f_second, best, f_best
            best, f_best = trial, f_trial
            continue
        low, high = (trial, high) if trial < best else (low, trial)
        if f_trial <= f_second or second == best:
            third, f_third, second, f_second = second, f_second, trial, f_trial
        elif f_trial <= f_third or third in {best, second}:
            third, f_third = trial, f_trial


def _parabolic_step(
    points: tuple[float, float, float], values: tuple[float, float, float], step_before: float
) -> float | None:
    """Step from the first point to the vertex of the parabola, if under half of an earlier step."""
    x, w, v = points
    fx, fw, fv = values
    r = (x - w) * (fx - fv)
    q = (x - v) * (fx - fw)
    p = (x - v) * q - (x - w) * r
    q = 2.0 * (q - r)
    if q == 0.0 or abs(p) >= abs(0.5 * q * step_before):
        return None
    return -p / q
