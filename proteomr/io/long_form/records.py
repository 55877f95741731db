"""What stands beside the values: warnings, plates, limits of detection, and controls."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from proteomr.io.long_form.beyond import find_range
from proteomr.io.long_form.parts import categories_of, collect, mark
from proteomr.io.long_form.stacking import CONTROL_ASSAY, CONTROL_SAMPLE
from proteomr.io.long_form.vocabulary import (
    ASSAY_QC,
    BLOCK,
    LIMITS,
    RANGE,
    SAMPLE_QC,
    is_passed,
)
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
    rows: pl.LazyFrame, columns: Sequence[str], *, by: str, naming: Sequence[str] = ()
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
    extremes = collect(
        rows.group_by(by).agg(
            *(code.min().alias(f"{name}|low") for name, code in zip(columns, codes, strict=True)),
            *(code.max().alias(f"{name}|high") for name, code in zip(columns, codes, strict=True)),
        )
    ).sort(by)
    kinds = rows.collect_schema()
    several = {
        name: int((extremes[f"{name}|low"] != extremes[f"{name}|high"]).sum()) for name in columns
    }
    texts = [pl.Series(by, extremes[by].cast(pl.String))]
    for name in columns:
        categories = pl.Series(categories_of(kinds[name]), dtype=pl.String)
        chosen = extremes[f"{name}|low"].cast(pl.UInt32)
        if name not in naming:
            chosen = chosen.set(extremes[f"{name}|low"] != extremes[f"{name}|high"], None)
        texts.append(categories.gather(chosen).alias(name))
    return pl.DataFrame(texts), several


def find_flags(rows: pl.LazyFrame) -> pl.DataFrame:
    """Return the warnings about samples, by panel, block and plate, and about assays, by plate.

    A warning about an assay that does not hold for all samples of a plate names the sample, and so
    does the flag of a value that is missing because it lies beyond a limit.
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
    told = [c.SAMPLE_ID, c.PROTEIN, c.PANEL, c.PLATE, ASSAY_QC]
    warned = collect(rows.filter(_warned(rows, ASSAY_QC)).select(told).unique())
    said = rows.filter(pl.col(c.PROTEIN).is_in(warned[c.PROTEIN].unique().implode()))
    results = collect(said.select(c.PROTEIN, c.PLATE, ASSAY_QC).unique())
    whole = results.group_by(c.PROTEIN, c.PLATE).agg((pl.len() == 1).alias("whole"))
    assays = warned.join(whole, on=[c.PROTEIN, c.PLATE], how="left", nulls_equal=True).select(
        pl.when(~pl.col("whole")).then(pl.col(c.SAMPLE_ID).cast(pl.String)).alias(c.SAMPLE_ID),
        pl.col(c.PROTEIN).cast(pl.String),
        pl.col(c.PANEL).cast(pl.String),
        pl.col(c.PLATE).cast(pl.String),
        pl.lit(ASSAY_QC).alias(c.FLAG),
        pl.col(ASSAY_QC).cast(pl.String).alias(c.VALUE),
    )
    schema = load_schema("qc_flags")
    flags = pl.concat([collect(samples.unique()), assays.unique(), _beyond(rows)])
    return schema.validate(flags.sort(schema.names, nulls_last=True))


def find_plates(rows: pl.LazyFrame) -> pl.DataFrame:
    """Return where each sample stood, without the panel where that never makes a difference."""
    rows_on_plates = rows.filter(pl.col(c.PLATE).is_not_null())
    places = collect(rows_on_plates.select(c.SAMPLE_ID, c.PANEL, c.PLATE, c.WELL, c.BATCH).unique())
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


def find_limits(rows: pl.LazyFrame) -> tuple[pl.DataFrame, pl.DataFrame, bool]:
    """Return limits by plate, that of detection for each assay, and whether it differs by plate.

    Where a limit of an assay differs within a plate, the plate's is its median; where limits of
    detection differ between plates, the assay's is the median over its plates. Columns beside that
    of detection are there where the source has them.
    """
    held = [name for name in LIMITS if name in rows.collect_schema()]
    counts = collect(rows.select(pl.col(held).count())).row(0, named=True) if held else {}
    kinds = [c.LOD, *(name for name in held if name != c.LOD and counts[name])]
    by_plate = _take_medians(rows, c.LOD)
    for name in kinds[1:]:
        by_plate = by_plate.join(
            _take_medians(rows, name),
            on=[c.PROTEIN, c.PLATE],
            how="full",
            coalesce=True,
            nulls_equal=True,
        )
    of_assay = by_plate.group_by(c.PROTEIN).agg(
        pl.col(kinds).median(),
        *(pl.col(name).drop_nulls().n_unique().alias(f"{name}|several") for name in kinds),
    )
    same = of_assay.filter(pl.all_horizontal(pl.col("^.*\\|several$") <= 1))
    differing = by_plate.join(same, on=c.PROTEIN, how="anti")
    once = same.with_columns(pl.lit(None, dtype=pl.String).alias(c.PLATE))
    schema = load_schema("limits")
    names = [c.PROTEIN, c.PLATE, *kinds]
    limits = pl.concat([once.select(names), differing.select(names)])
    limits = schema.validate(limits.sort(c.PROTEIN, c.PLATE, nulls_last=True))
    return limits, of_assay.select(c.PROTEIN, c.LOD), bool((of_assay["lod|several"] > 1).any())


def find_controls(rows: pl.LazyFrame) -> pl.DataFrame:
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
    return schema.validate(collect(chosen).sort(schema.names, nulls_last=True))


def _take_medians(rows: pl.LazyFrame, kind: str) -> pl.DataFrame:
    """Return the median of the distinct limits of each assay on each plate."""
    told = collect(rows.select(c.PROTEIN, c.PLATE, kind).drop_nulls(kind).unique())
    by_plate = told.group_by(c.PROTEIN, c.PLATE).agg(pl.col(kind).median())
    return by_plate.with_columns(pl.col(c.PROTEIN, c.PLATE).cast(pl.String))


def _beyond(rows: pl.LazyFrame) -> pl.DataFrame:
    """Return a flag for each value that is missing because it lies beyond a limit."""
    if RANGE not in rows.collect_schema():
        rows = rows.with_columns(pl.lit(None, dtype=pl.String).alias(RANGE)).head(0)
    told = [c.SAMPLE_ID, c.PROTEIN, c.PANEL, c.PLATE, RANGE]
    there = collect(rows.filter(pl.col(RANGE).is_not_null()).select(told))
    words = there[RANGE].cast(pl.String)
    known = {word: find_range(word) for word in words.unique()}
    return there.select(
        pl.col(c.SAMPLE_ID, c.PROTEIN, c.PANEL, c.PLATE).cast(pl.String),
        words.replace_strict(known, return_dtype=pl.String).alias(c.FLAG),
        words.alias(c.VALUE),
    )


def _warned(rows: pl.LazyFrame, column: str) -> pl.Expr:
    return mark(rows.collect_schema()[column], column, lambda result: not is_passed(result))
