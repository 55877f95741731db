"""Passes over the rows of a block: linear predictors, what a row model makes of them, products.

The fits share ``A (n, k)``, so that the predictors of all of them, and the products of all their
residuals with A, are matrix products of one chunk of rows at a time. Shapes and letters are those
of :mod:`proteomr.stats.row_models`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from proteomr._typing import F64
from proteomr.stats.chunked import Chunk, ChunkedDesign
from proteomr.stats.row_models import Layout, RowModel, Rows
from proteomr.stats.tiles import split_tiles
from proteomr.stats.workspace import workspace

__all__ = ["RowSweeps"]

_Array = NDArray[Any]
_Single = NDArray[np.float32]
# The covariates' part of the predictors of the vectors swept, the first row, and where the model
# adds the products of thresholds and borders.
_Work = Callable[[list[_Array], int, F64], None]


class RowSweeps:
    """Scores and curvature products ``(R, L k + t + L s)`` of all fits of a block.

    Where rows are independent, a piece of a pass is a chunk, which stays in the second-level cache
    from its first product to its last. Where they are not, the piece is the whole cohort: all
    predictors, the model's work on them, then all products.

    Parameters
    ----------
    design : the covariates ``A (n, k)``.
    model : what a row adds.
    """

    def __init__(self, design: ChunkedDesign, model: RowModel) -> None:
        self.design = design
        self.model = model
        self._pieces: tuple[tuple[Chunk, ...], ...] = (
            (design.chunks,)
            if model.reach == "cohort"
            else tuple((chunk,) for chunk in design.chunks)
        )

    def layout(self, rows: Rows) -> Layout:
        """Return where the coefficients of fits with these borders lie."""
        model = self.model
        return Layout(self.design.k, model.predictors, model.thresholds, rows.borders.shape[1])

    def score(self, rows: Rows, theta: F64) -> F64:
        """Return the score in the precision of the rows."""
        at: _Array = theta.astype(rows.borders.dtype, copy=False)
        beside = self._beside(rows, at)

        def work(predictors: list[_Array], start: int, score: F64) -> None:
            self.model.leave_residuals(
                predictors[0], rows, coefficients=beside, start=start, score=score
            )

        return self._sweep(rows, work, at)

    def keep_state(self, rows: Rows, theta: F64, *, state: F64, weights: _Single) -> F64:
        """Return the score in double precision, and keep the state ``(R, M, n)`` and the weights
        ``(R, L, n)``.
        """
        beside = self._beside(rows, theta)

        def work(predictors: list[_Array], start: int, score: F64) -> None:
            self.model.keep_state(
                predictors[0],
                rows,
                coefficients=beside,
                start=start,
                score=score,
                state=state,
                weights=weights,
            )

        return self._sweep(rows, work, theta)

    def move_state(self, rows: Rows, step: F64, v: F64, *, state: F64) -> F64:
        """Return ``H v`` in double precision after a last, small step, which moves the state."""
        shift = step.astype(np.float32)
        beside, beside_step = self._beside(rows, v), self._beside(rows, step)

        def work(predictors: list[_Array], start: int, product: F64) -> None:
            self.model.move_state(
                predictors[0],
                predictors[1],
                rows,
                vector=beside,
                step=beside_step,
                start=start,
                product=product,
                state=state,
            )

        return self._sweep(rows, work, v, shift)

    def curve(self, rows: Rows, v: F64, *, state: F64, weights: _Single) -> F64:
        """Return ``H v`` in single precision."""
        vector = v.astype(np.float32)
        beside = self._beside(rows, vector)

        def work(predictors: list[_Array], start: int, product: F64) -> None:
            self.model.curve(
                predictors[0],
                rows,
                vector=beside,
                start=start,
                product=product,
                state=state,
                weights=weights,
            )

        return self._sweep(rows, work, vector)

    def curve_exactly(self, rows: Rows, v: F64, *, state: F64) -> F64:
        """Return ``H v`` in double precision."""
        beside = self._beside(rows, v)

        def work(predictors: list[_Array], start: int, product: F64) -> None:
            self.model.curve_exactly(
                predictors[0], rows, vector=beside, start=start, product=product, state=state
            )

        return self._sweep(rows, work, v)

    def _beside(self, rows: Rows, vector: _Array) -> _Array:
        """Return the part ``(R, t + L s)`` that multiplies no covariate."""
        return np.ascontiguousarray(vector[:, self.layout(rows).sloped :])

    def _sweep(self, rows: Rows, work: _Work, *vectors: _Array) -> F64:
        """Pass over the rows: ``A b`` of the vectors, the work done on it in place, the products of
        the first with A and what the work adds beside them.
        """
        design, layout = self.design, self.layout(rows)
        R = vectors[0].shape[0]
        fits = R * layout.predictors
        local = [
            design.distribute(design.spread(x[:, : layout.sloped].reshape(fits, design.k)))
            for x in vectors
        ]
        parts = workspace.take("parts", (fits, design.local_width), vectors[0].dtype.type)
        proteins = rows.mask.shape[0]
        tiles = split_tiles(parts, proteins)
        beside = np.zeros((R, layout.size - layout.sloped))
        for piece in self._pieces:
            start, count = piece[0].start, piece[-1].stop - piece[0].start
            predictors = [
                workspace.take(f"predictor {i}", (fits, count), x.dtype.type)
                for i, x in enumerate(vectors)
            ]
            for chunk in piece:
                at = slice(chunk.start - start, chunk.stop - start)
                for eta, coefficients in zip(predictors, local, strict=True):
                    across = chunk.across32 if eta.dtype == np.float32 else chunk.local.T
                    np.matmul(coefficients[:, chunk.columns], across, out=eta[:, at])
            work(predictors, start, beside)
            for chunk in piece:
                at = slice(chunk.start - start, chunk.stop - start)
                eta = predictors[0][:, at]
                columns = chunk.local32 if eta.dtype == np.float32 else chunk.local
                np.matmul(split_tiles(eta, proteins), columns, out=tiles[:, :, chunk.columns])
        whole = design.gather(design.collect(parts)).reshape(R, layout.sloped)
        return np.concatenate([whole, beside], axis=1)
