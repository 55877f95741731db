"""Lead variants: the strongest of each stretch of the genome, by distance alone."""

from __future__ import annotations

import math

import numpy as np
import polars as pl

from proteomr._typing import F64, I64
from proteomr.errors import UsageError
from proteomr.tables.sumstats import SumStats

__all__ = ["find_leads"]


def find_leads(
    table: SumStats | pl.LazyFrame, *, p_value: float = 5e-8, distance_bp: int = 500_000
) -> SumStats:
    """Return the strongest variant of each stretch: no two of a trait within a distance.

    The variant with the largest -log10 p is taken, those within the distance on its chromosome
    leave, and so on. Among equals the smaller position, then the name that sorts first, is taken.
    Linkage is not looked at; several leads may tag one signal, and several signals one lead.

    Parameters
    ----------
    table : summary statistics.
    p_value : largest p-value of a lead.
    distance_bp : variants as near as this to a lead, ends included, are none.

    Returns
    -------
    leads : rows of the table, strongest first; variants without a position are left out.

    Raises
    ------
    UsageError
        The p-value is not above 0 and up to 1, or the distance is negative.

    Examples
    --------
    >>> from proteomr.tables import load_schema
    >>> find_leads(SumStats(load_schema("sumstats").empty())).frame.height
    0
    """
    if not 0 < p_value <= 1:
        raise UsageError(f"p-value {p_value:g}: above 0 and up to 1 is needed")
    if distance_bp < 0:
        raise UsageError(f"distance {distance_bp}: 0 or more is needed (bp)")
    lazy = table.frame.lazy() if isinstance(table, SumStats) else table
    strong = pl.col("neg_log10_p") >= -math.log10(p_value)
    placed = pl.col("chromosome").is_not_null() & pl.col("position_bp").is_not_null()
    rows = lazy.filter(strong & placed).collect()
    rows = rows.sort(
        "neg_log10_p",
        "position_bp",
        "variant_id",
        descending=[True, False, False],
        maintain_order=True,
    ).with_row_index("_order")
    rows_kept = [
        part["_order"].to_numpy()[_take(part["position_bp"].to_numpy(), distance_bp)]
        for _, part in rows.group_by("trait", "chromosome", maintain_order=True)
    ]
    chosen = np.sort(np.concatenate(rows_kept)) if rows_kept else np.empty(0, dtype=np.int64)
    return SumStats(rows[chosen].drop("_order"))


def _take(position: I64 | F64, distance: int) -> I64:
    """Return which of the variants of a chromosome, strongest first, are leads."""
    free = np.ones(position.size, dtype=np.bool_)
    taken: list[int] = []
    while free.any():
        first = int(np.argmax(free))
        taken.append(first)
        free &= np.abs(position - position[first]) > distance
    return np.array(taken, dtype=np.int64)
