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
from typing import Literal, TypeAlias

import numpy as np

from proteomr._typing import F64, I64
from proteomr.stats.risk_sets import RiskSets

__all__ = ["HazardSums", "Ties", "sum_from_hazards", "sum_hazards", "sum_intervals", "sum_sets"]

Ties: TypeAlias = Literal["efron", "breslow"]


def sum_sets(risk: RiskSets, values: F64) -> F64:
    """Return the sums over each risk set ``(G, p)`` of values ``(n, p)`` of rows.

    Without left truncation nothing is ever subtracted. With it, a sum is made of what has come to
    risk less what has left, or from the other end, whichever has met less.

    Examples
    --------
    >>> from proteomr.stats.risk_sets import lay_out_risk_sets
    >>> rows = np.array([[-np.inf, 3.0, 1.0], [-np.inf, 5.0, 1.0], [4.0, 6.0, 0.0]])
    >>> sum_sets(lay_out_risk_sets(rows), np.array([[1.0], [2.0], [4.0]])).tolist()
    [[3.0], [6.0]]
    """
    ever = risk.at_risk
    low, high, of_rows = risk.low[ever], risk.high[ever], values[ever]
    leaving = _sum_bins(high - 1, of_rows, risk.size)
    if not risk.truncated:
        return _add_onward(risk, leaving)
    coming = _sum_bins(low, of_rows, risk.size)
    from_start = _add_up(risk, coming) - _add_up(risk, leaving) + leaving
    to_end = _add_onward(risk, leaving) - _add_onward(risk, coming) + coming
    sizes = np.abs(of_rows).sum(axis=1)[:, None]
    met = _add_up(risk, _sum_bins(low, sizes, risk.size))
    to_meet = _add_onward(risk, _sum_bins(high - 1, sizes, risk.size))
    return np.where(met < to_meet, from_start, to_end)


def _add_up(risk: RiskSets, of_times: F64) -> F64:
    """Return the sums ``(G, ...)`` over the event times of a part up to each.

    By doubling: each sum is of neighbours only, and no other part has a share in its rounding.
    """
    out = of_times.copy()
    step = 1
    while step < risk.longest:
        same = risk.part_of_time[step:] == risk.part_of_time[:-step]
        moved = np.where(same.reshape(-1, *(1,) * (out.ndim - 1)), out[:-step], 0.0)
        out[step:] = out[step:] + moved
        step *= 2
    return out


def _add_onward(risk: RiskSets, of_times: F64) -> F64:
    """Return the sums ``(G, ...)`` over the event times of a part from each on."""
    out = of_times.copy()
    step = 1
    while step < risk.longest:
        same = risk.part_of_time[step:] == risk.part_of_time[:-step]
        moved = np.where(same.reshape(-1, *(1,) * (out.ndim - 1)), out[step:], 0.0)
        out[:-step] = out[:-step] + moved
        step *= 2
    return out


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


def _sum_bins(bins: I64, values: F64, size: int) -> F64:
    """Return the sums ``(size, p)`` of values ``(n, p)`` by bin."""
    out = np.empty((size, values.shape[1]))
    for j, column in enumerate(values.T):
        out[:, j] = np.bincount(bins, weights=column, minlength=size)
    return out


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
        weighted = self.w[:, None] * X
        dead = _sum_bins(self.time_of_dead, weighted[self.dead], self.risk.size)
        return sum_sets(self.risk, weighted), dead

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
        cumulative = self.accumulate(by)
        whole = X.T @ (X * (self.w * cumulative)[:, None])
        a, b, c = (by * self.q(j, 2) for j in range(3))
        cross = S1.T @ (D1 * b[:, None])
        means = S1.T @ (S1 * a[:, None]) - cross - cross.T + D1.T @ (D1 * c[:, None])
        out = whole - means
        return np.asarray(0.5 * (out + out.T))


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


# Of the share of ties and of the sum, in the moments that Efron's ties need.
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
