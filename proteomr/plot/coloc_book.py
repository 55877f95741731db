"""The figures of a colocalisation: its likeliest pairs, each by other priors and by position."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import polars as pl

from proteomr.plot.coloc_figures import draw_coloc, draw_region
from proteomr.plot.drawing import save_drawing
from proteomr.plot.mr_figures import FigureOptions
from proteomr.plot.style import PlotStyle

__all__ = ["draw_colocalised"]

_DRAWN: Final = 6  # pairs, of which a reader looks through all
_KEYS: Final = ("trait1", "trait2", "region", "set1", "set2")


def draw_colocalised(
    tables: Mapping[str, pl.DataFrame],
    *,
    folder: Path,
    options: FigureOptions | None = None,
    build: str | None = None,
) -> tuple[str, ...]:
    """Draw the best region of the pairs with the largest PP4, and return notes on the others.

    Parameters
    ----------
    tables : ``coloc``, ``coloc_snps`` and ``coloc_sensitivity``.
    folder : which exists: ``01-sensitivity.svg``, ``01-region.svg``, ...
    options : formats.
    build : of the positions, whose genes stand below regions; None where it is not known.

    Examples
    --------
    >>> empty = pl.DataFrame(schema={"best": pl.Boolean, "pp_h4": pl.Float64})
    >>> draw_colocalised({"coloc": empty}, folder=Path())
    ('no figure: no pair has a posterior',)
    """
    chosen = options or FigureOptions()
    best = tables["coloc"].filter(pl.col("best") & pl.col("pp_h4").is_not_null())
    best = best.sort("pp_h4", descending=True, maintain_order=True)
    if not best.height:
        return ("no figure: no pair has a posterior",)
    notes: list[str] = []
    if best.height > _DRAWN:
        notes.append(
            f"figures of the {_DRAWN} pairs with the largest PP4 of {best.height:,}; proteomr plot "
            "coloc and plot region draw others, by --where-rows"
        )
    for place, row in enumerate(best.head(_DRAWN).iter_rows(named=True), start=1):
        same = pl.all_horizontal(pl.col(name).eq_missing(pl.lit(row[name])) for name in _KEYS)
        style = PlotStyle(
            title=f"{row['trait1']} and {row['trait2']}",
            small_print=f"{row['region']} · PP4 {row['pp_h4']:.3f} · {row['nsnps']:,} variants",
            build=build,
        )
        drawing = draw_coloc(tables["coloc_sensitivity"].filter(same), style=style)
        save_drawing(drawing, folder / f"{place:02}-sensitivity", formats=chosen.formats)
        variants = tables["coloc_snps"].filter(same)
        if variants.height:
            save_drawing(
                draw_region(variants, style=style),
                folder / f"{place:02}-region",
                formats=chosen.formats,
            )
    if tables["coloc_snps"].is_empty():
        notes.append("no figures by position: --variants none leaves no variant to draw")
    return tuple(notes)
