"""A contrast of genes over people: what goes with it, by model."""

from __future__ import annotations

from typing import Any, Final

import polars as pl

from proteomr.errors import NothingToDo, need_columns
from proteomr.plot.drawing import Drawing
from proteomr.plot.interval_row import IntervalRow, letters_of
from proteomr.plot.interval_rows import draw_rows, tabulate_rows
from proteomr.plot.lettering import shorten
from proteomr.plot.result_models import drop_repeated
from proteomr.plot.style import BLACK, BLUE, GREEN, VERMILLION, PlotStyle
from proteomr.tables import columns as c

__all__ = ["draw_gene_contrast"]

_NEEDED: Final = (
    c.EXPOSURE, c.ADJUSTMENT, "model", c.TERM, "at", "component", c.ESTIMATE, c.CONF_LOW,
    c.CONF_HIGH, c.NEG_LOG10_P,
)  # fmt: skip
_TELLING: Final = (c.EXPOSURE, c.TERM, c.CONTRAST, "at", c.ADJUSTMENT, "model", "component")
_COLOURS: Final = (BLACK, BLUE, VERMILLION, GREEN)
_PER_PAGE: Final = 60


def draw_gene_contrast(table: pl.DataFrame, *, style: PlotStyle | None = None) -> Drawing:
    """Forest of a contrast of genes: a row for each term, model and part of the genes.

    Parameters
    ----------
    table : ``ctra`` of the command.
    style : widths and title.

    Raises
    ------
    ColumnError
        The table is not one of these.
    NothingToDo
        It has no row.

    Examples
    --------
    >>> table = pl.DataFrame({
    ...     "exposure": "lonely", "adjustment": "base", "model": "composite", "term": "lonely",
    ...     "at": [None], "component": "all", "estimate": [0.1], "conf_low": [0.0],
    ...     "conf_high": [0.2], "neg_log10_p": [1.3]}, schema_overrides={"at": pl.Float64})
    >>> draw_gene_contrast(table).data["name"].to_list()
    ['lonely']
    """
    need_columns(_NEEDED, table.columns)
    if not table.height:
        raise NothingToDo("the table has no row to draw")
    style = style or PlotStyle()
    there = [name for name in _TELLING if name in table.columns]
    telling = drop_repeated(table, [name for name in there if table[name].n_unique() > 1])
    components = table["component"].unique(maintain_order=True).to_list()
    rows = [
        _row(row, telling or [c.TERM], components, letters=letters_of(style))
        for row in table.iter_rows(named=True)
    ]
    pages = draw_rows(
        rows,
        foot=[],
        heading="Term" if len(telling) < 2 else ", ".join(telling).capitalize(),
        axis="Contrast of the genes",
        style=style,
        rows_per_page=_PER_PAGE,
    )
    data = tabulate_rows(rows, [], rows_per_page=_PER_PAGE)
    return Drawing("contrast", "", "", pages, data)


def _row(
    row: dict[str, Any], telling: list[str], components: list[str], *, letters: int
) -> IntervalRow:
    words = [
        f"at {row[name]:g}" if name == "at" else str(row[name])
        for name in telling
        if row[name] is not None
    ]
    name = ", ".join(words)
    estimate, low, high, height = (
        float("nan") if row[key] is None else float(row[key])
        for key in (c.ESTIMATE, c.CONF_LOW, c.CONF_HIGH, c.NEG_LOG10_P)
    )
    colour = _COLOURS[components.index(row["component"]) % len(_COLOURS)]
    status = str(row.get(c.STATUS) or "ok")
    return IntervalRow(
        "term", name, shorten(name, letters=letters), estimate, low, high, height, colour, status
    )
