"""The minimum of the REML criterion: Newton in a trust region, for many models at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.stats.random_structure import Structure
from proteomr.stats.reml import Criterion, evaluate, measure
from proteomr.stats.reml_sums import Expandable

__all__ = ["Minimum", "minimise"]

_MOST_STEPS = 100  # a descent takes five to twelve; what needs more has no minimum
# What a step can still gain: the square root of it is the error of theta in units of its own error,
# so that estimates and errors have ten digits of these.
_BOUND = 1e-18
# Below it rounding alone decides whether the criterion falls, and Newton's step is taken unasked.
_CLOSE = 1e-7
# Relative standard deviations of random effects that the search may start from: intraclass
# correlations of 0.006 to 0.99. The criterion may have several minima; the lowest is sought.
_STARTS = np.array([0.1, 0.25, 0.5, 1.0, 2.5, 10.0])
# Such a theta is 3e-9 of its own error from the minimum, and so is a standard error at most.
_CERTIFIED = 1e-17
# Rounding of the criterion's curvature, and standard deviations of random effects beside which that
# of the residuals is rounding.
_NO_CURVATURE, _ENDLESS = 1e-9, 1e7
_NOTHING = 1e-7  # a relative standard deviation that is 0: its variance is 1e-14 of the residual's


@dataclass(frozen=True, slots=True)
class Minimum:
    """Where the criterion of b models is lowest.

    Attributes
    ----------
    theta : ``(b, t)``.
    criterion : there.
    decrement : ``(b,)``, what another step would gain.
    certified : ``(b,)``, whether the bound is met and the curvature is that of a minimum.
    flat : ``(b,)``, whether the criterion does not depend on some variance, or has no minimum.
    """

    theta: F64
    criterion: Criterion
    decrement: F64
    certified: Bool
    flat: Bool


def minimise(sums: Expandable, structure: Structure) -> Minimum:
    """Find the lowest criterion from the best of several starts.

    Examples
    --------
    >>> from proteomr.stats.reml_sums import Sums
    >>> H = np.array([[[1.0, 2.0]], [[1.0, 0.0]], [[1.0, -2.5]]]) * np.sqrt(2.0)
    >>> sums = Sums(np.full((3, 1, 1), np.sqrt(2.0)), np.ones((1, 3)),
    ...     np.array([[[0.0, 0.0], [0.0, 1.5]]]), None, H, np.array([6]))
    >>> float(minimise(sums, Structure(((1, 1),))).theta[0, 0].round(6))
    3.109126
    """
    theta = _start(sums, structure)
    state = evaluate(sums, structure, theta)
    theta, state = _descend(sums, structure, theta, state)
    small = np.zeros_like(theta, dtype=bool)
    small[:, structure.diagonal] = np.abs(theta[:, structure.diagonal]) < _NOTHING
    turned = _turn(np.where(small, 0.0, theta), structure)
    changed = np.flatnonzero(np.any(turned != theta, axis=1))
    if changed.size:
        theta = turned
        found = evaluate(sums.take(changed), structure, theta[changed])
        state = _put(state, changed, found)
    _, decrement, convex = _propose(state, np.full(theta.shape[0], np.inf))
    flat = _find_flat(theta, state, structure)
    certified = convex & (decrement <= _CERTIFIED) & np.isfinite(state.value) & ~flat
    return Minimum(theta, state, decrement, certified, flat)


def _descend(
    sums: Expandable, structure: Structure, theta: F64, state: Criterion
) -> tuple[F64, Criterion]:
    """Go down from where the models stand until a bound stops each, or rounding does."""
    b = theta.shape[0]
    whole, place = state, np.arange(b)
    everywhere = theta.copy()
    radius = np.maximum(np.abs(theta).max(axis=1), 0.5)
    done = ~np.isfinite(state.value)
    last = np.full(b, np.inf)
    for _ in range(_MOST_STEPS):
        step, decrement, convex = _propose(state, radius)
        stalled = convex & (decrement < _CLOSE**2) & (decrement > 0.1 * last)
        done |= (convex & (decrement <= _BOUND)) | stalled
        if np.count_nonzero(~done) <= done.size // 2:  # the others go on alone
            whole = _put(whole, place, state)
            everywhere[place] = theta
            going = np.flatnonzero(~done)
            if going.size == 0:
                break
            sums, state, place = sums.take(going), _take(state, going), place[going]
            theta, step, decrement = theta[going], step[going], decrement[going]
            convex, radius, done = convex[going], radius[going], done[going]
        last = np.where(convex, decrement, np.inf)
        trial = theta + np.where(done[:, None], 0.0, step)
        found = evaluate(sums, structure, trial)
        better = found.value < state.value
        accepted = ~done & np.isfinite(found.value) & (better | (convex & (decrement < _CLOSE)))
        length = np.sqrt(np.sum(step**2, axis=1))
        radius = np.where(accepted, np.maximum(radius, 2.0 * length), 0.25 * length)
        theta = np.where(accepted[:, None], trial, theta)
        at = np.flatnonzero(accepted)
        state = found if at.size == accepted.size else _put(state, at, _take(found, at))
    everywhere[place] = theta
    return everywhere, _put(whole, place, state)


def _find_flat(theta: F64, state: Criterion, structure: Structure) -> Bool:
    """Whether the data say nothing of a variance, or that the residual one is 0.

    Per unit of theta, or of its logarithm where it is large, a criterion curves by about the number
    of groups; at the boundary by twice what a variance costs.
    """
    at = structure.diagonal
    curvature = np.abs(state.hessian[:, at, at]) * np.maximum(theta[:, at] ** 2, 1.0)
    return np.asarray(np.any((curvature < _NO_CURVATURE) | (theta[:, at] > _ENDLESS), axis=1))


def _start(sums: Expandable, structure: Structure) -> F64:
    """Return the best of the starts ``(b, t)``; one scale for all random effects or one each."""
    b, t = sums.n.size, len(structure.positions)
    diagonal = structure.diagonal
    if diagonal.size <= 2:
        starts = _STARTS if diagonal.size == 1 else _STARTS[::2]
        grid = np.stack(np.meshgrid(*[starts] * diagonal.size), axis=-1).reshape(-1, diagonal.size)
    else:
        grid = np.repeat(_STARTS[:, None], diagonal.size, axis=1)
    best, value = np.zeros((b, t)), np.full(b, np.inf)
    for point in grid:
        theta = np.zeros((b, t))
        theta[:, diagonal] = point
        found = measure(sums, structure, theta)
        lower = found < value
        best[lower], value[lower] = theta[lower], found[lower]
    best[np.isinf(value)] = 1.0
    return best


def _propose(state: Criterion, radius: F64) -> tuple[F64, F64, Bool]:
    """Return steps ``(b, t)``, what they gain to second order, and whether all curves up."""
    hessian = np.where(np.isfinite(state.hessian), state.hessian, 0.0)
    gradient = np.where(np.isfinite(state.gradient), state.gradient, 0.0)
    # the units of the parameters differ: curvatures are compared once they are scaled to one
    scale = np.sqrt(np.maximum(np.abs(np.einsum("bii->bi", hessian)), 1e-300))
    scaled = hessian / (scale[:, :, None] * scale[:, None, :])
    values, vectors = np.linalg.eigh(scaled)
    along = np.einsum("bij,bi->bj", vectors, gradient / scale)
    floor = 1e-10 * np.maximum(np.abs(values).max(axis=1), 1e-300)
    curvature = np.maximum(np.abs(values), floor[:, None])
    # where the criterion is flat to rounding there is nothing to gain
    flat = (np.abs(values) <= floor[:, None]) & (np.abs(along) < 1e-9)
    step = np.where(flat, 0.0, -along / curvature)
    decrement = np.sum(np.where(flat, 0.0, along**2 / curvature), axis=1)
    step = np.einsum("bij,bj->bi", vectors, step) / scale
    length = np.sqrt(np.sum(step**2, axis=1))
    with np.errstate(divide="ignore", invalid="ignore"):
        step = step * np.where(length > radius, radius / length, 1.0)[:, None]
    return step, decrement, np.all(values > -floor[:, None], axis=1)


def _take(state: Criterion, models: I64) -> Criterion:
    """Return the criterion of some of the models."""
    return Criterion(**{name: getattr(state, name)[models] for name in Criterion.__slots__})


def _put(state: Criterion, models: I64, found: Criterion) -> Criterion:
    """Return the criterion with that of some of the models replaced."""
    parts = {}
    for name in Criterion.__slots__:
        parts[name] = getattr(state, name).copy()
        parts[name][models] = getattr(found, name)
    return Criterion(**parts)


def _turn(theta: F64, structure: Structure) -> F64:
    """Return the same covariance with factors whose diagonals are not negative."""
    turned = theta.copy()
    for i, (at, row, column) in enumerate(structure.positions):
        if row == column:
            sign = np.where(theta[:, i] < 0.0, -1.0, 1.0)
            for j, (other, _, column_j) in enumerate(structure.positions):
                if (other, column_j) == (at, column):
                    turned[:, j] = theta[:, j] * sign
    return turned
