"""The row model of subdistribution hazards: all rows of a fit at once, in order of their times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from proteomr._typing import F64, I64, Bool
from proteomr.stats.chunked import ChunkedDesign
from proteomr.stats.fine_gray import fit_fine_gray
from proteomr.stats.fine_gray_errors import ErrorSums
from proteomr.stats.fine_gray_loops import (
    CENSORING,
    KNOWN,
    STRETCHES,
    FineGrayTimes,
    recall_point,
    weigh_rows,
)
from proteomr.stats.loops import load_loops
from proteomr.stats.row_models import Base, Reach, Rows
from proteomr.stats.workspace import workspace

__all__ = ["FineGrayRows", "FineGraySums"]

_Array = NDArray[Any]
_KINDS: dict[ErrorSums, int] = {"known": KNOWN, "censoring": CENSORING, "stretches": STRETCHES}
_Single = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class FineGrayRows:
    """A :class:`proteomr.stats.row_models.RowModel`; its state is the relative hazards.

    Parameters
    ----------
    times : of the rows, which are in their order.
    loops : :mod:`proteomr.stats.fine_gray_loops`, or its compiled twin.
    """

    times: FineGrayTimes
    loops: ModuleType

    reach: ClassVar[Reach] = "cohort"
    predictors: ClassVar[int] = 1
    thresholds: ClassVar[int] = 0
    states: ClassVar[int] = 1

    @classmethod
    def load(cls, times: FineGrayTimes, *, compiled: bool = True) -> FineGrayRows:
        """Return the model with compiled or plain loops."""
        return cls(times, load_loops("fine_gray", compiled=compiled))

    def fit_base(
        self, design: ChunkedDesign, response: F64, weights: F64 | None = None
    ) -> Base | None:
        """Fit the covariates alone; the response is not asked, since times say it all.

        A column of zeros stands for no covariate: it has no information, and its coefficient is 0.
        """
        counts = np.ones(design.n) if weights is None else weights
        A = design.matrix()
        some = bool(np.any(A))
        model = weigh_rows(self.times, counts, A if some else A[:, :0])
        fit = fit_fine_gray(model)
        if fit.doubt:
            return None
        point = fit.point
        if not some:
            zeros, ones = np.zeros(A.shape[1]), np.eye(A.shape[1])
            point, fit = replace(point, coefficients=zeros), replace(fit, inverse=ones)
        return Base(
            response,
            point.coefficients,
            point.seen[None, None],
            (model.weights * model.risk.is_event - point.seen)[None],
            fit.inverse,
        )

    def concentrate(self, effects: F64) -> F64:
        """Return how a strong effect gathers the hazard in few: relative hazards are log-normal at
        worst, and their effective number falls so.
        """
        return np.exp(np.square(effects))

    def log_likelihoods(self, rows: Rows, state: F64) -> F64:
        """Return the log pseudo-likelihood ``(R,)`` of each fit from its relative hazards."""
        F = rows.response.shape[0]
        return np.array(
            [
                recall_point(weigh_rows(self.times, rows.mask[r // F]), of_fit[0]).log_likelihood
                for r, of_fit in enumerate(state)
            ]
        )

    def leave_residuals(
        self, eta: _Array, rows: Rows, *, coefficients: _Array, start: int, score: F64
    ) -> None:
        """Leave ``m (event - hazard lived through)`` in eta."""
        del start  # all rows at once
        self.loops.sum_scores(eta, rows.borders, rows.mask, coefficients, score, self.times)

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
        """As above, and keep relative hazards and the hazards lived through."""
        del start
        given = (rows.borders, rows.mask, coefficients, score, self.times)
        self.loops.store_state(eta, *given, state[:, 0], weights[:, 0])

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
        """Move the relative hazards by a step; multiply by the curvature there."""
        del start
        given = (rows.borders, rows.mask, vector, step, product, self.times)
        self.loops.move_state(u, shift, *given, state[:, 0])

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
        del start, weights  # a diagonal alone
        given = (rows.borders, rows.mask, vector, product, self.times)
        self.loops.apply_curvature(u, *given, state[:, 0])

    def curve_exactly(
        self, u: F64, rows: Rows, *, vector: F64, start: int, product: F64, state: F64
    ) -> None:
        """Multiply by the curvature."""
        del start
        given = (rows.borders, rows.mask, vector, product, self.times)
        self.loops.apply_curvature(u, *given, state[:, 0])


@dataclass(frozen=True, slots=True)
class FineGraySums:
    """Sums of squares for the errors of all fits of a block, in place of
    :class:`proteomr.stats.sandwich_sums.SandwichSums`.

    Parameters
    ----------
    design : the covariates ``A (n, k)``.
    rows : the row model.
    kind : what the errors are made of.
    clusters : ``(n,)``, cluster of each row from 0 on; None for independent rows.
    """

    design: ChunkedDesign
    rows: FineGrayRows
    kind: ErrorSums
    clusters: I64 | None = None

    def sum_rows(self, rows: Rows, columns: Sequence[F64], *, state: F64) -> tuple[F64, F64, Bool]:
        """Return covariances ``(R, P, P)`` and carriers ``(R, P)``, and where they are sound.

        Parameters
        ----------
        columns : the P columns v ``(R, k + s)`` of the inverse information.
        state : ``(R, 1, n)``, the relative hazards at the maximum.
        """
        design = self.design
        R, P, k = columns[0].shape[0], len(columns), design.k
        F = R // rows.mask.shape[0]
        u = workspace.take("influence", (P, R, design.n), np.float64)
        for out, v in zip(u, columns, strict=True):
            local = design.distribute(design.spread(v[:, :k]))
            for chunk in design.chunks:
                at = slice(chunk.start, chunk.stop)
                np.matmul(local[:, chunk.columns], chunk.local.T, out=out[:, at])
            for r in range(R):
                out[r] += v[r, k:] @ rows.borders[r // F]
        kept = workspace.take("influence of rows", (P, R, design.n), np.float64)
        squares = np.zeros((R, P, P))
        given = (rows.mask, self.rows.times, state[:, 0])
        self.rows.loops.sum_influence(u, *given, _KINDS[self.kind], kept, squares)
        meat, carriers = squares, np.empty((R, P))
        for r in range(R):
            of_rows = kept[:, r]
            if self.clusters is not None:
                of_rows = np.array([np.bincount(self.clusters, weights=x) for x in of_rows])
            meat[r] += of_rows @ of_rows.T
            second = np.square(of_rows)
            carriers[r] = np.square(second.sum(axis=1)) / np.square(second).sum(axis=1)
        return meat, carriers, np.all(np.isfinite(meat), axis=(1, 2))
