"""Synthetic proteins of participants, in every form that users of UK Biobank hold."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
import polars as pl

from proteomr.io.ukbiobank.protein_names import known_proteins

Form: TypeAlias = Callable[[Path, pl.DataFrame], list[Path]]


def make_proteins(ids: Sequence[int], proteins: int) -> pl.DataFrame:
    """Return a row per person, shuffled, and a column per protein, a tenth of it missing."""
    generator = np.random.default_rng(7)
    names = [*sorted(name.lower() for name in known_proteins())[:proteins], "hla_dra"]
    values = generator.normal(size=(len(ids), len(names)))
    values[generator.random(values.shape) < 0.1] = np.nan
    frame = pl.DataFrame(dict(zip(names, values.T, strict=True))).fill_nan(None)
    return frame.select(pl.Series("eid", generator.permutation(np.array(ids))), pl.all())


def single_csv(folder: Path, table: pl.DataFrame) -> list[Path]:
    table.write_csv(folder / "olink_instance_0.csv")
    return [folder / "olink_instance_0.csv"]


def rap_csv(folder: Path, table: pl.DataFrame) -> list[Path]:
    half = table.width // 2
    parts = (table.select(table.columns[:half]), table.select("eid", *table.columns[half:]))
    paths = [folder / "olink_1.csv", folder / "olink_2.csv"]
    for part, path in zip(parts, paths, strict=True):
        part.sample(fraction=1.0, shuffle=True, seed=1).write_csv(path)
    return paths


def rap_parquet(folder: Path, table: pl.DataFrame) -> list[Path]:
    table.reverse().write_parquet(folder / "olink.parquet")
    return [folder / "olink.parquet"]


def entity_csv(folder: Path, table: pl.DataFrame) -> list[Path]:
    named = table.rename({name: f"olink_instance_0.{name}" for name in table.columns})
    named = named.with_columns(pl.lit(1.0).alias("olink_instance_2.gdf15"))
    named.write_csv(folder / "extract.csv")
    return [folder / "extract.csv"]


def gene_csv(folder: Path, table: pl.DataFrame) -> list[Path]:
    named = table.rename({name: name.upper().replace("_", "-") for name in table.columns[1:]})
    named.rename({"eid": "ID"}).write_csv(folder / "protein_UKB.csv")
    return [folder / "protein_UKB.csv"]


def showcase(folder: Path, table: pl.DataFrame) -> list[Path]:
    names = sorted(table.columns[1:], reverse=True)
    code = pl.DataFrame({"gene": names, "protein_id": range(len(names))})
    code.select(
        pl.col("protein_id").alias("coding"),
        (pl.col("gene").str.to_uppercase().str.replace_all("_", "-") + ";words").alias("meaning"),
    ).write_csv(folder / "coding143.tsv", separator="\t")
    long = table.unpivot(index="eid", variable_name="gene", value_name="result").drop_nulls()
    other = long.head(50).with_columns(pl.lit(2).alias("ins_index"))
    both = pl.concat([long.with_columns(pl.lit(0).alias("ins_index")), other])
    lines = both.join(code, on="gene").select("eid", "ins_index", "protein_id", "result")
    text = lines.sample(fraction=1.0, shuffle=True, seed=2).write_csv(separator="\t")
    (folder / "olink_data.txt.gz").write_bytes(gzip.compress(text.encode()))
    return [folder / "olink_data.txt.gz", folder / "coding143.tsv"]


FORMS: tuple[Form, ...] = (single_csv, rap_csv, rap_parquet, entity_csv, gene_csv, showcase)
