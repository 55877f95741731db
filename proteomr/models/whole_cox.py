"""Cox models of all columns: coefficients of each, and nested tests."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, I64
from proteomr.models.base import Problem
from proteomr.models.cox_models import clusters_of
from proteomr.models.event_times import EVENT
from proteomr.models.whole import Fitted, WholeModel
from proteomr.stats.cox import fit_cox
from proteomr.stats.cox_sandwich import robust_covariance
from proteomr.stats.exact_ties import AnyTies, sum_partial
from proteomr.stats.linalg import find_independent, find_powers
from proteomr.stats.nested_tests import NestedTest, refer_chi2
from proteomr.stats.risk_sets import RiskSets, lay_out_risk_sets

__all__ = ["WholeCox"]


@dataclass(frozen=True, slots=True)
class WholeCox:
    """Fits and tests Cox models of all columns, one at a time.

    Parameters
    ----------
    problem : with times that are tied.
    ties : how events at one time are counted.
    robust : whether errors are robust, over people or clusters.
    """

    problem: Problem
    ties: AnyTies
    robust: bool

    def fit(self, X: F64, model: WholeModel, *, asked: I64) -> Fitted | None:
        """Fit columns ``(n, p)``, the first an intercept; None without an estimate of those asked
        for.
        """
        del asked  # what has an estimate says so by itself
        risk = self._lay_out(model)
        fit = fit_cox(X[:, 1:], risk, weights=model.weights, ties=self.ties)
        at = np.flatnonzero(np.isfinite(fit.coefficients))
        if not fit.converged or not at.size:
            return None
        covariance = fit.covariance[np.ix_(at, at)]
        if self.robust and self.ties != "exact":
            Z = X[:, 1 + fit.basis]
            whole, _ = robust_covariance(
                fit.risk,
                Z,
                fit.limit,
                fit.limit_covariance,
                weights=model.weights,
                ties=self.ties,
                clusters=clusters_of(self.problem, model.rows),
            )
            own = np.flatnonzero(np.isin(fit.basis, at))
            covariance = whole[np.ix_(own, own)]
        return Fitted(fit.coefficients[at], covariance, 1 + at, np.inf)

    def rank_hazards(self, X: F64, model: WholeModel) -> F64 | None:
        """Return what orders people by their hazards ``(n,)``; None without a fit.

        At the limit of infinite estimates, too: nobody of a level without events is then above
        anybody of another.
        """
        fit = fit_cox(X[:, 1:], self._lay_out(model), weights=model.weights, ties=self.ties)
        return fit.rank_hazards(X[:, 1:]) if fit.converged and fit.basis.size else None

    def compare(self, X: F64, model: WholeModel, *, tested: I64, kind: str) -> NestedTest | None:
        """Test columns by the likelihood: ``lr``, or ``score`` at the fit without them."""
        risk = self._lay_out(model)
        others = np.setdiff1d(np.arange(1, X.shape[1]), tested)
        null = fit_cox(X[:, others], risk, weights=model.weights, ties=self.ties)
        if not null.converged:
            return None
        if kind == "score":
            return self._score(X, model, others=others, tested=tested)
        whole = fit_cox(X[:, 1:], risk, weights=model.weights, ties=self.ties)
        df = whole.rank - null.rank
        settled = whole.converged or whole.infinite.any()
        if not settled or df <= 0:
            return None
        return refer_chi2(2.0 * (whole.log_likelihood - null.log_likelihood), df)

    def _score(self, X: F64, model: WholeModel, *, others: I64, tested: I64) -> NestedTest | None:
        """Return Rao's test of columns at the fit without them."""
        risk = self._lay_out(model)
        null = fit_cox(X[:, others], risk, weights=model.weights, ties=self.ties)
        kept = others[null.basis]
        eta = X[:, kept] @ null.limit
        unit = float(find_powers(model.weights.max(initial=0.0)))  # of squares in it none is lost
        sums = sum_partial(null.risk, eta, model.weights / unit, ties=self.ties)
        columns = X[:, [*kept, *tested]]
        information = sums.information(columns)
        score = (columns.T @ sums.residuals)[kept.size :]
        k = kept.size
        left = information[k:, k:]
        if k:
            left = left - information[k:, :k] @ np.linalg.solve(
                information[:k, :k], information[:k, k:]
            )
        scale = np.sqrt(np.maximum(np.diagonal(information)[k:], np.finfo(np.float64).tiny))
        scaled = left / np.outer(scale, scale)
        if find_independent(scaled).size < tested.size:
            return None
        u = score / scale
        return refer_chi2(unit * float(u @ np.linalg.solve(scaled, u)), tested.size)

    def _lay_out(self, model: WholeModel) -> RiskSets:
        baseline = self.problem.baseline
        strata = None if baseline is None else baseline[model.rows]
        return lay_out_risk_sets(model.y, strata, event=int(EVENT))
