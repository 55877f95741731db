"""Sums of squared scores for the sandwich errors of all fits of a block.

With ``v = H^-1 e`` of a coefficient, row i moves it by ``u_i r_i``, where ``u = X v`` and r are the
residuals: the robust covariance of two coefficients is the sum over rows, or over clusters of their
sums, of the products of what they move. See :mod:`proteomr.stats.sandwich` for references.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Protocol

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.stats.chunked import ChunkedDesign
from proteomr.stats.leverages import Leverages
from proteomr.stats.row_models import Rows
from proteomr.stats.workspace import workspace

__all__ = ["RobustSums", "SandwichSums"]

# Of a row of a higher leverage the exact path knows whether it has a part in an estimate.
_LEAST_FREE = 1e-3


class RobustSums(Protocol):
    """What sums the squared influences of rows, or of clusters of them."""

    def sum_rows(self, rows: Rows, columns: Sequence[F64], *, state: F64) -> tuple[F64, F64, Bool]:
        """Return covariances ``(R, P, P)`` and carriers ``(R, P)``, and where they are sound."""
        ...


@dataclass(frozen=True, slots=True)
class SandwichSums:
    """A pass over the rows for a model of one predictor whose state is its means.

    Parameters
    ----------
    design : the covariates ``A (n, k)``.
    loops : those of the model (:mod:`proteomr.stats.logistic_loops`).
    clusters : ``(n,)``, cluster of each row from 0 on; None for independent rows.
    power : of ``1 - h``, h a row's leverage, that its residual is divided by: 0.5 for HC2, 1 for
        HC3.
    """

    design: ChunkedDesign
    loops: ModuleType
    clusters: I64 | None = None
    power: float = 0.0

    def sum_rows(self, rows: Rows, columns: Sequence[F64], *, state: F64) -> tuple[F64, F64, Bool]:
        """Return covariances ``(R, P, P)`` and carriers ``(R, P)``, and where they are sound.

        Parameters
        ----------
        columns : the P columns v ``(R, k + s)`` of the inverse information.
        state : ``(R, 1, n)``, the means at the maximum.
        """
        design, means = self.design, state[:, 0]
        R, P = columns[0].shape[0], len(columns)
        sums = (np.zeros((R, P, P)), np.zeros((R, P)), np.zeros((R, P)))
        kept = np.empty((0, P, 2, 0))
        if self.clusters is not None:
            kept = workspace.take("influence of rows", (R, P, 2, design.n), np.float64)
        local = [design.distribute(design.spread(v[:, : design.k])) for v in columns]
        beside = np.ascontiguousarray(np.stack([v[:, design.k :] for v in columns], axis=1))
        leverages = Leverages(design) if self.power else None
        inverses = None if leverages is None else leverages.invert(rows, state)
        least, adjust = np.ones(R), np.empty((0, 0))
        for chunk in design.chunks:
            if leverages is not None and inverses is not None:
                free = 1.0 - leverages.of_chunk(rows, state, inverses, chunk)
                least = np.minimum(least, free.min(axis=1))
                adjust = np.maximum(free, _LEAST_FREE) ** -self.power
            u = workspace.take("influence", (P, R, chunk.stop - chunk.start), np.float64)
            for out, coefficients in zip(u, local, strict=True):
                np.matmul(coefficients[:, chunk.columns], chunk.local.T, out=out)
            given = (rows.borders, rows.mask, rows.response, means, beside, chunk.start)
            self.loops.sum_influence(u, *given, adjust, *sums, kept)
        if self.clusters is not None:
            groups = int(self.clusters.max(initial=-1)) + 1
            self.loops.sum_clusters(kept, self.clusters, groups, *sums)
        meat, second, fourth = sums
        sound = least > _LEAST_FREE
        if inverses is not None:
            sound &= inverses.plain
        return meat, np.square(second) / fourth, sound
