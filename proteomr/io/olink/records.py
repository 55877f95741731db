"""What stands beside the values: warnings, plates, limits of detection, and controls."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from proteomr.io.olink.parts import mark
from proteomr.io.olink.spellings import ASSAY_QC, BLOCK, SAMPLE_QC, is_passed
from proteomr.io.olink.stacking import CONTROL_ASSAY, CONTROL_SAMPLE
from proteomr.tables import columns as c
from proteomr.tables import load_schema

__all__ = [
    "describe",
    "find_controls",
    "find_flags",
    "find_limits",
    "find_plates",
    "plate_of_samples",
]


def describe(
    rows: pl.DataFrame, columns: Sequence[str], *, by: str, naming: Sequence[str] = ()
) -> tuple[pl.DataFrame, dict[str, int]]:
    """Return what text columns say of each sample or assay, and where they say several things.

    Parameters
    ----------
    rows : coded columns.
    columns : those to describe.
    by : the sample or the assay.
    naming : columns of which the first value of the alphabet is taken where there are several;
        the others are empty there.

    Returns
    -------
    frame : one row for each, sorted.
    several : how many samples or assays have more than one value, by column.
    """
    codes = [pl.col(name).to_physical() for name in columns]
    extremes = rows.group_by(by).agg(
        *(code.min().alias(f"{name}|low") for name, code in zip(columns, codes, strict=True)),
        *(code.max().alias(f"{name}|high") for name, code in zip(columns, codes, strict=True)),
    )
    extremes = extremes.sort(by)
    several = {
        name: int((extremes[f"{name}|low"] != extremes[f"{name}|high"]).sum()) for name in columns
    }
    texts = [pl.Series(by, extremes[by].cast(pl.String))]
    for name in columns:
        kind = rows[name].dtype
        categories = kind.categories if isinstance(kind, pl.Enum) else rows[name].unique().sort()
        chosen = extremes[f"{name}|low"].cast(pl.UInt32)
        if name not in naming:
            chosen = chosen.set(extremes[f"{name}|low"] != extremes[f"{name}|high"], None)
        texts.append(categories.gather(chosen).alias(name))
    return pl.DataFrame(texts), several


def find_flags(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the warnings about samples, by panel, block and plate, and about assays, by plate.

    A warning about an assay that does not hold for all samples of a plate names the sample.
    """
    panel = pl.col(c.PANEL).cast(pl.String)
    panel = (
        pl.when(pl.col(BLOCK).is_null())
        .then(panel)
        .otherwise(
            pl.concat_str(panel, pl.col(BLOCK).cast(pl.String), separator=":", ignore_nulls=True)
        )
    )
    samples = rows.filter(_warned(rows, SAMPLE_QC)).select(
        pl.col(c.SAMPLE_ID).cast(pl.String),
        pl.lit(None, dtype=pl.String).alias(c.PROTEIN),
        panel.alias(c.PANEL),
        pl.col(c.PLATE).cast(pl.String),
        pl.lit(SAMPLE_QC).alias(c.FLAG),
        pl.col(SAMPLE_QC).cast(pl.String).alias(c.VALUE),
    )
    warned = rows.filter(_warned(rows, ASSAY_QC)).select(
        c.SAMPLE_ID, c.PROTEIN, c.PANEL, c.PLATE, ASSAY_QC
    )
    said = rows.join(warned.select(c.PROTEIN).unique(), on=c.PROTEIN, how="semi")
    whole = said.group_by(c.PROTEIN, c.PLATE).agg(
        (pl.col(ASSAY_QC).to_physical().n_unique() == 1).alias("whole")
    )
    assays = warned.join(whole, on=[c.PROTEIN, c.PLATE], how="left", nulls_equal=True).select(
        pl.when(~pl.col("whole")).then(pl.col(c.SAMPLE_ID).cast(pl.String)).alias(c.SAMPLE_ID),
        pl.col(c.PROTEIN).cast(pl.String),
        pl.col(c.PANEL).cast(pl.String),
        pl.col(c.PLATE).cast(pl.String),
        pl.lit(ASSAY_QC).alias(c.FLAG),
        pl.col(ASSAY_QC).cast(pl.String).alias(c.VALUE),
    )
    schema = load_schema("qc_flags")
    flags = pl.concat([samples.unique(), assays.unique()])
    return schema.validate(flags.sort(schema.names, nulls_last=True))


def find_plates(rows: pl.DataFrame) -> pl.DataFrame:
    """Return where each sample stood, without the panel where that never makes a difference."""
    rows_on_plates = rows.filter(pl.col(c.PLATE).is_not_null())
    places = rows_on_plates.select(c.SAMPLE_ID, c.PANEL, c.PLATE, c.WELL, c.BATCH).unique()
    once = places.select(pl.exclude(c.PANEL)).unique()
    if once[c.SAMPLE_ID].n_unique() == once.height:
        places = once.with_columns(pl.lit(None, dtype=pl.String).alias(c.PANEL))
    schema = load_schema("plates")
    texts = places.select(pl.all().cast(pl.String)).select(schema.names)
    return schema.validate(texts.sort(schema.names, nulls_last=True))


def plate_of_samples(plates: pl.DataFrame) -> pl.DataFrame:
    """Return the plate of each sample that stood on one alone."""
    single = plates.group_by(c.SAMPLE_ID).agg(
        pl.col(c.PLATE).first(), pl.col(c.PLATE).n_unique().alias("several")
    )
    return single.filter(pl.col("several") == 1).select(c.SAMPLE_ID, c.PLATE).sort(c.SAMPLE_ID)


def find_limits(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame, bool]:
    """Return the limits of detection by plate, one for each assay, and whether plates differ.

    Where the limits of an assay differ within a plate, the plate's is their median; where they
    differ between plates, the assay's is the median over its plates.
    """
    rows_with_limit = rows.filter(pl.col(c.LOD).is_not_null()).select(c.PROTEIN, c.PLATE, c.LOD)
    by_plate = rows_with_limit.unique().group_by(c.PROTEIN, c.PLATE).agg(pl.col(c.LOD).median())
    by_plate = by_plate.with_columns(pl.col(c.PROTEIN, c.PLATE).cast(pl.String))
    of_assay = by_plate.group_by(c.PROTEIN).agg(
        pl.col(c.LOD).median(), pl.col(c.LOD).n_unique().alias("several")
    )
    same = of_assay.filter(pl.col("several") == 1)
    differing = by_plate.join(same, on=c.PROTEIN, how="anti")
    once = same.with_columns(pl.lit(None, dtype=pl.String).alias(c.PLATE))
    schema = load_schema("limits")
    limits = pl.concat([once.select(schema.names), differing.select(schema.names)])
    limits = schema.validate(limits.sort(c.PROTEIN, c.PLATE, nulls_last=True))
    return limits, of_assay.select(c.PROTEIN, c.LOD), bool(differing.height)


def find_controls(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the values of control samples and of control assays."""
    schema = load_schema("controls")
    chosen = rows.filter(pl.col(CONTROL_SAMPLE) | pl.col(CONTROL_ASSAY)).select(
        pl.col(c.SAMPLE_ID).cast(pl.String),
        pl.coalesce(
            pl.col(c.SAMPLE_TYPE).cast(pl.String),
            pl.when(CONTROL_SAMPLE).then(pl.lit("CONTROL")).otherwise(pl.lit("SAMPLE")),
        ).alias(c.SAMPLE_TYPE),
        pl.col(c.PLATE).cast(pl.String),
        pl.col(c.PROTEIN).cast(pl.String),
        pl.when(CONTROL_ASSAY).then(pl.lit("control")).otherwise(pl.lit("protein")).alias(c.KIND),
        c.VALUE,
    )
    return schema.validate(chosen.sort(schema.names, nulls_last=True))


def _warned(rows: pl.DataFrame, column: str) -> pl.Series:
    return pl.Series(mark(rows[column], lambda result: not is_passed(result)))
