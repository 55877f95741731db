"""Robust errors of all Cox fits of a block, from what each row moves their estimates by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.stats.risk_sets import RiskSets
from proteomr.stats.row_models import Rows

__all__ = ["CoxInfluence"]


@dataclass(frozen=True, slots=True)
class CoxInfluence:
    """A pass over the rows, as :class:`proteomr.stats.sandwich_sums.SandwichSums` for logits.

    With ``v = H^-1 e`` of a coefficient, a row moves it by its score residual times v, which needs
    of the columns only ``X v`` (Lin and Wei 1989, doi:10.1080/01621459.1989.10478874).

    Parameters
    ----------
    A : ``(n, k)``, the covariates.
    risk, loops, efron : of the row model.
    clusters : ``(n,)``, from 0 on; None where each row is one.
    """

    A: F64
    risk: RiskSets
    loops: ModuleType
    efron: bool
    clusters: I64 | None = None

    def sum_rows(self, rows: Rows, columns: Sequence[F64], *, state: F64) -> tuple[F64, F64, Bool]:
        """Return covariances ``(R, P, P)`` and carriers ``(R, P)``, and where they are sound.

        Parameters
        ----------
        columns : the P columns v ``(R, k + s)`` of the inverse information.
        state : ``(R, 1, n)``, the hazards at the maximum.
        """
        k = self.A.shape[1]
        R, P = columns[0].shape[0], len(columns)
        meat, carriers = np.empty((R, P, P)), np.empty((R, P))
        for r in range(R):
            of_row = np.array([v[r, :k] for v in columns]) @ self.A.T
            mask = rows.mask[r].astype(np.float64)
            for p, v in enumerate(columns):
                beside = np.ascontiguousarray(v[r, k:])
                given = (rows.borders[r], mask, self.risk, beside, state[r, 0])
                self.loops.sum_influence(of_row[p], *given, efron=self.efron)
            moved = self._sum_clusters(of_row)
            meat[r] = moved @ moved.T
            squares = np.square(moved)
            with np.errstate(invalid="ignore", divide="ignore"):
                carriers[r] = np.square(squares.sum(axis=1)) / np.square(squares).sum(axis=1)
        return meat, carriers, np.asarray(np.isfinite(meat).all(axis=(1, 2)))

    def _sum_clusters(self, of_rows: F64) -> F64:
        """Return sums over clusters ``(P, clusters)``."""
        if self.clusters is None:
            return of_rows
        groups = int(self.clusters.max(initial=-1)) + 1
        return np.array([np.bincount(self.clusters, u, groups) for u in of_rows])
