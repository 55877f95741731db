"""Workbooks of NULISA: the sheet of the quantity asked for, and what further sheets add to it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import polars as pl

from proteomr.errors import FormatError
from proteomr.io.formats import IngestOptions
from proteomr.io.long_form import Part, read_long_sheet
from proteomr.io.long_form.held_rows import code_text
from proteomr.io.long_form.parts import refuse_twins
from proteomr.io.long_form.sheets import Sheet, as_text, find_header, has_sheet, read_sheets
from proteomr.io.long_form.vocabulary import ASSAY, looks_long, simplify
from proteomr.io.nulisa.spellings import NULISA
from proteomr.tables import columns as c

__all__ = ["Workbook", "holds_nulisa", "read_workbook"]

_SHARES: Final = ("detectability", "quantifiability")
_SHARE: Final = re.compile(r"\d+(\.\d*)?|\.\d+")
_PLACES: Final = frozenset(("plateid", "wellposition", "samplename"))


@dataclass(frozen=True, slots=True, eq=False)
class Workbook:
    """What a workbook holds of the quantity asked for.

    Parameters
    ----------
    parts : the long tables of that quantity.
    describing : further columns of the parts that say something of an assay.
    """

    parts: tuple[Part, ...]
    describing: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Table:
    sheet: Sheet
    header: int

    @property
    def words(self) -> set[str]:
        return {simplify(as_text(cell)) for cell in self.sheet.rows[self.header]}

    def records(self) -> tuple[list[str], list[list[str]]]:
        names = [as_text(cell) for cell in self.sheet.rows[self.header]]
        below = self.sheet.rows[self.header + 1 :]
        return names, [[as_text(cell) for cell in row] for row in below]


def holds_nulisa(path: Path) -> bool:
    """Tell whether a sheet of a workbook is a long table of NULISA."""
    return has_sheet(
        path, lambda head: any(looks_long(list(map(as_text, row)), NULISA) for row in head)
    )


def read_workbook(path: Path, *, options: IngestOptions) -> Workbook:
    """Return the tables of the quantity that the user names, or else NPQ, or else pg/mL.

    Wells come from the sheet of samples; detectability and quantifiability, in per cent of the
    samples of each matrix, from theirs.

    Raises
    ------
    FormatError
        No sheet is a table of NULISA or none has the quantity; or as `read_long_sheet`.
    """
    sheets = read_sheets(path, bool)
    headed = [
        _Table(sheet, header)
        for sheet in sheets
        if (header := find_header(sheet, lambda names: looks_long(names, NULISA))) is not None
    ]
    if not headed:
        message = "no sheet has the columns SampleName, Target and NPQ (or Conc) of NULISA"
        raise FormatError(message, path=path)
    chosen, notes = _choose(headed, path, options)
    parts = [
        read_long_sheet(table.sheet, table.header, NULISA, options=options) for table in chosen
    ]
    refuse_twins(parts, [table.sheet.name or "" for table in chosen])
    others = [sheet for sheet in sheets if all(sheet is not table.sheet for table in headed)]
    shares = [table for sheet in others if (table := _find_shares(sheet)) is not None]
    places = [table for sheet in others if (table := _find_places(sheet)) is not None]
    describing: dict[str, None] = {}
    for table in shares:
        parts = [_add_shares(part, table, describing) for part in parts]
    for table in places:
        parts = [_add_wells(part, table) for part in parts]
    first, *rest = parts
    first = replace(first, notes=(*first.notes, *notes))
    return Workbook((first, *rest), tuple(describing))


def _choose(
    tables: Sequence[_Table], path: Path, options: IngestOptions
) -> tuple[list[_Table], list[str]]:
    """Return the tables that have the quantity asked for, and what is said of the others."""
    if options.value_column is not None:
        wanted = [simplify(options.value_column)]
        chosen = [table for table in tables if wanted[0] in table.words]
        if not chosen:
            names = ", ".join(repr(table.sheet.name) for table in tables)
            message = f"no column {options.value_column!r} in the sheets {names}"
            raise FormatError(message, path=path)
        return chosen, []
    quantities = (quantity for quantity in NULISA.quantities if quantity.offered)
    for quantity in quantities:
        chosen = [table for table in tables if not table.words.isdisjoint(quantity.names)]
        if chosen:
            break
    else:
        return list(tables), []  # the reader says which column is absent
    left = [table.sheet.name for table in tables if table not in chosen]
    return chosen, [
        f"sheet {name!r} is not read: name its quantity with --value, as 'Conc (pg/mL)'"
        for name in left
    ]


def _find_shares(sheet: Sheet) -> _Table | None:
    """Return a table of detectability or quantifiability: targets by matrices."""
    if not any(word in simplify(sheet.name or "") for word in _SHARES):
        return None
    header = find_header(sheet, lambda names: bool(names) and simplify(names[0]) == "target")
    return None if header is None else _Table(sheet, header)


def _find_places(sheet: Sheet) -> _Table | None:
    header = find_header(sheet, lambda names: _PLACES.issubset(map(simplify, names)))
    return None if header is None else _Table(sheet, header)


def _add_shares(part: Part, table: _Table, describing: dict[str, None]) -> Part:
    names, rows = table.records()
    sheet = simplify(table.sheet.name or "")
    what = next(word for word in _SHARES if word in sheet)
    frame = part.frame.collect()
    targets = frame[ASSAY].cast(pl.String)
    notes, columns = list(part.notes), []
    for at, name in enumerate(names[1:], start=1):
        if not name:
            continue
        texts = {row[0]: row[at] for row in rows if row[0]}
        numbers = {key: text for key, text in texts.items() if _SHARE.fullmatch(text)}
        if worded := sum(bool(text) for text in texts.values()) - len(numbers):
            notes.append(f"{what} of {worded} targets in {name} is told in words: left empty")
        cells = targets.replace_strict(numbers, default=None, return_dtype=pl.String)
        column = f"{what} {name}"
        describing[column] = None
        columns.append(code_text(cells).alias(column))
    return replace(part, frame=frame.with_columns(columns).lazy(), notes=tuple(notes))


def _add_wells(part: Part, table: _Table) -> Part:
    """Return a part with the wells of its samples, where a plate has a sample once."""
    frame = part.frame.collect()
    if c.WELL in frame.columns or c.PLATE not in frame.columns:
        return part
    names, rows = table.records()
    at = {simplify(name): column for column, name in enumerate(names)}
    where = pl.DataFrame(
        [[row[at[word]] for word in ("plateid", "samplename", "wellposition")] for row in rows],
        schema=dict.fromkeys((c.PLATE, c.SAMPLE_ID, c.WELL), pl.String),
        orient="row",
    ).unique()
    once = where.filter(~where.select(c.PLATE, c.SAMPLE_ID).is_duplicated())
    keys = frame.select(pl.col(c.PLATE, c.SAMPLE_ID).cast(pl.String))
    wells = keys.join(once, on=[c.PLATE, c.SAMPLE_ID], how="left", maintain_order="left")[c.WELL]
    return replace(part, frame=frame.with_columns(code_text(wells)).lazy())
