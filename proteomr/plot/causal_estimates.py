"""Results of Mendelian randomisation as figures: estimates of one pair or many, and variants."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from proteomr.errors import ColumnError, nearest
from proteomr.plot.drawing import Drawing
from proteomr.plot.frames import pick_methods
from proteomr.plot.hits_forest import draw_hits_forest
from proteomr.plot.interval_row import letters_of, row_of_method, takes_ratios
from proteomr.plot.interval_rows import draw_rows, tabulate_rows
from proteomr.plot.lettering import shorten_trait
from proteomr.plot.mr_scatter import draw_scatter
from proteomr.plot.style import PlotStyle
from proteomr.tables import Direction, Harmonised
from proteomr.tables import columns as c

__all__ = ["draw_estimates", "draw_harmonised", "read_pair"]

_PAIR: Final = (c.EXPOSURE, c.OUTCOME, c.DIRECTION)
_EFFECTS: Final = ("beta_exposure", "se_exposure", "beta_outcome", "se_outcome")
_LOG_ODDS: Final = "log odds"


def draw_estimates(table: pl.DataFrame, *, style: PlotStyle | None = None) -> Drawing:
    """Forest of causal estimates: the methods of one pair, or the pairs of many below one another.

    Of one pair every method has a row, in its colour. Of many pairs those are drawn that are below
    a false discovery rate of 5 % by any method, see `draw_hits_forest`, a row for each method; a
    pair goes by the names that tell it from the others. Where all effects on the outcome are log
    odds, the axis has odds ratios.

    Parameters
    ----------
    table : ``estimates`` of ``mr``: exposure, outcome, method, estimate, se, limits, -log10 p.
    style : widths and title.

    Raises
    ------
    ColumnError
        A column is absent.
    NothingToDo
        There is no row with an estimate.

    Examples
    --------
    >>> table = pl.DataFrame({
    ...     "exposure": ["loneliness"] * 2, "outcome": ["ADM"] * 2, "method": ["ivw", "egger"],
    ...     "estimate": [0.2, 0.6], "se": [0.1, 0.1], "neg_log10_p": [1.3, 8.7],
    ...     "conf_low": [0.0, 0.4], "conf_high": [0.4, 0.8], "status": ["ok", "ok"],
    ... })
    >>> draw_estimates(table).data["name"].to_list()
    ['ivw', 'egger']
    """
    for column in _PAIR[:2]:
        _need(table, column)
    keys = [name for name in _PAIR if name in table.columns]
    telling = [name for name in keys if table[name].n_unique() > 1]
    if not telling:
        return _draw_methods(table, style or PlotStyle())
    named = table.with_columns(pl.concat_str(telling, separator=", ").alias(c.PROTEIN))
    return draw_hits_forest(
        named.drop(keys),
        style=style,
        heading=", ".join(telling).capitalize(),
        ratio="OR" if _tells_log_odds(table) else None,
    )


def draw_harmonised(
    table: pl.DataFrame, beside: pl.DataFrame | None = None, *, style: PlotStyle | None = None
) -> Drawing:
    """Scatter of the variants of one pair, with the lines of the methods that its estimates give.

    Parameters
    ----------
    table : ``harmonised`` of ``mr``, of one pair; rows that were not kept (``mr_keep``) are left
        out.
    beside : ``estimates`` of the same pair; None for the variants alone.
    style : widths and title.

    Raises
    ------
    ColumnError
        A column is absent.
    InputError
        There are rows of several pairs.
    NothingToDo
        No variant can be drawn.

    Examples
    --------
    >>> table = pl.DataFrame({
    ...     "exposure": ["loneliness"] * 2, "outcome": ["ADM"] * 2, "variant_id": ["rs1", "rs2"],
    ...     "beta_exposure": [-0.1, 0.2], "se_exposure": [0.01] * 2,
    ...     "beta_outcome": [-0.06, 0.09], "se_outcome": [0.02] * 2, "mr_keep": [True, True],
    ... })
    >>> draw_harmonised(table).data["x"].to_list()
    [0.1, 0.2]
    """
    from proteomr.plot.frames import check_pair

    exposure, outcome = check_pair(table, table="harmonised", columns=(c.VARIANT_ID, *_EFFECTS))
    return draw_scatter(read_pair(table, exposure, outcome), beside, style=style)


def read_pair(
    table: pl.DataFrame, exposure: str, outcome: str, direction: Direction = "forward"
) -> Harmonised:
    """Return the variants of a pair that were kept, from a table of harmonised ones.

    Parameters
    ----------
    table : ``harmonised`` of ``mr``, the rows of one pair; those without an effect are left out.
    exposure, outcome, direction : of the pair.

    Examples
    --------
    >>> table = pl.DataFrame({
    ...     "variant_id": ["rs1", "rs2"], "beta_exposure": [-0.1, 0.2], "se_exposure": [0.01] * 2,
    ...     "beta_outcome": [-0.06, None], "se_outcome": [0.02] * 2,
    ... })
    >>> read_pair(table, "loneliness", "ADM").m
    1
    """
    kept = table.filter(pl.col("mr_keep")) if "mr_keep" in table.columns else table
    kept = kept.drop_nulls(_EFFECTS)
    beta_x, se_x, beta_y, se_y = (
        np.ascontiguousarray(kept[name].cast(pl.Float64).to_numpy()) for name in _EFFECTS
    )
    return Harmonised(
        exposures=(exposure,),
        outcome=outcome,
        variants=kept.drop(*_EFFECTS),
        beta_x=beta_x[:, None],
        se_x=se_x[:, None],
        beta_y=beta_y,
        se_y=se_y,
        direction=direction,
    )


def _draw_methods(table: pl.DataFrame, style: PlotStyle) -> Drawing:
    pair = (str(table[c.EXPOSURE][0]), str(table[c.OUTCOME][0]))
    letters = letters_of(style)
    rows = [row_of_method(m, letters=letters) for m in pick_methods(table, pair, methods=None)]
    ratio = "OR" if _tells_log_odds(table) else None
    looks = PlotStyle(width=style.width, title=style.title, ratio=ratio)
    names = [shorten_trait(name) for name in pair]
    what = ratio if ratio and takes_ratios(rows) else "Effect"
    pages = draw_rows(
        rows,
        foot=[],
        heading="Method",
        axis=f"{what} of {names[0]} on {names[1]}",
        style=looks,
        rows_per_page=max(1, len(rows)),
    )
    data = tabulate_rows(rows, [], rows_per_page=max(1, len(rows)), ratio=ratio)
    return Drawing("causes", *pair, pages, data)


def _tells_log_odds(table: pl.DataFrame) -> bool:
    """Tell whether all effects on the outcome are in log odds."""
    unit = "outcome_unit"
    if unit not in table.columns:
        return False
    told = table.select((pl.col(unit).cast(pl.String) == _LOG_ODDS).fill_null(value=False).all())
    return bool(told.item())


def _need(table: pl.DataFrame, column: str) -> None:
    if column not in table.columns:
        raise ColumnError(
            f"the table estimates has no column {column!r}{nearest(column, table.columns)}"
        )
