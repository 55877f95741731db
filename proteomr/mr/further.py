"""The tables that methods give beside their estimates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import polars as pl

from proteomr.mr.estimate import EstimateRow
from proteomr.mr.methods.method import Declared
from proteomr.tables import Harmonised, load_schema
from proteomr.tables import columns as c

__all__ = ["SHARED", "list_further", "name_schema", "tabulate_further"]

SHARED: Final = {"confidence_sets": "mr_confidence_sets"}
"""Tables of a name that a table of another command has, too, and the schemas of these here."""

_KEYS = (c.EXPOSURE, c.OUTCOME, c.DIRECTION, c.METHOD)


def name_schema(table: str) -> str:
    """Return the name of a table's schema, which is its own but where another room has it too.

    Examples
    --------
    >>> name_schema("heidi"), name_schema("confidence_sets")
    ('heidi', 'mr_confidence_sets')
    """
    return SHARED.get(table, table)


def list_further(methods: Iterable[Declared]) -> tuple[str, ...]:
    """Return the names of the further tables of methods, each once.

    Examples
    --------
    >>> from proteomr.mr.choice import build_methods
    >>> list_further(build_methods(["ivw", "presso"]))
    ('presso', 'presso_outliers')
    """
    return tuple(dict.fromkeys(name for method in methods for name in method.further_tables))


def tabulate_further(
    rows: Sequence[EstimateRow], pairs: Sequence[Harmonised], *, tables: Sequence[str]
) -> dict[str, pl.DataFrame]:
    """Return the further tables that estimates bear, by name, each in the schema of its name.

    Parameters
    ----------
    rows : exposure, outcome, direction, method and estimate.
    pairs : that the estimates are of; a pair of several exposures serves each of them.
    tables : that the methods give; one without a row is empty.

    Examples
    --------
    >>> tabulate_further([], [], tables=["presso"])["presso"].height
    0
    """
    variants = {
        (exposure, pair.outcome, str(pair.direction)): pair.variants
        for pair in pairs
        for exposure in pair.exposures
    }
    parts: dict[str, list[dict[str, Any]]] = {name: [] for name in tables}
    for *names, found in rows:
        keys = dict(zip(_KEYS, names, strict=True))
        for part in found.further:
            columns = dict(part.columns)
            if part.variants is not None:
                places = list(part.variants)
                all_names = variants[names[0], names[1], names[2]][c.VARIANT_ID]
                columns[c.VARIANT_ID] = all_names[places].cast(pl.String).to_list()
            cells = zip(*columns.values(), strict=True)
            parts[part.table] += [keys | dict(zip(columns, row, strict=True)) for row in cells]
    return {name: _tabulate(name, listed) for name, listed in parts.items()}


def _tabulate(name: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    declared = load_schema(name_schema(name))
    if not rows:
        return declared.empty()
    frame = pl.DataFrame(rows, schema=declared.empty().schema)
    return declared.validate(frame.with_columns(pl.selectors.float().fill_nan(None)))
