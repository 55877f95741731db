"""What the fits of a batch share: the information of the covariates alone, as a preconditioner."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from proteomr._typing import F64
from proteomr.stats.chunked import Chunk, ChunkedDesign
from proteomr.stats.quasi_newton import Preconditioner
from proteomr.stats.row_models import Base, Rows
from proteomr.stats.tiles import multiply_tiles

__all__ = ["SharedInformation"]

# The fourth moment over the squared second is three for the normal distribution: up to four, all
# rows count as carrying the estimate.
_TAIL = 4.0
# The share of a border column that the covariates leave, below which single precision cannot tell
# it from none.
_SINGULAR = 1e-6


class SharedInformation:
    """The fits to the covariates alone, in single precision, ready for products with borders.

    Letters and shapes are those of :mod:`proteomr.stats.row_models`; ``l`` and ``m`` number the
    predictors of a row.

    Parameters
    ----------
    design : the covariates ``A (n, k)``.
    bases : the F fits to the covariates alone.
    carried : effective number of rows over their number.
    """

    def __init__(self, design: ChunkedDesign, bases: Sequence[Base], carried: float = 1.0) -> None:
        self.design = design
        self._carried = carried
        self.F = len(bases)
        self.L = bases[0].residuals.shape[0]
        self._inverse = np.stack([base.inverse_information for base in bases])
        weights = np.concatenate([base.weights.reshape(self.L**2, -1) for base in bases])
        residuals = np.concatenate([base.residuals for base in bases])
        self._total = np.einsum("fll->fl", weights.sum(axis=1).reshape(self.F, self.L, self.L))
        self._weights32 = weights.astype(np.float32)
        self._residuals32 = residuals.astype(np.float32)
        self._weighted = [self._weigh(chunk, self._weights32) for chunk in design.chunks]
        self._residuals = [self._weigh(chunk, self._residuals32) for chunk in design.chunks]
        self._thresholds = _stack_thresholds(bases)

    def precondition(self, rows: Rows, share: F64, *, terms: int = 1) -> tuple[Preconditioner, F64]:
        """Return the preconditioner, and the score ``(R, L k + t + L s)`` at the fits to the
        covariates alone where rows are independent.

        Parameters
        ----------
        share : ``(B,)``, of the rows that each protein is observed on.
        terms : borders whose coefficients are wanted.
        """
        design, F, L = self.design, self.F, self.L
        B, s, _ = rows.borders.shape
        cross, score = self._base_products(rows)
        by_border = design.gather(cross).reshape(B, s, F, L, L, design.k)
        h = by_border.transpose(0, 2, 3, 1, 4, 5).reshape(B * F, L * s, L * design.k)
        of_thresholds, threshold_score = self._threshold_products(rows)
        h = np.concatenate([h, of_thresholds], axis=2)
        inflation = np.repeat(1.0 / share, F)
        D, weight = self._border_products(rows, inflation, terms)
        g = design.gather(score).reshape(B * F, L * design.k)
        border_score = multiply_tiles(rows.borders.reshape(B * s, -1), self._residuals32.T)
        border_score = border_score.reshape(B, s, F, L).transpose(0, 2, 3, 1).reshape(B * F, L * s)
        preconditioner = self._eliminate(h, D, inflation=inflation, weight=weight)
        return preconditioner, np.concatenate([g, threshold_score, border_score], axis=1)

    def _eliminate(self, h: F64, D: F64, *, inflation: F64, weight: F64) -> Preconditioner:
        """Return the block elimination for cross-products ``(R, L s, L k + t)`` and border blocks
        ``(R, L s, L s)``.
        """
        R, p, q = h.shape
        eliminated = np.matmul(h.reshape(R // self.F, self.F, p, q), self._inverse)
        eliminated = eliminated.reshape(R, p, q)
        eliminated *= inflation[:, None, None]
        schur = D - np.matmul(h, eliminated.transpose(0, 2, 1))
        for a in range(p):
            floor = _SINGULAR * D[:, a, a] + (D[:, a, a] == 0)
            schur[:, a, a] = np.maximum(schur[:, a, a], floor)
        return Preconditioner(
            self._inverse,
            inflation,
            h,
            eliminated,
            schur,
            self.L,
            np.einsum("raa->ra", D).copy(),
            weight,
        )

    def _border_products(self, rows: Rows, inflation: F64, terms: int) -> tuple[F64, F64]:
        """Return ``S' W S`` of each fit ``(R, L s, L s)``, and the sum of the weights of the rows
        that carry the information of each of the first borders ``(R,)``, the least of them.
        """
        F, L = self.F, self.L
        B, s, _ = rows.borders.shape
        block, carried = np.empty((B, s, s, F * L * L)), np.full((B, F, L), np.inf)
        for a in range(s):
            for b in range(a + 1):
                product = rows.borders[:, a] * rows.borders[:, b]
                block[:, a, b] = block[:, b, a] = multiply_tiles(product, self._weights32.T)
                if a == b < terms:
                    fourth = multiply_tiles(np.square(product, out=product), self._weights32.T)
                    carried = np.fmin(carried, self._carry(block[:, a, a], fourth))
        by_predictor = block.reshape(B, s, s, F, L, L).transpose(0, 3, 4, 1, 5, 2)
        D = by_predictor.reshape(B * F, L * s, L * s)
        total = np.tile(self._total, (B, 1)) / inflation[:, None]
        return D, self._carried * np.fmin(total, carried.reshape(B * F, L)).min(axis=1)

    def _carry(self, second: F64, fourth: NDArray[np.float32]) -> F64:
        """Return the rows that carry a border ``(B, F, L)``, by its moments ``(B, F L L)``."""
        square, fourth_power = (
            np.einsum("bfll->bfl", moment.reshape(-1, self.F, self.L, self.L))
            for moment in (second, fourth.astype(np.float64))
        )
        return np.asarray(
            _TAIL * np.square(square) / np.where(fourth_power > 0.0, fourth_power, np.nan)
        )

    def _threshold_products(self, rows: Rows) -> tuple[F64, F64]:
        """Return the cross-products of borders and thresholds ``(R, L s, t)``, and the scores of
        the thresholds ``(R, t)``.
        """
        residuals, weights = self._thresholds
        F, L, t = self.F, self.L, residuals.shape[0] // self.F
        B, s, _ = rows.borders.shape
        cross = multiply_tiles(rows.borders.reshape(B * s, -1), weights.T).reshape(B, s, F, t, L)
        by_fit = cross.transpose(0, 2, 4, 1, 3).reshape(B * F, L * s, t)
        scores: F64 = multiply_tiles(rows.mask, residuals.T).astype(np.float64)
        return by_fit.astype(np.float64), scores.reshape(B * F, t)

    def _base_products(self, rows: Rows) -> tuple[F64, F64]:
        """Return ``S' W A`` ``(B s F L L, wide)`` and ``m' r A`` ``(B F L, wide)`` over dense
        columns and cells.
        """
        design = self.design
        B, s, _ = rows.borders.shape
        pairs, predictors = self._weights32.shape[0], self._residuals32.shape[0]
        cross = np.empty((B * s, pairs, design.local_width), dtype=np.float32)
        score = np.empty((B, predictors, design.local_width), dtype=np.float32)
        for chunk, weighted, residuals in zip(
            design.chunks, self._weighted, self._residuals, strict=True
        ):
            at = slice(chunk.start, chunk.stop)
            border = rows.borders[:, :, at].reshape(B * s, -1)
            cross[:, :, chunk.columns] = multiply_tiles(border, weighted).reshape(B * s, pairs, -1)
            score[:, :, chunk.columns] = multiply_tiles(rows.mask[:, at], residuals).reshape(
                B, predictors, -1
            )
        whole = (-1, design.local_width)
        return design.collect(cross.reshape(whole)), design.collect(score.reshape(whole))

    def _weigh(self, chunk: Chunk, by: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return a chunk's local columns times each of the f rows of factors, side by side ``(c, f
        (d + m))``.
        """
        factors = by[:, chunk.start : chunk.stop, None]
        return np.ascontiguousarray(np.concatenate(list(chunk.local32 * factors), axis=1))


def _stack_thresholds(bases: Sequence[Base]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the residuals ``(F t, n)`` and the weights ``(F t L, n)`` of thresholds, if any."""
    n = bases[0].response.shape[0]
    residuals, weights = [np.zeros((0, n))], [np.zeros((0, n))]
    for base in bases:
        if base.thresholds is not None:
            residuals.append(base.thresholds.residuals)
            weights.append(base.thresholds.weights.reshape(-1, n))
    return np.concatenate(residuals).astype(np.float32), np.concatenate(weights).astype(np.float32)
