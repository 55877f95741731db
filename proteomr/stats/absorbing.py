r"""Fixed effects of many levels taken out of columns, without a column for each level.

What remains of a column is its residual on the dummies ``D`` of all effects: of one effect the
deviation from the (weighted) mean of its level; of several, means of the largest effect are taken
out and the rest is solved for by the Schur complement of the others,

.. math:: S = D_2' M_1 D_2, \qquad M y = M_1 (y - D_2 S^{-} D_2' M_1 y)

so that estimates are those of the model with all dummies (Frisch and Waugh 1933,
doi:10.2307/1907330; Lovell 1963, doi:10.1080/01621459.1963.10480682), not the limit of alternating
projections. The degrees of freedom that they take are the rank of ``D``: the levels of the largest
effect, and the rank of ``S``. For two effects that is their levels less the connected components of
the graph of who shares a level with whom (Abowd, Creecy and Kramarz 2002).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy  # its sparse part is imported on use: scans without absorbed effects start sooner
from scipy import linalg

from proteomr._typing import F64, I64

__all__ = ["MOST_LEVELS", "AbsorbedEffects"]

MOST_LEVELS = 2_500
"""Levels of all effects but the largest up to which their complement is a dense matrix."""
# Pivots of the complement, each divided by its diagonal: one that is 0 has the rounding of some
# thousand subtractions of shares of 1.
_NO_PIVOT = 1e-9


@dataclass(frozen=True, slots=True)
class _Others:
    """The effects but the largest: their dummies, and a way to solve with their complement."""

    dummies: scipy.sparse.csr_matrix
    kept: I64
    factor: F64 | None
    sparse_factor: object | None

    def solve(self, right: F64) -> F64:
        """Return a solution of ``S a = right (q, k)``."""
        out = np.zeros_like(right)
        if self.factor is not None:
            out[self.kept] = linalg.cho_solve((self.factor, True), right[self.kept])
        else:
            solver: object = self.sparse_factor
            out[self.kept] = solver.solve(np.ascontiguousarray(right[self.kept]))  # type: ignore[attr-defined]
        return out


class AbsorbedEffects:
    """Fixed effects on n rows, ready to be taken out of columns.

    Parameters
    ----------
    codes : ``(n, a)``, the level of each row in each of the effects, at or above 0.
    weights : ``(n,)``, above 0; None for equal weights.

    Attributes
    ----------
    rank : degrees of freedom that the effects take, the intercept's among them.

    Raises
    ------
    ValueError
        Three effects or more of which all but the largest have more levels than
        :data:`MOST_LEVELS`.

    Examples
    --------
    >>> effects = AbsorbedEffects(np.array([[0], [0], [1], [1]]))
    >>> effects.take_out(np.array([[1.0], [3.0], [2.0], [8.0]])).ravel().tolist(), effects.rank
    ([-1.0, 1.0, -3.0, 3.0], 2)
    """

    def __init__(self, codes: I64, weights: F64 | None = None) -> None:
        n, a = codes.shape
        # nothing depends on the unit of the weights, and pivots are held against 1
        self._weights = np.ones(n) if weights is None else weights / weights.max(initial=0.0)
        levels = [np.unique(codes[:, j], return_inverse=True)[1].ravel() for j in range(a)]
        sizes = [int(level.max(initial=-1)) + 1 for level in levels]
        first = int(np.argmax(sizes))
        self._level = levels[first]
        self._count = np.bincount(self._level, weights=self._weights, minlength=sizes[first])
        self._others: _Others | None = None
        self.rank = sizes[first]
        rest = [j for j in range(a) if j != first]
        if rest and n:
            self._others = self._lay_out([levels[j] for j in rest], [sizes[j] for j in rest])
            self.rank += self._others.kept.size

    def take_out(self, columns: F64) -> F64:
        """Return what the effects leave of columns ``(n, k)``."""
        out = columns
        for _ in range(2):  # once more takes out what rounding left
            out = self._take_out_once(out)
        return out

    def leverages(self) -> F64:
        """Return the leverages ``(n,)`` of a single effect."""
        if self._others is not None:
            raise ValueError("leverages are those of one effect")
        return np.asarray(self._weights / self._count[self._level])

    def _take_out_once(self, columns: F64) -> F64:
        rest = columns - self._means(columns)
        if self._others is None:
            return rest
        weighted = rest * self._weights[:, None]
        effects = self._others.solve(np.asarray(self._others.dummies.T @ weighted))
        fitted = np.asarray(self._others.dummies @ effects)
        return np.asarray(rest - (fitted - self._means(fitted)))

    def _means(self, columns: F64) -> F64:
        """Return the mean of each row's level of the largest effect ``(n, k)``."""
        sums = np.empty((self._count.size, columns.shape[1]))
        for j in range(columns.shape[1]):
            weighted = columns[:, j] * self._weights
            sums[:, j] = np.bincount(self._level, weights=weighted, minlength=self._count.size)
        return np.asarray((sums / self._count[:, None])[self._level])

    def _lay_out(self, levels: list[I64], sizes: list[int]) -> _Others:
        n, q = self._level.size, sum(sizes)
        starts = np.cumsum([0, *sizes[:-1]])
        columns = np.concatenate([level + s for level, s in zip(levels, starts, strict=True)])
        rows = np.tile(np.arange(n), len(levels))
        dummies = scipy.sparse.csr_matrix((np.ones(rows.size), (rows, columns)), shape=(n, q))
        weighted = scipy.sparse.diags(self._weights) @ dummies
        largest = scipy.sparse.csr_matrix((np.ones(n), (np.arange(n), self._level)))
        cross = (largest.T @ weighted).tocsr()  # (levels of the largest, q)
        shares = scipy.sparse.diags(1.0 / self._count) @ cross
        complement = (dummies.T @ weighted) - cross.T @ shares
        if q <= MOST_LEVELS:
            whole = np.asarray(dummies.T @ self._weights)
            return _factor_densely(dummies, complement.toarray(), whole)
        if len(levels) > 1:
            raise ValueError(f"{q} levels beside the largest effect")
        kept = _ground(cross)
        grounded = complement.tocsc()[kept][:, kept]
        return _Others(dummies, kept, None, scipy.sparse.linalg.splu(grounded))


def _factor_densely(dummies: scipy.sparse.csr_matrix, S: F64, whole: F64) -> _Others:
    """Factor a complement with pivots, of whichever rank.

    Parameters
    ----------
    whole : ``(q,)``, the weight of each level, of which its pivots are shares.
    """
    scale = 1.0 / np.sqrt(whole)
    found = linalg.lapack.dpstrf(S * scale[:, None] * scale, tol=_NO_PIVOT, lower=1)
    pivots, rank = found[1], int(found[2])
    if np.max(np.diagonal(S) / whole, initial=0.0) <= _NO_PIVOT:
        rank = 0  # LAPACK holds all pivots but the first against the tolerance
    kept = np.sort(np.asarray(pivots[:rank], dtype=np.int64) - 1)
    factor = np.asarray(np.linalg.cholesky(S[np.ix_(kept, kept)]), dtype=np.float64)
    return _Others(dummies, kept, factor, None)


def _ground(cross: scipy.sparse.csr_matrix) -> I64:
    """Return the levels of the second of two effects but one of each connected component."""
    first, second = cross.shape
    edges = cross.tocoo()
    graph = scipy.sparse.csr_matrix(
        (np.ones(edges.nnz), (edges.row, edges.col + first)), shape=2 * (first + second,)
    )
    component = scipy.sparse.csgraph.connected_components(graph, directed=False)[1][first:]
    grounded = np.unique(component, return_index=True)[1]
    return np.setdiff1d(np.arange(second), grounded)
