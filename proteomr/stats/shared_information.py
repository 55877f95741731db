"""What the fits of a batch share: the information of the covariates alone, as a preconditioner."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from proteomr._typing import F64
from proteomr.stats.base_fit import Base
from proteomr.stats.block_rows import BlockRows
from proteomr.stats.chunked import Chunk, ChunkedDesign
from proteomr.stats.quasi_newton import Preconditioner, share_observed

__all__ = ["SharedInformation"]

# The fourth moment over the squared second is three for the normal distribution: up to four, all
# rows count as carrying the estimate.
_TAIL = 4.0


class SharedInformation:
    """The fits to the covariates alone, in single precision, ready for products with borders.

    Parameters
    ----------
    design : the covariates ``A (n, k)``.
    bases : the F fits to the covariates alone.
    """

    def __init__(self, design: ChunkedDesign, bases: Sequence[Base]) -> None:
        self.design = design
        self.F = len(bases)
        self._inverse = np.stack([base.inverse_information for base in bases])
        self._total = np.array([base.weights.sum() for base in bases])
        self._weights32 = np.stack([base.weights for base in bases]).astype(np.float32)
        self._residuals32 = np.stack([base.residuals for base in bases]).astype(np.float32)
        self._weighted = [self._weigh(chunk, self._weights32) for chunk in design.chunks]
        self._residuals = [self._weigh(chunk, self._residuals32) for chunk in design.chunks]

    def _weigh(self, chunk: Chunk, by: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return a chunk's local columns times each response's factor, side by side ``(c, F (d +
        m))``.
        """
        factors = by[:, chunk.start : chunk.stop, None]
        return np.ascontiguousarray(np.concatenate(list(chunk.local32 * factors), axis=1))

    def precondition(self, rows: BlockRows) -> tuple[Preconditioner, F64]:
        """Return the preconditioner and the score at the fits to the covariates alone."""
        design, F = self.design, self.F
        B, s, _ = rows.borders.shape
        cross, score = self._base_products(rows)
        by_border = design.gather(cross.reshape(B * s * F, -1)).reshape(B, s, F, design.k)
        h = np.ascontiguousarray(by_border.transpose(0, 2, 1, 3)).reshape(B * F, s, design.k)
        block, fourth = np.empty((B, s, s, F)), np.empty((B, F))
        for a in range(s):
            for b in range(a + 1):
                product = rows.borders32[:, a] * rows.borders32[:, b]
                block[:, a, b] = block[:, b, a] = product @ self._weights32.T
                if a == 0:
                    fourth = np.square(product, out=product) @ self._weights32.T
        D = block.transpose(0, 3, 1, 2).reshape(B * F, s, s)
        border_score = rows.borders32.reshape(B * s, -1) @ self._residuals32.T
        border_score = border_score.reshape(B, s, F).transpose(0, 2, 1).reshape(B * F, s)
        inflation = np.repeat(1.0 / share_observed(rows.mask), F)
        information = np.einsum("raa->ra", D).copy()
        carried = _TAIL * np.square(block[:, 0, 0]) / np.where(fourth > 0.0, fourth, np.nan)
        weight = np.fmin(np.tile(self._total, B) / inflation, carried.reshape(-1))
        eliminated = np.matmul(h.reshape(B, F, s, -1), self._inverse).reshape(B * F, s, -1)
        eliminated *= inflation[:, None, None]
        schur = D - np.matmul(h, eliminated.transpose(0, 2, 1))
        for a in range(s):
            schur[:, a, a] = np.maximum(schur[:, a, a], 1e-6 * D[:, a, a] + (D[:, a, a] == 0))
        preconditioner = Preconditioner(
            self._inverse,
            inflation,
            h,
            eliminated,
            np.linalg.pinv(schur, hermitian=True),
            information,
            weight,
        )
        g = design.gather(score.reshape(B * F, -1))
        return preconditioner, np.concatenate([g, border_score], axis=1)

    def _base_products(self, rows: BlockRows) -> tuple[F64, F64]:
        """Return ``S' W A`` ``(B s, F, wide)`` and ``m' R A`` ``(B, F, wide)`` over dense columns
        and cells.
        """
        design, F = self.design, self.F
        B, s, _ = rows.borders.shape
        wide = design.width
        cross, score = np.zeros((F, B * s, wide)), np.zeros((F, B, wide))
        for chunk, weighted, residuals in zip(
            design.chunks, self._weighted, self._residuals, strict=True
        ):
            at = slice(chunk.start, chunk.stop)
            border = rows.borders32[:, :, at].reshape(B * s, -1)
            crossed, scored = border @ weighted, rows.mask[:, at] @ residuals
            m = chunk.local.shape[1]
            for f in range(F):
                design.add(cross[f], chunk, crossed[:, f * m : (f + 1) * m])
                design.add(score[f], chunk, scored[:, f * m : (f + 1) * m])
        return cross.transpose(1, 0, 2), score.transpose(1, 0, 2)
