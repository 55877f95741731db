"""What a pass over all rows is for Cox regression, in place: from predictors to residuals.

Shapes: R fits, one for each protein of a block; ``s`` border columns (the protein itself and its
own covariates); n rows in any order, of which ``low``, ``high`` and ``died`` say at which of G
event times they are at risk (:mod:`proteomr.stats.risk_sets`). A row of mask 0 is in no risk set
and no death; else the mask is its weight. The formulas are those of :mod:`proteomr.stats.cox_sums`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from proteomr._typing import F64
from proteomr.stats.column_squares import multiply_pairs
from proteomr.stats.cox_sandwich import score_residuals
from proteomr.stats.cox_sums import HazardSums, sum_from_hazards, sum_intervals
from proteomr.stats.risk_sets import RiskSets
from proteomr.stats.timed_columns import TimedColumns

__all__ = [
    "apply_curvature",
    "keep_hazards",
    "leave_residuals",
    "move_hazards",
    "multiply_pairs",
    "sum_changes",
    "sum_influence",
]

_Array = NDArray[Any]


def leave_residuals(
    eta: _Array,
    rows: tuple[_Array, _Array],
    risk: RiskSets,
    coefficients: _Array,
    score: F64,
    *,
    efron: bool,
) -> None:
    """Replace ``eta = A beta (R, n)`` by martingale residuals; add their border scores.

    Parameters
    ----------
    rows : borders ``(R, s, n)`` and mask ``(R, n)``.
    """
    for r in range(eta.shape[0]):
        _leave(eta[r], rows[0][r], rows[1][r], risk, coefficients[r], score[r], efron=efron)


def keep_hazards(
    eta: _Array,
    rows: tuple[_Array, _Array],
    risk: RiskSets,
    coefficients: _Array,
    score: F64,
    hazards: F64,
    weights: _Array,
    *,
    efron: bool,
) -> None:
    """As :func:`leave_residuals`, and keep the hazards ``m exp(eta)`` and a diagonal that bounds
    the curvature: the hazards times what each has accumulated, both ``(R, n)``.
    """
    for r in range(eta.shape[0]):
        given = eta[r], rows[0][r], rows[1][r], risk, coefficients[r], score[r]
        hazards[r], weights[r] = _leave(*given, efron=efron)


def move_hazards(shift: _Array, borders: _Array, step: F64, hazards: F64) -> None:
    """Move the hazards to first order by ``shift (R, n)`` and the borders' step ``(R, s)``."""
    hazards *= 1.0 + (shift + np.einsum("rs,rsn->rn", step, borders))


def apply_curvature(
    u: _Array,
    rows: tuple[_Array, _Array],
    risk: RiskSets,
    vector: _Array,
    product: F64,
    hazards: F64,
    *,
    efron: bool,
) -> None:
    """Replace ``u = A v (R, n)`` by its product with the curvature; add that of the borders."""
    for r in range(u.shape[0]):
        borders, mask = rows[0][r], rows[1][r]
        whole = u[r].astype(np.float64) + vector[r].astype(np.float64) @ borders
        there = mask > 0.0
        sums, kept = _sum(hazards[r], mask, risk, there, efron=efron)
        x = whole[there][:, None]
        S1, D1 = sums.sum_columns(x)
        a, b, c = (sums.q(j, 2)[:, None] for j in range(3))
        means = sum_intervals(kept, a * S1 - b * D1)[:, 0]
        means[sums.dead] -= (b * S1 - c * D1)[sums.time_of_dead, 0]
        out = np.zeros(whole.size)
        out[there] = sums.w * (sums.cumulative * x[:, 0] - means)
        u[r] = out
        product[r] += borders @ out


def sum_changes(
    columns: TimedColumns,
    borders: _Array,
    mask: _Array,
    risk: RiskSets,
    hazards: F64,
    gtime: F64,
    weights: F64,
    *,
    efron: bool,
    single: bool = False,
) -> tuple[F64, F64, F64]:
    """Return what tests of proportional hazards need of B fits.

    Parameters
    ----------
    columns : the k covariates.
    borders, mask, hazards : ``(B, s, n)``, ``(B, n)``, ``(B, n)``.
    gtime : ``(B, G)``, function of time at each event time.
    weights : ``(B, 3, n)``, filled: hazards times their cumulative ones, weighted by gtime to the
        power of 0, 1 and 2.
    single : sum squares of small differences in single precision; compiled loops alone do.

    Returns
    -------
    The part of the means in the information ``(3, B, k + s, k + s)`` with those weights, the scores
    ``(B, k + s)`` with the weight gtime, and how much of the diagonal of the first was summed in
    single precision ``(3, B, k + s)``.
    """
    del single
    p = columns.of_dead.shape[1] + borders.shape[1]
    means, score = np.empty((3, borders.shape[0], p, p)), np.empty((borders.shape[0], p))
    matrix = columns.matrix()
    for b, own in enumerate(borders):
        X, of_fit = np.column_stack([matrix, own.T]), (mask[b], risk, hazards[b], gtime[b])
        means[:, b], score[b] = _sum_changes(X, *of_fit, weights[b], efron=efron)
    return means, score, np.zeros(means.shape[:3])


def _sum_changes(
    X: F64,
    mask: _Array,
    risk: RiskSets,
    hazards: F64,
    gtime: F64,
    weights: F64,
    *,
    efron: bool,
) -> tuple[F64, F64]:
    there = mask > 0.0
    sums, _kept = _sum(hazards, mask, risk, there, efron=efron)
    X = X[there]
    counts = np.bincount(risk.high[risk.died & there] - 1, minlength=risk.size)
    g = gtime[counts > 0]
    S1, D1 = sums.sum_columns(X)
    means = np.empty((3, X.shape[1], X.shape[1]))
    weights[:] = 0.0
    for power in range(3):
        by = g**power
        weights[power, there] = sums.w * sums.accumulate(by)
        a, b, c = ((by * sums.q(j, 2))[:, None] for j in range(3))
        cross = S1.T @ (D1 * b)
        means[power] = S1.T @ (S1 * a) - cross - cross.T + D1.T @ (D1 * c)
    first, second = (sums.q(j, 1)[:, None] for j in range(2))
    at = sums.time_of_dead
    score = (sums.counts[sums.dead] * g[at]) @ X[sums.dead]
    return means, score - g @ (S1 * first - D1 * second)


def sum_influence(
    u: F64,
    borders: _Array,
    mask: _Array,
    risk: RiskSets,
    vector: F64,
    hazards: F64,
    *,
    efron: bool,
) -> None:
    """Replace ``u = A v (n,)`` by what each row moves the coefficient ``v`` is of."""
    there = mask > 0.0
    z = (u + vector @ borders)[there]
    sums, _ = _sum(hazards, mask, risk, there, efron=efron)
    u[:] = 0.0
    u[there] = score_residuals(sums, z[:, None])[:, 0]


def _leave(
    eta: _Array,
    borders: _Array,
    mask: _Array,
    risk: RiskSets,
    coefficients: _Array,
    score: F64,
    *,
    efron: bool,
) -> tuple[F64, F64]:
    """Return hazards and weights ``(n,)`` of one fit; its residuals are left in eta."""
    whole = eta.astype(np.float64) + coefficients.astype(np.float64) @ borders
    there = mask > 0.0
    hazards = np.where(there, mask * np.exp(np.where(there, whole, 0.0)), 0.0)
    sums, _ = _sum(hazards, mask, risk, there, efron=efron)
    residuals, weights = np.zeros(whole.size), np.zeros(whole.size)
    residuals[there] = sums.residuals
    weights[there] = sums.w * sums.cumulative
    eta[:] = residuals
    score += borders @ residuals
    return hazards, weights


def _sum(
    hazards: F64, mask: _Array, risk: RiskSets, there: NDArray[np.bool_], *, efron: bool
) -> tuple[HazardSums, RiskSets]:
    kept = risk.take(there)
    w, counts = hazards[there], mask[there].astype(np.float64)
    return sum_from_hazards(kept, w, counts, ties="efron" if efron else "breslow"), kept
