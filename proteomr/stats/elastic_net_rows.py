"""Least squares by their rows: what sums of single precision are corrected by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64
from proteomr.stats.elastic_net_sums import LinearSums, Standardised

__all__ = ["Rows"]


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """The rows of all folds, which correlations need not be summed of to be multiplied.

    Parameters
    ----------
    blocks : (m, p) of each fold.
    y : (m,) of each.
    weights : (m,) of each, None for ones.
    """

    blocks: Sequence[F64]
    y: Sequence[F64]
    weights: Sequence[F64] | None = None

    def sum_fold(self, fold: int, *, origin: float, unit: float, single: bool) -> LinearSums:
        """Return the sums of a fold, see :meth:`LinearSums.of`."""
        v = None if self.weights is None else self.weights[fold]
        return LinearSums.of(
            self.blocks[fold], self.y[fold], weights=v, origin=origin, unit=unit, single=single
        )

    def correlate(self, given: Standardised) -> Standardised:
        """Return the least squares of all rows, their correlations in double precision."""
        folds = range(len(self.blocks))
        each = (self.sum_fold(k, origin=given.origin, unit=given.unit, single=False) for k in folds)
        whole = next(each)
        for more in each:
            whole = whole + more
        return whole.standardise()

    def multiply(self, given: Standardised, b: F64) -> F64:
        """Return the product (p,) of the columns' correlations and coefficients.

        Parameters
        ----------
        given : how the columns are standardised.
        b : (p,) of the standardised columns.

        Examples
        --------
        >>> X, y = np.array([[1.0, 0.0], [2.0, 0.0], [3.0, 1.0]]), np.zeros(3)
        >>> given = LinearSums.of(X, y).standardise()
        >>> found = Rows([X[:1], X[1:]], [y[:1], y[1:]]).multiply(given, np.array([1.0, 2.0]))
        >>> bool(np.allclose(found, given.H @ np.array([1.0, 2.0]), atol=1e-15))
        True
        """
        inner = np.where(given.constant, 0.0, b) / given.scale
        offset = float(given.centre @ inner)
        total, whole = np.zeros(b.size), 0.0
        for place, block in enumerate(self.blocks):
            fitted = block @ inner - offset
            if self.weights is not None:
                fitted *= self.weights[place]
            total += fitted @ block
            whole += float(fitted.sum())
        found = (total - whole * given.centre) / (given.weight * given.scale)
        found[given.constant] = 0.0
        return found
