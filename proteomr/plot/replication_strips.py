"""What splits of a replication agree in: a strip of points for each model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from proteomr._typing import F64
from proteomr.errors import NothingToDo, need_columns
from proteomr.plot.canvas import set_ticks
from proteomr.plot.drawing import Drawing
from proteomr.plot.grid import Margins, lay_panels, title_panel
from proteomr.plot.lettering import shorten
from proteomr.plot.style import BLACK, BLUE, PlotStyle, house_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_replication"]

_MEASURES: Final = {
    "r_effects": "r of effects",
    "sign_agreement": "Share of one sign",
    "hits_both": "Hits in both",
}
_KEYS: Final = ("exposure", "outcome", "adjustment", "contrast")
_LETTERS: Final = 22


def draw_replication(table: pl.DataFrame, *, style: PlotStyle | None = None) -> Drawing:
    """Correlation of effects, agreement of signs and hits in both, a point for each split.

    The box spans the quartiles, its line is the median.

    Parameters
    ----------
    table : ``replication`` of `replicate`.
    style : widths and title.

    Raises
    ------
    ColumnError
        The table is not one of replication.
    NothingToDo
        It has no number.

    Examples
    --------
    >>> table = pl.DataFrame({
    ...     "split": ["1", "2"], "exposure": "lonely", "adjustment": "full",
    ...     "r_effects": [0.5, 0.6], "sign_agreement": [0.8, 0.9], "hits_both": [3, 4]})
    >>> draw_replication(table).data.height
    6
    """
    style = style or PlotStyle()
    need_columns(["r_effects"], table.columns)
    long = _lay_out(table)
    if not long.height:
        raise NothingToDo("the table has no number to draw")
    measures = [name for name in _MEASURES if name in long["measure"].unique().to_list()]
    models = long["model"].unique(maintain_order=True).to_list()
    margins = Margins(left=26.0, bottom=9.0)
    with house_style():
        figure, panels = lay_panels(
            len(measures),
            style=style,
            shape=max(0.35, 0.12 * len(models)),
            margins=margins,
            columns=1 if style.width == "single" else 3,
        )
        for axes, name in zip(panels, measures, strict=True):
            _draw_panel(figure, axes, long.filter(pl.col("measure") == name), models, name)
    return Drawing("replication", "", "", (figure,), long)


def _lay_out(table: pl.DataFrame) -> pl.DataFrame:
    keys = [name for name in _KEYS if name in table.columns]
    telling = [name for name in keys if table[name].drop_nulls().n_unique() > 1]
    label = pl.concat_str(telling, separator=", ", ignore_nulls=True) if telling else pl.lit("all")
    measures = [name for name in _MEASURES if name in table.columns]
    split = [name for name in ("split",) if name in table.columns]
    return (
        table.with_columns(label.alias("model"))
        .select("model", *split, *(pl.col(name).cast(pl.Float64) for name in measures))
        .unpivot(measures, index=["model", *split], variable_name="measure", value_name="value")
        .filter(pl.col("value").is_finite())
    )


def _draw_panel(
    figure: Figure, axes: Axes, rows: pl.DataFrame, models: list[str], measure: str
) -> None:
    values = rows["value"].to_numpy()
    least, most = float(values.min()), float(values.max())
    span = (most - least) or abs(most) or 1.0
    axes.set_xlim(least - 0.06 * span, most + 0.06 * span)
    axes.set_ylim(len(models) - 0.4, -0.6)
    for place, model in enumerate(models):
        own: F64 = rows.filter(pl.col("model") == model)["value"].to_numpy()
        if not own.size:
            continue
        # Laid out evenly, not by chance, so that one table gives one figure.
        spread = 0.22 * np.sin(2.399963 * np.arange(own.size))
        axes.plot(own, place + spread, "o", color=BLUE, ms=1.8, mew=0, alpha=0.7)
        low, middle, high = np.quantile(own, (0.25, 0.5, 0.75))
        axes.fill(
            [low, high, high, low],
            [place - 0.3, place - 0.3, place + 0.3, place + 0.3],
            facecolor="none",
            edgecolor=BLACK,
            linewidth=0.5,
        )
        axes.plot([middle, middle], [place - 0.3, place + 0.3], color=BLACK, linewidth=0.9)
    axes.set_yticks(
        range(len(models)), [shorten(str(model), letters=_LETTERS) for model in models], fontsize=5
    )
    set_ticks(figure, axes, x=4)
    title_panel(figure, axes, _MEASURES[measure])
