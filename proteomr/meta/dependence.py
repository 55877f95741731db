"""Effects that come in clusters: robust errors, or three levels, unit by unit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.meta.laying_out import Layout
from proteomr.meta.specification import MetaRequest
from proteomr.stats.clustered_effects import ClusteredErrors, estimate_clustered_errors
from proteomr.stats.distributions import neg_log10_p_chi2
from proteomr.stats.f_tail import neg_log10_p_f
from proteomr.stats.pooling import pool_effects
from proteomr.stats.study_effects import StudyEffects
from proteomr.stats.three_levels import fit_three_levels
from proteomr.status import Status

__all__ = ["Dependent", "infer_dependent", "leave_out_dependent"]

_ROUNDING = 64.0  # last digits of effects: residuals below are what rounding leaves


@dataclass(frozen=True, slots=True)
class Dependent:
    """Fits of units whose effects depend on one another.

    Attributes
    ----------
    beta, se, df : ``(m, p)``.
    covariance : ``(m, p, p)``.
    between, within : ``(m,)`` variances of clusters and within them; NaN of robust errors.
    clusters : ``(m,)``.
    status : ``(m,)``.
    untold : ``(m, p)`` coefficients of sound fits of whose errors the residuals do not tell.
    joint : ``(m, 3)`` test of all columns but the first: statistic, how many, minus log10 p.
    """

    beta: F64
    se: F64
    df: F64
    covariance: F64
    between: F64
    within: F64
    clusters: I64
    status: I64
    untold: Bool
    joint: F64

    def describe(self) -> Mapping[str, F64]:
        """Return the columns that a table has of clusters."""
        total = self.between + self.within
        columns: dict[str, F64] = {"clusters": self.clusters.astype(np.float64)}
        if np.isfinite(total).any():
            columns |= {"tau2_between": self.between, "tau2_within": self.within, "tau2": total}
            columns["tau2_se"] = columns["tau2_low"] = columns["tau2_high"] = np.full_like(
                total, np.nan
            )
        return columns


@dataclass(frozen=True, slots=True)
class _Fit:
    beta: F64
    covariance: F64
    df: F64
    between: float
    within: float
    status: int
    errors: ClusteredErrors | None = None


def infer_dependent(layout: Layout, asked: MetaRequest, X: F64) -> Dependent:
    """Fit every unit, its effects within the clusters of the request.

    Parameters
    ----------
    X : ``(m, k, p)`` columns, NaN where absent.
    """
    return _fit_clusters(layout.effects, layout.variances, layout.codes("_cluster"), X, asked)


def leave_out_dependent(layout: Layout, asked: MetaRequest) -> tuple[I64, I64, Dependent]:
    """Fit the mean of every unit of several effects without each of them in turn.

    Returns
    -------
    The unit and the place of the effect that is left out, ``(r,)`` each, and the fits.
    """
    y, v, codes = layout.effects, layout.variances, layout.codes("_cluster")
    there = np.isfinite(y)
    unit, place = (np.asarray(found, np.int64) for found in np.nonzero(there))
    several = there.sum(axis=1)[unit] > 1
    unit, place = unit[several], place[several]
    left = y[unit].copy()
    left[np.arange(unit.size), place] = np.nan
    return unit, place, _fit_clusters(left, v[unit], codes[unit], np.ones((*left.shape, 1)), asked)


def _fit_clusters(y: F64, v: F64, codes: I64, X: F64, asked: MetaRequest) -> Dependent:
    m, _, p = X.shape
    beta, df = np.full((m, p), np.nan), np.full((m, p), np.nan)
    covariance = np.full((m, p, p), np.nan)
    ends, joint = np.full((2, m), np.nan), np.full((m, 3), np.nan)
    untold = np.zeros((m, p), dtype=np.bool_)
    clusters, status = np.zeros(m, np.int64), np.full(m, int(Status.too_few), dtype=np.int64)
    for unit in range(m):
        there = np.isfinite(y[unit]) & np.isfinite(X[unit]).all(axis=1)
        held = (X[unit, there], y[unit, there], v[unit, there], codes[unit, there])
        clusters[unit] = np.unique(held[3]).size
        kept = _find_kept(*held[:3])
        if clusters[unit] < 2 or there.sum() <= kept.sum():
            continue
        one = (held[0][:, kept], *held[1:])
        fit = (
            _fit_levels(*one, asked)
            if asked.dependence == "three-level"
            else _fit_robust(*one, asked)
        )
        status[unit] = fit.status
        if fit.status == Status.ok:
            beta[unit, kept], df[unit, kept] = fit.beta, fit.df
            untold[unit, kept] = np.isnan(fit.beta)
            covariance[unit][np.ix_(kept, kept)] = fit.covariance
            ends[:, unit] = fit.between, fit.within
            joint[unit] = _test_columns(fit, kept)
    place = np.arange(p)
    se = np.sqrt(covariance[:, place, place])
    return Dependent(beta, se, df, covariance, ends[0], ends[1], clusters, status, untold, joint)


def _test_columns(fit: _Fit, kept: Bool) -> tuple[float, float, float]:
    """Return the test of all columns but the first: chi-squared, or F of robust errors."""
    q = int(kept[1:].sum())
    if q == 0:
        return np.nan, 0.0, np.nan
    if fit.errors is not None:
        statistic, df = fit.errors.test_jointly(fit.beta[-q:])
        finite = np.isfinite(statistic) and np.isfinite(df)
        p = neg_log10_p_f(statistic, float(q), df)[()] if finite else np.nan
        return statistic, float(q), float(p)
    b, V = fit.beta[-q:], fit.covariance[-q:, -q:]
    size = np.sqrt(np.diag(V))
    wald = float((b / size) @ np.linalg.solve(V / np.outer(size, size), b / size))
    return wald, float(q), float(neg_log10_p_chi2([wald], [q])[0])


def _find_kept(X: F64, y: F64, v: F64) -> Bool:
    return np.asarray(StudyEffects.of(y[None], v[None], X).kept[0])


def _fit_robust(X: F64, y: F64, v: F64, codes: I64, asked: MetaRequest) -> _Fit:
    fit = pool_effects(StudyEffects.of(y[None], v[None], X), method=asked.tau2)
    if fit.status[0] != Status.ok:
        return _fail(int(fit.status[0]), X)
    beta, tau2 = fit.beta[0], float(fit.tau2[0])
    total = v + tau2
    left, digits = (y - X @ beta) ** 2 / total, _ROUNDING * np.finfo(np.float64).eps
    if left.sum() <= digits**2 * y.size * (y**2 / total).sum():
        return _fail(int(Status.constant), X)
    errors = estimate_clustered_errors(X, y, total, codes, beta=beta)
    if not errors.sound:
        return _fail(int(Status.not_converged), X)
    squares = np.diag(errors.covariance)
    told = errors.told & (squares > 0.0) & np.isfinite(squares) & np.isfinite(errors.df)
    if not told.any():
        return _fail(int(Status.not_identified), X)
    beta, df = np.where(told, beta, np.nan), np.where(told, errors.df, np.nan)
    covariance = np.where(told[:, None] & told, errors.covariance, np.nan)
    return _Fit(beta, covariance, df, np.nan, np.nan, int(Status.ok), errors)


def _fit_levels(X: F64, y: F64, v: F64, codes: I64, asked: MetaRequest) -> _Fit:
    fit = fit_three_levels(X, y, v, codes, restricted=asked.tau2 == "REML")
    endless = np.full(X.shape[1], np.inf)
    return _Fit(fit.beta, fit.covariance, endless, fit.between, fit.within, fit.status)


def _fail(status: int, X: F64) -> _Fit:
    nothing = np.full(X.shape[1], np.nan)
    return _Fit(nothing, np.full((X.shape[1],) * 2, np.nan), nothing, np.nan, np.nan, status)
