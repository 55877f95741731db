"""All figures of an analysis: five of each pair, or those of many pairs as one book."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import polars as pl

from proteomr.plot.book import draw_pair, save_book
from proteomr.plot.drawing import Drawing, save_drawing
from proteomr.tables import Harmonised
from proteomr.tables import columns as c

__all__ = ["draw_causes"]


def draw_causes(
    pairs: Sequence[Harmonised],
    tables: Mapping[str, pl.DataFrame],
    *,
    folder: Path,
    book: bool = False,
) -> None:
    """Draw the figures of pairs into a folder.

    Parameters
    ----------
    pairs : to be drawn, in their order.
    tables : ``estimates``, ``singlesnp`` and ``leaveoneout`` of an analysis.
    folder : which exists: ``01-scatter.svg``, ..., or ``hits.pdf`` with its index.
    book : whether all go into one book.

    Examples
    --------
    >>> draw_causes([], {}, folder=Path())
    """

    def draw(pair: Harmonised) -> Iterator[Drawing]:
        same = (pl.col(c.EXPOSURE) == pair.exposures[0]) & (pl.col(c.OUTCOME) == pair.outcome)
        return draw_pair(
            pair,
            estimates=tables["estimates"].filter(same),
            singlesnp=tables["singlesnp"].filter(same),
            leaveoneout=tables["leaveoneout"].filter(same),
        )

    if book:
        save_book((drawing for pair in pairs for drawing in draw(pair)), folder / "hits")
        return
    for place, pair in enumerate(pairs, start=1):
        for drawing in draw(pair):
            save_drawing(drawing, folder / f"{place:02}-{drawing.kind}")
