"""Proteins in rows and samples in columns, turned to measurements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import polars as pl

from proteomr._typing import F64
from proteomr.errors import InputError
from proteomr.io.identifiers import normalise_ids
from proteomr.io.spreadsheets import restore_groups
from proteomr.tables import ArrayProteins, Measurements, Platform
from proteomr.tables import columns as c
from proteomr.tables.table import load_schema

__all__ = ["ProteinRows", "measure_rows", "parse_row"]

_ABSENT: Final = ("", "NA", "NaN", "nan", "N/A", "null", "NULL", "None", ".", "#N/A", "Filtered")


@dataclass(frozen=True, slots=True, eq=False)
class ProteinRows:
    """A table with a row for each protein.

    Parameters
    ----------
    proteins, samples : names of the p proteins and the n samples, in the order of the file.
    values : (p, n), NaN = missing.
    assays : p rows: what the file tells of the proteins (gene, uniprot, kind, ...).
    facts : n rows: what it tells of the samples, without their names.
    flags : of proteins: pairs of protein and flag.
    """

    proteins: Sequence[str]
    samples: Sequence[str]
    values: F64
    assays: pl.DataFrame
    facts: pl.DataFrame = field(default_factory=pl.DataFrame)
    flags: Sequence[tuple[str, str]] = ()


def measure_rows(
    rows: ProteinRows,
    *,
    platform: Platform,
    unit: str | None,
    notes: tuple[str, ...],
    parameters: dict[str, object],
) -> Measurements:
    """Return the measurements of a table with proteins in rows, by samples and proteins in order.

    Raises
    ------
    InputError
        A protein or a sample stands twice, or a sample has no name.

    Examples
    --------
    >>> rows = ProteinRows(["IL6", "ADM"], ["B", "A"], np.array([[1.0, 2], [3, 4]]), pl.DataFrame())
    >>> made = measure_rows(rows, platform="table", unit=None, notes=(), parameters={})
    >>> made.proteins.names, made.proteins.read(slice(0, 2)).tolist()
    (('ADM', 'IL6'), [[4.0, 2.0], [3.0, 1.0]])
    """
    if repeated := len(rows.proteins) - len(set(rows.proteins)):
        raise InputError(f"{repeated} rows have the name of another protein; rename or remove them")
    ids = normalise_ids(pl.Series("header", rows.samples, dtype=pl.String))
    people = ids.arg_sort().to_numpy()
    proteins = pl.Series(c.PROTEIN, rows.proteins, dtype=pl.String)
    order = proteins.arg_sort().to_numpy()
    matrix = np.asfortranarray(rows.values[np.ix_(order, people)].T)
    names = proteins.gather(order.tolist())
    told = rows.assays[order.tolist()] if rows.assays.width else rows.assays
    assays = _describe(names, told, platform=platform, unit=unit)
    assays, gene_notes = restore_groups(assays, separator=";")
    return Measurements(
        platform=platform,
        samples=pl.DataFrame(
            [
                ids.gather(people.tolist()).alias(c.SAMPLE_ID),
                *(rows.facts[people.tolist()].iter_columns() if rows.facts.width else ()),
            ]
        ),
        proteins=ArrayProteins(tuple(names), matrix),
        assays=assays,
        flags=_tabulate_flags(rows.flags),
        notes=(*notes, *gene_notes),
        parameters=parameters,
    )


def parse_row(cells: Sequence[str]) -> tuple[F64, int | None]:
    """Return the numbers of a row, NaN where missing, and the place of the first that is none.

    Examples
    --------
    >>> parse_row(["1.5", "", "NA", "high"])
    (array([1.5, nan, nan, nan]), 3)
    """
    text = pl.Series(cells, dtype=pl.String).str.strip_chars(' "')
    known = text.set(text.is_in(_ABSENT), None)
    numbers = known.cast(pl.Float64, strict=False)
    broken = (numbers.is_null() & known.is_not_null()) | numbers.is_infinite()
    first = broken.fill_null(value=False).arg_max() if broken.any() else None
    values: F64 = numbers.fill_null(np.nan).to_numpy().astype(np.float64)
    return values, first


def _describe(
    names: pl.Series, told: pl.DataFrame, *, platform: Platform, unit: str | None
) -> pl.DataFrame:
    empty = pl.lit(None, dtype=pl.String)
    frame = pl.DataFrame([names, *told.iter_columns()])
    defaults = {
        c.GENE: empty,
        c.UNIPROT: empty,
        c.PANEL: empty,
        c.PLATFORM: pl.lit(platform),
        c.UNIT: pl.lit(unit, dtype=pl.String),
        c.LOD: pl.lit(None, dtype=pl.Float64),
        c.KIND: pl.lit("protein"),
    }
    absent = [value.alias(key) for key, value in defaults.items() if key not in frame.columns]
    further = [name for name in frame.columns if name not in defaults and name != c.PROTEIN]
    return frame.with_columns(absent).select(c.PROTEIN, *defaults, *further)


def _tabulate_flags(flags: Sequence[tuple[str, str]]) -> pl.DataFrame:
    schema = load_schema("qc_flags")
    if not flags:
        return schema.empty()
    frame = pl.DataFrame(
        [(protein, flag, "yes") for protein, flag in flags],
        schema={c.PROTEIN: pl.String, c.FLAG: pl.String, c.VALUE: pl.String},
        orient="row",
    )
    empty = pl.lit(None, dtype=pl.String)
    known = frame.with_columns(empty.alias(name) for name in schema.names if name not in frame)
    return schema.validate(known.select(schema.names).sort(c.FLAG, c.PROTEIN))
