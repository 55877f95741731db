"""The table of counts: people per value of a rule or an outcome, and who has none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import polars as pl

__all__ = ["COUNTS", "MISSING", "Row", "tabulate_counts"]

COUNTS: Final = {
    "rule": pl.String(),
    "value": pl.String(),
    "label": pl.String(),
    "n": pl.Int64(),
    "share": pl.Float64(),
    "published": pl.Float64(),
    "note": pl.String(),
}
MISSING: Final = "missing"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a count table.

    Parameters
    ----------
    rule : whose column.
    value : the value, ``mean`` for a number, ``missing`` for no value.
    label : what the value means, or why there is none.
    n : how many people.
    share : of those with a value; of all people for ``missing``.
    published : the share, or the mean, that the study reports.
    note : mean, standard deviation and percentiles of a number; how many were decided although an
        item is missing.
    """

    rule: str
    value: str
    label: str | None
    n: int
    share: float | None
    published: float | None = None
    note: str | None = None


def tabulate_counts(rows: list[Row]) -> pl.DataFrame:
    """Return lines of count tables as a frame.

    Examples
    --------
    >>> tabulate_counts([Row("sex", "1", "male", 2, 0.5)]).row(0)
    ('sex', '1', 'male', 2, 0.5, None, None)
    """
    names = list(COUNTS)
    cells = [[getattr(row, name) for name in names] for row in rows]
    return pl.DataFrame(cells, schema=COUNTS, orient="row")
