"""Colocalised traits: posteriors by the prior of a shared variant, and both traits by position."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from proteomr._typing import F64, Bool
from proteomr.errors import ColumnError, NothingToDo, nearest
from proteomr.plot.canvas import add_legend, set_ticks
from proteomr.plot.drawing import Drawing
from proteomr.plot.gene_track import draw_genes, find_genes
from proteomr.plot.grid import Margins, cut_panels, lay_panels, title_panel
from proteomr.plot.marks import mark_points, point_size
from proteomr.plot.style import BLACK, BLUE, GREY, VERMILLION, PlotStyle, house_style
from proteomr.plot.volcano import label_points

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

__all__ = ["draw_coloc", "draw_region"]

_R2_STEPS: Final = (0.2, 0.4, 0.6, 0.8)
_R2_COLOURS: Final = ("#D5D5D5", "#A6CEE3", "#5BA3CF", "#1F6FB0", "#08306B")  # dark is close
_KEYS: Final = ("trait1", "trait2", "region", "set1", "set2")
_LOOKS: Final = (  # of PP0 to PP4: what is asked about is solid and coloured
    (GREY, (1.0, 1.2)),
    (GREY, (5.0, 2.0)),
    (GREY, (5.0, 1.5, 1.0, 1.5)),
    (BLUE, (3.0, 1.0)),
    (VERMILLION, ()),
)
_POSTERIORS: Final = tuple(f"pp_h{h}" for h in range(5))
_LEGEND_MM: Final = 7.0


def draw_coloc(table: pl.DataFrame, *, style: PlotStyle | None = None) -> Drawing:
    """Posteriors of the five hypotheses against the prior of a shared variant, a panel a pair.

    What PP4 is at the prior that was used says little where it falls on both sides of 0.5 within
    priors that one may hold. R: ``coloc::sensitivity``.

    Parameters
    ----------
    table : ``coloc_sensitivity`` of `coloc`.
    style : widths and title.

    Raises
    ------
    ColumnError
        The table is not one of these.
    NothingToDo
        It has no posterior.
    UsageError
        There are more pairs than panels.

    Examples
    --------
    >>> rows = {"trait1": "A", "trait2": "B", "region": "all", "set1": None, "set2": None,
    ...         "p12": [1e-6, 1e-5], **{f"pp_h{h}": [0.2, 0.2] for h in range(5)}}
    >>> draw_coloc(pl.DataFrame(rows)).data["pp_h4"].to_list()
    [0.2, 0.2]
    """
    style = style or PlotStyle()
    _need(table, (*_KEYS, "p12", *_POSTERIORS))
    rows = table.drop_nulls(["p12", *_POSTERIORS]).filter(pl.col("p12") > 0)
    parts = list(_part(rows))
    if not parts:
        raise NothingToDo("the table has no posterior to draw")
    with house_style():
        figure, panels = lay_panels(len(parts), style=style, legend_mm=_LEGEND_MM)
        for axes, (label, part) in zip(panels, parts, strict=True):
            _draw_posteriors(figure, axes, part, label)
        add_legend(figure, panels[0].get_lines())
    return Drawing("coloc", "", "", (figure,), rows.select(*_KEYS, "p12", *_POSTERIORS))


def draw_region(table: pl.DataFrame, *, style: PlotStyle | None = None) -> Drawing:
    """-log10 p of both traits by position, one below the other, for each pair and region.

    Variants are coloured by their r2 with the likeliest one where the run had linkage
    disequilibrium, darker the closer, those of the credible set with an edge; without by whether
    they are in that set. The likeliest is a diamond and named. Where no variant has a position they
    stand in their order. Genes stand below where the style names the build of the positions.

    Parameters
    ----------
    table : ``coloc_snps`` of `coloc`.
    style : widths, title and build.

    Raises
    ------
    ColumnError
        The table is not one of these.
    NothingToDo
        It has no p value.
    UsageError
        There are more pairs than panels.

    Examples
    --------
    >>> rows = {"trait1": "A", "trait2": "B", "region": "all", "set1": None, "set2": None,
    ...         "snp": ["a", "b"], "position_bp": [1, 2], "neg_log10_p1": [9.0, 1.0],
    ...         "neg_log10_p2": [8.0, 2.0], "pp_h4": [0.99, 0.01], "credible": [True, False]}
    >>> draw_region(pl.DataFrame(rows)).data["neg_log10_p"].to_list()
    [9.0, 1.0, 8.0, 2.0]
    """
    style = style or PlotStyle()
    sides = ("neg_log10_p1", "neg_log10_p2")
    _need(table, (*_KEYS, "snp", "position_bp", *sides, "pp_h4", "credible"))
    parts = list(_part(table.drop_nulls(list(sides))))
    if not parts:
        raise NothingToDo("the table has no p value to draw")
    linked = any(_is_linked(part) for _, part in parts)
    genes = style.build is not None
    each = 3 if genes else 2
    drawn, notes, spare = [], [], [0.0] * (each * len(parts))
    with house_style():
        margins = Margins(left=12.0, bottom=8.0)
        figure, panels = lay_panels(
            each * len(parts),
            style=style,
            shape=0.42,
            margins=margins,
            columns=1,
            legend_mm=_LEGEND_MM if linked else 0.0,
        )
        for i, (label, part) in enumerate(parts):
            own = panels[each * i : each * (i + 1)]
            for side in (0, 1):
                trait = str(part[f"trait{side + 1}"][0])
                title = f"{trait} · {label}" if len(parts) > 1 else trait
                drawn.append(_draw_trait(figure, own[side], part, sides[side], title))
            if style.build is not None:
                own[2].set_xlim(own[0].get_xlim())
                told, spare[each * i + 2] = _draw_genes(figure, own[2], part, style.build)
                notes += told
        cut_panels(figure, panels, spare)
        if linked:
            add_legend(figure, _explain_r2())
    return Drawing("region", "", "", (figure,), pl.concat(drawn), tuple(notes))


def _is_linked(part: pl.DataFrame) -> bool:
    return "r2_lead" in part.columns and part["r2_lead"].null_count() < part.height


def _draw_genes(
    figure: Figure, axes: Axes, part: pl.DataFrame, build: str
) -> tuple[list[str], float]:
    """Draw the genes of a pair's region; return what a reader should know, and unused room."""
    title_panel(figure, axes, f"Genes ({build})")
    axes.set_xlabel("Position (Mb)")
    chromosomes = part["chromosome"].unique().to_list() if "chromosome" in part.columns else []
    if part["position_bp"].null_count() or len(chromosomes) != 1 or chromosomes[0] is None:
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        return [f"no genes: variants of {part['region'][0]} have no chromosome and position"], 0.0
    low, high = axes.get_xlim()
    found = find_genes(str(chromosomes[0]), int(1e6 * low), int(1e6 * high), build=build)
    left, unused = draw_genes(figure, axes, found)
    set_ticks(figure, axes, x=5)
    return [f"{left:,} genes of {part['region'][0]} have no room"] * bool(left), unused


def _explain_r2() -> list[Line2D]:
    """Return the marks of r2 with the likeliest variant, for the legend."""
    from matplotlib.lines import Line2D

    ends = [f"r² < {_R2_STEPS[0]:g}", *(f"≥ {step:g}" for step in _R2_STEPS)]
    marks = [("o", colour, colour, label) for colour, label in zip(_R2_COLOURS, ends, strict=True)]
    marks.append(("o", "white", GREY, "not known"))
    marks.append(("o", "white", BLACK, "credible"))
    return [
        Line2D(
            [], [], linestyle="", marker=marker, color=colour, markeredgecolor=edge,
            markeredgewidth=0.6, markersize=3.2, label=label,
        )
        for marker, colour, edge, label in marks
    ]  # fmt: skip


def _part(rows: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
    """Yield the rows of each pair of signals, with what tells it from the others."""
    telling = [name for name in _KEYS if rows[name].n_unique() > 1]
    for _, part in rows.group_by(_KEYS, maintain_order=True):
        words = [str(part[name][0]) for name in telling if part[name][0] is not None]
        label = ", ".join(words)
        if not telling:
            label = f"{part['trait1'][0]}, {part['trait2'][0]}"
        yield label, part


def _need(table: pl.DataFrame, names: Sequence[str]) -> None:
    for name in names:
        if name not in table.columns:
            hint = nearest(name, table.columns)
            raise ColumnError(f"no column {name!r} in the table{hint}")


def _draw_posteriors(figure: Figure, axes: Axes, part: pl.DataFrame, label: str) -> None:
    rows = part.sort("p12")
    x: F64 = np.log10(rows["p12"].to_numpy())
    low, high = float(x.min()), float(x.max())
    edge = 0.03 * (high - low) or 0.5
    axes.set_xlim(low - edge, high + edge)
    # Two digits and a sign in a panel of a quarter of a page: no more than three of them fit.
    decades = np.arange(np.ceil(low - 1e-9), np.floor(high + 1e-9) + 1)
    shown = decades[:: max(1, int(np.ceil(decades.size / 3)))]
    axes.set_xticks(shown, [f"1e{decade:.0f}" for decade in shown])
    axes.set_ylim(-0.02, 1.02)
    for h, (colour, dashes) in enumerate(_LOOKS):
        axes.plot(
            x,
            rows[f"pp_h{h}"].to_numpy(),
            color=colour,
            dashes=dashes or (None, None),
            linewidth=0.9,
            label=f"PP{h}",
        )
    axes.set_xlabel("Prior p12")
    axes.set_ylabel("Posterior")
    title_panel(figure, axes, label)


def _draw_trait(
    figure: Figure, axes: Axes, part: pl.DataFrame, column: str, title: str
) -> pl.DataFrame:
    placed = part["position_bp"].null_count() == 0
    x: F64 = (
        part["position_bp"].to_numpy() / 1e6 if placed else np.arange(1.0, part.height + 1.0)
    ).astype(np.float64)
    y: F64 = part[column].to_numpy().astype(np.float64)
    credible: Bool = part["credible"].to_numpy().astype(np.bool_)
    best = np.zeros(x.size, dtype=np.bool_)
    best[int(np.argmax(part["pp_h4"].to_numpy()))] = True
    span = float(np.ptp(x)) or 1.0
    axes.set_xlim(float(x.min()) - 0.03 * span, float(x.max()) + 0.03 * span)
    axes.set_ylim(0.0, 1.12 * max(float(y.max()), 1.0))
    size = point_size(x.size)
    if _is_linked(part):
        _mark_by_r2(axes, x, y, part["r2_lead"], (credible, best), size=size)
    else:
        mark_points(axes, x, y, which=~credible & ~best, marker="o", colour=GREY, size=size)
        mark_points(axes, x, y, which=credible & ~best, marker="o", colour=BLUE, size=size)
    mark_points(axes, x, y, which=best, marker="D", colour=VERMILLION, size=size + 1.0, order=9)
    axes.set_ylabel("−log₁₀ P")
    axes.set_xlabel("Position (Mb)" if placed else "Variant")
    set_ticks(figure, axes, x=5, y=4)
    axes.axhline(0.0, color=BLACK, linewidth=0.4)
    title_panel(figure, axes, title)
    names = tuple(part["snp"].to_list())
    order = np.where(best, 1.0, np.nan)
    label_points(figure, axes, names=names, x=x, y=y, order=order, most=1)
    return pl.DataFrame(
        {
            "trait": [str(part["trait1" if column.endswith("1") else "trait2"][0])] * x.size,
            "region": part["region"],
            "snp": part["snp"],
            "x": x,
            "neg_log10_p": y,
            "credible": credible,
            "likeliest": best,
            "r2_lead": part["r2_lead"] if "r2_lead" in part.columns else [None] * x.size,
        },
        schema_overrides={"r2_lead": pl.Float64},
    )


def _mark_by_r2(
    axes: Axes, x: F64, y: F64, r2: pl.Series, sets: tuple[Bool, Bool], *, size: float
) -> None:
    """Draw variants by how close they are to the likeliest, the closest in front."""
    credible, best = sets
    known = r2.is_not_null().to_numpy()
    step = np.digitize(r2.fill_null(0.0).to_numpy(), _R2_STEPS)
    for edge, chosen in ((None, ~credible), (BLACK, credible)):
        own = chosen & ~best
        axes.plot(
            x[own & ~known], y[own & ~known], "o", color="white", markersize=size,
            markeredgecolor=edge or GREY, markeredgewidth=0.5, zorder=2,
        )  # fmt: skip
        for place, colour in enumerate(_R2_COLOURS):
            which = own & known & (step == place)
            axes.plot(
                x[which], y[which], "o", color=colour, markersize=size,
                markeredgecolor=edge or colour, markeredgewidth=0.5 if edge else 0.0,
                zorder=3 + place,
            )  # fmt: skip
