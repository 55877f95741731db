"""Ordinal models of all columns: thresholds and coefficients, and nested tests."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, I64
from proteomr.models.exact import Regression
from proteomr.models.fits import Refusal
from proteomr.models.ordinal_exact import OrdinalSolver
from proteomr.models.whole import Fitted, WholeModel
from proteomr.stats.cumulative_links import Link
from proteomr.stats.nested_cumulative import compare_cumulative, score_cumulative
from proteomr.stats.nested_tests import NestedTest

__all__ = ["WholeOrdinal"]


@dataclass(frozen=True, slots=True)
class WholeOrdinal:
    """Fits and tests ordinal models of all columns, one at a time."""

    link: Link

    def fit(self, X: F64, model: WholeModel, *, asked: I64) -> Fitted | None:
        """Fit columns ``(n, p)`` and thresholds; None where those asked for have no estimate."""
        solver = OrdinalSolver(self.link, model.levels, plain=True)
        outcome = solver.solve(Regression(X, model.y, model.weights, None, asked))
        if isinstance(outcome, Refusal):
            return None
        t = len(solver.thresholds)
        columns = 1 + np.flatnonzero(np.isfinite(solver.coefficients[t:]))
        at = np.concatenate([np.arange(t), t + columns - 1])
        covariance = solver.covariance[np.ix_(at, at)]
        found = solver.coefficients[at]
        return Fitted(found, covariance, columns, np.inf, thresholds=solver.thresholds)

    def compare(self, X: F64, model: WholeModel, *, tested: I64, kind: str) -> NestedTest | None:
        """Test columns by the likelihood: ``lr`` or ``score``."""
        levels = np.unique(model.y, return_inverse=True)[1]
        test = score_cumulative if kind == "score" else compare_cumulative
        return test(X[:, 1:], levels, tested=tested - 1, link=self.link, weights=model.weights)
