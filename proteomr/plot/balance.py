"""How far groups of people lie apart, variable by variable."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from proteomr.errors import NothingToDo, need_columns
from proteomr.plot.drawing import Drawing
from proteomr.plot.point_rows import Points, draw_point_rows
from proteomr.plot.style import BLUE, GREEN, ORANGE, PURPLE, VERMILLION, PlotStyle

__all__ = ["draw_balance"]

_NEEDED: Final = ("by", "variable", "smd")
_MOST: Final = 40
_SMALL: Final = 0.1
"""Smaller standardised differences are negligible (Austin 2009, doi:10.1002/sim.3697)."""
_LOOKS: Final = (("o", BLUE), ("D", VERMILLION), ("s", GREEN), ("^", PURPLE), ("v", ORANGE))


def draw_balance(table: pl.DataFrame, *, style: PlotStyle | None = None) -> Drawing:
    """Standardised differences of groups in each variable, the largest first.

    Dashed is 0.1. Several groupings stand in the same rows, each with a mark of its own.

    Parameters
    ----------
    table : ``description`` of `describe`, with groups.
    style : widths and title.

    Raises
    ------
    ColumnError
        The table is not one of these.
    NothingToDo
        People were not described by groups.

    Examples
    --------
    >>> table = pl.DataFrame(
    ...     {"by": ["lonely"] * 2, "variable": ["age", "bmi"], "smd": [0.05, 0.3]})
    >>> draw_balance(table).data["variable"].to_list()
    ['bmi', 'age']
    """
    need_columns(_NEEDED, table.columns)
    told = table.filter(pl.col("by").is_not_null()).drop_nulls("smd").select(_NEEDED)
    told = told.with_columns(pl.col("smd").abs())
    if not told.height:
        raise NothingToDo("no standardised difference: people are described by no groups (--by)")
    sizes = told.group_by("variable", maintain_order=True).agg(pl.col("smd").max())
    ordered = sizes.sort("smd", descending=True, maintain_order=True)["variable"].to_list()
    names = ordered[:_MOST]
    groupings = told["by"].unique(maintain_order=True).to_list()
    kinds = []
    for place, by in enumerate(groupings):
        own = dict(told.filter(pl.col("by") == by).select("variable", "smd").iter_rows())
        values = np.array([own.get(name, np.nan) for name in names], dtype=np.float64)
        kinds.append(Points(by, values, *_LOOKS[place % len(_LOOKS)]))
    figure = draw_point_rows(
        names,
        kinds,
        axis="Standardised difference",
        style=style or PlotStyle(),
        start=0.0,
        guide=_SMALL,
    )
    left = len(ordered) - len(names)
    notes = (f"{left:,} variable{' is' if left == 1 else 's are'} not shown",) * bool(left)
    order = {name: place for place, name in enumerate(names)}
    data = told.filter(pl.col("variable").is_in(names)).sort(
        pl.col("variable").replace_strict(order, return_dtype=pl.Int64), maintain_order=True
    )
    return Drawing("balance", "", "", (figure,), data, notes)
