"""The row model of multinomial regression: ``log P(y = l) / P(y = 0)``, a predictor for each l."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from proteomr._typing import F64
from proteomr.stats.chunked import ChunkedDesign
from proteomr.stats.loops import load_loops
from proteomr.stats.multinomial_base import fit_base
from proteomr.stats.row_models import Base, Reach, Rows

__all__ = ["MultinomialRows"]

_Array = NDArray[Any]
_Single = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class MultinomialRows:
    """A :class:`proteomr.stats.row_models.RowModel` of K unordered levels, 0 the reference.

    Its state is the means of the levels from 1 on.

    Parameters
    ----------
    allowed : ``(K, n)``, 1 for the levels that a row may have, 0 for those that covariates alone
        rule out in the limit (Geyer 2009, doi:10.1214/08-EJS349).
    loops : :mod:`proteomr.stats.multinomial_loops`, or its compiled twin.

    Examples
    --------
    >>> MultinomialRows.load(np.ones((4, 10)), compiled=False).predictors
    3
    """

    allowed: _Single
    loops: ModuleType

    reach: ClassVar[Reach] = "row"
    thresholds: ClassVar[int] = 0

    @classmethod
    def load(cls, allowed: F64, *, compiled: bool = True) -> MultinomialRows:
        """Return the model with compiled or plain loops."""
        return cls(allowed.astype(np.float32), load_loops("multinomial", compiled=compiled))

    @property
    def predictors(self) -> int:
        """Levels beside the reference."""
        return int(self.allowed.shape[0]) - 1

    @property
    def states(self) -> int:
        """A mean for each of them."""
        return self.predictors

    def fit_base(
        self, design: ChunkedDesign, response: F64, weights: F64 | None = None
    ) -> Base | None:
        """Fit a response of levels 0 to K - 1 to the covariates alone."""
        return fit_base(design, response, self.allowed.astype(np.float64), weights)

    def concentrate(self, effects: F64) -> F64:
        """As in logistic regression: rows with ``|b x| < 1`` are a share ``1 / |b|``, squared."""
        return np.maximum(np.square(effects), 1.0)

    def log_likelihoods(self, rows: Rows, state: F64) -> F64:
        """Return the log-likelihood ``(R,)`` of each fit from its means."""
        out = np.empty(state.shape[0])
        self.loops.sum_log_likelihoods(state, rows.mask, rows.response, out)
        return out

    def leave_residuals(
        self, eta: _Array, rows: Rows, *, coefficients: _Array, start: int, score: F64
    ) -> None:
        """Leave ``m (1{y = l} - mu_l)`` in eta."""
        self.loops.sum_scores(
            eta, rows.borders, rows.mask, rows.response, self.allowed, coefficients, start, score
        )

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
        """Leave ``m (1{y = l} - mu_l)`` in eta, and keep ``mu`` and ``m mu (1 - mu)``."""
        self.loops.store_means(
            eta,
            rows.borders,
            rows.mask,
            rows.response,
            self.allowed,
            coefficients,
            start,
            score,
            state,
            weights,
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
        """Move the means by a step; multiply by the curvature there."""
        self.loops.apply_first_curvature(
            u, shift, state, rows.borders, rows.mask, vector, step, start, product
        )

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
        """Multiply by ``m (diag(mu) - mu mu')`` of each row."""
        self.loops.apply_curvature(u, state, rows.borders, rows.mask, vector, start, product)

    def curve_exactly(
        self, u: F64, rows: Rows, *, vector: F64, start: int, product: F64, state: F64
    ) -> None:
        """Multiply by ``m (diag(mu) - mu mu')`` of each row."""
        self.loops.apply_exact_curvature(u, state, rows.borders, rows.mask, vector, start, product)
