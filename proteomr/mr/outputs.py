"""The tables of Mendelian randomisation as others name them, and the list of their variants."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, TypeAlias

import polars as pl

from proteomr.mr.methods import METHOD_CLASSES
from proteomr.tables import Harmonised
from proteomr.tables import columns as c

__all__ = ["LD_REASON", "ColumnStyle", "list_harmonised", "name_like_twosamplemr"]

ColumnStyle: TypeAlias = Literal["native", "twosamplemr"]

LD_REASON: Final = "ld_reason"
"""Column of variants: why their correlations are not known; null where they are."""

_LABELS: Final = {kind.key: kind.label for kind in METHOD_CLASSES}


def name_like_twosamplemr(estimates: pl.DataFrame) -> pl.DataFrame:
    """Return estimates under the names of columns and methods of the R package TwoSampleMR.

    Examples
    --------
    >>> from proteomr.tables import load_schema
    >>> name_like_twosamplemr(load_schema("estimates").empty()).columns[:4]
    ['id.exposure', 'id.outcome', 'outcome', 'exposure']
    """
    return estimates.select(
        _identify(c.EXPOSURE).alias("id.exposure"),
        _identify(c.OUTCOME).alias("id.outcome"),
        pl.col(c.OUTCOME),
        pl.col(c.EXPOSURE),
        pl.col(c.METHOD).replace(_LABELS),
        pl.col(c.NSNP),
        pl.col(c.ESTIMATE).alias("b"),
        pl.col(c.SE),
        pl.col(c.P_VALUE).alias("pval"),
    )


def _identify(side: str) -> pl.Expr:
    """Return the package's identifiers of a trait: its name, marked where it has changed places."""
    name = pl.col(side)
    reverse = pl.col(c.DIRECTION) == "reverse"
    return pl.when(reverse).then(pl.concat_str(name, pl.lit(" (reverse)"))).otherwise(name)


def list_harmonised(pairs: Sequence[Harmonised]) -> pl.DataFrame:
    """Return the variants of analyses, kept or dropped, with the reason.

    Examples
    --------
    >>> list_harmonised([]).columns[:4]
    ['exposure', 'outcome', 'variant_id', 'rsid']
    """
    kinds = {
        c.EXPOSURE: pl.String,
        c.OUTCOME: pl.String,
        c.VARIANT_ID: pl.String,
        "rsid": pl.String,
        "mr_keep": pl.Boolean,
        c.REASON: pl.String,
    }
    numbers = ("beta_exposure", "se_exposure", "beta_outcome", "se_outcome")
    kinds |= dict.fromkeys(numbers, pl.Float64)
    parts = [pl.DataFrame(schema=kinds)]
    for pair in pairs:
        told = [pl.col("rsid")] if "rsid" in pair.variants.columns else []
        pair_names = [
            pl.lit(pair.exposures[0]).alias(c.EXPOSURE),
            pl.lit(pair.outcome).alias(c.OUTCOME),
        ]
        values = (pair.x, pair.sx, pair.beta_y, pair.se_y)
        used = pair.variants.select(
            *pair_names,
            pl.col(c.VARIANT_ID).cast(pl.String),
            *told,
            pl.lit(value=True).alias("mr_keep"),
            pl.lit("kept").alias(c.REASON),
            *(pl.Series(name, column) for name, column in zip(numbers, values, strict=True)),
        )
        dropped = pair.dropped.select(
            *pair_names,
            pl.col(c.VARIANT_ID).cast(pl.String),
            pl.lit(value=False).alias("mr_keep"),
            pl.col("reason").alias(c.REASON),
        )
        parts += [used, dropped]
    return pl.concat(parts, how="diagonal")
