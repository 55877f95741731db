"""Studies of a pooled effect with their weights, the pooled effect below them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import polars as pl

from proteomr.errors import NothingToDo, need_columns
from proteomr.plot.drawing import Drawing
from proteomr.plot.interval_row import IntervalRow, letters_of, takes_ratios
from proteomr.plot.interval_rows import draw_rows, tabulate_rows
from proteomr.plot.lettering import shorten
from proteomr.plot.style import BLACK, BLUE, GREY, PlotStyle
from proteomr.stats.distributions import neg_log10_p_normal

__all__ = ["draw_studies"]

_KEYS: Final[tuple[str, ...]] = (
    "protein",
    "exposure",
    "outcome",
    "adjustment",
    "stratum",
    "term",
    "contrast",
)
_NEEDED: Final = ("study", "study_estimate", "study_se", "weight")
_MOST: Final = 12  # pooled effects, a page each
_ROWS: Final = 60
_Z95: Final = 1.959963984540054


def draw_studies(
    table: pl.DataFrame, pooled: pl.DataFrame | None = None, /, *, style: PlotStyle | None = None
) -> Drawing:
    """Forest of the studies of each pooled effect, a page each, strongest effects first.

    The area of a square is the weight of the study, which stands behind its name in percent; the
    diamond is the pooled effect, below it the interval in which a new study's effect is expected.

    Parameters
    ----------
    table : ``meta_influence`` of `meta`.
    pooled : ``meta`` of the same run.
    style : widths and title.

    Raises
    ------
    ColumnError
        The table is not one of studies.
    NothingToDo
        It has no study.

    Examples
    --------
    >>> table = pl.DataFrame({
    ...     "protein": "ADM", "study": ["ARIC", "EPIC"], "study_estimate": [0.1, 0.2],
    ...     "study_se": 0.05, "weight": [50.0, 50.0]})
    >>> draw_studies(table).data["name"].to_list()
    ['ARIC', 'EPIC']
    """
    style = style or PlotStyle()
    need_columns(_NEEDED, table.columns)
    there = table.drop_nulls(list(_NEEDED[:3]))
    if not there.height:
        raise NothingToDo("the table has no study with an effect")
    keys = [name for name in _KEYS if name in there.columns]
    telling = [name for name in keys if there[name].n_unique() > 1]
    effects = list(_rank(there, pooled, keys))
    pages, numbers = [], []
    for part, whole in effects[:_MOST]:
        words = [str(part[name][0]) for name in telling if part[name][0] is not None]
        title = " · ".join(filter(None, [style.title, ", ".join(words)])) or None
        drawn, data = _draw_effect(part, whole, style=style, title=title)
        pages += drawn
        told = [pl.lit(part[name][0]).cast(pl.String).alias(name) for name in keys]
        numbers.append(data.with_columns(told))
    left = len(effects) - _MOST
    notes = (f"{left:,} pooled effect{'s are' if left > 1 else ' is'} not shown",) * (left > 0)
    return Drawing("studies", "", "", tuple(pages), pl.concat(numbers, how="diagonal"), notes)


def _rank(
    table: pl.DataFrame, pooled: pl.DataFrame | None, keys: list[str]
) -> Iterator[tuple[pl.DataFrame, dict[str, Any] | None]]:
    """Yield the studies of each effect and the row of what was pooled, largest -log10 p first."""
    parts = table.partition_by(keys, maintain_order=True) if keys else [table]
    if pooled is None or not {*keys, "estimate", "conf_low", "conf_high"} <= set(pooled.columns):
        yield from ((part, None) for part in parts)
        return
    found: list[tuple[float, int, pl.DataFrame, dict[str, Any] | None]] = []
    for place, part in enumerate(parts):
        same = [pl.col(name).eq_missing(pl.lit(part[name][0], part.schema[name])) for name in keys]
        rows = pooled.filter(*same).head(1).to_dicts() if same else pooled.head(1).to_dicts()
        whole = rows[0] if rows else None
        height = -1.0 if whole is None else float(whole.get("neg_log10_p") or 0.0)
        found.append((-height, place, part, whole))
    for *_, part, whole in sorted(found, key=lambda one: one[:2]):
        yield part, whole


def _draw_effect(
    part: pl.DataFrame, whole: dict[str, Any] | None, *, style: PlotStyle, title: str | None
) -> tuple[list[Any], pl.DataFrame]:
    letters = letters_of(style)
    total = float(part["weight"].sum()) or 1.0
    rows = [_study(row, total, letters) for row in part.iter_rows(named=True)]
    foot = [] if whole is None else _pooled(whole)
    measure = None if whole is None else whole.get("measure")
    looks = PlotStyle(
        width=style.width,
        title=title,
        ratio=measure,
        small_print="" if whole is None else _say(whole),
    )
    shown = measure if takes_ratios([*rows, *foot]) else None
    pages = draw_rows(
        rows,
        foot=foot,
        heading="Study (weight)",
        axis=f"{shown} (log scale)" if shown else "Effect",
        style=looks,
        rows_per_page=_ROWS,
        weighted=True,
    )
    weights = pl.DataFrame(
        {"name": part["study"].cast(pl.String), "weight_percent": 100 * part["weight"] / total}
    )
    data = tabulate_rows(rows, foot, rows_per_page=_ROWS, ratio=measure)
    return list(pages), data.join(weights, on="name", how="left", maintain_order="left")


def _study(row: dict[str, Any], total: float, letters: int) -> IntervalRow:
    estimate, se = float(row["study_estimate"]), float(row["study_se"])
    weight = float(row["weight"] or 0.0) / total
    name = str(row["study"])
    return IntervalRow(
        "study",
        name,
        f"{shorten(name, letters=letters)} ({100 * weight:.1f} %)",
        estimate,
        estimate - _Z95 * se,
        estimate + _Z95 * se,
        float(neg_log10_p_normal(np.array([estimate / se]))[0]),
        BLUE,
        weight=weight,
    )


def _pooled(whole: dict[str, Any]) -> list[IntervalRow]:
    """Return the row of the pooled effect, and that of a new study where it is known."""
    ends = ("estimate", "conf_low", "conf_high", "neg_log10_p")
    estimate, low, high, height = (_number(whole.get(name)) for name in ends)
    rows = [IntervalRow("method", "pooled", "Pooled", estimate, low, high, height, BLACK)]
    low, high = _number(whole.get("pi_low")), _number(whole.get("pi_high"))
    if np.isfinite(low + high):
        nan = float("nan")
        rows.append(IntervalRow("new", "new study", "A new study", estimate, low, high, nan, GREY))
    return rows


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")


def _say(whole: dict[str, Any]) -> str:
    """Return what is known of the studies' differences."""
    said = []
    if whole.get("i2") is not None:
        said.append(f"I² {whole['i2']:.0f} %")
    if whole.get("tau2") is not None:
        said.append(f"τ² {whole['tau2']:.3g}")
    if whole.get("q") is not None and whole.get("q_p") is not None:
        said.append(f"Q {whole['q']:.1f}, P {whole['q_p']:.2g}")
    return " · ".join(said)
