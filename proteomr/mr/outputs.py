"""The results of Mendelian randomisation in a run folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, Literal, TypeAlias

import polars as pl

from proteomr.errors import RunFolderError
from proteomr.files import replace_file, storage_errors
from proteomr.io.tables import TableFormat, write_table
from proteomr.mr.methods import METHOD_CLASSES
from proteomr.provenance import InputFile, Manifest, utc_now
from proteomr.tables import Drop, Harmonised, tabulate_drops
from proteomr.tables import columns as c

__all__ = ["ColumnStyle", "list_harmonised", "name_like_twosamplemr", "write_analysis"]

ColumnStyle: TypeAlias = Literal["native", "twosamplemr"]

_MANIFEST: Final = "manifest.json"
_LABELS: Final = {kind.key: kind.label for kind in METHOD_CLASSES}


def write_analysis(
    folder: str | Path,
    tables: Mapping[str, pl.DataFrame],
    *,
    manifest: Manifest,
    drops: Sequence[Drop] = (),
    format: TableFormat = "parquet",
    columns: ColumnStyle = "native",
) -> None:
    """Write the tables of an analysis, and last the manifest that names them.

    Parameters
    ----------
    folder : made if absent; an earlier manifest in it is removed first.
    tables : by the names of their files, without suffix.
    manifest : the account of the run; outputs and the end are added here.
    drops : what was left out, with reasons.
    format : csv and tsv are written beside the parquet tables.
    columns : twosamplemr gives the estimates, and only these, the names of that R package.

    Raises
    ------
    RunFolderError
        The folder holds files of these names that no run wrote.
    StorageError
        The disk refused.

    Examples
    --------
    >>> import tempfile
    >>> from proteomr.tables import load_schema
    >>> empty = {"estimates": load_schema("estimates").empty()}
    >>> with tempfile.TemporaryDirectory() as name:
    ...     write_analysis(name, empty, manifest=Manifest(command="mr"))
    ...     sorted(path.name for path in Path(name).iterdir())
    ['drops.tsv', 'estimates.parquet', 'manifest.json']
    """
    target = Path(folder)
    formats: list[TableFormat] = ["parquet", *([format] if format != "parquet" else [])]
    names = [f"{name}.{kind}" for name in tables for kind in formats]
    _claim(target, [*names, "drops.tsv"])
    for name, table in tables.items():
        shown = table
        if name == "estimates" and columns == "twosamplemr":
            shown = name_like_twosamplemr(table)
        for kind in formats:
            write_table(shown, target / f"{name}.{kind}", format=kind)
    write_table(tabulate_drops(drops), target / "drops.tsv", format="tsv")
    complete = replace(
        manifest,
        outputs=tuple(
            replace(InputFile.read(target / name), name=name)
            for name in sorted([*names, "drops.tsv"])
        ),
        finished=utc_now(),
    )
    text = complete.to_json().encode()
    replace_file(target / _MANIFEST, lambda file: file.write(text))


def name_like_twosamplemr(estimates: pl.DataFrame) -> pl.DataFrame:
    """Return estimates under the names of columns and methods of the R package TwoSampleMR.

    Examples
    --------
    >>> from proteomr.tables import load_schema
    >>> name_like_twosamplemr(load_schema("estimates").empty()).columns[:4]
    ['id.exposure', 'id.outcome', 'outcome', 'exposure']
    """
    return estimates.select(
        pl.col(c.EXPOSURE).alias("id.exposure"),
        pl.col(c.OUTCOME).alias("id.outcome"),
        pl.col(c.OUTCOME),
        pl.col(c.EXPOSURE),
        pl.col(c.METHOD).replace(_LABELS),
        pl.col(c.NSNP),
        pl.col(c.ESTIMATE).alias("b"),
        pl.col(c.SE),
        pl.col(c.P_VALUE).alias("pval"),
    )


def list_harmonised(pairs: Sequence[Harmonised]) -> pl.DataFrame:
    """Return the variants of analyses, kept or dropped, with the reason.

    Examples
    --------
    >>> list_harmonised([]).columns[:4]
    ['exposure', 'outcome', 'variant_id', 'mr_keep']
    """
    kinds = {
        c.EXPOSURE: pl.String,
        c.OUTCOME: pl.String,
        c.VARIANT_ID: pl.String,
        "mr_keep": pl.Boolean,
        c.REASON: pl.String,
    }
    numbers = ("beta_exposure", "se_exposure", "beta_outcome", "se_outcome")
    kinds |= dict.fromkeys(numbers, pl.Float64)
    parts = [pl.DataFrame(schema=kinds)]
    for pair in pairs:
        pair_names = [
            pl.lit(pair.exposures[0]).alias(c.EXPOSURE),
            pl.lit(pair.outcome).alias(c.OUTCOME),
        ]
        values = (pair.x, pair.sx, pair.beta_y, pair.se_y)
        kept = pair.variants.select(
            *pair_names,
            pl.col(c.VARIANT_ID).cast(pl.String),
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
        parts += [kept, dropped]
    return pl.concat(parts, how="diagonal")


def _claim(folder: Path, names: Sequence[str]) -> None:
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        taken = [name for name in names if (folder / name).exists()]
        if taken and not (folder / _MANIFEST).exists():
            raise RunFolderError(
                f"{folder}: already holds {', '.join(taken[:4])}, written by no run; choose "
                "another folder"
            )
        (folder / _MANIFEST).unlink(missing_ok=True)
