r"""Relatedness of people as blocks of relatives: ``y ~ N(X b, s2g K + s2e I)`` by eigenvalues.

A block of relatives is turned by the eigenvectors of its K, in which its people are independent
with variances ``s2e (1 + theta^2 d)``, d the eigenvalues (Kang et al. 2008,
doi:10.1534/genetics.107.080101): an eigenvector is a group of one turned row whose pattern is the
root of d. People without relatives are blocks of one.
"""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from dataclasses import dataclass, field, replace

import numpy as np
import scipy  # its sparse part is imported on use: scans of unrelated people start sooner

from proteomr._typing import F64, I64, Bool
from proteomr.stats.group_sums import Turned

__all__ = ["LARGEST_BLOCK", "Relatedness"]

# An eigendecomposition of 5,000 people takes a minute and 600 MB, and every protein whose missing
# values touch the block needs its own.
LARGEST_BLOCK = 5_000
# Blocks whose decomposition takes as long as a fit does are kept, a few of them: proteins that lack
# nobody share it.
_REMEMBERED, _KEPT = 100, 2
_SAME = 1e-9  # what differs by less in how people are related to themselves is rounding


@dataclass(frozen=True, slots=True, eq=False)
class Relatedness:
    """A relationship matrix, twice the kinship, of the n rows of a problem.

    Attributes
    ----------
    matrix : ``(n, n)``, symmetric, sparse.
    known : ``(n,)``, whom the matrix tells of.
    origin : ``(n,)``, where the rows were before some were taken.
    solved : eigenvalues and vectors of the last large blocks, by the people in them.

    Examples
    --------
    >>> sibs = Relatedness.of(scipy.sparse.csr_array(np.array([[1.0, 0.5], [0.5, 1.0]])))
    >>> found = sibs.turn(np.ones((2, 1)))
    >>> (found.roots[:, 0, 0] ** 2).round(3).tolist()
    [0.5, 1.5]
    """

    matrix: scipy.sparse.csr_array
    known: Bool
    origin: I64
    solved: OrderedDict[bytes, tuple[F64, F64]] = field(default_factory=OrderedDict)

    @classmethod
    def of(cls, matrix: scipy.sparse.csr_array, known: Bool | None = None) -> Relatedness:
        """Return the relatedness of people, all of whom are known unless it is said."""
        n = matrix.shape[0]
        there = np.ones(n, dtype=bool) if known is None else known
        return cls(matrix, there, np.arange(n))

    @property
    def has_relatives(self) -> bool:
        """Whether the matrix is any other than the same number for everybody alone."""
        diagonal = self.matrix.diagonal()
        apart = int(self.matrix.count_nonzero()) - int(np.count_nonzero(diagonal))
        return apart > 0 or float(np.ptp(diagonal)) > _SAME

    def take(self, rows: I64 | Bool) -> Relatedness:
        """Return the relatedness of some rows."""
        at = np.flatnonzero(rows) if np.asarray(rows).dtype == bool else np.asarray(rows)
        matrix = scipy.sparse.csr_array(self.matrix[at, :][:, at])  # type: ignore[index]
        return replace(self, matrix=matrix, known=self.known[at], origin=self.origin[at])

    def weigh(self, root: F64) -> Relatedness:
        """Return the relatedness of rows that are multiplied by numbers ``(n,)``."""
        diagonal = scipy.sparse.diags_array(root)
        matrix = scipy.sparse.csr_array(diagonal @ self.matrix @ diagonal)
        return replace(self, matrix=matrix, solved=OrderedDict())

    def list_blocks(self) -> tuple[I64, I64]:
        """Return rows by blocks of relatives, and the first place of each block among them."""
        labels = scipy.sparse.csgraph.connected_components(self.matrix, directed=False)[1]
        order = np.argsort(labels, kind="stable")
        starts = np.flatnonzero(np.diff(labels[order], prepend=-1))
        return order.astype(np.int64), starts.astype(np.int64)

    def find_smallest(self) -> tuple[float, int]:
        """Return the smallest eigenvalue of all blocks, and the people of its block."""
        order, starts = self.list_blocks()
        sizes = np.diff(np.append(starts, order.size))
        found = [(1.0, 1)]
        for size in np.unique(sizes).tolist():
            rows = order[starts[sizes == size][:, None] + np.arange(size)]
            found.append((float(np.linalg.eigvalsh(self._read_blocks(rows)).min()), size))
        return min(found)

    def turn(self, D: F64) -> Turned:
        """Turn columns ``(n, K)`` by the eigenvectors of every block of relatives."""
        order, starts = self.list_blocks()
        n, K = D.shape
        sizes = np.diff(np.append(starts, n))
        values, turned = np.empty(n), np.empty((n, K))
        first = 0
        for size in np.unique(sizes).tolist():
            rows = order[starts[sizes == size][:, None] + np.arange(size)]
            found, vectors = self._solve(rows)
            last = first + rows.size
            values[first:last] = found.ravel()
            turned[first:last] = (vectors.transpose(0, 2, 1) @ D[rows]).reshape(-1, K)
            first = last
        # negative by rounding alone: the matrix was refused else, and so is none of its parts
        roots = np.sqrt(np.maximum(values, 0.0))[:, None, None]
        return Turned(roots, turned[:, None], np.zeros((n, K)))

    def _solve(self, rows: I64) -> tuple[F64, F64]:
        """Return eigenvalues and vectors of blocks ``(g, size)``; large ones are remembered."""
        if rows.shape[1] < _REMEMBERED:
            values, vectors = np.linalg.eigh(self._read_blocks(rows))
            return np.asarray(values), np.asarray(vectors)
        key = self.origin[rows].tobytes()
        known = self.solved.get(key)
        if known is None:
            values, vectors = np.linalg.eigh(self._read_blocks(rows))
            known = np.asarray(values), np.asarray(vectors)
            self.solved[key] = known
            while len(self.solved) > _KEPT:
                with contextlib.suppress(KeyError):  # another thread was faster
                    self.solved.popitem(last=False)
        return known

    def _read_blocks(self, rows: I64) -> F64:
        """Return the dense ``(g, size, size)`` of blocks of rows ``(g, size)``."""
        g, size = rows.shape
        if size == 1:
            return np.asarray(self.matrix.diagonal())[rows][:, :, None]
        place = np.full(self.matrix.shape[0], -1, dtype=np.int64)
        place[rows.ravel()] = np.arange(rows.size)
        entries = self.matrix[rows.ravel()].tocoo()
        block, row = np.divmod(entries.row, size)
        dense = np.zeros((g, size, size))
        dense[block, row, place[entries.col] - block * size] = entries.data
        return dense
