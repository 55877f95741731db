"""Linear models of all columns: coefficients with any errors, and nested tests."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, I64
from proteomr.models.family import FitOptions
from proteomr.models.linear_exact import explains_all
from proteomr.models.whole import Fitted, WholeModel
from proteomr.stats.least_squares import solve_least_squares
from proteomr.stats.linalg import condition_columns
from proteomr.stats.nested_tests import NestedTest, compare_least_squares
from proteomr.stats.sandwich import estimate_sandwich

__all__ = ["WholeLinear"]


@dataclass(frozen=True, slots=True)
class WholeLinear:
    """Fits and tests linear models of all columns, one at a time."""

    options: FitOptions

    def fit(self, X: F64, model: WholeModel, *, asked: I64) -> Fitted | None:
        """Fit columns ``(n, p)``; None where they leave no error."""
        root = np.sqrt(model.weights)
        raw = model.y[:, None]
        y, scales = condition_columns(raw)
        by, shift = scales[0], raw[0, 0] - y[0, 0] * scales[0]
        fit = solve_least_squares(X * root[:, None], y[:, 0] * root)
        if fit.df <= 0 or explains_all(fit, y[:, 0] * root, root, asked=asked):
            return None
        covariance = fit.unscaled * (fit.rss / fit.df)
        df: F64 | float = float(fit.df)
        if self.options.errors != "classical":
            robust = estimate_sandwich(
                X,
                fit.residuals / root,
                model.weights,
                kind=self.options.errors,
                clusters=model.clusters,
            )
            covariance, df = robust.covariance, robust.df
        every = np.arange(X.shape[1])
        return Fitted(fit.coefficients, covariance, every, df, by=float(by), shift=float(shift))

    def compare(self, X: F64, model: WholeModel, *, tested: I64, kind: str) -> NestedTest | None:
        """Test columns by the likelihood, ``lr`` or ``score``, or by the sums of squares, ``f``."""
        root = np.sqrt(model.weights)
        y = condition_columns(model.y[:, None])[0][:, 0] * root
        fits = [
            solve_least_squares(columns * root[:, None], y)
            for columns in (X, np.delete(X, tested, axis=1))
        ]
        return compare_least_squares(
            fits[0].rss, fits[1].rss, n=y.size, df=fits[0].df, tested=tested.size
        )[kind]
