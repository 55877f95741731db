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
from proteomr.models.base import (
    FIRTH_GIVEN,
    FIRTH_UNSETTLED,
    PROFILE_UNSETTLED,
    Block,
    FitBlock,
    Problem,
    Status,
    refuse_unfit,
)
from proteomr.stats.firth import fit_firth
from proteomr.stats.linalg import (
    change_units,
    condition_columns,
    find_independent,
    orthonormalise,
    scale_columns,
    solve_least_squares,
)
from proteomr.stats.logistic import LogisticFit, fit_limit, means_of
from proteomr.stats.profile_intervals import profile_limits
from proteomr.stats.sandwich import CLUSTERED, ErrorKind, Sandwich, estimate_sandwich

__all__ = ["Exact"]

_ALIASED = 1e-9
_CLUSTERS = 2
# With fewer than five people, or clusters, behind an estimate its robust error has hardly a degree
# of freedom. CR2 corrects the error and its degrees of freedom for that, but not for a single one.
_CARRIERS, _CARRIERS_CR2 = 4.5, 1.5
_SATURATED = "a person of leverage 1 has a part in the estimate: no HC2 or HC3 standard error"
_ONE_CLUSTER = "one cluster on the rows of the fit"


@dataclass(frozen=True, slots=True)
class _Fit:
    """One regression: estimates of the columns asked for, in their order.

    ``carriers`` are those of :class:`proteomr.stats.sandwich.Sandwich`, infinite for classical
    errors.
    """

    estimate: F64
    se: F64
    df: F64
    low: F64
    high: F64
    carriers: F64


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
        own = condition_columns(block.own[j][:, rows].T)[0]
        protein, phenotype = block.values[j, rows, None], problem.exposures[rows, exposure, None]
        x, y = (phenotype, protein) if self.name == "linear" else (protein, phenotype)
        if self.name == "linear":
            y, unit = condition_columns(y)
        else:
            unit = np.ones(1)
        y = y[:, 0]
        # A product with a shifted term would be another model: there the zero of x stays.
        x, x_scale = condition_columns(x) if problem.interaction is None else scale_columns(x)
        by, by_scale = scale_columns(
            np.empty((y.size, 0)) if problem.interaction is None else problem.interaction[rows]
        )
        X = np.column_stack([C, own, x, x * by])
        asked = X.shape[1] - 1 - by.shape[1]
        X, scale = scale_columns(X)
        with np.errstate(over="ignore", under="ignore"):
            scale[asked:] *= x_scale * np.concatenate([[1.0], by_scale])
        kept = find_independent(X, tolerance=_ALIASED)
        weights = problem.weights[rows] if problem.weights is not None else np.ones(y.size)
        clusters = problem.clusters[rows] if problem.clusters is not None else None
        refused = None
        if np.all(phenotype == phenotype[0, 0]):
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
                remark = self._remark_on(fitted.carriers[at])
                said = "; ".join(part for part in (message, remark) if part)
                _record(fits, j, t, fitted, at, unit, scale[column], status, said)

    def _remark_on(self, carriers: float) -> str:
        """Say how few people or clusters carry an estimate, where a robust error needs more."""
        if not carriers < (_CARRIERS_CR2 if self.errors == "CR2" else _CARRIERS):
            return ""
        what = "clusters" if self.errors in CLUSTERED else "people"
        return f"rests on about {carriers:.1f} {what}: too few for its robust standard error"

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
        endless = np.full(X.shape[1], np.inf)
        if self.errors == "classical":
            df = np.full(X.shape[1], float(fit.df))
            return _Fit(fit.coefficients, fit.se, df, none, none, endless)
        robust = estimate_sandwich(
            X, fit.residuals / root, weights, kind=self.errors, clusters=clusters
        )
        return _Fit(fit.coefficients, robust.se, robust.df, none, none, robust.carriers)

    def _solve_logistic(
        self, X: F64, y: F64, weights: F64, clusters: I64 | None, *, column: int
    ) -> tuple[_Fit | None, Status, str]:
        # The coefficients from the column on are the same in any basis of those before it.
        X = np.column_stack([orthonormalise(X[:, :column]), X[:, column:]])
        found = fit_limit(X, y, column=column, weights=weights)
        fit, columns, rows = found.fit, found.columns, found.rows
        if found.separation != "none":
            message = f"{found.separation} separation"
            return self._penalise(X, y, message, column=column)
        if not fit.converged:
            return None, Status.not_converged, "Newton's method did not settle"
        message = f"{found.apart} people separated by covariates alone" if found.apart else ""
        left = None if clusters is None else clusters[rows]
        if left is not None and np.unique(left).size < _CLUSTERS:
            return None, Status.too_few, _ONE_CLUSTER
        se, few = fit.se, np.full(columns.size, np.inf)
        if self.errors != "classical":
            robust = _estimate_robust(
                X[rows][:, columns], y[rows], weights[rows], fit, kind=self.errors, clusters=left
            )
            se, few = robust.se, robust.carriers
        none = np.full(X.shape[1], np.nan)
        estimates, errors, carriers = none.copy(), none.copy(), none.copy()
        estimates[columns], errors[columns], carriers[columns] = fit.coefficients, se, few
        endless = np.full(X.shape[1], np.inf)
        return _Fit(estimates, errors, endless, none, none, carriers), Status.ok, message

    def _penalise(
        self, X: F64, y: F64, message: str, *, column: int
    ) -> tuple[_Fit | None, Status, str]:
        """Answer separation by Firth's estimate, with profile intervals from a column on."""
        if not self.firth:
            return None, Status.separated, message
        fit = fit_firth(X, y)
        if not fit.converged:
            return None, Status.separated, f"{message}; {FIRTH_UNSETTLED}"
        limits = np.full((X.shape[1], 2), np.nan)
        for i in range(column, X.shape[1]):
            limits[i] = profile_limits(X, y, fit, column=i, level=self.level, firth=True)
        if np.any(np.isnan(limits[column:])):
            return None, Status.separated, f"{message}; {PROFILE_UNSETTLED}"
        endless = np.full(X.shape[1], np.inf)
        penalised = _Fit(fit.coefficients, fit.se, endless, limits[:, 0], limits[:, 1], endless)
        return penalised, Status.separated, f"{message}; {FIRTH_GIVEN}"


def _estimate_robust(
    X: F64,
    y: F64,
    weights: F64,
    fit: LogisticFit,
    *,
    kind: ErrorKind,
    clusters: I64 | None,
) -> Sandwich:
    """Return the robust errors of a logistic fit."""
    eta = X @ fit.coefficients
    mu, rest = means_of(eta), means_of(-eta)
    # (y - mu) / (mu (1 - mu)), without the cancellation of a probability near 0 or 1.
    residuals = np.where(y == 1.0, 1.0 / mu, -1.0 / rest)
    return estimate_sandwich(X, residuals, weights * mu * rest, kind=kind, clusters=clusters)


def _record(
    fits: FitBlock,
    j: int,
    t: int,
    fitted: _Fit,
    at: int,
    unit: F64,
    scale: F64,
    status: Status,
    message: str,
) -> None:
    """Enter one coefficient of a fit, in the units of its response and of its unscaled column."""
    if np.isnan(fitted.estimate[at]):
        what = "the term has no finite estimate: separated by the covariates"
        fits.refuse(j, t, Status.separated, what)
        return
    if np.isnan(fitted.se[at]):
        fits.refuse(j, t, Status.too_few, _SATURATED)
        return
    numbers = np.array([part[at] for part in (fitted.estimate, fitted.se, fitted.low, fitted.high)])
    estimate, se, low, high = change_units(numbers, by=unit, per=scale).tolist()
    fits.estimate[j, t], fits.se[j, t] = estimate, se
    fits.conf_low[j, t], fits.conf_high[j, t] = low, high
    fits.df[j, t] = fitted.df[at]
    fits.status[j, t] = int(status)
    if message:
        fits.messages[j, t] = message
