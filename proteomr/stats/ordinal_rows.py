"""The row model of ordered levels: one predictor, a threshold between each level and the next."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from proteomr._typing import F64, I64
from proteomr.stats.chunked import ChunkedDesign
from proteomr.stats.cumulative_links import Link
from proteomr.stats.loops import load_loops
from proteomr.stats.ordinal_base import fit_base, log_likelihood_of
from proteomr.stats.row_models import Base, Reach, Rows

__all__ = ["OrdinalRows"]

_Array = NDArray[Any]
_Single = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class OrdinalRows:
    """A :class:`proteomr.stats.row_models.RowModel` of the levels 0 to t of a response.

    Its thresholds are the first and the gaps to the next ones, which keep their digits in single
    precision where levels are rare.

    Parameters
    ----------
    levels : how many.
    link : of the cumulative chances.
    loops : :mod:`proteomr.stats.ordinal_loops`, or its compiled twin.
    ends : the thresholds above and below each level, -1 for none.

    Examples
    --------
    >>> OrdinalRows.load(4, compiled=False).thresholds
    3
    """

    levels: int
    link: Link
    loops: ModuleType
    ends: tuple[I64, I64]

    reach: ClassVar[Reach] = "row"
    predictors: ClassVar[int] = 1
    states: ClassVar[int] = 5

    @classmethod
    def load(cls, levels: int, *, link: Link = "logit", compiled: bool = True) -> OrdinalRows:
        """Return the model with compiled or plain loops."""
        upper = np.append(np.arange(levels - 1), -1)
        ends = upper, np.arange(-1, levels - 1)
        return cls(levels, link, load_loops("ordinal", compiled=compiled), ends)

    @property
    def thresholds(self) -> int:
        """One between each level and the next."""
        return self.levels - 1

    def fit_base(
        self, design: ChunkedDesign, response: F64, weights: F64 | None = None
    ) -> Base | None:
        """Fit a response of levels 0 to t to the covariates alone."""
        return fit_base(design, response.astype(np.int64), self.levels, self.link, weights)

    def weigh_evidence(
        self, design: ChunkedDesign, base: Base, weights: F64 | None = None
    ) -> float:
        """Return the log-likelihood of a fit to the covariates alone."""
        levels = base.response.astype(np.int64)
        return log_likelihood_of(design, levels, self.levels, self.link, base.coefficients, weights)

    def concentrate(self, effects: F64) -> F64:
        """As in logistic regression: rows with ``|b x| < 1`` are a share ``1 / |b|``, squared."""
        return np.maximum(np.square(effects), 1.0)

    def log_likelihoods(self, rows: Rows, state: F64) -> F64:
        """Return the log-likelihood ``(R,)`` of each fit from the ends of its rows."""
        out = np.zeros(state.shape[0])
        self.loops.sum_log_chances(rows.mask, state, int(self.link == "probit"), out)
        return out

    def leave_residuals(
        self, eta: _Array, rows: Rows, *, coefficients: _Array, start: int, score: F64
    ) -> None:
        """Leave the derivatives of the log chances of the levels by the predictor in eta."""
        self.loops.sum_scores(
            eta,
            rows.borders,
            rows.mask,
            rows.response,
            *self.ends,
            coefficients,
            start,
            score,
            int(self.link == "probit"),
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
        """As :meth:`leave_residuals`, and keep the curvature, the ends and the weights."""
        self.loops.store_states(
            eta,
            rows.borders,
            rows.mask,
            rows.response,
            *self.ends,
            coefficients,
            start,
            score,
            state,
            weights[:, 0],
            int(self.link == "probit"),
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
        """Move the ends by a step, and multiply by the curvature there."""
        self.loops.move_states(
            shift,
            rows.borders,
            rows.response,
            *self.ends,
            step,
            start,
            state,
            int(self.link == "probit"),
        )
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
        """Multiply by the curvature that the state holds."""
        self._multiply(u, rows, vector, start=start, product=product, state=state)

    def curve_exactly(
        self, u: F64, rows: Rows, *, vector: F64, start: int, product: F64, state: F64
    ) -> None:
        """Multiply by the curvature that the state holds, in double precision."""
        self._multiply(u, rows, vector, start=start, product=product, state=state)

    def _multiply(
        self, u: _Array, rows: Rows, vector: _Array, *, start: int, product: F64, state: F64
    ) -> None:
        self.loops.apply_curvature(
            u,
            rows.borders,
            rows.mask,
            rows.response,
            *self.ends,
            vector,
            start,
            product,
            state,
        )
