"""What the analyses of one exposure, outcome and adjustment set share over proteins."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.stats.doubled_hazards import DoubledHazards
from proteomr.stats.linalg import condition_columns
from proteomr.stats.mediation_bases import Basis, root_rows
from proteomr.stats.mediation_cox import CoxModel, fit_cox_model
from proteomr.stats.risk_sets import RiskSets, lay_out_risk_sets, tie_times

__all__ = ["Bench"]

Made = TypeVar("Made")


class Bench:
    """Exposure, outcome and covariates on all N rows, and what is made of them once.

    Parameters
    ----------
    exposure : ``(N,)``.
    outcome : ``(N,)``, or ``(N, 3)``: entry, exit, event (1; other codes are none).
    for_mediator, for_outcome : covariates ``(N, k)`` of the two models, the intercept the first.
    clusters : ``(N,)``, codes of people who are not independent; None where all are.
    weights : ``(N,)``, above 0, of people in a sample that is not all alike; None for equal ones.

    Examples
    --------
    >>> one = np.ones((4, 1))
    >>> bench = Bench(np.array([0.0, 8.0, 0.0, 8.0]), np.arange(4.0), one, one)
    >>> bench.exposure.tolist(), bench.exposure_unit
    ([0.0, 1.0, 0.0, 1.0], 8.0)
    """

    def __init__(
        self,
        exposure: F64,
        outcome: F64,
        for_mediator: F64,
        for_outcome: F64,
        clusters: I64 | None = None,
        weights: F64 | None = None,
    ) -> None:
        stacked = np.column_stack([np.ones(exposure.size), exposure])
        conditioned, units = condition_columns(stacked)
        self.exposure = np.ascontiguousarray(conditioned[:, 1])
        self.exposure_unit = float(units[1])
        self.exposure_shift = float(exposure[0] - self.exposure[0] * units[1])
        self.outcome = outcome
        if outcome.ndim == 2:
            self.outcome = outcome.copy()
            self.outcome[:, :2] = tie_times(outcome[:, :2])
            self.outcome[:, 2] = outcome[:, 2] == 1.0
        self.for_mediator, self.for_outcome = for_mediator, for_outcome
        self.clusters = clusters
        self.weights = None if weights is None else weights / weights.mean()
        self._made: dict[str, object] = {}
        self._lock = threading.RLock()

    def __reduce__(self) -> tuple[type[Bench], tuple[object, ...]]:
        # what is made of it is made again elsewhere
        exposure = self.exposure * self.exposure_unit + self.exposure_shift
        sets = (self.for_mediator, self.for_outcome)
        return Bench, (exposure, self.outcome, *sets, self.clusters, self.weights)

    def _make(self, name: str, make: Callable[[], Made]) -> Made:
        with self._lock:
            if name not in self._made:
                self._made[name] = make()
            return self._made[name]  # type: ignore[return-value]

    def mediator_basis(self, rows: Bool | None, *, line: bool) -> Basis:
        """Return the basis of the mediator's covariates and the exposure on some rows.

        Parameters
        ----------
        line : of least squares, whose rows are multiplied by the roots of their weights.
        """
        return self._base("mediator", self.for_mediator, rows, line=line)

    def outcome_basis(self, rows: Bool | None, *, line: bool) -> Basis:
        """Return the basis of the outcome's covariates and the exposure on some rows."""
        return self._base("outcome", self.for_outcome, rows, line=line)

    def _base(self, name: str, covariates: F64, rows: Bool | None, *, line: bool) -> Basis:
        rooted = line and self.weights is not None

        def make() -> Basis:
            X = np.column_stack([covariates, self.exposure])
            return Basis.of(X if self.weights is None or not line else root_rows(X, self.weights))

        whole = self._make(f"{name}, rooted" if rooted else name, make)
        return whole if rows is None else whole.take(rows)

    def risk(self, rows: Bool | None) -> RiskSets:
        """Return the risk sets of some rows."""
        whole = self._make("risk", lambda: lay_out_risk_sets(self.outcome, event=1))
        return whole if rows is None else whole.take(rows)

    def hazard(self, rows: Bool | None) -> CoxModel:
        """Return the Cox model by covariates and exposure, the last column, on some rows.

        Raises
        ------
        Unfit
            It has no estimate.
        """
        whole = self._make("hazard", self._fit_hazard)
        if rows is None:
            return whole
        return whole.take(rows, self.risk(rows), what=["the exposure"])

    def doubled(self) -> DoubledHazards:
        """Return the additive hazards of all people and of the copies that mediators follow."""
        return self._make(
            "doubled",
            lambda: DoubledHazards(self.for_outcome[:, 1:], self.exposure, self.outcome),
        )

    def _fit_hazard(self) -> CoxModel:
        X = np.column_stack([self.for_outcome[:, 1:], self.exposure])
        last = X.shape[1] - 1
        what = ["the exposure"]
        return fit_cox_model(X, self.risk(None), needed=[last], what=what, weights=self.weights)
