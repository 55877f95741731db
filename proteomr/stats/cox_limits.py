"""Directions in which the partial likelihood of Cox rises for ever, and what is left beside them.

It has no maximum where a combination of the columns is, at each event, as high in those who have
the event as in anybody at risk, and higher than in somebody (Bryson and Johnson 1981,
doi:10.2307/1267787: monotone likelihood). At the limit a person counts in the risk sets of those
events alone whose people have the same value of the combination: the combination has become a
stratum (Geyer 2009, doi:10.1214/08-EJS349, for the general case). Coefficients that have no part in
it keep a maximum there.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from proteomr._typing import F64, I64
from proteomr.stats.risk_sets import RiskSets

__all__ = ["divide_by", "find_highest", "find_recession", "group_along"]

# Of a linear predictor: risk sets within which hazards are this many powers of e apart are where
# an infinite estimate shows.
_APART = 12.0
# A programme is settled in some ten rounds of that many broken comparisons.
_ROUNDS, _CUTS = 200, 400
# Of a direction whose largest component is 1 where there is one; the programme's own tolerance is
# 1e-7.
_NONE, _MARGIN = 0.5, 1e-6


def find_highest(risk: RiskSets, values: F64) -> I64:
    """Return the row of the highest value in the risk set of each event time ``(G,)``.

    Examples
    --------
    >>> from proteomr.stats.risk_sets import lay_out_risk_sets
    >>> rows = np.array([[-np.inf, 1.0, 1.0], [-np.inf, 2.0, 1.0], [1.0, 3.0, 0.0]])
    >>> find_highest(lay_out_risk_sets(rows), np.array([5.0, 1.0, 2.0])).tolist()
    [0, 2]
    """
    rows = np.flatnonzero(risk.at_risk)
    order = rows[np.argsort(values[rows], kind="stable")]
    rank = np.empty(values.size, dtype=np.int64)
    rank[order] = np.arange(order.size)
    low, high = risk.low[rows], risk.high[rows]
    level = np.floor(np.log2(high - low)).astype(np.int64)
    top = int(level.max(initial=0))
    # An interval is covered by two whose length is a power of two.
    table = np.full((top + 1, risk.size), -1, dtype=np.int64)
    for start in (low, high - (1 << level)):
        np.maximum.at(table, (level, start), rank[rows])
    for t in range(top, 0, -1):
        half = 1 << (t - 1)
        table[t - 1] = np.maximum(table[t - 1], table[t])
        shifted = np.full(risk.size, -1, dtype=np.int64)
        shifted[half:] = table[t, : risk.size - half]
        table[t - 1] = np.maximum(table[t - 1], shifted)
    return np.asarray(order[table[0]], dtype=np.int64)


def find_recession(X: F64, risk: RiskSets, eta: F64, *, exact: bool = False) -> F64 | None:
    """Return a direction ``(p,)`` in which the likelihood rises for ever; None where there is none.

    A linear programme over the columns alone, to which the comparisons that its last answer broke
    are added until none is broken.

    Parameters
    ----------
    X : ``(n, p)``, independent within the risk sets, of about unit size.
    eta : ``(n,)``, linear predictors where an iteration ended.
    exact : whether those who have the event together are compared with the others at risk alone, as
        in the exact likelihood of ties, and not with one another.

    Raises
    ------
    ArithmeticError
        The programme could not be solved: nothing is known.

    Examples
    --------
    >>> from proteomr.stats.risk_sets import lay_out_risk_sets
    >>> rows = np.column_stack([np.full(4, -np.inf), [1.0, 2.0, 3.0, 4.0], [1.0, 1.0, 0.0, 0.0]])
    >>> x = np.array([[1.0], [1.0], [0.0], [0.0]])
    >>> find_recession(x, lay_out_risk_sets(rows), 20.0 * x[:, 0]).tolist()
    [1.0]
    """
    high, low = find_highest(risk, eta), find_highest(risk, -eta)
    others = risk
    if exact:
        others = replace(risk, high=risk.high - risk.died)
        low = find_highest(others, -eta)
    dead = np.flatnonzero(risk.died)
    time = risk.high[dead] - 1
    suspect = (eta[high] - eta[low])[time] > _APART
    if not np.any(suspect):
        return None
    X = X / np.maximum(np.abs(X).max(axis=0), np.finfo(np.float64).tiny)
    gain = (X[dead] - X[low[time]])[suspect].sum(axis=0)
    length = float(np.abs(gain).max())
    if not length > 0.0:
        return None
    from scipy.optimize import linprog

    cuts = np.empty((0, X.shape[1]))
    for _ in range(_ROUNDS):
        solution = linprog(
            -gain / length, A_ub=-cuts, b_ub=np.zeros(len(cuts)), bounds=(-1.0, 1.0), method="highs"
        )
        if solution.status != 0:
            raise ArithmeticError(f"the linear programme of separation: {solution.message}")
        v = np.asarray(solution.x, dtype=np.float64)
        if np.abs(v).max() < _NONE:
            return None
        values = X @ v
        highest = find_highest(others, values)[time]
        short = values[highest] - values[dead]
        broken = np.flatnonzero(short > _MARGIN)
        if not broken.size:
            return np.where(np.abs(v) > _MARGIN, v, 0.0)
        broken = broken[np.argsort(-short[broken], kind="stable")[:_CUTS]]
        cuts = np.vstack([cuts, X[dead[broken]] - X[highest[broken]]])
    raise ArithmeticError("the linear programme of separation did not settle")


def group_along(X: F64, direction: F64) -> I64:
    """Return the group of each row ``(n,)`` by its value of a direction, from 0, the lowest, on.

    At the limit a hazard in a higher group is above any in a lower one.

    Parameters
    ----------
    X, direction : as of :func:`find_recession`, and what it gave.

    Examples
    --------
    >>> group_along(np.array([[2.0], [-1.0], [2.0]]), np.array([1.0])).tolist()
    [1, 0, 1]
    """
    X = X / np.maximum(np.abs(X).max(axis=0), np.finfo(np.float64).tiny)
    values = X @ direction
    order = np.argsort(values, kind="stable")
    group = np.empty(values.size, dtype=np.int64)
    group[order] = np.cumsum(np.diff(values[order], prepend=values[order[:1]]) > _MARGIN)
    return group


def divide_by(X: F64, risk: RiskSets, direction: F64) -> RiskSets:
    """Return the risk sets at the limit in a direction: those of equal values of it.

    Parameters
    ----------
    X, direction : as of :func:`group_along`.
    """
    return risk.refine(group_along(X, direction))
