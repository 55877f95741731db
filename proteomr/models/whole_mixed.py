"""Mixed models of all columns, one at a time: coefficients with their own degrees of freedom."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, I64
from proteomr.models.base import Problem
from proteomr.models.mixed_exact import sum_rows
from proteomr.models.mixed_options import Ddf
from proteomr.models.mixed_results import infer
from proteomr.models.mixed_weights import RowWeights
from proteomr.models.whole import Fitted, WholeModel, turn_back
from proteomr.stats.linalg import condition_columns
from proteomr.stats.nested_tests import NestedTest
from proteomr.stats.reml_search import minimise

__all__ = ["WholeMixed"]


@dataclass(frozen=True, slots=True)
class WholeMixed:
    """Fits mixed models of all columns, one at a time.

    Attributes
    ----------
    problem : whose random effects they have.
    weights : by which these are multiplied.
    ddf : kind of degrees of freedom.
    """

    problem: Problem
    weights: RowWeights
    ddf: Ddf

    def fit(self, X: F64, model: WholeModel, *, asked: I64) -> Fitted | None:
        """Fit columns ``(n, p)``; None where the criterion has no certified minimum."""
        del asked
        n, p = X.shape
        if n <= p:
            return None
        raw = model.y[:, None]
        ys, scales = condition_columns(raw)
        by, shift = float(scales[0]), float(raw[0, 0] - ys[0, 0] * scales[0])
        root = self.weights.root[model.rows]
        y = ys[:, 0] * root
        basis, triangle = np.linalg.qr(X * root[:, None] / np.sqrt(n))
        basis = basis * np.sqrt(n)
        explained = basis.T @ y / n
        rest = y - basis @ explained
        unit = float(np.sqrt(np.mean(rest**2)))
        if unit == 0.0:
            return None
        effects = self.problem.effects.take(model.rows)
        sums, structure, _, _ = sum_rows(np.column_stack([basis, rest / unit]), effects)
        found = minimise(sums, structure)
        if not found.certified[0]:
            return None
        inference = infer(found, sums, structure, self.ddf)
        back = np.linalg.inv(triangle)
        estimate = back @ (explained + unit * found.criterion.coefficients[0])
        covariance = back @ inference.covariance[0] @ back.T * unit**2
        # degrees of freedom are of coefficients in the units of the data: the intercept has others
        # than that of columns from which something was taken off
        turned = turn_back(*model.units[:, model.independent], intercept=model.independent[0] == 0)
        rows = turned @ back
        rows = rows / np.abs(rows).max(axis=1, keepdims=True)
        df = np.array([float(inference.degrees(row)[0]) for row in rows])
        return Fitted(estimate, covariance, np.arange(p), df, by=by, shift=shift)

    def compare(self, X: F64, model: WholeModel, *, tested: I64, kind: str) -> NestedTest | None:
        """Return nothing: REML criteria of other fixed effects are not to be compared."""
        del X, model, tested, kind
        return None
