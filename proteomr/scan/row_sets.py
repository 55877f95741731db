"""Sets of rows that are no levels of a column, and how many rows are prepared at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proteomr.scan.strata import Stratum

__all__ = ["ROWS_AT_ONCE", "RowSets"]

# Rows of groups that a block is fitted to: their covariates stay in memory, prepared, and beyond
# 200 MB of these, proteins are better read anew for the next groups.
ROWS_AT_ONCE = 250_000
# Of units of sets, which may be hundreds: each chunk reads and sorts all proteins anew, which takes
# a twentieth of the time of eight groups of logistic fits of 21,000 people, half that of sixteen.
_UNITS_AT_ONCE = 400_000


@dataclass(frozen=True, slots=True)
class RowSets:
    """Strata that are no levels of a column, such as the halves of splits.

    Attributes
    ----------
    units : in their order; those of a unit, such as the halves of a split, are in the same block.
    """

    units: tuple[tuple[Stratum, ...], ...]

    @property
    def strata(self) -> tuple[Stratum, ...]:
        """All of them."""
        return tuple(stratum for unit in self.units for stratum in unit)

    def chunks(self) -> list[dict[int, Stratum]]:
        """Split the strata, by position, into those whose groups are prepared at once."""
        chunks: list[dict[int, Stratum]] = []
        filled, position = _UNITS_AT_ONCE, 0
        for unit in self.units:
            people = sum(int(np.count_nonzero(stratum.rows)) for stratum in unit)
            if filled + people > _UNITS_AT_ONCE:
                chunks.append({})
                filled = 0
            chunks[-1].update(enumerate(unit, start=position))
            filled, position = filled + people, position + len(unit)
        return chunks
