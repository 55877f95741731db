"""Effects of one table against those of another, with what `compare` says of both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import polars as pl

from proteomr._typing import F64
from proteomr.errors import NothingToDo, need_columns
from proteomr.plot.drawing import Drawing
from proteomr.plot.effects import EffectPair, draw_pair
from proteomr.plot.grid import MOST_PANELS, Margins, lay_panels
from proteomr.plot.style import PlotStyle, house_style
from proteomr.stats.effect_agreement import correlate
from proteomr.tables import columns as c

__all__ = ["draw_compared"]

_KEYS: Final = (c.EXPOSURE, c.OUTCOME, c.ADJUSTMENT, c.STRATUM, "effect", c.CONTRAST)
_NEEDED: Final = ("estimate_a", "estimate_b", "hit_a", "hit_b")
_NAMES: Final = ("gene", c.PROTEIN)


def draw_compared(
    table: pl.DataFrame, beside: pl.DataFrame | None = None, *, style: PlotStyle | None = None
) -> Drawing:
    """Effects of table A against those of B, a panel for each model that both have.

    Dashed is the line of equality; drawn through is the line with errors in both. r stands with the
    interval that the comparison gives, which knows how the proteins are correlated where it was
    told. Hits of both, of one, and of none differ in colour.

    Parameters
    ----------
    table : ``compared`` of `compare`.
    beside : ``agreement`` of the same; None for r without an interval and no line.
    style : widths, title and how many proteins are named in a panel.

    Raises
    ------
    ColumnError
        The table is not one of these.
    NothingToDo
        It has no row.
    UsageError
        There are more models than panels.

    Examples
    --------
    >>> table = pl.DataFrame({
    ...     "protein": ["a", "b", "c"], "estimate_a": [0.1, 0.2, 0.4],
    ...     "estimate_b": [0.2, 0.3, 0.5], "hit_a": [True, False, False], "hit_b": [False] * 3})
    >>> draw_compared(table).data["hit"].to_list()
    ['one', 'none', 'none']
    """
    style = style or PlotStyle()
    need_columns(_NEEDED, table.columns)
    keys = [name for name in _KEYS if name in table.columns]
    parts = table.partition_by(keys, maintain_order=True) if keys else [table]
    parts = [part for part in parts if part.height]
    if not parts:
        raise NothingToDo("the table has no effect to draw")
    telling = [name for name in keys if table[name].n_unique() > 1]
    pairs = [_read_pair(part, _find_row(beside, part, keys)) for part in parts]
    with house_style():
        figure, panels = lay_panels(
            len(parts[: MOST_PANELS + 1]),  # more are refused
            style=style,
            shape=1.0,
            margins=Margins(left=14.0, bottom=10.0, top=8.5 if telling else 5.0),
        )
        drawn = [
            draw_pair(figure, axes, pair, labels=style.labels, title=_name(part, telling))
            for axes, pair, part in zip(panels, pairs, parts, strict=True)
        ]
    data = [
        frame.with_columns(pl.lit(_name(part, telling)).alias("model"))
        for frame, part in zip(drawn, parts, strict=True)
    ]
    return Drawing("agreement", "", "", (figure,), pl.concat(data))


def _name(part: pl.DataFrame, telling: Sequence[str]) -> str:
    return ", ".join(str(part[name][0]) for name in telling if part[name][0] is not None)


def _find_row(
    beside: pl.DataFrame | None, part: pl.DataFrame, keys: Sequence[str]
) -> dict[str, Any]:
    """Return what the comparison says of a model; nothing where it says nothing."""
    if beside is None:
        return {}
    same = [pl.col(k).eq_missing(pl.lit(part[k][0])) for k in keys if k in beside.columns]
    found = beside.filter(*same) if same else beside
    return found.row(0, named=True) if found.height == 1 else {}


def _read_pair(part: pl.DataFrame, said: dict[str, Any]) -> EffectPair:
    x, y = (_numbers(part, f"estimate_{side}") for side in "ab")
    heights = [
        _numbers(part, name) for name in ("neg_log10_p_a", "neg_log10_p_b") if name in part.columns
    ]
    numbers = [said.get(name) for name in ("r_low", "r_high", "slope", "intercept")]
    low, high, slope, intercept = (np.nan if n is None else float(n) for n in numbers)
    return EffectPair(
        ("Effect in A", "Effect in B"),
        _read_names(part),
        x,
        y,
        part["hit_a"].to_numpy().astype(np.bool_),
        part["hit_b"].to_numpy().astype(np.bool_),
        np.fmax.reduce(heights) if heights else np.zeros(x.size),
        correlate(x, y),
        low,
        high,
        (slope, intercept) if np.isfinite(slope + intercept) else None,
    )


def _read_names(part: pl.DataFrame) -> tuple[str, ...]:
    """Return what effects are of: genes, proteins, or what else stands before the effects."""
    before = part.columns[: part.columns.index(_NEEDED[0])]
    known = [name for name in _NAMES if name in part.columns]
    naming = known or [name for name in before if name not in _KEYS]
    if not naming:
        return ("",) * part.height
    texts = part.select(pl.coalesce(pl.col(naming).cast(pl.String)).fill_null("")).to_series()
    return tuple(texts.to_list())


def _numbers(part: pl.DataFrame, name: str) -> F64:
    return part[name].cast(pl.Float64).fill_null(np.nan).to_numpy().astype(np.float64)
