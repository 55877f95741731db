"""The row model of Cox regression: one predictor, and rows that depend on all others at risk."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from proteomr._typing import F64
from proteomr.stats.chunked import ChunkedDesign
from proteomr.stats.cox import fit_cox
from proteomr.stats.cox_sums import Ties, sum_from_hazards, sum_hazards
from proteomr.stats.loops import load_loops
from proteomr.stats.risk_sets import RiskSets
from proteomr.stats.row_models import Base, Reach, Rows

__all__ = ["CoxRows"]

_Array = NDArray[Any]
_Single = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class CoxRows:
    """A :class:`proteomr.stats.row_models.RowModel`; its state is the hazards ``m exp(eta)``.

    Its designs have no intercept, and columns whose mean in the risk sets is about 0: the curvature
    is then close to the diagonal of its weights, from which the kernel starts.

    Parameters
    ----------
    loops : :mod:`proteomr.stats.cox_loops`, or its compiled twin.
    risk : the risk sets of the rows of the design.

    Examples
    --------
    >>> from proteomr.stats.risk_sets import lay_out_risk_sets
    >>> rows = np.array([[-np.inf, 1.0, 1.0], [-np.inf, 2.0, 1.0]])
    >>> CoxRows.load(lay_out_risk_sets(rows), compiled=False).ties
    'efron'
    """

    loops: ModuleType
    risk: RiskSets
    ties: Ties = "efron"

    reach: ClassVar[Reach] = "cohort"
    predictors: ClassVar[int] = 1
    thresholds: ClassVar[int] = 0
    states: ClassVar[int] = 1

    @classmethod
    def load(cls, risk: RiskSets, *, ties: Ties = "efron", compiled: bool = True) -> CoxRows:
        """Return the model with compiled or plain loops."""
        return cls(load_loops("cox", compiled=compiled), risk, ties)

    @property
    def _efron(self) -> bool:
        return self.ties == "efron"

    def fit_base(
        self, design: ChunkedDesign, response: F64, weights: F64 | None = None
    ) -> Base | None:
        """Fit the covariates alone; None where an estimate is infinite or has no certificate."""
        A = design.matrix()
        fit = fit_cox(A, self.risk, weights=weights, ties=self.ties)
        if not fit.converged or fit.infinite.any() or fit.aliased.any():
            return None
        counts = np.ones(design.n) if weights is None else weights
        sums = sum_hazards(self.risk, A @ fit.coefficients, counts, ties=self.ties)
        diagonal = sums.w * sums.cumulative
        return Base(
            response,
            fit.coefficients,
            diagonal[None, None],
            sums.residuals[None],
            fit.covariance,
        )

    def concentrate(self, effects: F64) -> F64:
        """Return how a strong effect gathers the hazard in few rows: as a log-normal weight's."""
        return np.exp(np.square(effects))

    def log_likelihoods(self, rows: Rows, state: F64) -> F64:
        """Return the partial log-likelihood of each fit ``(R,)``."""
        out = np.empty(rows.mask.shape[0])
        for j, mask in enumerate(rows.mask):
            there = mask > 0.0
            counts = mask[there].astype(np.float64)
            hazards = state[j, 0, there]
            sums = sum_from_hazards(self.risk.take(there), hazards, counts, ties=self.ties)
            out[j] = sums.log_likelihood
        return out

    def leave_residuals(
        self, eta: _Array, rows: Rows, *, coefficients: _Array, start: int, score: F64
    ) -> None:
        """Leave the martingale residuals in eta."""
        del start  # all rows at once
        given = (rows.borders, rows.mask)
        self.loops.leave_residuals(eta, given, self.risk, coefficients, score, efron=self._efron)

    def keep_state(
        self,
        eta: F64,
        rows: Rows,
        *,
        coefficients: F64,
        start: int,
        score: F64,
        state: F64,
        weights: _Single,
    ) -> None:
        """Leave the martingale residuals in eta, and keep the hazards and the diagonal."""
        del start
        given = (rows.borders, rows.mask)
        kept = (state[:, 0], weights[:, 0])
        self.loops.keep_hazards(
            eta, given, self.risk, coefficients, score, *kept, efron=self._efron
        )

    def move_state(
        self,
        u: F64,
        shift: _Single,
        rows: Rows,
        *,
        vector: F64,
        step: F64,
        start: int,
        product: F64,
        state: F64,
    ) -> None:
        """Move the hazards by a step; multiply by the curvature there."""
        self.loops.move_hazards(shift, rows.borders, step, state[:, 0])
        self.curve_exactly(u, rows, vector=vector, start=start, product=product, state=state)

    def curve(
        self,
        u: _Single,
        rows: Rows,
        *,
        vector: _Single,
        start: int,
        product: F64,
        state: F64,
        weights: _Single,
    ) -> None:
        """Multiply by the curvature."""
        del start, weights
        given = (rows.borders, rows.mask)
        self.loops.apply_curvature(
            u, given, self.risk, vector, product, state[:, 0], efron=self._efron
        )

    def curve_exactly(
        self, u: F64, rows: Rows, *, vector: F64, start: int, product: F64, state: F64
    ) -> None:
        """Multiply by the curvature."""
        del start
        given = (rows.borders, rows.mask)
        self.loops.apply_curvature(
            u, given, self.risk, vector, product, state[:, 0], efron=self._efron
        )
