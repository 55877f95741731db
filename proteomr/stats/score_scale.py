"""The information of each covariate by itself: the scale that its score is small or large on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from proteomr._typing import F64
from proteomr.stats.chunked import ChunkedDesign
from proteomr.stats.tiles import multiply_tiles

__all__ = ["ScoreScale"]

# A protein whose fit converges at all does not take away the weights of a hundred rows.
_FEW = 100.0


class ScoreScale:
    """The diagonal of the information of covariates, for the fits of a batch.

    Columns whose information many rows carry keep that of the fit without a protein, scaled by the
    share of rows observed. Where few rows carry it, the protein may take their weight away: those
    columns are summed with the weights of each fit.

    Parameters
    ----------
    design : the covariates ``(n, k)``.
    weights : ``(F, n)``, of the fits to the covariates alone.

    Examples
    --------
    >>> from proteomr.stats.chunked import chunk_design
    >>> rare = np.array([[0.0], [0.0], [0.0], [2.0]])
    >>> design = chunk_design(rare, np.ones((1, 1)), np.zeros(4, dtype=np.int64))
    >>> scale = ScoreScale(design, np.full((1, 4), 0.25))
    >>> scale.of_fits(np.full((1, 4), 0.125, dtype=np.float32), np.ones(1)).tolist()
    [[0.5, 0.5]]
    """

    def __init__(self, design: ChunkedDesign, weights: F64) -> None:
        self._whole = np.zeros((weights.shape[0], design.k))
        fourth = np.zeros_like(self._whole)
        for start, columns in design.blocks():
            of_rows = weights[:, start : start + columns.shape[0]]
            squares = np.square(columns)
            self._whole += of_rows @ squares
            fourth += of_rows @ np.square(squares)
        carried = np.square(self._whole) / np.where(fourth > 0.0, fourth, np.inf)
        self._rare = np.flatnonzero(np.any(carried < _FEW, axis=0))
        self._squares = np.zeros((design.n, self._rare.size), dtype=np.float32)
        if self._rare.size:
            for start, columns in design.blocks():
                rows = slice(start, start + columns.shape[0])
                self._squares[rows] = np.square(columns[:, self._rare])

    def of_fits(self, weights: NDArray[np.float32], inflation: F64) -> F64:
        """Return the diagonal ``(B F, k)`` for weights ``(B F, n)`` and inverse shares observed."""
        repeats = weights.shape[0] // self._whole.shape[0]
        out: F64 = np.tile(self._whole, (repeats, 1)) / inflation[:, None]
        if self._rare.size:
            out[:, self._rare] = multiply_tiles(weights, self._squares)
        return out
