"""All figures of an analysis: five of each pair, or those of many pairs as one book."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import numpy as np
import polars as pl

from proteomr.errors import NothingToDo
from proteomr.plot.book import draw_pair, save_book
from proteomr.plot.causal_estimates import draw_estimates
from proteomr.plot.drawing import Drawing, FigureFormat, check_formats, save_drawing
from proteomr.plot.lettering import choose_decimals, format_number, format_p
from proteomr.plot.style import PlotStyle
from proteomr.tables import Harmonised
from proteomr.tables import columns as c

__all__ = ["FigureOptions", "choose_style", "draw_causes"]

_TABLES: Final = ("estimates", "singlesnp", "leaveoneout", "heterogeneity", "pleiotropy")


@dataclass(frozen=True, slots=True)
class FigureOptions:
    """What a run may choose about its figures.

    Parameters
    ----------
    formats : of figures of single pairs; a book of many is a PDF.
    """

    formats: tuple[FigureFormat, ...] = ("svg", "png")

    @classmethod
    def of(cls, formats: str) -> Self:
        """Return the options for a list of formats between commas.

        Raises
        ------
        UsageError
            A format is none that figures are written in.

        Examples
        --------
        >>> FigureOptions.of("pdf, svg").formats
        ('pdf', 'svg')
        """
        return cls(check_formats([part.strip() for part in formats.split(",")]))


def draw_causes(
    pairs: Sequence[Harmonised],
    tables: Mapping[str, pl.DataFrame],
    *,
    folder: Path,
    book: bool = False,
    options: FigureOptions | None = None,
) -> tuple[str, ...]:
    """Draw the figures of pairs into a folder, and return notes on what could not be drawn.

    Of several pairs one forest has the estimates of all (``estimates-causes``).

    Parameters
    ----------
    pairs : to be drawn, in their order.
    tables : ``estimates``, ``singlesnp`` and ``leaveoneout`` of an analysis.
    folder : which exists: ``01-scatter.svg``, ..., or ``hits.pdf`` with its index.
    book : whether all go into one book, which is a PDF.
    options : formats.

    Examples
    --------
    >>> draw_causes([], {}, folder=Path())
    ()
    """
    chosen = options or FigureOptions()
    notes: list[str] = []

    def draw(pair: Harmonised) -> Iterator[Drawing]:
        same = (
            (pl.col(c.EXPOSURE) == pair.exposures[0])
            & (pl.col(c.OUTCOME) == pair.outcome)
            & (pl.col(c.DIRECTION) == pair.direction)
        )
        own = {name: table.filter(same) for name, table in tables.items() if name in _TABLES}
        absent: list[str] = []
        yield from draw_pair(
            pair,
            estimates=own["estimates"],
            singlesnp=own["singlesnp"],
            leaveoneout=own["leaveoneout"],
            style=choose_style(pair, own),
            absent=absent,
        )
        way = " (reverse)" if pair.direction == "reverse" else ""
        notes.extend(f"{pair.exposures[0]} on {pair.outcome}{way}: {text}" for text in absent)

    if pairs and _count_pairs(tables["estimates"]) > 1:
        forest = draw_estimates(tables["estimates"])
        save_drawing(forest, folder / "estimates-causes", formats=chosen.formats)
        notes.extend(f"figure estimates-causes: {note}" for note in forest.notes)
    if book:
        drawings = (drawing for pair in pairs for drawing in draw(pair))
        with contextlib.suppress(NothingToDo):  # no pair has a figure; the notes say why
            save_book(drawings, folder / "hits")
        return tuple(notes)
    for place, pair in enumerate(pairs, start=1):
        for drawing in draw(pair):
            save_drawing(drawing, folder / f"{place:02}-{drawing.kind}", formats=chosen.formats)
    return tuple(notes)


def _count_pairs(estimates: pl.DataFrame) -> int:
    """Return how many pairs have an estimate that a forest can show."""
    shown = estimates.filter(pl.col(c.ESTIMATE).is_finite() & pl.col(c.NEG_LOG10_P).is_not_null())
    return shown.select(c.EXPOSURE, c.OUTCOME, c.DIRECTION).n_unique()


def choose_style(pair: Harmonised, tables: Mapping[str, pl.DataFrame]) -> PlotStyle:
    """Return the style of a pair's figures: its units and small print.

    Odds ratios on log axes are drawn where the estimates tell that effects on the outcome are log
    odds.

    Parameters
    ----------
    pair : one exposure and one outcome.
    tables : the rows of the pair, by the names of their tables.
    """
    estimates = tables["estimates"]
    units = {side: _find_unit(estimates, f"{side}_unit") for side in ("exposure", "outcome")}
    return PlotStyle(
        exposure_unit=units["exposure"],
        outcome_unit=units["outcome"],
        ratio="OR" if units["outcome"] == "log odds" else None,
        small_print=_describe(pair, tables),
    )


def _find_unit(estimates: pl.DataFrame, column: str) -> str | None:
    if column not in estimates.columns:
        return None
    return next(iter(estimates[column].drop_nulls()), None)


def _describe(pair: Harmonised, tables: Mapping[str, pl.DataFrame]) -> str:
    """Return what a reader asks of a pair: variants, heterogeneity, and the Egger intercept."""
    words = [f"{pair.m} variant" + "s" * (pair.m != 1)]
    het = tables.get("heterogeneity")
    if het is not None:
        for row in het.filter(pl.col(c.METHOD) == "ivw").iter_rows(named=True):
            q = f"Q {format_number(row['q'], decimals=1)} (df {row['q_df']}"
            words.append(f"{q}, P {format_p(row[c.NEG_LOG10_P])})")
            if row["i2"] is not None:
                words.append(f"I² {100 * row['i2']:.0f}%")
    intercepts = tables.get("pleiotropy")
    if intercepts is not None:
        for row in intercepts.iter_rows(named=True):
            decimals = choose_decimals(np.array([row[c.SE]]))
            value = format_number(row["egger_intercept"], decimals=decimals)
            words.append(f"Egger intercept {value} (P {format_p(row[c.NEG_LOG10_P])})")
    return " · ".join(words)
