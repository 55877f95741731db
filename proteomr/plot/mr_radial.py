"""Radial regression: weighted ratios against root weights, with their outliers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from proteomr._typing import F64, I64, Bool
from proteomr.errors import NothingToDo, UsageError
from proteomr.mr.methods.base import Estimate
from proteomr.mr.methods.radial import (
    RadialEgger,
    RadialIvw,
    RadialWeights,
    fit_radial_egger,
    fit_radial_ivw,
)
from proteomr.plot.canvas import add_legend, add_title, new_axes, place_labels, set_ticks, settle
from proteomr.plot.drawing import Drawing
from proteomr.plot.frames import MethodRow, check_single, is_drawable
from proteomr.plot.lettering import label_axis, shorten, shorten_trait
from proteomr.plot.marks import choose_limits, draw_line, draw_points, list_undrawn
from proteomr.plot.style import GREY, PlotStyle, house_style
from proteomr.tables import Harmonised

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

__all__ = ["draw_radial"]


@dataclass(frozen=True, slots=True, eq=False)
class _Radial:
    names: list[str]
    root: F64
    weighted: F64
    contribution: F64
    neg_log10_p: F64
    outlier: Bool
    drawn: Bool
    rows: list[MethodRow]


def draw_radial(
    data: Harmonised,
    *,
    weights: RadialWeights = "modified",
    alpha: float = 0.05,
    style: PlotStyle | None = None,
) -> Drawing:
    r"""Radial plot: :math:`r_j\sqrt{w_j}` against :math:`\sqrt{w_j}`, with IVW and Egger lines.

    The slope from the origin to a point is its ratio estimate, and its distance from the IVW line
    the root of its share of Cochran's Q. Outliers, whose share has a p value below alpha by either
    of the two regressions, are red diamonds, named where there is room, the largest share first.

    Source: Bowden et al. 2018, doi:10.1093/ije/dyy101. R: ``RadialMR::plot_radial`` 1.2.3.

    Parameters
    ----------
    data : variants of one exposure; those without effect on it are left out.
    weights : "first_order", "second_order" or "modified", see `RadialIvw`.
    alpha : significance level of an outlier, not corrected for the number of variants.
    style : widths, title and units.

    Raises
    ------
    UsageError
        alpha is not between zero and one, or matplotlib is not installed.
    InputError
        Several exposures.
    NothingToDo
        No variant can be drawn.

    Examples
    --------
    >>> data = Harmonised(
    ...     exposures=("loneliness",), outcome="ADM",
    ...     variants=pl.DataFrame({"variant_id": ["rs1", "rs2", "rs3"]}),
    ...     beta_x=np.array([[0.1], [0.2], [0.3]]), se_x=np.full((3, 1), 0.01),
    ...     beta_y=np.array([0.06, 0.09, 0.30]), se_y=np.full(3, 0.02),
    ... )
    >>> draw_radial(data).data.filter(pl.col("outlier"))["name"].to_list()
    ['rs2', 'rs3']
    """
    style = style or PlotStyle()
    if not 0 < alpha < 1:
        raise UsageError(f"alpha is {alpha}; a level between 0 and 1 is needed")
    exposure, outcome = check_single(data)
    radial = _fit(data, weights, alpha)
    if not radial.drawn.any():
        raise NothingToDo("no variant has a ratio estimate that can be drawn")
    with house_style():
        figure, axes = new_axes(style.width_mm, 80.0)
        handles = _fill(axes, radial)
        axes.set_xlabel("√weight")
        letters = int(style.plot_mm / 1.45)
        names = [shorten_trait(name) for name in (exposure, outcome)]
        axes.set_ylabel(
            label_axis(f"Ratio × √weight, {names[0]} on {names[1]}", None, letters=letters)
        )
        set_ticks(figure, axes, x=6, y=6)
        top = add_title(figure, style.title, small_print=style.small_print)
        foot = add_legend(figure, handles)
        settle(figure, axes, plot_mm=style.plot_mm, top_mm=top, foot_mm=foot)
        _name_outliers(figure, axes, radial, most=style.labels)
    absent = int((~radial.drawn).sum())
    notes = (f"{absent} variants have no ratio to draw",) * bool(absent)
    notes = (*notes, *list_undrawn(radial.rows))
    return Drawing("radial", exposure, outcome, (figure,), _tabulate(radial), notes)


def _fit(data: Harmonised, weights: RadialWeights, alpha: float) -> _Radial:
    missing = np.full(data.m, np.nan)
    root, share, minus_log = missing.copy(), missing.copy(), missing.copy()
    outlier = np.zeros(data.m, dtype=np.bool_)
    variants: I64 = np.flatnonzero(np.abs(data.x) > 0).astype(np.int64)
    rows: list[MethodRow] = []
    if variants.size:
        root[variants] = np.abs(data.x[variants]) / data.se_y[variants]
    if variants.size >= RadialIvw.min_variants:
        ivw = fit_radial_ivw(data.select(variants), weights=weights, alpha=alpha)
        root[variants], share[variants] = ivw.root_weights, ivw.contributions
        minus_log[variants] = ivw.contributions_neg_log10_p
        outlier[variants[list(ivw.outliers)]] = True
        rows.append(_row(RadialIvw.key, ivw.effect, intercept=0.0))
    if variants.size >= RadialEgger.min_variants:
        egger = fit_radial_egger(data.select(variants), weights=weights, alpha=alpha)
        outlier[variants[list(egger.outliers)]] = True
        intercept = egger.effect.details.get("intercept", float("nan"))
        rows.append(_row(RadialEgger.key, egger.effect, intercept=intercept))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        weighted = np.where(data.x != 0, root * data.beta_y / data.x, np.nan)
    pairs = zip(root, weighted, strict=True)
    drawn = np.array([is_drawable(a) and is_drawable(b) for a, b in pairs], dtype=np.bool_)
    names = [str(name) for name in data.variants["variant_id"]]
    return _Radial(names, root, weighted, share, minus_log, outlier & drawn, drawn, rows)


def _row(key: str, effect: Estimate, *, intercept: float) -> MethodRow:
    return MethodRow(
        key,
        effect.estimate,
        effect.se,
        effect.conf_low,
        effect.conf_high,
        effect.neg_log10_p,
        intercept,
        effect.status.name,
    )


def _fill(axes: Axes, radial: _Radial) -> list[Line2D]:
    x, y = radial.root[radial.drawn], radial.weighted[radial.drawn]
    least, most = choose_limits(np.append(y, 0.0), np.append(y, 0.0))
    end = 1.05 * float(x.max())
    axes.set_xlim(0.0, end)
    axes.set_ylim(least, most)
    axes.axhline(0.0, color=GREY, linewidth=0.4, zorder=1)
    plain = np.zeros(x.size, dtype=np.bool_)
    outlier = radial.outlier[radial.drawn]
    handles = draw_points(axes, x=x, y=y, hollow=plain, outlier=outlier, name="Variant")
    handles += [
        draw_line(axes, row, x=[0.0, end], y=[row.intercept, row.intercept + row.estimate * end])
        for row in radial.rows
        if row.drawn
    ]
    return handles


def _name_outliers(figure: Figure, axes: Axes, radial: _Radial, *, most: int) -> None:
    marked = np.flatnonzero(radial.outlier)
    marked = marked[np.argsort(-radial.contribution[marked], kind="stable")][:most]
    place_labels(
        figure,
        axes,
        names=[shorten(radial.names[row], letters=20) for row in marked],
        x=radial.root[marked],
        y=radial.weighted[marked],
        avoid=np.column_stack([radial.root, radial.weighted])[radial.drawn],
    )


def _tabulate(radial: _Radial) -> pl.DataFrame:
    points = pl.DataFrame(
        {
            "kind": ["variant"] * len(radial.names),
            "name": radial.names,
            "root_weight": radial.root,
            "weighted_ratio": radial.weighted,
            "contribution": radial.contribution,
            "neg_log10_p": radial.neg_log10_p,
            "outlier": radial.outlier,
            "drawn": radial.drawn,
        }
    )
    rows: Sequence[MethodRow] = radial.rows
    lines = pl.DataFrame(
        {
            "kind": ["line"] * len(rows),
            "name": [row.key for row in rows],
            "slope": [row.estimate for row in rows],
            "intercept": [row.intercept for row in rows],
            "drawn": [row.drawn for row in rows],
        },
        schema=pl.Schema(
            {
                "kind": pl.String(),
                "name": pl.String(),
                "slope": pl.Float64(),
                "intercept": pl.Float64(),
                "drawn": pl.Boolean(),
            }
        ),
    )
    table = pl.concat([points, lines], how="diagonal")
    return table.with_columns(pl.selectors.float().fill_nan(None))
