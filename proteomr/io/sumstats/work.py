"""Columns of canonical rows as they are made, and what holds for all rows of a file."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import polars as pl

from proteomr._typing import F64, Bool
from proteomr.io.sumstats.header import Layout
from proteomr.tables.sumstats import GenomeBuild

__all__ = ["Facts", "Work"]


@dataclass(frozen=True, slots=True)
class Facts:
    """What holds for all rows of a file.

    Parameters
    ----------
    build : genome build, None where unknown.
    trait : name of the trait where no column tells it.
    n, n_case : people and cases where no column tells them.
    zero_based : positions count from zero.
    case_share : share of cases, to turn effects of a linear model into log odds.
    without_errors : whether errors that are absent are made from effects and p.
    """

    build: GenomeBuild | None = None
    trait: str | None = None
    n: float | None = None
    n_case: float | None = None
    zero_based: bool = False
    case_share: float | None = None
    without_errors: bool = False


@dataclass(slots=True, eq=False)
class Work:
    """Columns made so far of the rows that are left."""

    raw: pl.DataFrame
    layout: Layout
    facts: Facts
    columns: dict[str, pl.Series] = field(default_factory=dict)
    marks: dict[str, Bool] = field(default_factory=dict)

    def source(self, to: str) -> pl.Series | None:
        """Return the cells that a canonical column is made of; None where no column tells it."""
        assignment = self.layout.get(to)
        return None if assignment is None else self.raw[assignment.source]

    def by(self, to: str) -> str:
        """Return what is done to the cells of a canonical column."""
        assignment = self.layout.get(to)
        return "" if assignment is None else assignment.by

    def mark(self, name: str, rows: Bool) -> None:
        """Note rows for which a finding holds."""
        held = self.marks.get(name)
        self.marks[name] = rows if held is None else held | rows

    def array(self, to: str) -> F64:
        """Return a column that is made, NaN where a row has no number."""
        return self.columns[to].cast(pl.Float64).fill_null(math.nan).to_numpy()

    def empty(self, dtype: pl.DataType) -> pl.Series:
        """Return a column without any value."""
        return pl.repeat(None, self.raw.height, dtype=dtype, eager=True)
