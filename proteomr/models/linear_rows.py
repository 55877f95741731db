"""The columns and leverages of linear fits, for a chunk of rows at a time.

Columns of a fit, its own covariates and terms made orthonormal and its residuals, are combinations
of the basis of its chain and of the protein's own columns. The leverage of a row is the square of
its length in the basis, made orthonormal within the protein's rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from proteomr._typing import F32, F64, I64, Bool
from proteomr.models.linear_chain import Chain
from proteomr.models.linear_projection import Projection, Reduced
from proteomr.stats.workspace import workspace

__all__ = ["FitColumns", "Leverages", "list_ranks"]

# A row of more is summed again in double precision: as a share of one row it would count.
_LARGE = 0.05
_ALIKE = 12  # rows of a tile in the kernels of single precision: a multiple of all in use


def list_ranks(chain: Chain) -> I64:
    """Return the ranks of a chain's sets, ascending and each once."""
    return np.unique(list(chain.ranks.values()))


def _combine(chain: Chain, projection: Projection, reduced: Reduced, some: I64) -> F64:
    """Return the shares of the basis and of own columns in those of a fit ``(b, p + 1, ...)``.

    The p columns are those of own covariates and terms, orthonormal; the last is the residuals.
    """
    s, k, width = projection.own, chain.rank, chain.basis.width
    inverse = np.linalg.inv(reduced.factor[some][:, :-1, :-1])
    p = inverse.shape[1]
    mixing = np.zeros((some.size, p + 1, p + 1))
    mixing[:, :p, :p] = inverse
    mixing[:, p, :p] = -np.matmul(reduced.factor[some][:, None, -1, :-1], inverse)[:, 0]
    mixing[:, p, p] = 1.0
    rank = reduced.rank
    root = projection.factor[some][:, :rank, :rank].transpose(0, 2, 1)
    on_basis = np.linalg.solve(root, projection.borders[some][:, :rank, reduced.take])
    shares = np.zeros((some.size, p + 1, width + projection.columns.shape[1]))
    shares[:, :, :rank] = -np.matmul(mixing, on_basis.transpose(0, 2, 1))
    # borders stand as own covariates, terms of the basis, protein and its products
    e = width - k
    place = np.where(
        reduced.take < s,
        width + reduced.take,
        np.where(reduced.take < s + e, k + reduced.take - s, width + reduced.take - e),
    )
    shares[:, :, place] += mixing
    return shares


@dataclass(frozen=True, slots=True)
class FitColumns:
    """The columns of m models of some proteins, as combinations ``(m, b, p + 1, ...)``.

    Attributes
    ----------
    dense, cells, own : of the dense columns of the basis, of cell columns in each of the q cells,
        and of the proteins' own columns.
    values : ``(b, v, n)``, these.
    """

    chain: Chain
    dense: F64
    cells: F64
    own: F64
    values: F64

    @classmethod
    def of(
        cls, chain: Chain, projection: Projection, reduced: Sequence[Reduced], some: I64
    ) -> FitColumns:
        """Find the combinations for some proteins."""
        basis = chain.basis
        shares = np.stack([_combine(chain, projection, r, some) for r in reduced])
        cells = shares[..., : basis.z] @ basis.cell_columns.T
        dense = np.ascontiguousarray(shares[..., basis.z : basis.width])
        own = np.ascontiguousarray(shares[..., basis.width :])
        return cls(chain, dense, cells, own, projection.columns[some])

    def compute(self, rows: slice, observed: Bool, loops: ModuleType) -> F64:
        """Return the columns on a chunk of rows ``(m, b, p + 1, r)``."""
        basis = self.chain.basis
        *shape, d = self.dense.shape
        out = workspace.take("robust columns", (*shape, observed.shape[1]), np.float64)
        np.matmul(
            self.dense.reshape(-1, d), basis.dense[rows].T, out=out.reshape(-1, observed.shape[1])
        )
        loops.finish_columns(
            out,
            self.cells,
            basis.cell_of_row[rows],
            basis.root[rows],
            np.ascontiguousarray(self.values[:, :, rows]),
            self.own,
            observed,
        )
        return out


@dataclass(frozen=True, slots=True)
class Leverages:
    """The leverages of nested sets of covariates for some proteins.

    Attributes
    ----------
    factors : ``(b, k, k)``, inverses of the Cholesky factors.
    shared : ``(b * c, d)``, their dense parts one below the other, each with rows of 0 below it,
        in the precision of the products.
    cells : ``(b, k, q)``, the parts of the cell columns, in each cell.
    dense : ``(n, d)``, dense columns of the covariates in that precision.
    """

    chain: Chain
    factors: F64
    shared: F64 | F32
    cells: F64
    dense: F64 | F32
    stops: I64

    @classmethod
    def of(cls, chain: Chain, projection: Projection, some: I64, *, single: bool) -> Leverages:
        """Invert the factors of some proteins; ``single`` asks for products of that precision."""
        basis, k = chain.basis, chain.rank
        z, d = basis.z, k - basis.z
        factors = np.asarray(np.linalg.inv(projection.factor[some]), dtype=np.float64)
        cells = factors[:, :, :z] @ basis.cell_columns.T
        # BLAS rounds rows alike that stand alike in its tiles
        each = -(-d // _ALIKE) * _ALIKE
        padded = np.zeros((some.size, each, d))
        padded[:, :d] = factors[:, z:, z:]
        shared: Any = padded.reshape(some.size * each, d)
        dense: Any = basis.dense[:, :d]
        if single and chain.single is not None:
            shared, dense = shared.astype(np.float32), chain.single
        return cls(
            chain, factors, shared, cells, dense, np.array(sorted(set(chain.ranks.values()))) - z
        )

    def compute(self, rows: slice, loops: ModuleType) -> F64:
        """Return the leverages on a chunk of rows ``(b, s, r)``."""
        basis, b, d = self.chain.basis, self.factors.shape[0], self.dense.shape[1]
        dense = self.dense[rows]
        r = dense.shape[0]
        single = self.dense.dtype == np.float32
        kind = np.float32 if single else np.float64
        each = self.shared.shape[0] // b
        products: Any = workspace.take("robust products", (b * each, r), kind)
        np.matmul(self.shared, dense.T, out=products)
        out = workspace.take("robust leverages", (b, self.stops.size, r), np.float64)
        loops.add_leverages(
            basis.dense[rows, :d],
            self.factors,
            products.reshape(b, each, r),
            self.cells,
            basis.cell_of_row[rows],
            basis.root[rows],
            self.stops,
            _LARGE if single else np.inf,
            out,
        )
        return out
