"""Sets of genes by how much they are enriched: a dot for each, of the strongest."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from proteomr._typing import F64, Bool
from proteomr.errors import NothingToDo, need_columns
from proteomr.plot.canvas import MM_PER_INCH, add_title, measure_widest, new_axes, set_ticks
from proteomr.plot.drawing import Drawing
from proteomr.plot.lettering import format_p, shorten
from proteomr.plot.marks import choose_limits
from proteomr.plot.style import BLACK, BLUE, GREY, VERMILLION, PlotStyle, house_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_enrichment"]

_ROW_MM, _TYPE = 3.2, 5.5
_EDGE_MM, _GAP_MM, _FOOT_MM, _HEAD_MM = 1.5, 2.0, 9.0, 5.0
_SMALLEST, _LARGEST = 1.5, 5.5  # points across
_TRIANGLE: Final = 3.0  # points across: smaller ones are no triangles to the eye
_BEYOND: Final = 1.1  # times the furthest ratio, where those of 0 and infinity stand
_LETTERS: Final = {"single": 44, "double": 70}
_LEVEL: Final = 0.05
_NOTHING: Final = ("", "-", ".", "na", "n/a", "nan", "none", "null", "> na")
_ADDRESSES: Final = ("http:", "https:", "www.", "ftp:", "> http")


def draw_enrichment(
    table: pl.DataFrame, *, style: PlotStyle | None = None, most: int = 25
) -> Drawing:
    """Sets with the smallest p values, by their odds ratio or normalised score.

    A dot's area is the number of members that count (overlap or leading edge); it is coloured where
    the false discovery rate is below 0.05. A set is called by what it is in words where its file
    says so (``GO:0042593`` is glucose homeostasis), with its own name behind where two sets say the
    same, and the direction of its hits where there are several. Odds ratios of 0 and infinity are
    triangles at the edge.

    Parameters
    ----------
    table : ``enrichment`` of `enrich`.
    style : widths and title.
    most : how many sets.

    Raises
    ------
    ColumnError
        The table is not one of enrichment.
    NothingToDo
        No set has a p value.

    Examples
    --------
    >>> table = pl.DataFrame({
    ...     "set": ["a", "b"], "odds_ratio": [3.0, 0.8], "overlap": [5, 1],
    ...     "neg_log10_p": [4.0, 0.2], "q_bh": [0.001, 0.7]})
    >>> draw_enrichment(table).data["set"].to_list()
    ['a', 'b']
    >>> draw_enrichment(table.with_columns(description=pl.lit("glucose"))).data["name"].to_list()
    ['glucose (a)', 'glucose (b)']
    """
    style = style or PlotStyle()
    rows, measure = _read(table, most)
    with house_style():
        figure = _draw(rows, measure, style)
    data = rows.select("set", "name", "value", "members", "neg_log10_p", "q_bh")
    left = table.height - rows.height
    notes = [f"{left:,} sets are not shown"] * bool(left)
    beyond = int(_is_beyond(rows, measure).sum())
    if beyond:
        notes.append(
            f"{beyond:,} of the odds ratios drawn are 0 or infinite: triangles at the edge"
        )
    return Drawing("enrichment", "", "", (figure,), data, tuple(notes))


def _is_beyond(rows: pl.DataFrame, measure: str) -> Bool:
    """Tell which sets have an odds ratio that no logarithmic axis has a place for."""
    value: F64 = rows["value"].to_numpy()
    if measure != "odds_ratio":
        return np.zeros(value.size, dtype=np.bool_)
    return (value <= 0) | np.isinf(value)


def _read(table: pl.DataFrame, most: int) -> tuple[pl.DataFrame, str]:
    """Return the strongest sets with what is drawn of them, and what that is."""
    need_columns(("set", "neg_log10_p"), table.columns)
    ranked = "nes" in table.columns and table["nes"].null_count() < table.height
    measure, size = ("nes", "n_leading") if ranked else ("odds_ratio", "overlap")
    need_columns([measure], table.columns)
    absent = [
        pl.lit(None, pl.Float64).alias(name) for name in (size, "q_bh") if name not in table.columns
    ]
    rows = (
        table.with_columns(absent)
        .with_columns(
            pl.col(measure).cast(pl.Float64).alias("value"),
            pl.col(size).cast(pl.Float64).fill_null(1.0).alias("members"),
        )
        .filter(pl.col("neg_log10_p").is_not_null() & pl.col("value").is_not_null())
        .sort("neg_log10_p", descending=True, maintain_order=True)
        .head(most)
    )
    if not rows.height:
        raise NothingToDo("no set of the table has a p value")
    return rows.with_columns(name=pl.Series(_name(rows), dtype=pl.Utf8)), measure


def _name(rows: pl.DataFrame) -> list[str]:
    """Return what each set is called in the figure, no two of them alike."""
    sets = [str(name) for name in rows["set"]]
    words = rows["description"].to_list() if "description" in rows.columns else [None] * len(sets)
    names = [_describe(one) or name for one, name in zip(words, sets, strict=True)]
    of_names = Counter(name for name, _ in dict.fromkeys(zip(names, sets, strict=True)))
    names = [
        f"{name} ({own})" if of_names[name] > 1 and own != name else name
        for name, own in zip(names, sets, strict=True)
    ]
    if "direction" in rows.columns and rows["direction"].n_unique() > 1:
        names = [f"{name}, {side}" for name, side in zip(names, rows["direction"], strict=True)]
    return names


def _describe(text: str | None) -> str | None:
    """Return what a file says of a set, where that is words: no address and no sign for nothing."""
    words = " ".join((text or "").split())
    told = words.lower() not in _NOTHING and not words.lower().startswith(_ADDRESSES)
    return words if told else None


def _draw(rows: pl.DataFrame, measure: str, style: PlotStyle) -> Figure:
    names = [shorten(name, letters=_LETTERS[style.width]) for name in rows["name"]]
    texts = [format_p(float(value)) for value in rows["neg_log10_p"]]
    figure, axes = new_axes(style.width_mm, 10.0)
    left = measure_widest(figure, [*names, "Set"], size=_TYPE) + _EDGE_MM + _GAP_MM
    right = measure_widest(figure, [*texts, "P"], size=_TYPE) + _EDGE_MM + _GAP_MM
    top = add_title(figure, style.title, small_print=style.small_print) + _HEAD_MM
    plot = _ROW_MM * rows.height
    width, height = style.width_mm, top + plot + _FOOT_MM
    figure.set_size_inches(width / MM_PER_INCH, height / MM_PER_INCH)
    axes.set_position((left / width, _FOOT_MM / height, 1 - (left + right) / width, plot / height))
    value: F64 = rows["value"].to_numpy()
    if measure == "odds_ratio":
        with np.errstate(divide="ignore"):
            value = np.log(value)
        finite = np.abs(value[np.isfinite(value)])
        reach = _BEYOND * float(finite.max(initial=np.log(2.0)))
        value = np.clip(value, -reach, reach)
    axes.set_xlim(*choose_limits(np.minimum(value, 0.0), np.maximum(value, 0.0), edge=0.08))
    axes.set_ylim(rows.height - 0.5, -0.5)
    _mark(axes, rows, value, beyond=_is_beyond(rows, measure))
    set_ticks(figure, axes, x=5, ratio=measure == "odds_ratio")
    axes.set_xlabel("Odds ratio (log scale)" if measure == "odds_ratio" else "Normalised score")
    _print_names(figure, axes, names, texts)
    return figure


def _mark(axes: Axes, rows: pl.DataFrame, value: F64, *, beyond: Bool) -> None:
    members: F64 = rows["members"].to_numpy()
    sizes = _SMALLEST + (_LARGEST - _SMALLEST) * np.sqrt(members / max(float(members.max()), 1.0))
    q = rows["q_bh"].cast(pl.Float64).fill_null(1.0).to_numpy()
    axes.axvline(0.0, color=GREY, linewidth=0.5, zorder=1)
    for at, (x, size, rate, out) in enumerate(zip(value, sizes, q, beyond, strict=True)):
        colour = GREY if rate >= _LEVEL else VERMILLION if x > 0 else BLUE
        axes.plot([0.0, x], [at, at], color=colour, linewidth=0.5, zorder=2)
        marker = ("<" if x < 0 else ">") if out else "o"
        wide = max(float(size), _TRIANGLE) if out else float(size)
        axes.plot(x, at, marker, color=colour, markersize=wide, mew=0, zorder=3)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)


def _print_names(figure: Figure, axes: Axes, names: list[str], texts: list[str]) -> None:
    """Print the names at the left and the p values at the right of their rows."""
    from matplotlib.transforms import blended_transform_factory

    across = blended_transform_factory(figure.transFigure, axes.transData)
    edge = _EDGE_MM / (figure.get_size_inches()[0] * MM_PER_INCH)
    rows = zip(names, texts, strict=True)
    lines = [("Set", "P", -1.0), *((*row, float(at)) for at, row in enumerate(rows))]
    for name, text, at in lines:
        weight = "bold" if at < 0 else "normal"
        for place, word, side in ((edge, name, "left"), (1 - edge, text, "right")):
            axes.text(
                place, at, word, ha=side, va="center", fontsize=_TYPE, fontweight=weight,
                transform=across, color=BLACK,
            )  # fmt: skip
