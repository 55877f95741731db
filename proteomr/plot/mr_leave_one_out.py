"""The estimate without each variant in turn, against that with all of them."""

from __future__ import annotations

import polars as pl

from proteomr.errors import InputError, UsageError, rows_have
from proteomr.plot.drawing import Drawing
from proteomr.plot.frames import check_pair, read_ratios
from proteomr.plot.interval_row import (
    IntervalRow,
    letters_of,
    list_rows,
    sort_rows,
    takes_ratios,
)
from proteomr.plot.interval_rows import draw_rows, tabulate_rows
from proteomr.plot.lettering import shorten_trait
from proteomr.plot.style import PlotStyle, look_of_method

__all__ = ["draw_leave_one_out"]

_COLUMNS = ("variant_id", "method", "estimate", "se", "neg_log10_p")


def draw_leave_one_out(
    leaveoneout: pl.DataFrame, *, style: PlotStyle | None = None, rows_per_page: int = 60
) -> Drawing:
    """Forest of estimates without one variant each, largest first, and that with all at the foot.

    Limits lie 1.96 standard errors from the estimate; a dashed line stands at the estimate with all
    variants. R: ``TwoSampleMR::mr_leaveoneout_plot`` 0.7.9.

    Parameters
    ----------
    leaveoneout : table of one pair and one method: exposure, outcome, variant_id (the one left out,
        or "all"), method, estimate, se, neg_log10_p.
    style : widths, title and units.
    rows_per_page : most variants on a page.

    Raises
    ------
    UsageError
        A page without rows, or matplotlib is not installed.
    InputError
        Several pairs, methods or rows of all variants, or a column is absent.

    Examples
    --------
    >>> leaveoneout = pl.DataFrame({
    ...     "exposure": "loneliness", "outcome": "ADM", "variant_id": ["rs1", "rs2", "all"],
    ...     "method": "ivw", "estimate": [0.6, 0.2, 0.4], "se": 0.1, "neg_log10_p": 4.0,
    ... })
    >>> draw_leave_one_out(leaveoneout).data.select("kind", "name").rows()
    [('variant', 'rs1'), ('variant', 'rs2'), ('method', 'all')]
    """
    style = style or PlotStyle()
    if rows_per_page < 1:
        raise UsageError(f"{rows_per_page} rows on a page; one or more are needed")
    pair = check_pair(leaveoneout, table="leaveoneout", columns=_COLUMNS)
    keys = leaveoneout["method"].cast(pl.String).unique().to_list()
    single, together = read_ratios(leaveoneout)
    if len(keys) != 1 or len(together.names) > 1:
        raise InputError(
            f"the table leaveoneout holds {len(keys)} methods and {len(together.names)} rows of "
            "all variants; a figure shows one: filter the table to a method"
        )
    look = look_of_method(str(keys[0]))
    letters = letters_of(style)
    rows = sort_rows(list_rows(single, letters=letters))
    foot = [
        IntervalRow(
            "method",
            "all",
            "All variants",
            float(together.estimate[row]),
            float(together.low[row]),
            float(together.high[row]),
            float(together.neg_log10_p[row]),
            look.colour,
        )
        for row in range(len(together.names))
    ]
    names = [shorten_trait(name) for name in pair]
    ratio = style.ratio if takes_ratios([*rows, *foot]) else None
    what = (
        f"{ratio} of {names[0]} on {names[1]}" if ratio else f"effect of {names[0]} on {names[1]}"
    )
    pages = draw_rows(
        rows,
        foot=foot,
        heading="Left out",
        axis=f"{look.label} {what}",
        style=style,
        rows_per_page=rows_per_page,
        guide=foot[0].estimate if foot and foot[0].drawn else None,
    )
    absent = sum(not row.drawn for row in rows)
    notes = (f"{rows_have(absent)} no estimate to draw",) * bool(absent)
    data = tabulate_rows(rows, foot, rows_per_page=rows_per_page, ratio=style.ratio)
    return Drawing("leave_one_out", *pair, pages, data, notes)
