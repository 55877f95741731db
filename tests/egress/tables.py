"""Tables of a release, small enough to be written down."""

from __future__ import annotations

from typing import Any

import polars as pl

from proteomr.egress.reading import GivenTable
from proteomr.tables import load_schema


def given(name: str, columns: dict[str, Any], *, file: str | None = None) -> GivenTable:
    """Return a table of a schema with these columns, and the others as plain as may be."""
    schema = load_schema(name)
    height = len(next(iter(columns.values())))
    plain: dict[str, Any] = {"text": "x", "integer": 0, "float": 0.5, "boolean": False}
    series = []
    for column in schema.columns:
        if column.name in columns:
            values = columns[column.name]
        elif column.optional:
            continue
        elif column.null:
            values = [None] * height
        else:
            values = [column.values[0] if column.values else plain[column.dtype]] * height
        series.append(pl.Series(column.name, values, dtype=column.stored))
    frame = schema.validate(pl.DataFrame(series))
    return GivenTable(file or f"run/{name}.parquet", name, schema, frame)
