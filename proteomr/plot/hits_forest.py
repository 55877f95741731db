"""Effects of proteins with their intervals, the models of each below one another."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from proteomr.errors import NothingToDo
from proteomr.plot.drawing import Drawing
from proteomr.plot.interval_row import IntervalRow, letters_of, takes_ratios
from proteomr.plot.interval_rows import draw_rows, tabulate_rows
from proteomr.plot.lettering import shorten
from proteomr.plot.result_models import ModelRows, split_models
from proteomr.plot.style import BLACK, BLUE, GREEN, ORANGE, PURPLE, VERMILLION, PlotStyle

__all__ = ["choose_hits", "draw_hits_forest"]

_LEVEL: Final = 0.05
_FEWEST: Final = 30  # rows without a hit, so that a table of nulls is a figure, too
_MODEL_LETTERS: Final = 6  # more where a row has the name of a protein and that of a model
_COLOURS: Final = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, BLACK)


def choose_hits(models: tuple[ModelRows, ...], most: int, *, whole: int = 0) -> list[str]:
    """Return the proteins below a false discovery rate of 5 % in any model, strongest first.

    Where there is none, those with the smallest p values.

    Parameters
    ----------
    models : of a table.
    most : how many at most.
    whole : up to so many proteins are all drawn, hits or not.
    """
    best: dict[str, tuple[bool, float]] = {}
    for model in models:
        for name, q, height in zip(model.names, model.q, model.neg_log10_p, strict=True):
            seen = best.get(name, (False, -1.0))
            best[name] = (seen[0] or bool(q < _LEVEL), max(seen[1], float(height)))
    hits = {name: said for name, said in best.items() if said[0] or len(best) <= whole}
    ranked = sorted((hits or best).items(), key=lambda entry: (-entry[1][1], entry[0]))
    return [name for name, _ in ranked[: most if hits else min(most, _FEWEST)]]


def draw_hits_forest(
    table: pl.DataFrame,
    *,
    style: PlotStyle | None = None,
    most: int = 60,
    rows_per_page: int = 60,
    axis: str = "Effect",
    heading: str = "Protein",
    ratio: str | None = None,
    whole: int = 0,
) -> Drawing:
    """Forest of the proteins that are hits in any model, with a row for each model.

    Ratios (odds, hazards) stand on a log axis. Proteins without a hit are left out and counted.

    Parameters
    ----------
    table : results, see `proteomr.plot.result_models.split_models`, with limits or standard errors.
    style : widths and title.
    most : how many proteins.
    rows_per_page : rows of a page; a model of a protein is a row.
    axis : label of the axis where effects are no ratios.
    heading : above the names.
    ratio : what the exponentials of all effects are, where the table does not say so itself.
    whole : up to so many proteins are all drawn, hits or not.

    Raises
    ------
    ColumnError
        A column is absent.
    NothingToDo
        No row has an estimate and a p value.

    Examples
    --------
    >>> table = pl.DataFrame({
    ...     "protein": ["ADM", "REN"], "estimate": [0.2, -0.1], "se": [0.03, 0.1],
    ...     "p_value": [1e-9, 0.3]})
    >>> draw_hits_forest(table).data["name"].to_list()
    ['ADM']
    """
    style = style or PlotStyle()
    models = split_models(table)
    names = choose_hits(models, most, whole=whole)
    letters = letters_of(style) + (_MODEL_LETTERS if len(models) > 1 else 0)
    rows = [
        row
        for name in names
        for number, model in enumerate(models)
        if (row := _row(model, name, number, alone=len(models) == 1, letters=letters)) is not None
    ]
    if not rows:
        raise NothingToDo("no row of the table has an estimate and a p value")
    ratios = {model.ratio for model in models}
    if ratio is None and len(ratios) == 1:
        (ratio,) = ratios
    looks = PlotStyle(
        width=style.width, title=style.title, ratio=ratio, small_print=style.small_print
    )
    shown = ratio if takes_ratios(rows) else None
    label = f"{ratio} (log scale)" if shown else axis
    pages = draw_rows(
        rows,
        foot=[],
        heading=heading if len(models) == 1 else f"{heading}, model",
        axis=label,
        style=looks,
        rows_per_page=max(rows_per_page, len(models)),
    )
    data = tabulate_rows(rows, [], rows_per_page=max(rows_per_page, len(models)), ratio=ratio)
    left = len({name for model in models for name in model.names}) - len(names)
    notes = (f"{left:,} {_plural(heading, left)} not shown",) * bool(left)
    return Drawing("forest", "", "", pages, data, notes)


def _plural(heading: str, count: int) -> str:
    if heading == "Protein":
        return "protein is" if count == 1 else "proteins are"
    return "name is" if count == 1 else "names are"


def _row(
    model: ModelRows, name: str, number: int, *, alone: bool, letters: int
) -> IntervalRow | None:
    """Return the row of a protein in a model; None where it is not in it."""
    if name not in model.names:
        return None
    at = model.names.index(name)
    half = 1.959963984540054 * float(model.se[at])
    estimate = float(model.estimate[at])
    low, high = float(model.low[at]), float(model.high[at])
    if not np.isfinite(low + high):
        low, high = estimate - half, estimate + half
    full = name if alone else f"{name}, {model.label}"
    label = shorten(full, letters=letters)
    colour = BLACK if alone else _COLOURS[number % len(_COLOURS)]
    return IntervalRow(
        "protein", full, label, estimate, low, high, float(model.neg_log10_p[at]), colour
    )
