"""Control samples of plain tables, set apart from the people."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
import polars as pl

from proteomr._typing import I64
from proteomr.errors import InputError
from proteomr.io.controls import find_type_column, mark_controls
from proteomr.tables import Drop, Measurements
from proteomr.tables import columns as c
from proteomr.tables.table import load_schema

__all__ = ["set_controls_apart"]

_STEP: Final = "ingest"
_REASON: Final = "control samples; their values are kept in controls"
_PLATES: Final = ("plate", "plateid", "platename")


def set_controls_apart(measured: Measurements) -> Measurements:
    """Return measurements of people alone, with the values of the controls in their own table.

    Which samples are controls is told by a column of their types, or by names that no person has.

    Raises
    ------
    InputError
        All samples are controls.

    Examples
    --------
    >>> from proteomr.tables import ArrayProteins
    >>> everybody = Measurements(
    ...     platform="table",
    ...     samples=pl.DataFrame({"sample_id": ["A1", "NC1"], "SampleType": ["Sample", "NC"]}),
    ...     proteins=ArrayProteins(("ADM",), np.array([[1.0], [2.0]])),
    ...     assays=pl.DataFrame({"protein": ["ADM"], "kind": ["protein"]}),
    ... )
    >>> people = set_controls_apart(everybody)
    >>> people.n, people.controls["value"].to_list(), people.drops[0].reason
    (1, [2.0], 'control samples; their values are kept in controls')
    """
    samples = measured.samples
    column = find_type_column(samples.columns[1:])
    types = None if column is None else samples[column].cast(pl.String)
    found = mark_controls(samples[c.SAMPLE_ID], types)
    measured = replace(measured, notes=(*measured.notes, *found.notes))
    count = int(found.marked.sum())
    if not count:
        return measured
    if count == measured.n:
        raise InputError(f"all {count} samples are controls of the laboratory; no person is there")
    controls = _tabulate(measured, found.marked, types)
    people = measured.select_samples(~found.marked, drop=Drop(_STEP, _REASON, count))
    return replace(people, controls=controls)


def _tabulate(measured: Measurements, marked: pl.Series, types: pl.Series | None) -> pl.DataFrame:
    rows: I64 = np.flatnonzero(marked.to_numpy()).astype(np.int64)
    chosen = measured.samples[rows]
    unknown = pl.Series([None], dtype=pl.String).new_from_index(0, rows.size)
    plate = next((name for name in chosen.columns if _fold(name) in _PLATES), None)
    names = measured.proteins.names
    values = measured.proteins.select_rows(rows).read(slice(0, len(names)))
    keys = pl.DataFrame(
        {
            c.SAMPLE_ID: chosen[c.SAMPLE_ID],
            c.SAMPLE_TYPE: (unknown if types is None else types[rows]).fill_null("control"),
            c.PLATE: unknown if plate is None else chosen[plate].cast(pl.String),
        }
    )
    assays = measured.assays.select(c.PROTEIN, c.KIND)
    table = keys.join(assays, how="cross", maintain_order="left_right").with_columns(
        pl.Series(c.VALUE, values.ravel(), dtype=pl.Float64).fill_nan(None)
    )
    schema = load_schema("controls")
    return schema.validate(table.select(schema.names))


def _fold(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())
