"""Fits one by one: interactions, weights, robust and clustered standard errors, for linear and
logistic.

Slower than the mass paths by two orders of magnitude for large samples, since every fit has its own
factorisation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from proteomr._typing import F64, I64
from proteomr.models.base import Block, FitBlock, Problem, Status, refuse_unfit
from proteomr.stats.firth import fit_firth
from proteomr.stats.linalg import find_independent, solve_least_squares
from proteomr.stats.logistic import fit_limit, means_of
from proteomr.stats.profile_intervals import profile_limits
from proteomr.stats.sandwich import ErrorKind, estimate_sandwich

__all__ = ["Exact"]

_ALIASED = 1e-9
_CLUSTERS = 2
_ONE_CLUSTER = "one cluster on the rows of the fit"


@dataclass(frozen=True, slots=True)
class _Fit:
    """One regression: estimates of the columns asked for, in their order."""

    estimate: F64
    se: F64
    df: F64
    low: F64
    high: F64


@dataclass(frozen=True, slots=True)
class Exact:
    """Regression of every fit by itself, with all that the mass paths leave out.

    Parameters
    ----------
    name : ``linear`` or ``logistic``.
    errors : kind of standard error.
    firth : give Firth's estimate where a logistic fit is separated; classical errors only.
    level : coverage of profile intervals.
    """

    name: Literal["linear", "logistic"]
    errors: ErrorKind = "classical"
    firth: bool = False
    level: float = 0.95

    @property
    def scans(self) -> Literal["response", "predictor"]:
        """What the protein is."""
        return "response" if self.name == "linear" else "predictor"

    def prepare(self, problem: Problem) -> Problem:
        """Nothing is shared: return the problem."""
        return problem

    def fit(self, state: Problem, block: Block) -> FitBlock:
        """Fit every test to every protein of the block; the terms of an interaction come from one
        fit.
        """
        problem = state
        fits = FitBlock.empty(block.values.shape[0], len(problem.tests))
        used = block.observed.astype(np.float64)
        fits.n[:] = block.observed.sum(axis=1)[:, None]
        for t, test in enumerate(problem.tests):
            exposure = problem.exposures[:, test.exposure]
            if np.all((exposure == 0.0) | (exposure == 1.0)):
                fits.n_case[:, t] = np.rint(used @ exposure).astype(np.int64)
        remaining = refuse_unfit(block, fits)[:, 0]
        models: dict[tuple[int, int], list[int]] = {}
        for t, test in enumerate(problem.tests):
            models.setdefault((test.exposure, test.adjustment), []).append(t)
        for j in np.flatnonzero(remaining).tolist():
            for (phenotype, adjustment), tests in models.items():
                self._fit_model(problem, block, j, phenotype, adjustment, tests, fits)
        return fits.seal()

    def _fit_model(
        self,
        problem: Problem,
        block: Block,
        j: int,
        exposure: int,
        adjustment: int,
        tests: list[int],
        fits: FitBlock,
    ) -> None:
        rows = block.observed[j]
        C = problem.covariates[rows][:, problem.adjustments[adjustment].columns]
        protein, phenotype = block.values[j, rows], problem.exposures[rows, exposure]
        x, y = (phenotype, protein) if self.name == "linear" else (protein, phenotype)
        by = problem.interaction
        products = np.empty((x.size, 0)) if by is None else x[:, None] * by[rows]
        X = np.column_stack([C, block.own[j][:, rows].T, x, products])
        asked = X.shape[1] - 1 - products.shape[1]
        X, scale = _scale(X)
        kept = find_independent(X, tolerance=_ALIASED)
        weights = problem.weights[rows] if problem.weights is not None else np.ones(y.size)
        clusters = problem.clusters[rows] if problem.clusters is not None else None
        refused = None
        if np.all(phenotype == phenotype[0]):
            label = problem.exposure_names[exposure]
            refused = Status.constant, f"{label} has one value on the rows of the fit"
        elif y.size <= kept.size:
            refused = Status.too_few, f"{y.size} people for {X.shape[1]} coefficients"
        elif clusters is not None and np.unique(clusters).size < _CLUSTERS:
            refused = Status.too_few, _ONE_CLUSTER
        if refused is not None:
            for t in tests:
                fits.refuse(j, t, *refused)
            return
        at_asked = np.flatnonzero(kept >= asked)
        first = int(at_asked[0]) if at_asked.size else kept.size - 1
        fitted, status, message = self._solve(X[:, kept], y, weights, clusters, column=first)
        for t in tests:
            column = asked + problem.tests[t].term
            if column not in kept:
                what = "the term is a linear combination of the others on the rows of the fit"
                fits.refuse(j, t, Status.collinear, what)
            elif fitted is None:
                fits.refuse(j, t, status, message)
            else:
                at = int(np.flatnonzero(kept == column)[0])
                _record(fits, j, t, fitted, at, float(scale[column]), status, message)

    def _solve(
        self, X: F64, y: F64, weights: F64, clusters: I64 | None, *, column: int
    ) -> tuple[_Fit | None, Status, str]:
        if self.name == "linear":
            return self._solve_linear(X, y, weights, clusters), Status.ok, ""
        return self._solve_logistic(X, y, weights, clusters, column=column)

    def _solve_linear(self, X: F64, y: F64, weights: F64, clusters: I64 | None) -> _Fit:
        root = np.sqrt(weights)
        fit = solve_least_squares(X * root[:, None], y * root)
        none = np.full(X.shape[1], np.nan)
        if self.errors == "classical":
            return _Fit(fit.coefficients, fit.se, np.full(X.shape[1], float(fit.df)), none, none)
        robust = estimate_sandwich(
            X, fit.residuals / root, weights, kind=self.errors, clusters=clusters
        )
        return _Fit(fit.coefficients, robust.se, robust.df, none, none)

    def _solve_logistic(
        self, X: F64, y: F64, weights: F64, clusters: I64 | None, *, column: int
    ) -> tuple[_Fit | None, Status, str]:
        found = fit_limit(X, y, column=column, weights=weights)
        fit, columns, rows = found.fit, found.columns, found.rows
        none = np.full(X.shape[1], np.nan)
        endless = np.full(X.shape[1], np.inf)
        if found.separation != "none":
            message = f"{found.separation} separation"
            if not self.firth:
                return None, Status.separated, message
            return (
                self._penalise(X, y),
                Status.separated,
                f"{message}; Firth's estimate, profile interval",
            )
        if not fit.converged:
            return None, Status.not_converged, "Newton's method did not settle"
        message = f"{found.apart} people separated by covariates alone" if found.apart else ""
        se = fit.se
        left = None if clusters is None else clusters[rows]
        if left is not None and np.unique(left).size < _CLUSTERS:
            return None, Status.too_few, _ONE_CLUSTER
        if self.errors != "classical":
            mu = 1.0 / (1.0 + np.exp(-(X[rows][:, columns] @ fit.coefficients)))
            working = weights[rows] * mu * (1.0 - mu)
            se = estimate_sandwich(
                X[rows][:, columns],
                weights[rows] * (y[rows] - mu) / working,
                working,
                kind=self.errors,
                clusters=left,
            ).se
        estimates, errors = none.copy(), none.copy()
        estimates[columns], errors[columns] = fit.coefficients, se
        return _Fit(estimates, errors, endless, none, none), Status.ok, message

    def _penalise(self, X: F64, y: F64) -> _Fit:
        fit = fit_firth(X, y)
        limits = np.array(
            [
                profile_limits(X, y, fit, column=i, level=self.level, firth=True)
                for i in range(X.shape[1])
            ]
        )
        endless = np.full(X.shape[1], np.inf)
        return _Fit(fit.coefficients, fit.se, endless, limits[:, 0], limits[:, 1])


def _record(
    fits: FitBlock,
    j: int,
    t: int,
    fitted: _Fit,
    at: int,
    scale: float,
    status: Status,
    message: str,
) -> None:
    """Enter one coefficient of a fit, in the units of its unscaled column."""
    if np.isnan(fitted.estimate[at]):
        what = "the term has no finite estimate: separated by the covariates"
        fits.refuse(j, t, Status.separated, what)
        return
    fits.estimate[j, t] = fitted.estimate[at] / scale
    fits.se[j, t] = fitted.se[at] / scale
    fits.df[j, t] = fitted.df[at]
    fits.conf_low[j, t] = fitted.low[at] / scale
    fits.conf_high[j, t] = fitted.high[at] / scale
    fits.status[j, t] = int(status)
    if message:
        fits.messages[j, t] = message


def _scale(X: F64) -> tuple[F64, F64]:
    """Scale the columns to unit root mean square, by powers of two."""
    size = np.sqrt(np.mean(X**2, axis=0))
    scale = np.exp2(np.round(np.log2(np.where(size > 0, size, 1.0))))
    return X / scale, scale
