"""How much of each effect goes through a protein, with limits."""

from __future__ import annotations

from typing import Final

import polars as pl

from proteomr.errors import ColumnError, NothingToDo, nearest
from proteomr.plot.drawing import Drawing
from proteomr.plot.hits_forest import draw_hits_forest
from proteomr.plot.style import PlotStyle

__all__ = ["draw_mediation"]

# The first that a table has is drawn.
_SHARES: Final = {
    "proportion": "Share of the effect through the protein",
    "perm": "Excess hazard through the protein (%)",
    "indirect": "Effect through the protein",
}

_WHOLE: Final = 12  # whoever asks for a few proteins wants to see each of them


def draw_mediation(
    table: pl.DataFrame, *, style: PlotStyle | None = None, most: int = 40
) -> Drawing:
    """Forest of the shares that go through proteins, those of the smallest p values first.

    Parameters
    ----------
    table : ``mediation`` of `mediate`.
    style : widths and title.
    most : how many proteins.

    Raises
    ------
    ColumnError
        The table is not one of mediation.
    NothingToDo
        It has no share.

    Examples
    --------
    >>> table = pl.DataFrame({
    ...     "protein": ["ADM"], "quantity": ["proportion"], "estimate": [0.1], "conf_low": [0.05],
    ...     "conf_high": [0.15], "p_value": [1e-4]})
    >>> draw_mediation(table).data.row(0, named=True)["estimate"]
    0.1
    """
    if "quantity" not in table.columns:
        hint = nearest("quantity", table.columns)
        raise ColumnError(f"no column 'quantity' in the table{hint}: mediation.parquet has one")
    there = table.drop_nulls("estimate")["quantity"].unique().to_list()
    chosen = next((name for name in _SHARES if name in there), None)
    if chosen is None:
        raise NothingToDo(f"the table has none of {', '.join(_SHARES)}")
    drawn = draw_hits_forest(
        table.filter(pl.col("quantity") == chosen),
        style=style,
        most=most,
        axis=_SHARES[chosen],
        whole=_WHOLE,
    )
    return Drawing("mediation", "", "", drawn.pages, drawn.data, drawn.notes)
