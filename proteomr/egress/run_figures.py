"""Figures of single pairs, drawn anew by what drew them in their runs, from what leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Final

import polars as pl

from proteomr.errors import ProteomrError
from proteomr.plot.causal_estimates import read_pair
from proteomr.plot.coloc_book import draw_colocalised
from proteomr.plot.mr_figures import FigureOptions, draw_causes
from proteomr.runs import open_scratch
from proteomr.tables import Harmonised
from proteomr.tables import columns as c

__all__ = ["draw_pairs"]

_PNG: Final = FigureOptions(("png",))
_PAIR: Final = (c.EXPOSURE, c.OUTCOME, c.DIRECTION)
_OF_CAUSES: Final = ("reach", "harmonised", "estimates", "singlesnp", "leaveoneout")
_OF_COLOC: Final = ("coloc", "coloc_snps", "coloc_sensitivity")


def draw_pairs(tables: Mapping[str, pl.DataFrame]) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the bytes of each figure of the pairs of a run.

    Of `mr` those of each pair's variants, of `coloc` those of the likeliest pairs. All that they
    show are columns of tables that leave: effects of variants, which rest on summary statistics.

    Parameters
    ----------
    tables : of the run as they leave, by name.
    """
    draw = _choose(tables)
    if draw is None:
        return
    with open_scratch() as scratch:
        try:
            draw(folder=scratch, options=_PNG)
        except ProteomrError:
            return  # what is left is too little: withheld.tsv lists the figures that were
        for file in sorted(scratch.glob("*.png")):
            yield file.stem, file.read_bytes()


def _choose(tables: Mapping[str, pl.DataFrame]) -> Callable[..., object] | None:
    """Return what draws the pairs of a run; None where it has none, or its tables stay."""
    if {*_OF_CAUSES} <= tables.keys() and {*_PAIR} <= {*tables["estimates"].columns}:
        return partial(draw_causes, [*_read_pairs(tables)], tables)
    return partial(draw_colocalised, tables) if {*_OF_COLOC} <= tables.keys() else None


def _read_pairs(tables: Mapping[str, pl.DataFrame]) -> Iterator[Harmonised]:
    """Yield the pairs in the order in which their run numbered them."""
    harmonised = tables["harmonised"]
    keys = [name for name in _PAIR if name in harmonised.columns]
    for row in tables["reach"].filter(pl.col(c.NSNP) > 0).select(_PAIR).iter_rows():
        names = dict(zip(_PAIR, row, strict=True))
        same = pl.all_horizontal(pl.col(name) == names[name] for name in keys)
        yield read_pair(harmonised.filter(same), *row)
