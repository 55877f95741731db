"""E-values: how strong confounding must be to explain estimates away, and their limits."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from proteomr._typing import F64
from proteomr.errors import NothingToDo, need_columns
from proteomr.plot.drawing import Drawing
from proteomr.plot.point_rows import Points, draw_point_rows
from proteomr.plot.result_models import drop_repeated
from proteomr.plot.style import BLACK, VERMILLION, PlotStyle
from proteomr.tables import columns as c

__all__ = ["draw_e_values"]

_KEYS: Final = (c.EXPOSURE, c.OUTCOME, c.ADJUSTMENT, c.STRATUM, c.TERM, c.CONTRAST)
_NEEDED: Final = ("e_value", "e_value_limit")
_MOST: Final = 40


def draw_e_values(table: pl.DataFrame, *, style: PlotStyle | None = None) -> Drawing:
    """E-values of estimates and of the limits nearer to no association, the strongest first.

    A limit of 1 needs no confounding at all: its interval holds no association.

    Parameters
    ----------
    table : ``e_values`` of the command.
    style : widths and title.

    Raises
    ------
    ColumnError
        The table is not one of these.
    NothingToDo
        It has no E-value.

    Examples
    --------
    >>> table = pl.DataFrame({
    ...     "protein": ["ADM", "REN"], "e_value": [1.5, 2.5], "e_value_limit": [1.0, 2.0]})
    >>> draw_e_values(table).data["name"].to_list()
    ['REN', 'ADM']
    """
    need_columns(_NEEDED, table.columns)
    known = table.drop_nulls("e_value")
    if not known.height:
        raise NothingToDo("the table has no E-value to draw")
    ordered = known.sort(
        "e_value_limit", "e_value", descending=True, nulls_last=True, maintain_order=True
    )
    shown = ordered.head(_MOST)
    names = _name_rows(shown)
    point, limit = (_numbers(shown, name) for name in _NEEDED)
    figure = draw_point_rows(
        names,
        [
            Points("of the limit", limit, "o", BLACK, hollow=True),
            Points("of the estimate", point, "D", VERMILLION),
        ],
        axis="E-value (risk ratio)",
        style=style or PlotStyle(),
        start=1.0,
        joined=True,
    )
    data = pl.DataFrame({"name": names, "e_value": point, "e_value_limit": limit})
    left = known.height - shown.height
    notes = (f"{left:,} E-value{'' if left == 1 else 's'} not shown",) * bool(left)
    return Drawing("e-values", "", "", (figure,), data.fill_nan(None), notes)


def _name_rows(shown: pl.DataFrame) -> list[str]:
    """Return what each row is of: its gene or protein, and what tells models apart."""
    first = [name for name in ("gene", c.PROTEIN) if name in shown.columns]
    there = [name for name in _KEYS if name in shown.columns]
    telling = drop_repeated(
        shown, [name for name in there if shown[name].drop_nulls().n_unique() > 1]
    )
    own = c.PROTEIN in shown.columns and c.TERM in telling
    if own and (shown[c.TERM] == shown[c.PROTEIN]).all():
        telling.remove(c.TERM)  # where the protein is the predictor its coefficient bears its name
    names = shown.select(
        pl.concat_str(
            *([pl.coalesce(pl.col(first).cast(pl.String))] if first else []),
            *(pl.col(name).cast(pl.String) for name in telling),
            separator=", ",
            ignore_nulls=True,
        )
        if first or telling
        else pl.int_range(1, pl.len() + 1).cast(pl.String)
    )
    return [str(name) for name in names.to_series()]


def _numbers(shown: pl.DataFrame, name: str) -> F64:
    return shown[name].cast(pl.Float64).fill_null(np.nan).to_numpy().astype(np.float64)
