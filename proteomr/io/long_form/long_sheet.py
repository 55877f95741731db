"""Long tables in a sheet of a workbook, one row for each sample and assay."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from proteomr.io.formats import IngestOptions
from proteomr.io.long_form.beyond import find_range
from proteomr.io.long_form.held_rows import code_text
from proteomr.io.long_form.parts import EXTRA, Part
from proteomr.io.long_form.sheets import Cell, Sheet, as_number, as_text
from proteomr.io.long_form.vocabulary import (
    NUMERIC,
    RANGE,
    Vocabulary,
    add_unit,
    constant_columns,
    find_roles,
    identifying,
)
from proteomr.tables import columns as c

__all__ = ["read_long_sheet"]


def read_long_sheet(
    sheet: Sheet, header: int, vocabulary: Vocabulary, *, options: IngestOptions
) -> Part:
    """Return the rows of a long table in a sheet of a workbook.

    Parameters
    ----------
    sheet : the sheet.
    header : position of the row with the names of the columns.
    vocabulary : what the laboratory calls its columns.
    options : columns named by the user.

    Raises
    ------
    FormatError
        A column is missing, repeated or without a name, or a cell holds no number; with the row.
    """
    names = _column_names(sheet, header)
    roles = find_roles(
        [name for name in names if name], vocabulary, path=sheet.path, options=options
    )
    body = [
        at
        for at in range(header + 1, len(sheet.rows))
        if any(as_text(cell) for cell in sheet.rows[at])
    ]
    at_column = {name: column for column, name in enumerate(names) if name}
    texts = pl.DataFrame(
        {
            name: [as_text(sheet.rows[row][at_column[name]]) or None for row in body]
            for name in (*identifying(roles), *roles.further)
        },
        schema_overrides=dict.fromkeys((*identifying(roles), *roles.further), pl.String),
    )
    further = constant_columns(texts, roles) if roles.further else ()
    wanted = {**roles.names, **{EXTRA + name: name for name in further}}
    columns: list[pl.Series] = []
    for role, name in wanted.items():
        cells = [sheet.rows[row][at_column[name]] for row in body]
        if role in NUMERIC:
            columns += _sheet_numbers(sheet, body, cells, role=role, name=name)
        else:
            columns.append(code_text(pl.Series(role, list(map(as_text, cells)), pl.String)))
    return Part(
        path=sheet.path,
        layout="long sheet",
        frame=add_unit(pl.LazyFrame(columns), roles),
        headings=wanted,
        passed_over=(*roles.passed_over, *(set(roles.further) - set(further))),
        find_line=lambda row: sheet.lines[body[row]],
    )


def _column_names(sheet: Sheet, header: int) -> list[str]:
    names = [as_text(cell) for cell in sheet.rows[header]]
    for column, name in enumerate(names):
        if name and name in names[:column]:
            raise sheet.fault("the name stands twice; rename one", row=header, column=name)
        if not name and any(as_text(row[column]) for row in sheet.rows[header + 1 :]):
            message = f"column {column + 1} has values and no heading; name or remove it"
            raise sheet.fault(message, row=header)
    return names


def _sheet_numbers(
    sheet: Sheet, body: Sequence[int], cells: Sequence[Cell], *, role: str, name: str
) -> list[pl.Series]:
    """Return the numbers of a column and, of values, what stands for those beyond a limit."""
    numbers: list[float | None] = []
    words: list[str | None] = [None] * len(cells)
    for position, cell in enumerate(cells):
        if role == c.VALUE and isinstance(cell, str) and find_range(cell) is not None:
            words[position] = cell.strip()
            numbers.append(None)
            continue
        try:
            numbers.append(as_number(cell))
        except ValueError as fault:
            raise sheet.fault(str(fault), row=body[position], column=name) from None
    found = [pl.Series(role, numbers, pl.Float64).fill_nan(None)]
    if any(word is not None for word in words):
        found.append(code_text(pl.Series(RANGE, words, pl.String)))
    return found
