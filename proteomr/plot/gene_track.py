"""Genes of a stretch of a chromosome, in rows that do not meet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from proteomr.plot.canvas import MM_PER_INCH, measure_text
from proteomr.plot.style import BLACK, BLUE
from proteomr.tables.genes import load_genes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_genes", "find_genes"]

_TYPE: Final = 4.5
_ROW_MM: Final = 3.4
_GAP_MM: Final = 1.5


def find_genes(chromosome: str, low_bp: int, high_bp: int, *, build: str) -> pl.DataFrame:
    """Return the protein-coding genes that lie in a stretch: symbol, start, end and strand.

    Parameters
    ----------
    chromosome : with or without "chr".
    low_bp, high_bp : ends of the stretch.
    build : "GRCh38" or "GRCh37", of the positions.

    Examples
    --------
    >>> find_genes("11", 10_304_000, 10_310_000, build="GRCh38")["symbol"].to_list()
    ['ADM']
    """
    start, end, strand = (
        name if build == "GRCh38" else f"{name}_grch37" for name in ("start", "end", "strand")
    )
    return (
        load_genes()
        .frame.filter(
            pl.col("gene_type") == "protein-coding",
            pl.col("chromosome") == chromosome.removeprefix("chr"),
            pl.col(start) <= high_bp,
            pl.col(end) >= low_bp,
        )
        .select("symbol", start=start, end=end, strand=strand)
        .sort("start", "symbol")
    )


def draw_genes(figure: Figure, axes: Axes, genes: pl.DataFrame) -> tuple[int, float]:
    """Draw genes as bars with symbols above; return how many had no room, and what is left below.

    What is left is in millimetres.

    An arrow behind the symbol is the strand. The limits of the horizontal axis, in Mb, are set
    before. A gene stands in the first row where neither its bar nor its symbol meets another.

    Parameters
    ----------
    genes : by `find_genes`.
    """
    extent = axes.get_window_extent()
    width, height = (side / figure.dpi * MM_PER_INCH for side in (extent.width, extent.height))
    low, high = axes.get_xlim()
    rows = max(1, int(height / _ROW_MM))
    per_mm = (high - low) / width
    ends = [float("-inf")] * rows
    axes.set_ylim(height, 0.0)
    left_out = 0
    for symbol, start_bp, end_bp, strand in genes.rows():
        start, end = (min(max(bp / 1e6, low), high) for bp in (start_bp, end_bp))
        word = f"{symbol} {'→' if strand > 0 else '←'}" if strand else symbol
        half = measure_text(figure, word, size=_TYPE) * per_mm / 2
        middle = min(max((start + end) / 2, low + half), high - half)
        first, last = min(start, middle - half), max(end, middle + half)
        row = next((k for k, taken in enumerate(ends) if taken < first), None)
        if row is None:
            left_out += 1
            continue
        ends[row] = last + _GAP_MM * per_mm
        top = row * _ROW_MM
        axes.text(middle, top + 1.1, word, ha="center", va="center", fontsize=_TYPE, color=BLACK)
        axes.plot(
            [start, max(end, start + 0.3 * per_mm)], [top + 2.6] * 2, color=BLUE, linewidth=1.6,
            solid_capstyle="butt",
        )  # fmt: skip
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    used = max((k + 1 for k, taken in enumerate(ends) if taken > float("-inf")), default=1)
    return left_out, height - used * _ROW_MM
