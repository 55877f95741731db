"""Correlations of a network kept stretch by stretch, so that a run that was killed goes on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from proteomr._typing import F64, Bool
from proteomr.runs.parts import Parts

__all__ = ["KeptStretches"]

_PAIRS, _REPLACED = "correlations", "replaced"


@dataclass(frozen=True, slots=True)
class KeptStretches:
    """Stretches of a matrix of correlations as parts of a run.

    Parameters
    ----------
    parts : of the run.
    first : number of the first part; those before are of another matrix.
    """

    parts: Parts
    first: int = 0

    def load(self, stretch: int) -> tuple[F64, Bool] | None:
        """Return the rows of a stretch from the diagonal on, and which were replaced.

        None where the stretch is still to be done.
        """
        tables = self.parts.load(self.first + stretch)
        if tables is None:
            return None
        rows = np.ascontiguousarray(tables[_PAIRS].to_numpy().T)
        return rows, tables[_REPLACED].to_series().to_numpy()

    def save(self, stretch: int, rows: F64, replaced: Bool) -> None:
        """Store the rows of a stretch from the diagonal on."""
        pairs = pl.DataFrame({f"{place}": row for place, row in enumerate(rows)})
        told = pl.DataFrame({_REPLACED: replaced})
        self.parts.save(self.first + stretch, {_PAIRS: pairs, _REPLACED: told})
