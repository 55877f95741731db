"""The table of associations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

import polars as pl

from proteomr.errors import UsageError
from proteomr.tables import columns as c
from proteomr.tables.table import Table

__all__ = ["Associations", "SignificanceColumn"]

SignificanceColumn: TypeAlias = Literal[
    "p_value", "p_bonferroni", "p_holm", "q_bh", "q_by", "q_storey"
]


@dataclass(frozen=True, slots=True)
class Associations(Table):
    """One row for each protein, exposure or outcome, adjustment set, term, contrast and stratum.

    Parameters
    ----------
    frame : the rows, with the columns of ``proteomr schema associations``.
    provenance : what made the table.

    Raises
    ------
    ColumnError
        The frame lacks a column, has one too many, or holds what a column may not hold.
    """

    schema_name: ClassVar[str] = "associations"

    def hits(self, threshold: float, *, by: SignificanceColumn = "q_bh") -> Associations:
        """Return the rows at or below a threshold, strongest first.

        Parameters
        ----------
        threshold : largest value that counts as a hit.
        by : the column that is compared with it.

        Raises
        ------
        UsageError
            The threshold is not between 0 and 1.

        Examples
        --------
        >>> from proteomr.tables import load_schema
        >>> Associations(load_schema("associations").empty()).hits(0.05).frame.height
        0
        """
        if not 0 <= threshold <= 1:
            raise UsageError(f"threshold {threshold:g}: a number from 0 to 1 is needed")
        order = [c.NEG_LOG10_P, c.PROTEIN, c.EXPOSURE, c.OUTCOME, c.ADJUSTMENT]
        rows = self.frame.filter(pl.col(by) <= threshold).sort(
            order, descending=[True, *[False] * 4], maintain_order=True
        )
        return Associations(rows, self.provenance)
