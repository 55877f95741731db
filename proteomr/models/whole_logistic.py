"""Logistic models of all columns: coefficients with any errors, and nested tests."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.models.base import Problem, factors_within
from proteomr.models.family import FitOptions
from proteomr.models.logistic_design import drop_constant_levels
from proteomr.models.whole import Fitted, WholeModel
from proteomr.stats.firth import compare_penalised, fit_firth
from proteomr.stats.logistic import fit_limit, means_of
from proteomr.stats.nested_tests import NestedTest, compare_logistic, score_logistic
from proteomr.stats.sandwich import LINEARISED, estimate_sandwich

__all__ = ["WholeLogistic"]


@dataclass(frozen=True, slots=True)
class WholeLogistic:
    """Fits and tests logistic models of all columns, one at a time."""

    options: FitOptions

    def choose_rows(self, problem: Problem, m: int, observed: Bool) -> Bool:
        """Return the rows observed; where separation is penalised, less those of levels on which
        the response is constant, as the estimate has it.
        """
        if self.options.firth in {False, "always"} or problem.interaction is not None:
            return observed
        model = problem.models[m]
        y, seen = problem.targets[model.target].values[None], observed[None].astype(np.float64)
        rows = drop_constant_levels(factors_within(problem, model.adjustment), y, seen)[0] > 0
        return np.asarray(rows) if rows.any() else observed

    def fit(self, X: F64, model: WholeModel, *, asked: I64) -> Fitted | None:
        """Fit columns ``(n, p)``; None where those asked for have no estimate.

        Columns that other columns separate have none either.
        """
        y, weights = model.y, model.weights
        if self.options.firth == "always":
            return _penalise(X, y)
        limit = fit_limit(X, y, column=int(asked[0]), weights=weights)
        if limit.separation != "none":
            return _penalise(X, y) if self.options.firth else None
        if not limit.fit.converged:
            return None
        covariance, rows = limit.fit.covariance, limit.rows
        df: F64 | float = np.inf
        if self.options.errors != "classical":
            X = X[rows][:, limit.columns]
            eta = X @ limit.fit.coefficients
            mu, rest = means_of(eta), means_of(-eta)
            robust = estimate_sandwich(
                X,
                np.where(y[rows] == 1.0, 1.0 / mu, -1.0 / rest),
                weights[rows] * mu * rest,
                kind=self.options.errors,
                clusters=None if model.clusters is None else model.clusters[rows],
                variances=mu * rest,
                people=y.size if self.options.errors == LINEARISED else None,
            )
            covariance = robust.covariance
            df = robust.df if self.options.errors == "CR2" else np.inf
        return Fitted(limit.fit.coefficients, covariance, limit.columns, df)

    def compare(self, X: F64, model: WholeModel, *, tested: I64, kind: str) -> NestedTest | None:
        """Test columns by the likelihood: ``lr`` or ``score``."""
        y, weights = model.y, model.weights
        if kind == "score":
            return score_logistic(X, y, tested=tested, weights=weights)
        if self.options.firth != "always":
            return compare_logistic(X, y, tested=tested, weights=weights)
        fit = fit_firth(X, y)
        return compare_penalised(X, y, fit, columns=tested.tolist()) if fit.converged else None


def _penalise(X: F64, y: F64) -> Fitted | None:
    fit = fit_firth(X, y)
    every = np.arange(X.shape[1])
    return Fitted(fit.coefficients, fit.covariance, every, np.inf) if fit.converged else None
