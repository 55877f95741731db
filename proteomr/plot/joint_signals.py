"""Variants that count beside each other: their effects alone and together."""

from __future__ import annotations

from typing import Final

import polars as pl

from proteomr.errors import need_columns
from proteomr.plot.drawing import Drawing
from proteomr.plot.hits_forest import draw_hits_forest
from proteomr.plot.style import PlotStyle

__all__ = ["draw_joint_signals"]

_ALONE: Final = {"beta": "estimate", "se": "se", "neg_log10_p": "neg_log10_p"}
_TOGETHER: Final = {"bJ": "estimate", "bJ_se": "se", "neg_log10_pJ": "neg_log10_p"}
_WHOLE: Final = 60  # all chosen variants are hits


def draw_joint_signals(table: pl.DataFrame, *, style: PlotStyle | None = None) -> Drawing:
    """Forest of the chosen variants, a row for the effect alone and one for that beside the others.

    Parameters
    ----------
    table : ``cojo`` of `gwas cojo`.
    style : widths and title.

    Raises
    ------
    ColumnError
        The table is not one of these.
    NothingToDo
        No variant has an effect.

    Examples
    --------
    >>> table = pl.DataFrame({
    ...     "trait": "ADM", "variant_id": ["rs1"], "beta": [0.2], "se": [0.02],
    ...     "neg_log10_p": [22.0], "bJ": [0.1], "bJ_se": [0.02], "neg_log10_pJ": [6.2]})
    >>> draw_joint_signals(table).data["name"].to_list()
    ['rs1, alone', 'rs1, joint']
    """
    need_columns(("trait", "variant_id", *_ALONE, *_TOGETHER), table.columns)
    several = table["trait"].n_unique() > 1
    parts = pl.concat(
        table.select(
            pl.concat_str("trait", "variant_id", separator=", ").alias("snp")
            if several
            else pl.col("variant_id").alias("snp"),
            pl.lit(label).alias("method"),
            *(pl.col(old).cast(pl.Float64).alias(new) for old, new in names.items()),
        )
        for label, names in (("alone", _ALONE), ("joint", _TOGETHER))
    )
    drawn = draw_hits_forest(parts, style=style, heading="Variant", whole=_WHOLE)
    return Drawing("signals", "", "", drawn.pages, drawn.data, drawn.notes)
