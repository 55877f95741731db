r"""Additive hazards with constant effects and a free baseline: one closed-form fit.

.. math:: \lambda_i(t) = f_i' \alpha(t) + z_i' \gamma

with ``alpha`` any functions of time. Weights of 1 in the estimating equations give

.. math:: \hat\gamma = \Big[\sum_i w_i \int Y_i (z_i - P' f_i)^{\otimes 2} dt\Big]^{-1}
          \sum_i w_i \int (z_i - P' f_i) dN_i, \quad
          P(t) = \Big[\sum w Y f f'\Big]^{-1} \sum w Y f z'

(McKeague and Sasieni 1994, doi:10.1093/biomet/81.3.501). Where f is the intercept alone, ``P`` is
the mean of z over those at risk, and this is the estimator of Lin and Ying (1994,
doi:10.1093/biomet/81.1.61): the two are one, provided that the integrals run over all of follow-up
and not over event times alone, as here and in R's ``timereg::aalen(... const(z))``. Columns of
baseline strata as f give each stratum a baseline of its own.

Everybody is at risk up to and including their time, and events at one time happen together; R's
timereg breaks ties at random, and by default cuts people into 1,000 clusters.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.stats.linalg import find_powers
from proteomr.stats.risk_intervals import RiskIntervals, find_risk_intervals

__all__ = [
    "AdditiveFit",
    "fit_additive_hazards",
    "invert_information",
    "is_balanced",
    "sum_clusters",
]

# Below this share of its time at risk the information of a column has fewer than eight digits.
_PIVOT = 1e-8
# Sums of influences, in units of their own root sum of squares, that rounding leaves: it is some
# 1e-12 of hundred thousands of people.
_UNBALANCED = 1e-8


@dataclass(frozen=True, slots=True)
class AdditiveFit:
    """Constant effects ``(p,)`` on an additive hazard, per unit of time.

    Attributes
    ----------
    coefficients : NaN where the data do not determine them.
    covariance : ``(p, p)``, of the martingale (model-based) errors.
    influence : ``(n, p)``, how far each row has moved each coefficient, weight included: their sum
        is 0, and the sum of their squares, within clusters first, the robust variance.
    robust : ``(p, p)``, covariance of the robust errors, each cluster (else each row) being one.
    times : ``(T,)``, of events and other changes of those at risk, in order within strata.
    baseline : ``(T, q)``, cumulative free effects there, of each stratum from its first time.
    events : number of rows with the event.
    certified : whether the estimating equations, taken anew from the influences, are solved.
    """

    coefficients: F64
    covariance: F64
    influence: F64
    robust: F64
    times: F64
    baseline: F64
    events: int
    certified: bool

    @property
    def se(self) -> F64:
        """Martingale standard errors ``(p,)``."""
        return np.sqrt(np.diagonal(self.covariance))

    @property
    def robust_se(self) -> F64:
        """Robust standard errors ``(p,)``."""
        return np.sqrt(np.diagonal(self.robust))


@dataclass(frozen=True, slots=True)
class _Projection:
    """What the free effects say of the columns in each cell.

    Attributes
    ----------
    free : ``(n, q)``.
    means : ``(T, q, p)``, P.
    inverse : ``(T, q, q)``, of the sums of f f'; 0 where nobody is at risk.
    """

    cells: RiskIntervals
    free: F64
    means: F64
    inverse: F64

    def integrate(self, Z: F64, w: F64) -> tuple[F64, F64]:
        """Integrate the sums of ``(z - P'f) z'`` over those at risk, and of ``z z'`` alone."""
        whole = Z * self.cells.durations[:, None]
        taken = np.einsum("nqp,nq->np", self._within(self.means, self.cells.lengths), self.free)
        A = (Z * w[:, None]).T @ (whole - taken)
        return (A + A.T) / 2.0, np.einsum("np,np,n->p", Z, whole, w)

    def step(self, counts: F64, gamma: F64) -> F64:
        """Return the steps of the cumulative free effects ``(T, q)``."""
        cells, q = self.cells, self.free.shape[1]
        jumps = np.zeros((cells.lengths.size, q))
        np.add.at(jumps, cells.last, self.free * counts[:, None])
        steps = np.einsum("tqr,tr->tq", self.inverse, jumps)
        return np.asarray(steps - (self.means @ gamma) * cells.lengths[:, None])

    def compensate(self, Z: F64, steps: F64, gamma: F64) -> F64:
        """Integrate ``(z - P'f) (f'dB + z'gamma dt)`` over the time at risk of each row."""
        cells, f, eta = self.cells, self.free, Z @ gamma
        share = np.einsum("nq,nq->n", cells.within(steps), f) + eta * cells.durations
        products = self._within(self.means[:, :, :, None] * steps[:, None, None, :])
        taken = np.einsum("nqpr,nq,nr->np", products, f, f)
        taken += eta[:, None] * np.einsum("nqp,nq->np", self._within(self.means, cells.lengths), f)
        return np.asarray(Z * share[:, None] - taken)

    def _within(self, values: F64, lengths: F64 | None = None) -> F64:
        """Sum values of cells, times their lengths, over those of each row."""
        flat = values.reshape(values.shape[0], -1)
        flat = flat if lengths is None else flat * lengths[:, None]
        found = self.cells.within(flat)
        return found.reshape(found.shape[0], *values.shape[1:])


def fit_additive_hazards(
    Z: F64,
    outcome: F64,
    *,
    weights: F64 | None = None,
    clusters: I64 | None = None,
    strata: I64 | None = None,
    free: F64 | None = None,
) -> AdditiveFit:
    """Fit constant effects of the columns of Z on an additive hazard.

    Mirrors R's ``timereg::aalen(Surv(...) ~ const(z), max.clust = NULL)`` on times without ties.

    Parameters
    ----------
    Z : ``(n, p)``, without an intercept.
    outcome : ``(n, 3)``: entry (-inf for time 0), exit, and 1 for the event or 0.
    weights : ``(n,)``, above 0; the martingale errors have their squares, as R's.
    clusters : ``(n,)``, codes of what robust errors take for one.
    strata : ``(n,)``, codes of strata with a baseline each.
    free : ``(n, q)``, columns whose effects are functions of time, beside the baselines.

    Raises
    ------
    ValueError
        Shapes that do not agree.

    Examples
    --------
    >>> exits = np.array([1.0, 2.0, 3.0, 4.0])
    >>> outcome = np.column_stack([np.zeros(4), exits, [1.0, 1.0, 0.0, 1.0]])
    >>> fit = fit_additive_hazards(np.array([[1.0], [0.0], [1.0], [0.0]]), outcome)
    >>> fit.coefficients.round(4).tolist(), fit.se.round(4).tolist()
    ([0.0769], [0.2774])
    """
    n = Z.shape[0]
    if outcome.shape != (n, 3):
        raise ValueError(f"an outcome of {outcome.shape} for {n} rows: it has three columns")
    w, event = np.ones(n) if weights is None else weights, outcome[:, 2]
    F = np.ones((n, 1)) if free is None else np.column_stack([np.ones(n), free])
    unit = find_powers(np.abs(Z).max(axis=0, initial=0.0))
    # The mean tells nothing, and without it fewer digits cancel.
    mean = (Z / unit).mean(axis=0)
    scaled = Z / unit - mean
    cells = find_risk_intervals(outcome[:, 1], outcome[:, 0], strata=strata)
    found = _project(cells, F, scaled, w)
    inverse, sound = invert_information(*found.integrate(scaled, w))
    rest = scaled - np.einsum("nqp,nq->np", found.means[cells.last], F)
    gamma = inverse @ (rest.T @ (w * event))
    half = (rest[event > 0.0] * w[event > 0.0, None]) @ inverse
    steps = found.step(w * event, gamma)
    moves = w[:, None] * (event[:, None] * rest - found.compensate(scaled, steps, gamma))
    moves = moves @ inverse
    summed = sum_clusters(moves, clusters)
    steps[:, 0] -= cells.lengths * (mean @ gamma)
    lost = np.where(sound, 1.0, np.nan) / unit
    # what is beyond the largest number, as of times of 1e-300, has no certificate
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        both = np.outer(lost, lost)
        return AdditiveFit(
            gamma * lost,
            half.T @ half * both,
            moves * lost,
            summed.T @ summed * both,
            cells.times,
            _cumulate(cells, steps),
            int(np.count_nonzero(event)),
            is_balanced(moves[:, sound]) and bool(np.all(np.isfinite(gamma))),
        )


def is_balanced(moves: F64) -> bool:
    """Whether influences ``(n, p)`` sum to 0 but for rounding: the estimating equations are solved.

    Examples
    --------
    >>> is_balanced(np.array([[1.0], [-1.0]])), is_balanced(np.array([[1.0], [-0.9]]))
    (True, False)
    """
    size = np.sqrt(np.einsum("ij,ij->j", moves, moves))
    return bool(np.all(np.abs(moves.sum(axis=0)) <= _UNBALANCED * size))


def count_carriers(moves: F64) -> F64:
    """Return how many rows or clusters carry each estimate ``(p,)``.

    ``(sum s)^2 / sum s^2`` of squared influences s: as many as there are where all are alike.

    Parameters
    ----------
    moves : ``(p, n)``, influences of rows, or of clusters.

    Examples
    --------
    >>> count_carriers(np.array([[1.0, -1.0, 1.0, -1.0], [2.0, -2.0, 0.0, 0.0]])).tolist()
    [4.0, 2.0]
    """
    largest = np.abs(moves).max(axis=1, keepdims=True, initial=0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        squares = np.square(moves / largest)
        return np.asarray(np.square(squares.sum(axis=1)) / np.square(squares).sum(axis=1))


def invert_information(A: F64, sizes: F64) -> tuple[F64, Bool]:
    """Return the inverse of ``A (p, p)``, and which columns it determines ``(p,)``.

    A column of which those before it leave nothing has zeros in the inverse.

    Parameters
    ----------
    sizes : ``(p,)``, what the diagonal would be had nothing been taken out.

    Examples
    --------
    >>> inverse, sound = invert_information(np.array([[2.0, 2.0], [2.0, 2.0]]), np.array([2., 2.]))
    >>> inverse.tolist(), sound.tolist()
    ([[0.5, 0.0], [0.0, 0.0]], [True, False])
    """
    root = np.sqrt(np.where(sizes > 0.0, sizes, 1.0))
    scaled = A / np.outer(root, root)
    kept = list(range(A.shape[0]))
    if not _has_pivots(scaled):
        kept = _find_kept(scaled)
    sound = np.zeros(A.shape[0], dtype=bool)
    sound[kept] = True
    inverse = np.zeros(A.shape)
    inverse[np.ix_(kept, kept)] = np.linalg.inv(scaled[np.ix_(kept, kept)])
    return inverse / np.outer(root, root), sound


def _has_pivots(scaled: F64) -> bool:
    """Whether every column is left something by those before it."""
    try:
        return bool(np.all(np.diagonal(np.linalg.cholesky(scaled)) ** 2 > _PIVOT))
    except np.linalg.LinAlgError:
        return False


def _find_kept(scaled: F64) -> list[int]:
    kept: list[int] = []
    for column in range(scaled.shape[0]):
        rest = scaled[column, column]
        if kept:
            cross = scaled[kept, column]
            rest -= cross @ np.linalg.solve(scaled[np.ix_(kept, kept)], cross)
        if rest > _PIVOT:
            kept.append(column)
    return kept


def sum_clusters(rows: F64, clusters: I64 | None) -> F64:
    """Sum rows ``(n, p)`` within clusters ``(G, p)``; the rows themselves without any.

    Examples
    --------
    >>> sum_clusters(np.array([[1.0], [2.0], [4.0]]), np.array([7, 3, 7])).tolist()
    [[2.0], [5.0]]
    """
    if clusters is None:
        return rows
    codes = np.unique(clusters, return_inverse=True)[1]
    out = np.zeros((int(codes.max(initial=-1)) + 1, rows.shape[1]))
    np.add.at(out, codes, rows)
    return out


def _project(cells: RiskIntervals, F: F64, Z: F64, w: F64) -> _Projection:
    (n, q), p = F.shape, Z.shape[1]
    weighted = F * w[:, None]
    squares = cells.sum_at_risk((weighted[:, :, None] * F[:, None, :]).reshape(n, q * q))
    sums = cells.sum_at_risk((weighted[:, :, None] * Z[:, None, :]).reshape(n, q * p))
    squares = squares.reshape(-1, q, q)
    inverse = np.asarray(np.linalg.pinv(squares, rcond=_PIVOT, hermitian=True), dtype=np.float64)
    return _Projection(cells, F, inverse @ sums.reshape(-1, q, p), inverse)


def _cumulate(cells: RiskIntervals, steps: F64) -> F64:
    """Add the steps ``(T, q)`` up within strata."""
    out = np.cumsum(steps, axis=0)
    for start in cells.starts[1:-1]:
        out[start:] -= out[start - 1]
    return out
