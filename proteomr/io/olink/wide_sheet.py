"""Wide sheets of Olink's Target panels: a block of headings, samples by assays, limits below."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import polars as pl

from proteomr._typing import F64
from proteomr.io.long_form.beyond import find_range
from proteomr.io.long_form.parts import EXTRA, Part, code_text
from proteomr.io.long_form.sheets import Cell, Sheet, as_number, as_text
from proteomr.io.long_form.vocabulary import (
    ASSAY,
    ASSAY_ID,
    ASSAY_QC,
    MISSING_FREQ,
    NORMALIZATION,
    RANGE,
    SAMPLE_QC,
    simplify,
)
from proteomr.io.olink.spellings import LIMITS_OF_QUANTITY, is_control_assay
from proteomr.io.spreadsheets import is_damaged, restore_genes
from proteomr.tables import columns as c

__all__ = ["read_wide_sheet"]

_HEADINGS: Final = {
    "panel": c.PANEL,
    "assay": ASSAY,
    "uniprotid": c.UNIPROT,
    "uniprot": c.UNIPROT,
    "olinkid": ASSAY_ID,
    "unit": c.UNIT,
}
_MISSING_FREQ: Final = ("missingdatafreq", "missingfreq")
_BELOW: Final = {
    *(word for words in LIMITS_OF_QUANTITY.values() for word in words),
    *(*_MISSING_FREQ, "normalization", "assaywarning"),
}
_OLINK_ID: Final = re.compile(r"OID\d+")


@dataclass(slots=True)
class _Columns:
    """What the columns of a sheet are, by position."""

    assays: list[int] = field(default_factory=list[int])
    plates: dict[str, int] = field(default_factory=dict[str, int])
    warnings: dict[str, int] = field(default_factory=dict[str, int])
    further: dict[str, int] = field(default_factory=dict[str, int])
    passed_over: set[str] = field(default_factory=set[str])


@dataclass(frozen=True, slots=True)
class _Rows:
    """What the rows of a sheet are, by position."""

    headings: Mapping[str, int]
    samples: Sequence[int]
    below: Mapping[str, Sequence[int]]
    unknown: int


def read_wide_sheet(sheet: Sheet) -> Part:
    """Return the cells of a wide sheet as one row for each sample and assay.

    The limit of detection is the row LOD, or else Plate LOD, or else Max LOD.

    Raises
    ------
    FormatError
        The headings are incomplete, an assay stands twice, a row of values has no sample, or a
        cell holds no number; with the line.
    """
    rows = _split_rows(sheet)
    unit = _find_unit(sheet, rows)
    _refuse_shifted(sheet, rows)
    columns = _split_columns(sheet, rows)
    _refuse_ragged(sheet, rows, columns)
    headings = {
        role: [as_text(sheet.rows[row][column]) for column in columns.assays]
        for role, row in rows.headings.items()
    }
    notes = _restore_names(headings)
    _complete_ids(sheet, rows, headings)
    frame = _build(sheet, rows, columns, headings, unit)
    if rows.unknown:
        notes.append(f"{rows.unknown} rows below the samples are of no known kind: left out")
    size = len(columns.assays)
    return Part(
        path=sheet.path,
        layout="wide sheet",
        frame=frame,
        headings={c.SAMPLE_ID: "samples", c.VALUE: unit or "Quantified data"},
        passed_over=tuple(sorted(columns.passed_over)),
        notes=tuple(notes),
        facts={"software": as_text(sheet.rows[0][1])} if sheet.width > 1 else {},
        find_line=lambda row: sheet.lines[rows.samples[row // size]],
    )


def _split_rows(sheet: Sheet) -> _Rows:
    headings: dict[str, int] = {}
    samples: list[int] = []
    below: dict[str, list[int]] = {}
    others: list[int] = []
    for position, row in enumerate(sheet.rows):
        first = as_text(row[0])
        word = simplify(first)
        if not samples and not below and word in _HEADINGS:
            if _HEADINGS[word] in headings:
                raise sheet.fault(f"a second row {first!r} among the headings", row=position)
            headings[_HEADINGS[word]] = position
        elif not any(as_text(cell) for cell in row):
            continue
        elif ASSAY not in headings or (below and word not in _BELOW):
            others.append(position)
        elif word in _BELOW:
            below.setdefault(word, []).append(position)
        elif not first:
            raise sheet.fault("a row with values and without the name of a sample", row=position)
        else:
            samples.append(position)
    if ASSAY not in headings or c.PANEL not in headings:
        raise sheet.fault("the rows Panel and Assay are needed above the samples")
    _refuse_samples_outside(sheet, headings[ASSAY], others)
    if not samples:
        raise sheet.fault("no row of a sample below the headings")
    return _Rows(headings, samples, below, sum(row > samples[0] for row in others))


def _refuse_samples_outside(sheet: Sheet, names: int, rows: Sequence[int]) -> None:
    """A row with a result in the column QC Warning is a sample, wherever it stands."""
    for row in rows:
        for name, cell in zip(sheet.rows[names], sheet.rows[row], strict=True):
            if simplify(as_text(name)) == "qcwarning" and as_text(cell):
                message = "a row of a sample above the headings or below the limits; move it"
                raise sheet.fault(message, row=row)


def _refuse_shifted(sheet: Sheet, rows: _Rows) -> None:
    """Refuse headings or values that lost or gained a field, so that they name a neighbour."""
    width = sheet.fields[rows.headings[ASSAY]]
    for row in (*rows.headings.values(), *rows.samples):
        if sheet.fields[row] != width:
            message = f"{sheet.fields[row]} fields where the row Assay has {width}"
            raise sheet.fault(f"{message}; is it cut off, or a delimiter too many?", row=row)


def _refuse_ragged(sheet: Sheet, rows: _Rows, columns: _Columns) -> None:
    width = sheet.fields[rows.headings[ASSAY]]
    last = max(columns.assays) + 1
    for row in (row for rows_below in rows.below.values() for row in rows_below):
        # Spreadsheets leave out empty fields at the end, but never the last assay's alone.
        short = sheet.fields[row] < width and not as_text(sheet.rows[row][last - 1])
        if sheet.fields[row] > width or sheet.fields[row] < last or short:
            message = f"{sheet.fields[row]} fields where the row Assay has {width}: does not stand"
            raise sheet.fault(f"{message} in line with the assays; is it cut off?", row=row)


def _find_unit(sheet: Sheet, rows: _Rows) -> str | None:
    """Return NPX, or None where the sheet holds quantities with a unit for each assay."""
    above = min(rows.headings.values())
    kinds = {simplify(as_text(cell)) for row in sheet.rows[:above] for cell in row}
    if "ctdata" in kinds:
        message = "holds Ct, which cannot be compared between samples; export NPX"
        raise sheet.fault(message)
    if "npxdata" in kinds:
        return "NPX"
    if "quantifieddata" not in kinds and c.UNIT not in rows.headings:
        message = "neither 'NPX Data' nor 'Quantified data' stands above the headings; export again"
        raise sheet.fault(message)
    if c.UNIT not in rows.headings:
        raise sheet.fault("quantified data without a row Unit")
    return None


def _split_columns(sheet: Sheet, rows: _Rows) -> _Columns:
    columns = _Columns()
    filled = [
        any(as_text(sheet.rows[row][column]) for row in rows.samples)
        for column in range(sheet.width)
    ]
    for column in range(1, sheet.width):
        heading = {role: as_text(sheet.rows[row][column]) for role, row in rows.headings.items()}
        _place(sheet, columns, heading, column, filled=filled[column])
    if not columns.assays:
        raise sheet.fault("no column of an assay")
    return columns


def _place(
    sheet: Sheet, columns: _Columns, heading: Mapping[str, str], column: int, *, filled: bool
) -> None:
    name, word, panel = heading[ASSAY], simplify(heading[ASSAY]), heading[c.PANEL]
    olink_id, uniprot = heading.get(ASSAY_ID), heading.get(c.UNIPROT, "")
    special = {"plateid": columns.plates, "qcwarning": columns.warnings}.get(word)
    if special is not None:
        if panel in special:
            raise sheet.fault(f"two columns {name!r} of one panel", column=name)
        special[panel] = column
    elif word == "qcdeviationfrommedian":
        columns.passed_over.add(name)
    elif _is_assay(name, panel, olink_id):
        columns.assays.append(column)
    elif name and uniprot:
        raise sheet.fault("an assay without OlinkID", column=name)
    elif panel and name:
        columns.passed_over.add(name)
    else:
        _place_further(sheet, columns, name or olink_id or uniprot or panel, column, filled=filled)


def _is_assay(name: str, panel: str, olink_id: str | None) -> bool:
    if is_control_assay(name):
        return True
    if olink_id is None:  # a sheet without OlinkIDs
        return bool(name and panel)
    return bool(olink_id and name) or _OLINK_ID.fullmatch(olink_id) is not None


def _place_further(
    sheet: Sheet, columns: _Columns, name: str, column: int, *, filled: bool
) -> None:
    """Take a column that Olink does not write for one that describes samples."""
    if name in columns.further:
        raise sheet.fault("the name stands twice; rename one", column=name)
    if name:
        columns.further[name] = column
    elif filled:
        raise sheet.fault(f"column {column + 1} has values and no heading; name or remove it")


def _restore_names(headings: dict[str, list[str]]) -> list[str]:
    """Undo what a spreadsheet did to the names of assays, where they are keys."""
    if ASSAY_ID in headings or c.UNIPROT not in headings:
        return []
    names = pl.Series(headings[ASSAY], dtype=pl.String)
    restored = restore_genes(names, pl.Series(headings[c.UNIPROT], dtype=pl.String))
    headings[ASSAY] = restored.names.zip_with(restored.names.is_not_null(), names).to_list()
    return [*restored.notes] if restored.restored else []


def _complete_ids(sheet: Sheet, rows: _Rows, headings: dict[str, list[str]]) -> None:
    """Give control assays a key of their own, and refuse keys that are damaged or stand twice."""
    panels, names = headings[c.PANEL], headings[ASSAY]
    if ASSAY_ID in headings:
        keys = [
            key or f"{panel}:{name}"
            for key, panel, name in zip(headings[ASSAY_ID], panels, names, strict=True)
        ]
        headings[ASSAY_ID] = keys
    else:
        keys = [f"{panel}:{name}" for panel, name in zip(panels, names, strict=True)]
    row = rows.headings.get(ASSAY_ID, rows.headings[ASSAY])
    if damaged := sum(map(is_damaged, headings.get(ASSAY_ID, names))):
        message = f"{damaged} names of assays look rewritten by a spreadsheet; export again"
        raise sheet.fault(message, row=row)
    if repeated := next((key for key in keys if keys.count(key) > 1), None):
        raise sheet.fault("the assay stands twice; remove one", row=row, column=repeated)


def _build(
    sheet: Sheet,
    rows: _Rows,
    columns: _Columns,
    headings: Mapping[str, list[str]],
    unit: str | None,
) -> pl.DataFrame:
    n, p = len(rows.samples), len(columns.assays)
    values, words = _values(sheet, rows, columns, headings)
    per_sample: dict[str, list[str]] = {
        c.SAMPLE_ID: [as_text(sheet.rows[row][0]) for row in rows.samples],
        **{
            EXTRA + name: [as_text(sheet.rows[row][at]) for row in rows.samples]
            for name, at in columns.further.items()
        },
    }
    per_assay = dict(headings)
    if unit is not None:
        per_assay[c.UNIT] = [unit] * p
    for role, names in ((NORMALIZATION, ("normalization",)), (MISSING_FREQ, _MISSING_FREQ)):
        for word in (word for word in names if word in rows.below):
            row = rows.below[word][0]
            per_assay[role] = [as_text(sheet.rows[row][at]) for at in columns.assays]
    plates = _by_panel(sheet, rows, columns.plates, headings[c.PANEL])
    per_cell = {
        c.PLATE: plates,
        SAMPLE_QC: _by_panel(sheet, rows, columns.warnings, headings[c.PANEL]),
        ASSAY_QC: _warnings_of_assays(sheet, rows, columns, plates, headings[c.PANEL]),
    }
    if words is not None:
        per_cell[RANGE] = words
    texts = {
        **{role: np.repeat(np.array(cells), p) for role, cells in per_sample.items()},
        **{role: np.tile(np.array(cells), n) for role, cells in per_assay.items()},
        **{role: cells.ravel() for role, cells in per_cell.items()},
    }
    limits = {
        role: _limits(sheet, rows, columns, plates, headings, names=names)
        for role, names in LIMITS_OF_QUANTITY.items()
        if role == c.LOD or not rows.below.keys().isdisjoint(names)
    }
    numbers = {c.VALUE: values.ravel(), **{role: each.ravel() for role, each in limits.items()}}
    return pl.DataFrame(
        [
            *(code_text(pl.Series(role, cells.tolist())) for role, cells in texts.items()),
            *(pl.Series(role, cells).fill_nan(None) for role, cells in numbers.items()),
        ]
    )


def _values(
    sheet: Sheet, rows: _Rows, columns: _Columns, headings: Mapping[str, list[str]]
) -> tuple[F64, np.ndarray | None]:
    """Return the values, (n, p), and what stands in place of those beyond a limit, if any does."""
    words = np.full((len(rows.samples), len(columns.assays)), "", dtype=object)
    values: F64 = np.empty(words.shape)
    for position, row in enumerate(rows.samples):
        cells = list(sheet.rows[row])
        for assay, column in enumerate(columns.assays):
            cell = cells[column]
            if isinstance(cell, str) and cell.strip() and find_range(cell) is not None:
                words[position, assay] = cell.strip()
                cells[column] = ""
        values[position] = _numbers(sheet, row, columns, headings, cells=cells)
    return values, words if (words != "").any() else None


def _numbers(
    sheet: Sheet,
    row: int,
    columns: _Columns,
    headings: Mapping[str, list[str]],
    *,
    cells: Sequence[Cell],
) -> list[float]:
    numbers = []
    for position, column in enumerate(columns.assays):
        try:
            numbers.append(as_number(cells[column]))
        except ValueError as fault:
            name = headings[ASSAY][position]
            raise sheet.fault(str(fault), row=row, column=name) from None
    return numbers


def _column_of(panel: str, columns: Mapping[str, int], sheet: Sheet, what: str) -> int | None:
    if panel in columns:
        return columns[panel]
    if "" not in columns:
        return None
    if len(columns) > 1:
        raise sheet.fault(f"a column {what!r} without its panel; name the panel above it")
    return columns[""]


def _by_panel(
    sheet: Sheet, rows: _Rows, columns: Mapping[str, int], panels: Sequence[str]
) -> np.ndarray:
    """Return for each sample and assay what stands in the column of the assay's panel, (n, p)."""
    cells = np.full((len(rows.samples), len(panels)), "", dtype=object)
    for panel in set(panels):
        column = _column_of(panel, columns, sheet, "Plate ID or QC Warning")
        if column is not None:
            texts = np.array([as_text(sheet.rows[row][column]) for row in rows.samples], object)
            cells[:, [other == panel for other in panels]] = texts[:, None]
    return cells


def _plates_below(sheet: Sheet, row: int, columns: _Columns, panels: Sequence[str]) -> list[str]:
    """Return for each assay the plate that a row below the samples is about; empty for all."""
    cells: Sequence[Cell] = sheet.rows[row]
    labels = {panel: as_text(cells[column]) for panel, column in columns.plates.items()}
    plates = {label for label in labels.values() if label}
    single = plates.pop() if len(plates) == 1 else ""
    return [labels.get(panel) or single for panel in panels]


def _warnings_of_assays(
    sheet: Sheet, rows: _Rows, columns: _Columns, plates: np.ndarray, panels: Sequence[str]
) -> np.ndarray:
    cells = np.full(plates.shape, "", dtype=object)
    for row in rows.below.get("assaywarning", ()):
        plate_of = _plates_below(sheet, row, columns, panels)
        for position, column in enumerate(columns.assays):
            text, plate = as_text(sheet.rows[row][column]), plate_of[position]
            on_plate = plates[:, position] == plate if plate else slice(None)
            cells[on_plate, position] = text
    return cells


def _limits(
    sheet: Sheet,
    rows: _Rows,
    columns: _Columns,
    plates: np.ndarray,
    headings: Mapping[str, list[str]],
    *,
    names: Sequence[str],
) -> F64:
    """Return a limit for each sample and assay, (n, p), from the first of its rows there is."""
    limits: F64 = np.full(plates.shape, np.nan)
    word = next((word for word in names if word in rows.below), None)
    for row in rows.below.get(word, ()) if word is not None else ():
        plate_of = _plates_below(sheet, row, columns, headings[c.PANEL])
        row_limits = _numbers(sheet, row, columns, headings, cells=sheet.rows[row])
        for position, plate in enumerate(plate_of):
            on_plate = plates[:, position] == plate if plate else slice(None)
            limits[on_plate, position] = row_limits[position]
    return limits
