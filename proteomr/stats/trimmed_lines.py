r"""Lines through the origin with K points left out, whose points have errors in both coordinates.

.. math:: L_K(\theta, \mu, V) = \sum_{j \in V} \Bigl\{\frac{(x_j - \mu_j)^2}{s_{xj}^2}
    + \frac{(y_j - \theta \mu_j)^2}{s_{yj}^2}\Bigr\}, \qquad |V| = m - K

is -2 log likelihood of the points kept, V; with :math:`\mu` at its most likely values it is the sum
of :math:`(y_j - \theta x_j)^2 / (s_{yj}^2 + \theta^2 s_{xj}^2)`. It has many minima.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.stats.certificates import find_doubt
from proteomr.stats.line_likelihood import Points, derive_terms, fit_line, list_slopes

__all__ = ["TrimmedFits", "fit_by_turns", "fit_globally"]

_TURNS = 100  # for each K: those of the R package
_ROUNDS = 20  # of what has not settled then: each ends at the optimum of its set of points kept
_AFTER = 10  # turns of a round: points that change places do so at once, or one after another
_SETTLED = 1e-4  # standard errors from the optimum; the package's ends lie up to 5e-5 from theirs
_TIE = 1e-9  # of -2 log likelihood: points left out that fit as ill as others are as good a choice
_ROUNDING = 1e-12  # relative: what a sum of a few hundred terms loses
_CELLS = 1 << 16  # numbers of an array of a block: 0.5 MB, which stays in the cache
_TOGETHER = 16  # K of a block: few variants are invalid, and most K fall by their price alone
_WEIGHTLESS = 80.0  # of a criterion: a weight of exp(-40) is beyond the last digit of an average
_UNSETTLED = "the points left out have not settled"
_SETS = 200  # sets of points kept; each has a lower loss, and there are few near the best slope


@dataclass(frozen=True, slots=True, eq=False)
class TrimmedFits:
    """Fits with K points left out, K from 0, each with what it is worth.

    Parameters
    ----------
    slopes, se : (K,); the standard error is NaN where the information is not above zero.
    criteria : (K,) -2 log likelihood and the price of the points left out.
    floors : (K,) what the criterion at the end of the search could come to, where the fit is not
        known to be that end.
    valid : (K, m) points kept.
    doubts : (K,) what speaks against a fit being the end of its search; None for what is certified.
    prolonged : (K,) fits that had not settled where the package ends its search.
    """

    slopes: F64
    se: F64
    criteria: F64
    floors: F64
    valid: Bool
    doubts: tuple[str | None, ...]
    prolonged: Bool

    @property
    def best(self) -> int:
        """Position of the least criterion among fits with information."""
        return int(np.where(np.isfinite(self.se), self.criteria, np.inf).argmin())

    @property
    def weights(self) -> F64:
        """Weights of the fits by their criteria, together one; zero without information."""
        usable = np.isfinite(self.se)
        distance = np.where(usable, self.criteria - self.criteria[self.best], np.inf)
        weights = np.exp(-0.5 * distance)
        return np.asarray(weights / weights.sum())

    def list_doubtful(self, *, least: float) -> I64:
        """Return the fits in doubt that might come to so much of the weight of the best fit.

        Parameters
        ----------
        least : of the weight; 1 for those that might be the best.
        """
        room = self.criteria[self.best] - 2.0 * math.log(least)
        doubted = np.array([doubt is not None for doubt in self.doubts])
        return np.flatnonzero(doubted & ~(self.floors > room))

    @classmethod
    def join(cls, parts: Sequence[TrimmedFits]) -> TrimmedFits:
        """Return the fits of consecutive K as one."""
        return cls(
            np.concatenate([part.slopes for part in parts]),
            np.concatenate([part.se for part in parts]),
            np.concatenate([part.criteria for part in parts]),
            np.concatenate([part.floors for part in parts]),
            np.concatenate([part.valid for part in parts]),
            tuple(doubt for part in parts for doubt in part.doubts),
            np.concatenate([part.prolonged for part in parts]),
        )


@dataclass(slots=True, eq=False)
class _Turns:
    """Where the turns have come to: counts K, slopes (K,), true x and what is left free, (K, m)."""

    counts: I64
    slopes: F64
    true_x: F64
    free: F64


def fit_by_turns(
    points: Points, *, price: float, tolerance: float, least: float, fewest: int = 1
) -> TrimmedFits:
    r"""Return fits by turns over the points left out, the true x and the slope, from zero.

    The turns of the R package MendelianRandomization 0.10.0: the K points of the largest
    :math:`(y_j - \theta\mu_j)^2 / s_{yj}^2` are left out, whose :math:`\mu` moves towards x by
    steps, so that a point that is left out tends to stay so. They end when the slope moves by no
    more than `tolerance`, or after 100. What has weight and is no fixed point then to 1e-4 standard
    errors is taken to the one that further turns would come to.

    Parameters
    ----------
    points : effects and standard errors, not all x zero.
    price : of a point left out, in units of -2 log likelihood; a K whose price alone takes its
        weight away is not looked at.
    tolerance : in units of the slope.
    least : weight, as part of the best fit's, up to which a doubt is of no matter.
    fewest : K below which all are looked at, whatever their price.

    Examples
    --------
    >>> x, y = np.array([0.1, 0.2, 0.3]), np.array([0.05, 0.1, 0.9])
    >>> made = Points(x, np.full(3, 0.01), y, np.full(3, 0.02))
    >>> fits = fit_by_turns(made, price=10.0, tolerance=1e-7, least=1e-13)
    >>> fits.best, round(float(fits.slopes[1]), 6), fits.doubts[1]
    (1, 0.5, None)
    """
    state, fits = _take_first_turns(points, price=price, tolerance=tolerance, fewest=fewest)
    prolonged = np.zeros(state.counts.size, dtype=np.bool_)
    for _ in range(_ROUNDS):
        rows = fits.list_doubtful(least=least)
        if not rows.size:
            break
        prolonged[rows] = True
        _take_turns(points, state, rows, turns=_AFTER, tolerance=0.0)
        for row in rows:
            _go_to_end(points, state, row)
        fits = _assess(points, state, price)
    return replace(fits, prolonged=prolonged)


def _take_first_turns(
    points: Points, *, price: float, tolerance: float, fewest: int
) -> tuple[_Turns, TrimmedFits]:
    """Return where the package ends, for every K whose price alone leaves it some weight."""
    m = points.x.size
    size = max(1, min(_TOGETHER, _CELLS // m))
    parts: list[_Turns] = []
    assessed: list[TrimmedFits] = []
    lowest = math.inf
    for first in range(0, m - 1, size):
        if first >= fewest and first * price > lowest + _WEIGHTLESS:
            break
        counts = np.arange(first, min(first + size, m - 1), dtype=np.int64)
        zeros = np.zeros((counts.size, m))
        part = _Turns(counts, np.zeros(counts.size), zeros, zeros.copy())
        _take_turns(points, part, np.arange(counts.size), turns=_TURNS, tolerance=tolerance)
        parts.append(part)
        fits = _assess(points, part, price)
        assessed.append(fits)
        if np.isfinite(fits.se).any():
            lowest = min(lowest, float(fits.criteria[fits.best]))
    state = _Turns(
        np.concatenate([part.counts for part in parts]),
        np.concatenate([part.slopes for part in parts]),
        np.concatenate([part.true_x for part in parts]),
        np.concatenate([part.free for part in parts]),
    )
    return state, TrimmedFits.join(assessed)


def _go_to_end(points: Points, state: _Turns, row: int) -> None:
    """Go in place to where turns of one K come to while the points left out stay the same."""
    free = state.free[row] != 0.0
    line = fit_line(points.select(~free), start=float(state.slopes[row]))
    if line.doubt is not None:
        return
    x, wx, y, wy, slope = points.x, points.sx**-2.0, points.y, points.sy**-2.0, line.slope
    state.slopes[row] = slope
    state.true_x[row] = np.where(free, x, (x * wx + slope * y * wy) / (wx + slope**2 * wy))
    state.free[row] = np.where(free, y - slope * x, 0.0)


def _take_turns(
    points: Points, state: _Turns, moving: I64, *, turns: int, tolerance: float
) -> None:
    """Take turns in place at some K, each until its slope moves by no more than the tolerance."""
    from proteomr.stats.compiled_turn_loops import take_turns

    take_turns(
        np.ascontiguousarray(points.x),
        points.sx**-2.0,
        np.ascontiguousarray(points.y),
        points.sy**-2.0,
        moving,
        state.counts,
        state.slopes,
        state.true_x,
        state.free,
        turns,
        tolerance,
    )


def _mark_largest(importance: F64, counts: I64) -> Bool:
    """Mark the K largest of each row, the first of equals."""
    order = np.argsort(-importance, axis=1, kind="stable")
    marks = np.zeros(importance.shape, dtype=np.bool_)
    np.put_along_axis(marks, order, np.arange(importance.shape[1]) < counts[:, None], axis=1)
    return marks


def _assess(points: Points, state: _Turns, price: float) -> TrimmedFits:
    """Return the fits that the turns have come to, each looked at by what the turns do not use."""
    x, y, wx, wy = points.x, points.y, points.sx**-2.0, points.sy**-2.0
    slope, free = state.slopes[:, None], state.free != 0.0
    true_x = np.where(free, x, state.true_x)
    direct = np.where(free, y - slope * true_x, 0.0)
    loss = 0.5 * np.sum((x - true_x) ** 2 * wx + (y - slope * true_x - direct) ** 2 * wy, axis=1)
    stable = _find_gain(points, state, free) <= _TIE + _ROUNDING * loss
    score, curvature = _derive(points, state.slopes, ~free)
    with np.errstate(all="ignore"):
        distance = np.abs(score) / np.sqrt(2.0 * np.abs(curvature))
    criteria = 2.0 * loss + price * state.counts
    se = _find_errors(points, state.slopes, true_x, free)
    doubts = tuple(
        find_doubt(distance=far, curvature=bend, bound=_SETTLED) if fixed else _UNSETTLED
        for fixed, far, bend in zip(
            stable.tolist(), distance.tolist(), curvature.tolist(), strict=True
        )
    )
    doubted = np.array([doubt is not None for doubt in doubts])
    reach = np.where(stable & (curvature > 0), distance**2, np.inf)
    floors = np.where(doubted, np.maximum(2.0 * loss - reach, 0.0), 2.0 * loss)
    floors = np.where(np.isfinite(se), floors + price * state.counts, np.inf)
    return TrimmedFits(
        state.slopes.copy(), se, criteria, floors, ~free, doubts, np.zeros(se.size, dtype=np.bool_)
    )


def _find_gain(points: Points, state: _Turns, free: Bool) -> F64:
    """By how much another choice of the points left out would lower the loss, (K,)."""
    importance = (points.y - state.slopes[:, None] * state.true_x) ** 2 * points.sy**-2.0
    chosen = _mark_largest(importance, state.counts)
    changed = np.where(chosen & ~free, importance, 0.0) - np.where(free & ~chosen, importance, 0.0)
    return np.asarray(changed.sum(axis=1))


def _derive(points: Points, slopes: F64, valid: Bool) -> tuple[F64, F64]:
    """First and second derivatives of the loss of the points kept, (K,) each."""
    _, first, second = derive_terms(points, slopes[:, None])
    return np.where(valid, first, 0.0).sum(axis=1), np.where(valid, second, 0.0).sum(axis=1)


def _find_errors(points: Points, slopes: F64, true_x: F64, free: Bool) -> F64:
    """From the profile information of the slope over points kept; NaN where not above zero."""
    wx, wy, slope = points.sx**-2.0, points.sy**-2.0, slopes[:, None]
    lost = (2.0 * slope * true_x - points.y) ** 2 * wy**2 / (wx + slope**2 * wy)
    information = np.sum(np.where(free, 0.0, true_x**2 * wy - lost), axis=1)
    errors = np.full(slopes.size, np.nan)
    positive = information > 0.0
    errors[positive] = information[positive] ** -0.5
    return errors


@dataclass(frozen=True, slots=True, eq=False)
class _GlobalFit:
    slope: float
    se: float
    loss: float
    valid: Bool
    doubt: str | None
    floor: float = math.nan


def fit_globally(points: Points, *, price: float, fewest: int = 1) -> TrimmedFits:
    """Return fits from the best of many slopes, by turns over the points left out and the slope.

    A K for which a vertical line is as likely, or whose search does not settle, is in doubt; its
    floor is the least that was seen at any slope.

    Parameters
    ----------
    points, price, fewest : as in `fit_by_turns`.

    Examples
    --------
    >>> x, y = np.array([0.1, 0.2, 0.3]), np.array([0.05, 0.1, 0.9])
    >>> fits = fit_globally(Points(x, np.full(3, 0.01), y, np.full(3, 0.02)), price=10.0)
    >>> fits.best, round(float(fits.slopes[1]), 6), fits.doubts[1]
    (1, 0.5, None)
    """
    slopes = list_slopes(points)
    shares = np.sort(derive_terms(points, slopes[:, None])[0], axis=1)
    losses = np.cumsum(shares, axis=1)
    vertical = np.cumsum(np.sort((points.x / points.sx) ** 2))
    m, lowest = points.x.size, math.inf
    fits: list[_GlobalFit] = []
    for count in range(m - 1):
        if count >= fewest and count * price > lowest + _WEIGHTLESS:
            break
        seen = losses[:, m - 1 - count]
        fit = _fit_globally(points, float(slopes[np.nanargmin(seen)]), count)
        least = min(fit.loss, float(np.nanmin(seen)), float(vertical[m - 1 - count]))
        floor = fit.loss if fit.doubt is None else least
        fits.append(replace(fit, loss=fit.loss + count * price, floor=floor + count * price))
        if math.isfinite(fit.se):
            lowest = min(lowest, fits[-1].loss)
    return TrimmedFits(
        slopes=np.array([fit.slope for fit in fits]),
        se=np.array([fit.se for fit in fits]),
        criteria=np.array([fit.loss for fit in fits]),
        floors=np.array([fit.floor for fit in fits]),
        valid=np.array([fit.valid for fit in fits]),
        doubts=tuple(fit.doubt for fit in fits),
        prolonged=np.zeros(len(fits), dtype=np.bool_),
    )


def _fit_globally(points: Points, start: float, count: int) -> _GlobalFit:
    """From the best slope of the search, by turns the best points and their best slope."""
    theta, valid = start, _keep(points, start, count)
    doubt: str | None = _UNSETTLED
    for _ in range(_SETS):
        line = fit_line(points.select(valid), start=theta)
        theta, before = line.slope, valid
        if line.doubt is not None:
            doubt = line.doubt
            break
        valid = _keep(points, theta, count)
        if (valid == before).all():
            doubt = None
            break
    se = math.sqrt(2.0 / line.curvature) if line.curvature > 0 else math.nan
    return _GlobalFit(theta, se, line.q, valid, doubt)


def _keep(points: Points, slope: float, count: int) -> Bool:
    """Mark all but so many points that fit a slope worst, the first of equals left out."""
    shares = derive_terms(points, np.array(slope))[0]
    return np.asarray(~_mark_largest(shares[None, :], np.array([count]))[0], dtype=np.bool_)
