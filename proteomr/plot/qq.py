"""P values against those of no effect at all, a panel for each model of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl
from scipy import special

from proteomr._typing import F64
from proteomr.plot.canvas import set_ticks
from proteomr.plot.drawing import Drawing
from proteomr.plot.grid import lay_panels, title_panel
from proteomr.plot.marks import mark_points, point_size
from proteomr.plot.result_models import ModelRows, split_models
from proteomr.plot.style import BLACK, GREY, PlotStyle, house_style
from proteomr.plot.volcano import cap_heights
from proteomr.stats.distributions import genomic_control_lambda

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_qq", "expect_uniform"]

_BAND: Final = (0.025, 0.975)


def expect_uniform(m: int) -> tuple[F64, F64, F64]:
    """Return -log10 of the expected p values of m tests without effects, and their 95 % band.

    The i-th smallest of m uniform p values has the distribution Beta(i, m - i + 1), with mean
    i / (m + 1).

    Returns
    -------
    expected, low, high : (m,), of the smallest p first.

    Examples
    --------
    >>> [values.round(3).tolist() for values in expect_uniform(2)]
    [[0.477, 0.176], [0.075, 0.005], [1.9, 0.801]]
    """
    place = np.arange(1.0, m + 1.0)
    expected = -np.log10(place / (m + 1.0))
    low, high = (-np.log10(special.betaincinv(place, m - place + 1.0, q)) for q in _BAND[::-1])
    return expected, low, high


def draw_qq(table: pl.DataFrame, *, style: PlotStyle | None = None) -> Drawing:
    """Observed against expected -log10 p, with lambda and the 95 % band of independent tests.

    Lambda is the median chi squared over its expectation. A p of 0 is an arrow at the top.

    Parameters
    ----------
    table : results, see `proteomr.plot.result_models.split_models`.
    style : widths and title.

    Raises
    ------
    ColumnError
        A column is absent.
    NothingToDo
        No row has an estimate and a p value.
    UsageError
        There are more models than panels.

    Examples
    --------
    >>> table = pl.DataFrame({"protein": ["a", "b"], "estimate": [1.0, 2.0], "p_value": [0.1, 0.6]})
    >>> draw_qq(table).data["observed"].round(3).to_list()
    [1.0, 0.222]
    """
    style = style or PlotStyle()
    models = split_models(table)
    with house_style():
        figure, panels = lay_panels(len(models), style=style, shape=1.0)
        tables = [
            _draw_panel(figure, axes, model) for axes, model in zip(panels, models, strict=True)
        ]
    return Drawing("qq", "", "", (figure,), pl.concat(tables))


def _draw_panel(figure: Figure, axes: Axes, model: ModelRows) -> pl.DataFrame:
    order = np.argsort(-model.neg_log10_p, kind="stable")
    observed = model.neg_log10_p[order]
    expected, low, high = expect_uniform(observed.size)
    heights = cap_heights(observed, (float(high[0]),))
    inflation = genomic_control_lambda(model.neg_log10_p)
    right = float(expected[0]) * 1.04
    axes.set_xlim(0.0, right)
    axes.set_ylim(0.0, heights.top)
    axes.fill_between(expected, low, high, color=GREY, alpha=0.3, lw=0, zorder=1)
    axes.plot([0.0, right], [0.0, right], color=GREY, linewidth=0.5, zorder=2)
    size = point_size(observed.size)
    for marker, which in (("o", ~heights.capped), ("^", heights.capped)):
        mark_points(
            axes, expected, heights.values, which=which, marker=marker, colour=BLACK, size=size
        )
    axes.set_xlabel("Expected −log₁₀ P")
    axes.set_ylabel("Observed −log₁₀ P")
    set_ticks(figure, axes, x=4, y=5)
    title_panel(figure, axes, model.label)
    axes.text(0.03, 0.97, f"λ = {inflation:.2f}", transform=axes.transAxes, va="top", fontsize=6.0)
    return pl.DataFrame(
        {
            "model": [model.label] * observed.size,
            "name": [model.names[i] for i in order],
            "expected": expected,
            "observed": observed,
            "band_low": low,
            "band_high": high,
            "lambda": [inflation] * observed.size,
            "cut": heights.capped.tolist(),
        }
    )
