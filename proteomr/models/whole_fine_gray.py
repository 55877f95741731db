"""Models of competing risks of all columns: coefficients of each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, I64
from proteomr.models.base import Problem
from proteomr.models.family import FitOptions
from proteomr.models.fine_gray_models import CompetingModel, choose_errors
from proteomr.models.whole import Fitted, WholeModel
from proteomr.stats.fine_gray_limits import fit_fine_gray_limit
from proteomr.stats.nested_tests import NestedTest

__all__ = ["WholeFineGray"]


@dataclass(frozen=True, slots=True)
class WholeFineGray:
    """Fits models of all columns, one at a time.

    Parameters
    ----------
    models : of the problem; those of one outcome have the same follow-up.
    """

    problem: Problem
    models: tuple[CompetingModel, ...]
    options: FitOptions

    def fit(self, X: F64, model: WholeModel, *, asked: I64) -> Fitted | None:
        """Fit columns ``(n, p)``, the first an intercept; None without any estimate."""
        del asked  # what has an estimate says so by itself
        clusters = model.clusters
        risks = self._find(model).on(model.rows)
        ties = self.models[0].ties
        fit = fit_fine_gray_limit(X[:, 1:], risks, weights=model.weights, ties=ties)
        at = fit.used
        if fit.doubt or not at.size:
            return None
        kind = choose_errors(self.options, clustered=clusters is not None)
        covariance = fit.covariance(kind, clusters)[np.ix_(at, at)]
        return Fitted(fit.coefficients[at], covariance, 1 + at, np.inf)

    def compare(self, X: F64, model: WholeModel, *, tested: I64, kind: str) -> NestedTest | None:
        """Return nothing: a likelihood of estimated weights has no test; Wald's is made of fits."""
        del X, model, tested, kind
        return None

    def _find(self, whole: WholeModel) -> CompetingModel:
        """Return the follow-up of a model: y has its times and events."""
        for model in self.models:
            values = self.problem.targets[self.problem.models[model.index].target].values
            if np.array_equal(values[whole.rows], whole.y):
                return model
        raise ValueError("a model of no outcome of the problem")
