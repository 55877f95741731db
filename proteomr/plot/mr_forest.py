"""The ratio estimate of every variant, and the estimates of the methods below them."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from proteomr.errors import UsageError
from proteomr.plot.drawing import Drawing
from proteomr.plot.frames import check_pair, pick_methods, read_ratios
from proteomr.plot.interval_row import (
    IntervalRow,
    letters_of,
    list_rows,
    row_of_method,
    sort_rows,
    takes_ratios,
)
from proteomr.plot.interval_rows import draw_rows, tabulate_rows
from proteomr.plot.lettering import shorten_trait
from proteomr.plot.marks import list_undrawn
from proteomr.plot.style import BLUE, PlotStyle

__all__ = ["draw_forest"]

_COLUMNS = ("variant_id", "estimate", "se", "neg_log10_p")


def draw_forest(
    singlesnp: pl.DataFrame,
    estimates: pl.DataFrame | None = None,
    *,
    methods: Sequence[str] | None = None,
    style: PlotStyle | None = None,
    rows_per_page: int = 60,
) -> Drawing:
    """Forest of single variants, largest estimate first, with the methods at the foot of each page.

    The area of a variant's square is its weight, and a method's diamond as wide as its interval;
    with a ratio in the style all numbers are ratios, on a log axis. Limits of a variant lie 1.96
    standard errors from its ratio; those of a method are its own. An interval far wider than the
    others is cut, with an arrow at the edge; variants and methods without an estimate keep their
    row. R: ``TwoSampleMR::mr_forest_plot`` 0.7.9.

    Parameters
    ----------
    singlesnp : table of one pair: exposure, outcome, variant_id, estimate, se, neg_log10_p. Rows
        whose variant is "all" or empty are drawn as methods where no estimates are given.
    estimates : see `draw_scatter`.
    methods : those to draw; None for all.
    style : widths, title and units.
    rows_per_page : most variants on a page.

    Raises
    ------
    UsageError
        A method asked for is not there, a page without rows, or matplotlib is not installed.
    InputError
        Several pairs, or a column is absent.

    Examples
    --------
    >>> singlesnp = pl.DataFrame({
    ...     "exposure": "loneliness", "outcome": "ADM", "variant_id": ["rs1", "rs2"],
    ...     "estimate": [0.2, 0.6], "se": [0.1, 0.1], "neg_log10_p": [1.3, 8.7],
    ... })
    >>> draw_forest(singlesnp).data["name"].to_list()
    ['rs2', 'rs1']
    """
    style = style or PlotStyle()
    if rows_per_page < 1:
        raise UsageError(f"{rows_per_page} rows on a page; one or more are needed")
    pair = check_pair(singlesnp, table="singlesnp", columns=_COLUMNS)
    chosen = pick_methods(estimates, pair, methods=methods)
    single, together = read_ratios(singlesnp)
    letters = letters_of(style)
    rows = sort_rows(list_rows(single, letters=letters))
    foot = [row_of_method(method, letters=letters) for method in chosen]
    if estimates is None:
        foot = [
            IntervalRow("method", "all", "All variants", *numbers, BLUE)
            for numbers in zip(
                together.estimate.tolist(),
                together.low.tolist(),
                together.high.tolist(),
                together.neg_log10_p.tolist(),
                strict=True,
            )
        ]
    names = [shorten_trait(name) for name in pair]
    ratio = style.ratio if takes_ratios([*rows, *foot]) else None
    unit = f" ({style.outcome_unit})" if style.outcome_unit and not ratio else ""
    per = f" per {style.exposure_unit}" if style.exposure_unit else ""
    what = (
        f"{ratio} of {names[0]} on {names[1]}" if ratio else f"Effect of {names[0]} on {names[1]}"
    )
    pages = draw_rows(
        rows,
        foot=foot,
        heading="Variant",
        axis=f"{what}{unit}{per}",
        style=style,
        rows_per_page=rows_per_page,
        weighted=True,
    )
    absent = sum(not row.drawn for row in rows)
    notes = (f"{absent} variants have no estimate to draw",) * bool(absent)
    data = tabulate_rows(rows, foot, rows_per_page=rows_per_page, ratio=style.ratio)
    return Drawing("forest", *pair, pages, data, (*notes, *list_undrawn(chosen)))
