"""P values along the genome, by where each protein's gene lies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import numpy as np
import polars as pl

from proteomr._typing import F64, I64
from proteomr.errors import NothingToDo
from proteomr.plot.canvas import MM_PER_INCH
from proteomr.plot.drawing import Drawing
from proteomr.plot.grid import Margins, lay_panels, title_panel
from proteomr.plot.marks import mark_points, point_size
from proteomr.plot.result_models import ModelRows, split_models
from proteomr.plot.style import BLACK, BLUE, GREY, PlotStyle, house_style
from proteomr.plot.volcano import cap_heights, draw_thresholds, label_points
from proteomr.tables.genes import load_genes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Side", "draw_manhattan", "draw_miami", "place_genes"]

Side: TypeAlias = Literal["all", "up", "down"]
"""Which tests: all of them, or those of positive or negative effects."""

_CHROMOSOMES: Final = (*(str(number) for number in range(1, 23)), "X", "Y", "MT")
_NUMBER_MM: Final = 3.2  # two digits of the type of a tick, and a gap
_GAP_BP: Final = 2e7
_LEVEL: Final = 0.05


def place_genes(names: tuple[str, ...]) -> pl.DataFrame:
    """Return where genes lie on GRCh38: chromosome and middle, null where a name is no gene's.

    Parameters
    ----------
    names : symbols, aliases or accessions.

    Examples
    --------
    >>> place_genes(("ADM", "nothing"))["chromosome"].to_list()
    ['11', None]
    """
    found = load_genes().describe(names)
    return found.select(
        pl.col("chromosome").cast(pl.String),
        ((pl.col("start") + pl.col("end")) / 2).cast(pl.Float64).alias("position_bp"),
    )


def draw_manhattan(table: pl.DataFrame, *, style: PlotStyle | None = None) -> Drawing:
    """-log10 p by gene position, a panel below another for each model.

    Proteins below a false discovery rate of 5 % are named, the strongest first; those whose gene is
    not known are left out and counted.

    Parameters
    ----------
    table : results, see `proteomr.plot.result_models.split_models`; ``chromosome`` and
        ``position_bp`` are taken from it where it has them.
    style : widths, title and how many proteins are named in a panel.

    Raises
    ------
    ColumnError
        A column is absent.
    NothingToDo
        No row has an estimate and a p value, or no gene is known.
    UsageError
        There are more models than panels.

    Examples
    --------
    >>> table = pl.DataFrame(
    ...     {"protein": ["ADM", "REN"], "estimate": [0.2, -0.1], "p_value": [1e-9, 0.3]})
    >>> draw_manhattan(table).data["chromosome"].to_list()
    ['11', '1']
    """
    models = split_models(table)
    sides: tuple[Side, ...] = ("all",)
    return _draw(models, sides, "manhattan", style or PlotStyle())


def draw_miami(table: pl.DataFrame, *, style: PlotStyle | None = None) -> Drawing:
    """-log10 p by gene position, positive effects upwards and negative ones below.

    Parameters, errors as for `draw_manhattan`.

    Examples
    --------
    >>> table = pl.DataFrame(
    ...     {"protein": ["ADM", "REN"], "estimate": [0.2, -0.1], "p_value": [1e-9, 0.3]})
    >>> draw_miami(table).data["height"].round(2).to_list()
    [9.0, -0.52]
    """
    models = split_models(table)
    sides: tuple[Side, ...] = ("up", "down")
    return _draw(models, sides, "miami", style or PlotStyle())


def _draw(
    models: tuple[ModelRows, ...], sides: tuple[Side, ...], kind: str, style: PlotStyle
) -> Drawing:
    with house_style():
        figure, panels = lay_panels(
            len(models),
            style=style,
            shape=0.34 * len(sides),
            margins=Margins(left=13.0, bottom=8.0),
            columns=1,
        )
        drawn = [
            _draw_panel(figure, axes, model, sides, labels=style.labels)
            for axes, model in zip(panels, models, strict=True)
        ]
    data = pl.concat(drawn)
    unknown = data.filter(~pl.col("drawn"))["name"].n_unique()
    notes = (f"{unknown:,} proteins have no known gene position",) * bool(unknown)
    return Drawing(kind, "", "", (figure,), data, notes)


def _draw_panel(
    figure: Figure, axes: Axes, model: ModelRows, sides: tuple[Side, ...], *, labels: int
) -> pl.DataFrame:
    places = _find_places(model)
    rank = places["chromosome"].replace_strict(
        {name: i for i, name in enumerate(_CHROMOSOMES)}, default=None, return_dtype=pl.Int64
    )
    there = (rank.is_not_null() & places["position_bp"].is_not_null()).to_numpy()
    if not there.any():
        raise NothingToDo("no protein of the table has a known gene position")
    chromosome: I64 = rank.fill_null(-1).to_numpy()
    position: F64 = places["position_bp"].fill_null(np.nan).to_numpy()
    x, centres = _line_up(chromosome, position, there)
    heights = cap_heights(np.where(there, model.neg_log10_p, 0.0), (model.bonferroni,))
    sign = np.ones(x.size)
    if len(sides) > 1:
        sign = np.where(model.estimate < 0, -1.0, 1.0)
    y = sign * heights.values
    axes.set_ylim(-heights.top if len(sides) > 1 else 0.0, heights.top)
    axes.set_xlim(-_GAP_BP, float(np.nanmax(x)) + _GAP_BP)
    draw_thresholds(axes, model)
    if len(sides) > 1:
        axes.axhline(0.0, color=BLACK, linewidth=0.4)
        axes.axhline(-model.bonferroni, color=GREY, linewidth=0.5, dashes=(4, 2), zorder=1)
    size = point_size(x.size)
    hit = there & (model.q < _LEVEL)
    odd = chromosome % 2 == 1
    looks = ((BLACK, there & ~odd & ~hit), (GREY, there & odd & ~hit), (BLUE, hit))
    for colour, own in looks:
        for marker, which in (("o", ~heights.capped), ("^", heights.capped)):
            mark_points(axes, x, y, which=own & which, marker=marker, colour=colour, size=size)
    _number_chromosomes(axes, centres)
    axes.set_xlabel("Chromosome")
    axes.set_ylabel("−log₁₀ P" if len(sides) == 1 else "−log₁₀ P, by sign")
    title_panel(figure, axes, model.label)
    shown = np.flatnonzero(there)
    order = np.where(hit, heights.values, np.nan)[shown]
    names = tuple(model.names[i] for i in shown)
    named = set(label_points(
        figure, axes, names=names, x=x[shown], y=y[shown], order=order, most=labels
    ))  # fmt: skip
    return pl.DataFrame(
        {
            "model": [model.label] * x.size,
            "name": list(model.names),
            "chromosome": places["chromosome"],
            "position_bp": places["position_bp"],
            "height": y,
            "q": model.q,
            "labelled": [name in named for name in model.names],
            "cut": heights.capped.tolist(),
            "drawn": there.tolist(),
        }
    )


def _find_places(model: ModelRows) -> pl.DataFrame:
    own = {"chromosome", "position_bp"}
    if own <= set(model.keys.columns):
        return model.keys.select(
            pl.col("chromosome").cast(pl.String).str.replace("(?i)^chr", "").str.to_uppercase(),
            pl.col("position_bp").cast(pl.Float64),
        )
    return place_genes(model.names)


def _line_up(
    chromosome: I64, position: F64, there: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
) -> tuple[F64, dict[str, float]]:
    """Return places along all chromosomes, one after another, and the middle of each."""
    x = np.full(position.size, np.nan)
    centres: dict[str, float] = {}
    begins = 0.0
    for number, name in enumerate(_CHROMOSOMES):
        own = there & (chromosome == number)
        if not own.any():
            continue
        least, most = float(position[own].min()), float(position[own].max())
        x[own] = begins + position[own] - least
        centres[name] = begins + (most - least) / 2
        begins += most - least + _GAP_BP
    return x, centres


def _number_chromosomes(axes: Axes, centres: dict[str, float]) -> None:
    """Number the chromosomes, but for those whose numbers would touch the one before."""
    least, most = axes.get_xlim()
    apart = _NUMBER_MM / (axes.get_window_extent().width / axes.figure.dpi * MM_PER_INCH)
    kept: dict[str, float] = {}
    for name, at in centres.items():
        if not kept or (at - max(kept.values())) / (most - least) >= apart:
            kept[name] = at
    axes.set_xticks(list(kept.values()), list(kept))
    axes.tick_params(axis="x", labelsize=5.0, length=0)
