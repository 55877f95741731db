"""The row model of logistic regression: one predictor, ``logit P(y = 1)``."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from proteomr._typing import F64
from proteomr.stats.chunked import ChunkedDesign
from proteomr.stats.logistic_base import fit_base
from proteomr.stats.loops import load_loops
from proteomr.stats.row_models import Base, Reach, Rows

__all__ = ["LogisticRows"]

_Array = NDArray[Any]
_Single = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class LogisticRows:
    """A :class:`proteomr.stats.row_models.RowModel`; its state is the means.

    Parameters
    ----------
    loops : :mod:`proteomr.stats.logistic_loops`, or its compiled twin.

    Examples
    --------
    >>> LogisticRows.load(compiled=False).loops.__name__
    'proteomr.stats.logistic_loops'
    """

    loops: ModuleType

    reach: ClassVar[Reach] = "row"
    predictors: ClassVar[int] = 1
    thresholds: ClassVar[int] = 0
    states: ClassVar[int] = 1

    @classmethod
    def load(cls, *, compiled: bool = True) -> LogisticRows:
        """Return the model with compiled or plain loops."""
        return cls(load_loops("logistic", compiled=compiled))

    def fit_base(
        self, design: ChunkedDesign, response: F64, weights: F64 | None = None
    ) -> Base | None:
        """Fit a response of 0 and 1 to the covariates alone."""
        return fit_base(design, response, weights)

    def concentrate(self, effects: F64) -> F64:
        """Return how a strong effect gathers the weight in the rows whose outcome is in doubt.

        Where ``|b|`` is above 1, the rows with ``|b x| < 1`` are a share of ``1 / |b|``; the square
        leaves room for a protein of few values near 0.
        """
        return np.maximum(np.square(effects), 1.0)

    def log_likelihoods(self, rows: Rows, state: F64) -> F64:
        """Return the log-likelihood ``(R,)`` of each fit from its means."""
        B, F = rows.mask.shape[0], rows.response.shape[0]
        out = np.empty((B, F))
        for j, f in np.ndindex(B, F):
            mu = state[j * F + f, 0]
            of_rows = np.where(rows.response[f] == 1.0, mu, 1.0 - mu)
            seen = rows.mask[j] > 0.0
            with np.errstate(divide="ignore"):
                out[j, f] = rows.mask[j, seen].astype(np.float64) @ np.log(of_rows[seen])
        return out.reshape(-1)

    def leave_residuals(
        self, eta: _Array, rows: Rows, *, coefficients: _Array, start: int, score: F64
    ) -> None:
        """Leave ``m (y - mu)`` in eta."""
        self.loops.sum_scores(
            eta, rows.borders, rows.mask, rows.response, coefficients, start, score
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
        """Leave ``m (y - mu)`` in eta, and keep ``mu`` and ``m mu (1 - mu)``."""
        self.loops.store_means(
            eta,
            rows.borders,
            rows.mask,
            rows.response,
            coefficients,
            start,
            score,
            state[:, 0],
            weights[:, 0],
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
        """Move the means by a step; multiply by ``m mu (1 - mu)`` there."""
        self.loops.apply_first_curvature(
            u, shift, state[:, 0], rows.borders, rows.mask, vector, step, start, product
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
        """Multiply by the weights."""
        self.loops.apply_curvature(u, weights[:, 0], rows.borders, vector, start, product)

    def curve_exactly(
        self, u: F64, rows: Rows, *, vector: F64, start: int, product: F64, state: F64
    ) -> None:
        """Multiply by ``m mu (1 - mu)``."""
        self.loops.apply_exact_curvature(
            u, state[:, 0], rows.borders, rows.mask, vector, start, product
        )
