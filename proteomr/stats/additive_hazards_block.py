"""Additive hazards of many proteins on shared covariates: each adds its borders to common sums.

The estimator of :mod:`proteomr.stats.additive_hazards` with a free baseline. Its sums are those of
covariates, which all proteins have in common, bordered by those of each protein's own columns; the
latter are linear in these columns but for a sum of squares over the cells of follow-up, so that a
protein costs a pass over the people and its share of one matrix product.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.stats.additive_hazards import count_carriers, invert_information, is_balanced
from proteomr.stats.risk_intervals import RiskIntervals, find_risk_intervals

__all__ = ["AdditiveBorders", "AdditiveShared", "fit_borders", "share_covariates"]

# Share of a column's information that the others leave, below which digits are lost.
_PIVOT = 1e-5
# What the solved equations may lack, relative to the terms that they balance.
_UNSOLVED = 1e-9
# Proteins whose products with the covariates are one: their rows stay in the cache.
_TOGETHER = 8


@dataclass(frozen=True, slots=True)
class AdditiveShared:
    """The sums over n rows that all proteins share, k covariates among them.

    Attributes
    ----------
    C : ``(n, k)``.
    weights, counts : ``(n,)``, weight of each row, and of its event.
    at_risk : ``(T,)``, weight of those at risk.
    means : ``(T, k)``, of the covariates over them.
    left : ``(n, k)``, weight times the integral of ``C - means`` over the time at risk.
    events : rows with the event.
    jumps : ``(d, k)``, what they add to the score of the covariates.
    inverse, score, squares : ``(k, k)``, ``(k,)``, ``(k, k)``, of the covariates alone.
    sound : whether the data determine the effects of all covariates that vary.
    """

    cells: RiskIntervals
    C: F64
    weights: F64
    counts: F64
    at_risk: F64
    means: F64
    left: F64
    events: I64
    jumps: F64
    information: F64
    inverse: F64
    score: F64
    squares: F64
    sound: bool


@dataclass(frozen=True, slots=True)
class AdditiveBorders:
    """Effects of the s own columns of b proteins, beside covariates.

    Attributes
    ----------
    estimate : ``(b, s)``.
    covariance : ``(b, s, s)``, of the errors that were asked for.
    carriers : ``(b, s)``, of robust errors, how many rows or clusters carry each estimate
        (:func:`proteomr.stats.additive_hazards.count_carriers`); None of martingale ones.
    certified : ``(b,)``, which have their certificate; the others are for the exact path.
    """

    estimate: F64
    covariance: F64
    carriers: F64 | None
    certified: Bool


def share_covariates(
    C: F64, outcome: F64, *, weights: F64 | None = None, strata: I64 | None = None
) -> AdditiveShared:
    """Sum what the fits of all proteins on the same rows share.

    Parameters
    ----------
    C : ``(n, k)``, columns of about unit size without an intercept.
    outcome : ``(n, 3)``: entry (-inf for time 0), exit, and 1 for the event or 0.
    weights, strata : ``(n,)``, as of :func:`proteomr.stats.additive_hazards.fit_additive_hazards`.

    Examples
    --------
    >>> outcome = np.array([[0.0, 1.0, 1.0], [0.0, 2.0, 1.0], [0.0, 3.0, 0.0]])
    >>> share_covariates(np.array([[1.0], [0.0], [0.0]]), outcome).information.round(4).tolist()
    [[0.6667]]
    """
    w = np.ones(C.shape[0]) if weights is None else weights
    cells = find_risk_intervals(outcome[:, 1], outcome[:, 0], strata=strata)
    counts = w * outcome[:, 2]
    at_risk = cells.sum_at_risk(w)
    means = cells.sum_at_risk(C * w[:, None]) / np.where(at_risk > 0.0, at_risk, 1.0)[:, None]
    durations = cells.durations
    left = C * durations[:, None]
    left -= cells.within(means * cells.lengths[:, None])
    left *= w[:, None]
    information = C.T @ left
    sizes = np.einsum("nk,nk,n->k", C, C, w * durations)
    inverse, sound = invert_information(information, sizes)
    events = np.flatnonzero(outcome[:, 2] > 0.0)
    jumps = (C[events] - means[cells.last[events]]) * w[events, None]
    varies = np.diagonal(information) > _PIVOT * sizes
    return AdditiveShared(
        cells,
        C,
        w,
        counts,
        at_risk,
        means,
        left,
        events,
        jumps,
        information,
        inverse,
        jumps.sum(axis=0),
        jumps.T @ jumps,
        bool(np.all(sound[varies])),
    )


def fit_borders(
    shared: AdditiveShared, borders: F64, *, robust: bool, clusters: I64 | None = None
) -> AdditiveBorders:
    """Fit the own columns of b proteins beside the shared covariates.

    Parameters
    ----------
    borders : ``(b, s, n)``, of about unit size.
    robust : give robust errors; martingale ones otherwise.
    clusters : ``(n,)``, codes from 0 of what robust errors take for one; None for each row.

    Examples
    --------
    >>> outcome = np.array([[0.0, 1.0, 1.0], [0.0, 2.0, 1.0], [0.0, 3.0, 0.0], [0.0, 4.0, 1.0]])
    >>> shared = share_covariates(np.empty((4, 0)), outcome)
    >>> fit = fit_borders(shared, np.array([[[1.0, 0.0, 1.0, 0.0]]]), robust=False)
    >>> fit.estimate.round(4).tolist(), np.sqrt(fit.covariance).round(4).tolist()
    ([[0.0769]], [[[0.2774]]])
    """
    b, s, n = borders.shape
    k = shared.C.shape[1]
    flat = borders.reshape(b * s, n)
    sums = [_sum_borders(shared, columns) for columns in borders]
    means = np.array([one.means for one in sums]).reshape(b, s, shared.at_risk.size)
    jumps = np.array([one.jumps for one in sums]).reshape(b, s, shared.events.size)
    cross = (flat @ shared.left).reshape(b, s, k)
    P = cross @ shared.inverse
    inside = np.array([one.information for one in sums]).reshape(b, s, s)
    schur = inside - P @ cross.transpose(0, 2, 1)
    score = np.array([one.score for one in sums]).reshape(b, s)
    # What means over those at risk leave is a difference from these.
    root = np.sqrt(np.maximum(np.array([one.sizes for one in sums]), np.finfo(np.float64).tiny))
    able = _find_pivots(schur / (root[:, :, None] * root[:, None, :])) > _PIVOT
    able &= shared.sound & bool(shared.events.size)
    inverse = np.zeros((b, s, s))
    inverse[able] = np.linalg.inv(schur[able])
    estimate = np.einsum("bij,bj->bi", inverse, score - P @ shared.score)
    carriers = None
    of_covariates = shared.score @ shared.inverse - np.einsum("bs,bsk->bk", estimate, P)
    if robust:
        fits = _Fits(estimate, of_covariates, P, means)
        meat, carriers, balanced = _sum_influence(shared, borders, fits, inverse, clusters)
        able &= balanced
    else:
        mixed = (jumps.reshape(b * s, -1) @ shared.jumps).reshape(b, s, k) @ P.transpose(0, 2, 1)
        meat = jumps @ jumps.transpose(0, 2, 1) - mixed - mixed.transpose(0, 2, 1)
        meat += P @ shared.squares @ P.transpose(0, 2, 1)
    able &= _is_solved(inside, cross, estimate, of_covariates, score)
    return AdditiveBorders(estimate, inverse @ meat @ inverse, carriers, able)


@dataclass(frozen=True, slots=True)
class _Sums:
    """Those of the own columns of one protein: over cells, and over the rows; ``sizes`` are the
    squares that information is left of.
    """

    means: F64
    jumps: F64
    information: F64
    score: F64
    sizes: F64


@dataclass(frozen=True, slots=True)
class _Fits:
    """Effects of own columns ``(b, s)`` and covariates ``(b, k)``; P ``(b, s, k)``, the columns on
    the covariates; means of the columns ``(b, s, T)``.
    """

    own: F64
    covariates: F64
    P: F64
    means: F64


def _sum_borders(shared: AdditiveShared, columns: F64) -> _Sums:
    cells, w = shared.cells, shared.weights
    some = np.where(shared.at_risk > 0.0, shared.at_risk, 1.0)
    means = np.array([cells.sum_at_risk(column * w) / some for column in columns])
    information = (columns * (w * cells.durations)) @ columns.T
    sizes = np.diagonal(information).copy()
    information -= (means * (cells.lengths * shared.at_risk)) @ means.T
    at = shared.events
    jumps = (columns[:, at] - means[:, cells.last[at]]) * w[at]
    return _Sums(means, jumps, information, jumps.sum(axis=1), sizes)


def _find_pivots(correlated: F64) -> F64:
    """Return the smallest pivots ``(b,)``: what the columns before each leave of it."""
    out = np.empty(correlated.shape[0])
    for j, matrix in enumerate(correlated):
        try:
            out[j] = np.diagonal(np.linalg.cholesky(matrix)).min(initial=1.0) ** 2
        except np.linalg.LinAlgError:
            out[j] = 0.0
    return out


def _sum_influence(
    shared: AdditiveShared, borders: F64, fits: _Fits, inverse: F64, clusters: I64 | None
) -> tuple[F64, F64, Bool]:
    """Sum the squares of what each row adds to the scores ``(b, s, s)``, count who carries each
    estimate, and check that what rows add sums to nothing.
    """
    b, s, _ = borders.shape
    meat, balanced = np.zeros((b, s, s)), np.zeros(b, dtype=bool)
    carriers = np.full((b, s), np.nan)
    some = np.where(shared.at_risk > 0.0, shared.at_risk, 1.0)
    happened = np.bincount(shared.cells.last, weights=shared.counts, minlength=some.size) / some
    durations = shared.cells.durations
    for start in range(0, b, _TOGETHER):
        part = slice(start, min(start + _TOGETHER, b))
        for j, traces in zip(range(b)[part], _trace(shared, borders, fits, part), strict=True):
            moves = _find_moves(shared, traces, happened, durations)
            balanced[j] = is_balanced(moves.T)
            if clusters is not None:
                moves = np.array([np.bincount(clusters, weights=one) for one in moves])
            meat[j] = moves @ moves.T
            carriers[j] = count_carriers(inverse[j] @ moves)
    return meat, carriers, balanced


@dataclass(frozen=True, slots=True)
class _Traces:
    """What covariates leave of own columns ``(s, n)`` and the excess hazards ``(n,)``; the same of
    means over those at risk ``(s, T)``, ``(T,)``.
    """

    rest: F64
    eta: F64
    bars: F64
    eta_bar: F64


def _trace(shared: AdditiveShared, borders: F64, fits: _Fits, part: slice) -> Iterator[_Traces]:
    """Yield the traces of some proteins, whose products with the covariates are one."""
    columns, means, own = borders[part], fits.means[part], fits.own[part]
    c, s, n = columns.shape
    turns = np.concatenate([-fits.P[part], fits.covariates[part][:, None, :]], axis=1)
    turns = turns.reshape(c * (s + 1), -1)
    rows = (turns @ shared.C.T).reshape(c, s + 1, n)
    over_cells = (turns @ shared.means.T).reshape(c, s + 1, -1)
    rows[:, :s] += columns
    over_cells[:, :s] += means
    for j in range(c):
        eta, eta_bar = rows[j, s] + own[j] @ columns[j], over_cells[j, s] + own[j] @ means[j]
        yield _Traces(rows[j, :s], eta, over_cells[j, :s], eta_bar)


def _find_moves(shared: AdditiveShared, traces: _Traces, happened: F64, durations: F64) -> F64:
    """Return what each row adds to the score of the own columns beside the covariates ``(s, n)``.

    With ``x`` what the covariates leave of a column, ``eta`` the excess hazard and bars for means
    over those at risk, that is ``w [(x - x_bar)(exit) event - int (x - x_bar) (dN_bar +
    (eta - eta_bar) dt)]``.
    """
    cells, w, lengths = shared.cells, shared.weights, shared.cells.lengths
    baseline = happened - traces.eta_bar * lengths
    share = cells.within(baseline) + traces.eta * durations
    moves = np.empty(traces.rest.shape)
    for a, (x, bar) in enumerate(zip(traces.rest, traces.bars, strict=True)):
        taken = x * share
        taken -= cells.within(bar * baseline)
        taken -= traces.eta * cells.within(bar * lengths)
        taken *= w
        at = shared.events
        taken[at] -= shared.counts[at] * (x[at] - bar[cells.last[at]])
        np.negative(taken, out=moves[a])
    return moves


def _is_solved(inside: F64, cross: F64, own: F64, covariates: F64, score: F64) -> Bool:
    """Whether the equations of the own columns hold, taken from the sums themselves ``(b,)``."""
    parts = np.concatenate([inside * own[:, None, :], cross * covariates[:, None, :]], axis=2)
    lack = np.abs(parts.sum(axis=2) - score)
    size = np.abs(parts).sum(axis=2) + np.abs(score)
    solved = np.isfinite(own) & (lack <= _UNSOLVED * size)
    return np.asarray(solved.all(axis=1))
