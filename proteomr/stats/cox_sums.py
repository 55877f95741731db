"""Sums over risk sets: what the partial likelihood of Cox and its derivatives are made of.

With ``w_i = c_i exp(eta_i)``, c the weight of a row, S_g the sum of w over the risk set of event
time g and D_g that over its d_g deaths, Efron's partial log-likelihood (1977,
doi:10.1080/01621459.1977.10480613), with case weights as R's ``survival::coxph`` has them, is ::

    sum over deaths of c_i eta_i  -  sum over g, l = 0 .. d_g - 1 of  u_g log(S_g - (l / d_g) D_g)

where u_g is the mean weight of the deaths at g; Breslow's (1974, doi:10.2307/2529620) has S_g in
each term. Every derivative of it needs per event time only sums over l of ``f^j q^k``, with ``f = l
/ d_g`` and ``q = 1 / (S_g - f D_g)``: they are here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from proteomr._typing import F64, I64
from proteomr.stats.risk_sets import RiskSets

__all__ = ["HazardSums", "Ties", "sum_from_hazards", "sum_hazards", "sum_intervals", "sum_sets"]

Ties: TypeAlias = Literal["efron", "breslow"]
# Rows of a piece: sixty columns of them, twice, are 1 MB.
_ROWS = 1_024


def sum_sets(risk: RiskSets, values: F64, weights: F64 | None = None) -> F64:
    """Return the sums over each risk set ``(G, p)`` of values ``(n, p)`` of rows.

    Without left truncation nothing is ever subtracted. With it, a sum is made of what has come to
    risk less what has left, or from the other end, whichever has met less.

    Parameters
    ----------
    weights : ``(n,)``, what the values of a row count; None for 1.

    Examples
    --------
    >>> from proteomr.stats.risk_sets import lay_out_risk_sets
    >>> rows = np.array([[-np.inf, 3.0, 1.0], [-np.inf, 5.0, 1.0], [4.0, 6.0, 0.0]])
    >>> sum_sets(lay_out_risk_sets(rows), np.array([[1.0], [2.0], [4.0]])).tolist()
    [[3.0], [6.0]]
    """
    counted = risk.at_risk.astype(np.float64)
    if weights is not None:
        counted *= weights
    first, last = np.maximum(risk.bins.bottom - 1, 0), np.maximum(risk.bins.top - 1, 0)
    leaving = _sum_bins(last, values, risk.size, counted)
    if not risk.truncated:
        return _add_onward(risk, leaving)
    coming = _sum_bins(first, values, risk.size, counted)
    from_start = _add_up(risk, coming) - _add_up(risk, leaving) + leaving
    to_end = _add_onward(risk, leaving) - _add_onward(risk, coming) + coming
    sizes = np.abs(values).sum(axis=1)[:, None]
    counted = np.abs(counted)
    met = _add_up(risk, _sum_bins(first, sizes, risk.size, counted))
    to_meet = _add_onward(risk, _sum_bins(last, sizes, risk.size, counted))
    return np.where(met < to_meet, from_start, to_end)


def _add_up(risk: RiskSets, of_times: F64) -> F64:
    """Return the sums ``(G, ...)`` over the event times of a part up to each.

    By doubling: each sum is of neighbours only, and no other part has a share in its rounding.
    """
    out, step = of_times, 1
    while step < risk.longest:
        moved = _keep_parts(risk, out[:-step], step)
        out = np.concatenate([out[:step], out[step:] + moved])
        step *= 2
    return out


def _add_onward(risk: RiskSets, of_times: F64) -> F64:
    """Return the sums ``(G, ...)`` over the event times of a part from each on."""
    out, step = of_times, 1
    while step < risk.longest:
        moved = _keep_parts(risk, out[step:], step)
        out = np.concatenate([out[:-step] + moved, out[-step:]])
        step *= 2
    return out


def _keep_parts(risk: RiskSets, moved: F64, step: int) -> F64:
    """Return the values of times, those whose distance leads into another part as 0."""
    if risk.parts == 1:
        return moved
    same = risk.part_of_time[step:] == risk.part_of_time[:-step]
    return np.where(same.reshape(-1, *(1,) * (moved.ndim - 1)), moved, 0.0)


def sum_intervals(risk: RiskSets, of_times: F64) -> F64:
    """Return for each row the sum ``(n, ...)`` over the event times at which it is at risk.

    Parameters
    ----------
    of_times : ``(G, ...)``.

    Examples
    --------
    >>> from proteomr.stats.risk_sets import lay_out_risk_sets
    >>> rows = np.array([[-np.inf, 3.0, 1.0], [-np.inf, 5.0, 1.0], [4.0, 6.0, 0.0]])
    >>> sum_intervals(lay_out_risk_sets(rows), np.array([1.0, 10.0])).tolist()
    [1.0, 11.0, 10.0]
    """
    up = _add_up(risk, of_times)
    ever = np.flatnonzero(risk.at_risk)
    out = np.zeros((risk.low.size, *of_times.shape[1:]))
    out[ever] = up[risk.high[ever] - 1]
    late = ever[risk.came_late[ever]]
    out[late] -= up[risk.low[late] - 1]
    return out


def _sum_bins(bins: NDArray[Any], values: F64, size: int, counted: F64 | None = None) -> F64:
    """Return the sums ``(size, p)`` of values ``(n, p)`` by bin, in the order of the rows.

    Parameters
    ----------
    counted : ``(n,)``, what they are multiplied by; None for 1.
    """
    n, p = values.shape
    if not size:  # nobody is in a bin
        return np.zeros((0, p))
    if p == 1:
        column = values[:, 0] if counted is None else counted * values[:, 0]
        sums = np.bincount(bins, weights=column, minlength=size)
        return sums[:, None].astype(np.float64)
    from scipy.sparse import csc_array

    # Row by row: columns of a wide matrix, one after another, would each pass through all of it.
    counted = np.ones(n) if counted is None else counted
    places = np.arange(n + 1, dtype=np.int32), bins.astype(np.int32)
    member = csc_array((counted, places[1], places[0]), shape=(size, n))
    return np.asarray(member @ values, dtype=np.float64)


@dataclass(frozen=True)
class HazardSums:
    """The risk sets at some linear predictors.

    Attributes
    ----------
    risk : the risk sets.
    w : ``(n,)``, hazards ``c exp(eta)``, in units of the largest of a row's part.
    eta : ``(n,)``, less the largest of the row's part.
    counts : ``(n,)``, weights.
    dead : positions of the rows with the event.
    S, D : ``(G,)``, sums over risk sets and over deaths.
    mean : ``(G,)``, u, the mean weight of the deaths.
    powers : by (j, k), the sums ``(G,)`` over l of ``f^j q^k``.
    """

    risk: RiskSets
    w: F64
    eta: F64
    counts: F64
    dead: I64
    S: F64
    D: F64
    mean: F64
    powers: dict[tuple[int, int], F64]
    log_sums: F64

    @property
    def time_of_dead(self) -> I64:
        """Event time of each death."""
        return self.risk.high[self.dead] - 1

    @property
    def log_likelihood(self) -> float:
        """The partial log-likelihood; minus infinity where a risk set has vanished from view."""
        at = self.dead
        value = float(self.counts[at] @ self.eta[at] - self.mean @ self.log_sums)
        sound = np.isfinite(value) and np.all(np.isfinite(self.powers[0, 2]))
        return value if sound else -np.inf

    def q(self, j: int, k: int) -> F64:
        """Return ``u_g sum over l of f^j q^k`` for each event time ``(G,)``."""
        return self.mean * self.powers[j, k]

    @cached_property
    def cumulative(self) -> F64:
        """Each row's hazard summed over its time at risk, with its part at its own death."""
        return self.accumulate(np.ones(self.risk.size))

    def accumulate(self, by: F64) -> F64:
        """Return :attr:`cumulative` with event times weighted ``(n,)``.

        Parameters
        ----------
        by : ``(G,)``.
        """
        out = sum_intervals(self.risk, by * self.q(0, 1))
        at = self.time_of_dead
        out[self.dead] -= (by * self.q(1, 1))[at]
        return out

    @cached_property
    def residuals(self) -> F64:
        """Martingale residuals times the weights ``(n,)``: derivatives by the predictors."""
        out = -self.w * self.cumulative
        out[self.dead] += self.counts[self.dead]
        return out

    def sum_columns(self, X: F64) -> tuple[F64, F64]:
        """Return the sums ``(G, p)`` of ``w x`` over risk sets and over deaths."""
        dead = _sum_bins(self.time_of_dead, X[self.dead], self.risk.size, self.w[self.dead])
        return sum_sets(self.risk, X, self.w), dead

    def information(
        self, X: F64, sums: tuple[F64, F64] | None = None, by: F64 | None = None
    ) -> F64:
        """Return minus the second derivatives by the coefficients of X ``(p, p)``.

        Parameters
        ----------
        sums : what :meth:`sum_columns` gave for X.
        by : ``(G,)``, what the part of each event time counts; None for 1.
        """
        S1, D1 = self.sum_columns(X) if sums is None else sums
        by = np.ones(self.risk.size) if by is None else by
        whole = _square(X, self.w * self.accumulate(by))
        a, b, c = (by * self.q(j, 2) for j in range(3))
        cross = S1.T @ (D1 * b[:, None])
        means = S1.T @ (S1 * a[:, None]) - cross - cross.T + D1.T @ (D1 * c[:, None])
        out = whole - means
        return np.asarray(0.5 * (out + out.T))


def _square(X: F64, weights: F64) -> F64:
    """Return ``X' diag(weights) X``, by pieces of rows that stay in a cache."""
    out = np.zeros((X.shape[1], X.shape[1]))
    for start in range(0, X.shape[0], _ROWS):
        rows = X[start : start + _ROWS]
        out += rows.T @ (rows * weights[start : start + _ROWS, None])
    return out


def sum_hazards(risk: RiskSets, eta: F64, counts: F64, *, ties: Ties = "efron") -> HazardSums:
    """Return the sums over risk sets at linear predictors.

    Parameters
    ----------
    eta, counts : ``(n,)``, predictors and weights.

    Examples
    --------
    >>> from proteomr.stats.risk_sets import lay_out_risk_sets
    >>> rows = np.array([[-np.inf, 1.0, 1.0], [-np.inf, 2.0, 1.0]])
    >>> sums = sum_hazards(lay_out_risk_sets(rows), np.zeros(2), np.ones(2))
    >>> sums.S.tolist(), round(sums.log_likelihood, 4)
    ([2.0, 1.0], -0.6931)
    """
    ever = risk.at_risk
    largest = np.full(risk.parts, -np.inf)
    np.maximum.at(largest, risk.part[ever], eta[ever])
    shifted = np.zeros(eta.size)
    shifted[ever] = eta[ever] - largest[risk.part[ever]]
    w = np.where(ever, counts * np.exp(shifted), 0.0)
    return _gather(risk, w, shifted, counts, ties)


def sum_from_hazards(risk: RiskSets, w: F64, counts: F64, *, ties: Ties = "efron") -> HazardSums:
    """Return the sums over risk sets of hazards ``w = c exp(eta)``, in the units that they are in.

    Examples
    --------
    >>> from proteomr.stats.risk_sets import lay_out_risk_sets
    >>> rows = np.array([[-np.inf, 1.0, 1.0], [-np.inf, 2.0, 1.0]])
    >>> sum_from_hazards(lay_out_risk_sets(rows), np.array([2.0, 4.0]), np.ones(2)).S.tolist()
    [6.0, 4.0]
    """
    ever = risk.at_risk
    w = np.where(ever, w, 0.0)
    eta = np.zeros(w.size)
    with np.errstate(divide="ignore", invalid="ignore"):
        eta[ever] = np.log(w[ever] / counts[ever])
    return _gather(risk, w, eta, counts, ties)


def _gather(risk: RiskSets, w: F64, shifted: F64, counts: F64, ties: Ties) -> HazardSums:
    dead = np.flatnonzero(risk.died)
    at = risk.high[dead] - 1
    S = sum_sets(risk, w[:, None])[:, 0]
    D = _sum_bins(at, w[dead, None], risk.size)[:, 0]
    total = _sum_bins(at, counts[dead, None], risk.size)[:, 0]
    mean = total / risk.deaths
    if ties == "breslow":
        powers, logs = _sum_breslow(S, risk.deaths.astype(np.float64))
    else:
        powers, logs = _sum_efron(S, D, risk.deaths)
    return HazardSums(risk, w, shifted, counts, dead, S, D, mean, powers, logs)


# The powers of f and q that the likelihood and its two derivatives need.
_POWERS = ((0, 1), (1, 1), (0, 2), (1, 2), (2, 2))


def _sum_breslow(S: F64, deaths: F64) -> tuple[dict[tuple[int, int], F64], F64]:
    with np.errstate(divide="ignore", over="ignore"):
        q = 1.0 / S
        powers = {(j, k): deaths * q**k if j == 0 else np.zeros(S.size) for j, k in _POWERS}
        return powers, deaths * np.log(S)


def _sum_efron(S: F64, D: F64, deaths: I64) -> tuple[dict[tuple[int, int], F64], F64]:
    """Return the sums over l of ``f^j q^k`` and of the logarithms, for each event time."""
    starts = np.concatenate([[0], np.cumsum(deaths)[:-1]]) if deaths.size else np.empty(0, np.int64)
    time = np.repeat(np.arange(deaths.size), deaths)
    f = (np.arange(time.size) - starts[time]) / deaths[time]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        left = S[time] - f * D[time]
        q = 1.0 / left
        terms = {(j, k): f**j * q**k for j, k in _POWERS}
        logs = np.log(left)
    if not deaths.size:
        return {key: np.empty(0) for key in _POWERS}, np.empty(0)
    powers = {key: _sum_runs(part, starts) for key, part in terms.items()}
    return powers, _sum_runs(logs, starts)


def _sum_runs(values: F64, starts: I64) -> F64:
    return np.asarray(np.add.reduceat(values, starts), dtype=np.float64)
