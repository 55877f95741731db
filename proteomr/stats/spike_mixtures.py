"""How many residuals belong to a spike of known errors, for every slope that they may be of."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from proteomr._typing import F64, I64, Bool
from proteomr.stats.mixture_derivatives import Derivatives, differentiate_spike

__all__ = ["Spikes", "fit_spikes", "line_error", "spike_error"]

_ACCURACY = 1e-10  # of the share, and of the variance relative to itself: what remains of an error
_PLAIN = 100  # pairs of plain steps, so that leaps stay near the maximum that these lead to
_TURNS = 3_000  # pairs of steps; some hundreds are usual, and what has not settled then is told


@dataclass(frozen=True, slots=True, eq=False)
class Spikes:
    """Mixtures of residuals at many slopes.

    Parameters
    ----------
    share : (g,) of the residuals that are of the spike.
    variance : (g,) of the others.
    log_likelihood : (g,) natural log.
    remaining : (g,) bound of what is left to the maximum, of the share.
    rising : (g,) whether the share was still growing when the search ended.
    """

    share: F64
    variance: F64
    log_likelihood: F64
    remaining: F64
    rising: Bool


def fit_spikes(
    residuals: F64, variances: F64, *, share: float, variance: float, lowest: F64, highest: float
) -> Spikes:
    r"""Return the maximum-likelihood mixtures of a spike of known errors and a wide component.

    .. math:: \sum_j \log\{\pi N(r_j; 0, v_j) + (1 - \pi) N(r_j; 0, \sigma^2)\}

    by expectation and maximisation from a given start, the variance held between its bounds after
    every step, and after 200 steps by leaps (squared extrapolation: Varadhan and Roland 2008,
    doi:10.1111/j.1467-9469.2007.00585.x) that never lower the likelihood. A row stops when plain
    steps, which shrink by a constant factor, cannot take it further than 1e-10 of a share.

    Parameters
    ----------
    residuals, variances : (g, m), a row for each slope.
    share, variance : start of every row.
    lowest : (g,) least variance of the wide component, which goes before ``highest``.
    highest : largest variance.
    """
    start = np.maximum(np.minimum(variance, highest), lowest)
    at = np.stack([np.full(start.size, share), start])
    remaining = np.full(at.shape[1], np.inf)
    rising = np.zeros(at.shape[1], dtype=np.bool_)
    active: I64 = np.arange(at.shape[1])
    for turn in range(_TURNS):
        rows = _Rows(residuals[active], variances[active], lowest[active], highest)
        before = at[:, active]
        between = rows.step(before)
        now = rows.step(between)
        left, further = _left_to_go(before, between, now)
        remaining[active], rising[active] = left, now[0] > between[0]
        settled = (left <= _ACCURACY) & (further <= _ACCURACY * now[1])
        at[:, active] = now
        if turn >= _PLAIN:
            at[:, active] = np.where(settled, now, rows.leap(before, between, now))
        active = active[~settled]
        if not active.size:
            break
    likelihood = _Rows(residuals, variances, lowest, highest).log_likelihood(at)
    return Spikes(at[0], at[1], likelihood, remaining, rising)


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """Residuals at some slopes, (g, m), and the bounds of their variances; states are (2, g)."""

    residuals: F64
    variances: F64
    lowest: F64
    highest: float

    def step(self, state: F64) -> F64:
        """Return share and variance after a step of expectation and maximisation."""
        share, wide = state
        with np.errstate(divide="ignore"):
            odds = np.log(share) - np.log1p(-share)
        apart = 1 / self.variances - 1 / wide[:, None]
        ratio = np.log(wide[:, None] / self.variances) - self.residuals**2 * apart
        of_wide = special.expit(-(odds[:, None] + 0.5 * ratio))
        of_spike = special.expit(odds[:, None] + 0.5 * ratio)
        weight = of_wide.sum(axis=1)
        spread = np.einsum("gm,gm,gm->g", of_wide, self.residuals, self.residuals)
        moved = np.divide(spread, weight, out=wide.copy(), where=weight > 0)
        return np.stack([of_spike.mean(axis=1), self._bound(moved)])

    def leap(self, before: F64, between: F64, now: F64) -> F64:
        """Return where two steps lead to if they go on shrinking alike, and one step from there.

        On the scales of odds and logarithms; where the likelihood is not higher there, or the scale
        has no number, what two plain steps gave.
        """
        with np.errstate(all="ignore"):
            start, middle, end = (_open(state) for state in (before, between, now))
            first, bend = middle - start, end - 2 * middle + start
            length = -np.sqrt((first**2).sum(axis=0) / (bend**2).sum(axis=0))
            length = np.where(np.isfinite(length), np.minimum(length, -1.0), -1.0)
            far = start - 2 * length * first + length**2 * bend
            state = np.stack([special.expit(far[0]), self._bound(np.exp(far[1]))])
            usable = np.isfinite(state).all(axis=0)
            reached = self.step(np.where(usable, state, now))
            better = self.log_likelihood(reached) >= self.log_likelihood(now)
        return np.where(usable & better, reached, now)

    def log_likelihood(self, state: F64) -> F64:
        """Return the log likelihoods of states, (g,)."""
        share, wide = state[:, :, None]
        squares = self.residuals**2
        with np.errstate(divide="ignore"):
            spike = np.log(share) - 0.5 * (np.log(self.variances) + squares / self.variances)
            other = np.log1p(-share) - 0.5 * (np.log(wide) + squares / wide)
        return np.asarray(np.logaddexp(spike, other).sum(axis=1))

    def _bound(self, variance: F64) -> F64:
        return np.maximum(np.minimum(variance, self.highest), self.lowest)


def _open(state: F64) -> F64:
    """Return odds and variance as logarithms."""
    return np.stack([np.log(state[0]) - np.log1p(-state[0]), np.log(state[1])])


def _left_to_go(before: F64, between: F64, now: F64) -> F64:
    """Return a bound of all further steps of sequences whose steps shrink geometrically."""
    last, previous = np.abs(now - between), np.abs(between - before)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = last / previous
        left = np.where(rate < 1, last * rate / (1 - rate), np.inf)
    return np.where(last <= 4 * np.spacing(np.abs(now)), 0.0, left)


def spike_error(
    x: F64, y: F64, sx: F64, sy: F64, *, slope: float, share: float, variance: float
) -> float:
    r"""Return the standard error of the slope at which the share of a spike is largest.

    With :math:`\ell` the log likelihood, the share and the variance solve
    :math:`\ell_\pi = \ell_{\sigma^2} = 0`, and the slope

    .. math:: S = \ell_{\sigma^2\sigma^2}\ell_{\pi\theta}
        - \ell_{\pi\sigma^2}\ell_{\sigma^2\theta} = 0,

    which says that the share does not change with it. The effects are taken for normal around their
    means with their standard errors; what they move S by, through share and variance too, over what
    a slope moves it by, is the error (delta method).

    Parameters
    ----------
    x, y, sx, sy : (m,).
    slope, share, variance : at the optimum.

    Returns
    -------
    standard error; NaN where the derivatives do not determine it.
    """
    found = differentiate_spike(x, y, sx, sy, slope=slope, share=share, variance=variance)
    by = _move(found)
    hessian = np.array([[found.total(a + b) for b in "ps"] for a in "ps"])
    along = np.array([found.total("pt"), found.total("st")])
    if not np.isfinite(hessian).all() or np.linalg.matrix_rank(hessian) < 2:
        return math.nan
    moved = np.array([_turn(found, name) for name in "ps"])
    variance_moves = -np.linalg.solve(hessian, along)[1]
    turn = _turn(found, "t") + moved[1] * variance_moves
    weights = np.linalg.solve(hessian, moved)
    shares = [each[2] - weights @ each[:2] for each in by]
    spread = float(np.sum((shares[0] * sy) ** 2) + np.sum((shares[1] * sx) ** 2))
    return math.sqrt(spread) / abs(float(turn)) if turn != 0 else math.nan


def line_error(x: F64, y: F64, sx: F64, sy: F64, *, slope: float, variance: float) -> float:
    r"""Return the standard error of the likeliest slope where every residual is of the spike.

    From the curvature of :math:`\sum_j \log N(r_j; 0, v_j)`; NaN where it is not that of a maximum.

    Parameters
    ----------
    x, y, sx, sy : (m,).
    slope, variance : at the optimum; the variance is of a component that has no share.
    """
    found = differentiate_spike(x, y, sx, sy, slope=slope, share=1.0, variance=variance)
    curvature = -found.total("tt")
    return 1.0 / math.sqrt(curvature) if curvature > 0 else math.nan


def _move(found: Derivatives) -> tuple[F64, F64]:
    """Return what y and x of each variant change the three equations by, (3, m) each."""
    parts = []
    for name in "yx":
        ss, pt, ps, st = (found.each(key + name) for key in ("ss", "pt", "ps", "st"))
        slope = (
            ss * found.total("pt")
            + pt * found.total("ss")
            - ps * found.total("st")
            - st * found.total("ps")
        )
        parts.append(np.array([found.each("p" + name), found.each("s" + name), slope]))
    return parts[0], parts[1]


def _turn(found: Derivatives, name: str) -> float:
    """Return the derivative of the equation of the slope by share, variance or slope."""
    return (
        found.total("ss" + name) * found.total("pt")
        + found.total("ss") * found.total("pt" + name)
        - found.total("ps" + name) * found.total("st")
        - found.total("ps") * found.total("st" + name)
    )
