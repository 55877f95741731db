"""The log-likelihood of ordered levels with one slope of a protein at each threshold, in blocks.

From the maximum with one slope the fits climb by quasi-Newton steps: the information of the bends
of the slope is eliminated exactly there, around the preconditioner and the steps that led to the
maximum. A likelihood ratio is off by the third power of the last step.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from proteomr._typing import F64, I64, Bool
from proteomr.stats.block_rows import Share
from proteomr.stats.chunked import ChunkedDesign
from proteomr.stats.inverse_columns import AtMaximum
from proteomr.stats.ordinal_rows import OrdinalRows
from proteomr.stats.quasi_newton import StepMemory
from proteomr.stats.row_models import Reach, RowModel, Rows
from proteomr.stats.row_sweeps import RowSweeps

__all__ = ["ParallelSlopes"]

# One slope is off by a few standard errors of the bends, and two or three steps away; what needs
# more than eight is far from it, and cheaper one at a time with its own information.
_PASSES = 8
_Single = NDArray[np.float32]
# Squared standard errors, half of which is taken to be missing of the log-likelihood: what then is
# missing is of the order of its square root times that.
_DECREMENT = 1e-8


@dataclass(frozen=True, slots=True)
class _FreeRows:
    """What :class:`RowSweeps` asks of rows whose slope bends: scores, and curvature at bends of 0.

    Attributes
    ----------
    value : ``(R,)``, the log-likelihoods of a pass are added to it.
    """

    model: OrdinalRows
    value: F64 = field(default_factory=lambda: np.empty(0))

    reach: ClassVar[Reach] = "row"
    predictors: ClassVar[int] = 1

    @property
    def thresholds(self) -> int:
        """Thresholds, and the bends at all but the first."""
        return 2 * self.model.thresholds - 1

    def leave_residuals(
        self, eta: F64, rows: Rows, *, coefficients: F64, start: int, score: F64
    ) -> None:
        """Leave the residuals in eta, and add to the log-likelihoods."""
        chances = np.empty(eta.shape)
        self.model.loops.sum_free_scores(
            eta,
            rows.borders,
            rows.mask,
            rows.response,
            *self.model.ends,
            coefficients,
            start,
            score,
            chances,
            int(self.model.link == "probit"),
        )
        m = rows.mask[:, start : start + eta.shape[1]]
        fits = eta.shape[0] // m.shape[0]
        weights = np.repeat(m, fits, axis=0).astype(np.float64)
        np.log(chances, out=chances, where=weights > 0.0)
        self.value[:] += np.vecdot(weights, np.where(weights > 0.0, chances, 0.0))

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
        """Multiply by the curvature, in single precision."""
        del weights  # the state has more
        self.model.loops.apply_free_curvature(
            u,
            rows.borders,
            rows.mask,
            rows.response,
            *self.model.ends,
            vector,
            start,
            product,
            state,
        )


@dataclass(frozen=True, slots=True)
class _Bordered:
    """The elimination of the bends around a preconditioner of the other coefficients.

    Attributes
    ----------
    cross, eliminated : ``(R, q, t - 1)``, the information between both, and the preconditioner on
        it.
    schur_inverse : ``(R, t - 1, t - 1)``.
    bends : their positions among all coefficients.
    """

    at: AtMaximum
    cross: F64
    eliminated: F64
    schur_inverse: F64
    bends: I64

    def solve(self, g: F64) -> F64:
        """Apply it to scores."""
        others = np.delete(g, self.bends, axis=1)
        x = self.at.block.direct(others)
        rest = g[:, self.bends] - np.einsum("rqb,rq->rb", self.cross, x)
        bent = np.einsum("rab,rb->ra", self.schur_inverse, rest)
        x = x - np.einsum("rqb,rb->rq", self.eliminated, bent)
        out = np.empty_like(g)
        out[:, self.bends] = bent
        out[:, np.setdiff1d(np.arange(g.shape[1]), self.bends)] = x
        return out


class ParallelSlopes:
    """Fits of a slope at each threshold, for a block that was fitted with one.

    Parameters
    ----------
    design : the covariates.
    model : the row model, of three levels or more.
    """

    def __init__(self, design: ChunkedDesign, model: OrdinalRows) -> None:
        self._design = design
        self._model = model

    def maximise(self, at: AtMaximum) -> tuple[F64, Bool]:
        """Return the log-likelihoods ``(R,)``, and which of them are within their bound.

        Parameters
        ----------
        at : the block at its maxima with one slope; its memory of steps is added to.
        """
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            return self._climb(at)

    def _climb(self, at: AtMaximum) -> tuple[F64, Bool]:
        k, t = self._design.k, self._model.thresholds
        bends = k + t + np.arange(t - 1)
        R = at.theta.shape[0]
        theta = np.insert(at.theta, [k + t] * (t - 1), 0.0, axis=1)
        preconditioner = self._eliminate(at, theta.shape[1], bends)
        memory, value = StepMemory(), np.full(R, np.nan)
        moving, sure = at.block.present.copy(), ~at.block.present
        some = Share.whole(at.block.double, 1)
        g, here = self._evaluate(some.rows, theta)
        for _ in range(_PASSES):
            d = memory.direct(preconditioner, g)
            decrement = np.vecdot(g, d)
            near = moving & (decrement >= 0.0) & (decrement <= _DECREMENT)
            value = np.where(near, here + 0.5 * decrement, value)
            sure |= near & np.isfinite(value)
            moving &= ~near & np.isfinite(decrement) & (decrement > 0.0)
            if not np.any(moving):
                break
            step = np.where(moving[:, None], d, 0.0)
            theta = theta + step
            some = some.narrow(moving)
            scores, values = self._evaluate(some.rows, some.take(theta))
            new, here = some.put(g, scores), some.put(here, values)
            memory.remember(step, g - new, trusted=moving)
            g = new
        return value, sure

    def _evaluate(self, rows: Rows, theta: F64) -> tuple[F64, F64]:
        """Return the scores and log-likelihoods."""
        free = _FreeRows(self._model, np.zeros(theta.shape[0]))
        return RowSweeps(self._design, cast("RowModel", free)).score(rows, theta), free.value

    def _eliminate(self, at: AtMaximum, size: int, bends: I64) -> _Bordered:
        """Return the elimination of the bends, from the columns of the information."""
        sweeps = RowSweeps(self._design, cast("RowModel", _FreeRows(self._model)))
        rows, R = at.block.single, at.theta.shape[0]
        columns, nothing = [], np.empty((0, 0), dtype=np.float32)
        for bend in bends.tolist():
            unit = np.zeros((R, size))
            unit[:, bend] = 1.0
            columns.append(sweeps.curve(rows, unit, state=at.state, weights=nothing))
        whole = np.stack(columns, axis=2)
        cross = np.delete(whole, bends, axis=1)
        eliminated = np.stack([at.block.direct(c) for c in cross.transpose(2, 0, 1)], axis=2)
        schur = whole[:, bends] - np.einsum("rqa,rqb->rab", cross, eliminated)
        schur[~np.isfinite(schur).all(axis=(1, 2))] = 0.0
        return _Bordered(at, cross, eliminated, np.linalg.pinv(schur, hermitian=True), bends)
