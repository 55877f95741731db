"""Wide sheets of Olink's Target panels: a block of headings, samples by assays, limits below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from proteomr._typing import F64
from proteomr.io.long_form.beyond import find_range
from proteomr.io.long_form.held_rows import code_text
from proteomr.io.long_form.parts import EXTRA, Part
from proteomr.io.long_form.sheets import Cell, Sheet, as_number, as_text
from proteomr.io.long_form.vocabulary import (
    ASSAY,
    ASSAY_ID,
    ASSAY_QC,
    MISSING_FREQ,
    NORMALIZATION,
    RANGE,
    SAMPLE_QC,
)
from proteomr.io.olink.spellings import LIMITS_OF_QUANTITY
from proteomr.io.olink.wide_layout import (
    MISSING_FREQ_NAMES,
    Columns,
    Rows,
    find_unit,
    refuse_ragged,
    refuse_shifted,
    split_columns,
    split_rows,
)
from proteomr.io.spreadsheets import is_damaged, restore_genes
from proteomr.tables import columns as c

__all__ = ["read_wide_sheet"]


def read_wide_sheet(sheet: Sheet) -> Part:
    """Return the cells of a wide sheet as one row for each sample and assay.

    The limit of detection is the row LOD, or else Plate LOD, or else Max LOD.

    Raises
    ------
    FormatError
        The headings are incomplete, an assay stands twice, a row of values has no sample, or a
        cell holds no number; with the line.
    """
    rows = split_rows(sheet)
    unit = find_unit(sheet, rows)
    refuse_shifted(sheet, rows)
    columns = split_columns(sheet, rows)
    refuse_ragged(sheet, rows, columns)
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
        frame=frame.lazy(),
        headings={c.SAMPLE_ID: "samples", c.VALUE: unit or "Quantified data"},
        passed_over=tuple(sorted(columns.passed_over)),
        notes=tuple(notes),
        facts={"software": as_text(sheet.rows[0][1])} if sheet.width > 1 else {},
        find_line=lambda row: sheet.lines[rows.samples[row // size]],
    )


def _restore_names(headings: dict[str, list[str]]) -> list[str]:
    """Undo what a spreadsheet did to the names of assays, where they are keys."""
    if ASSAY_ID in headings or c.UNIPROT not in headings:
        return []
    names = pl.Series(headings[ASSAY], dtype=pl.String)
    restored = restore_genes(names, pl.Series(headings[c.UNIPROT], dtype=pl.String))
    headings[ASSAY] = restored.names.zip_with(restored.names.is_not_null(), names).to_list()
    return [*restored.notes] if restored.restored else []


def _complete_ids(sheet: Sheet, rows: Rows, headings: dict[str, list[str]]) -> None:
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
    rows: Rows,
    columns: Columns,
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
    for role, names in ((NORMALIZATION, ("normalization",)), (MISSING_FREQ, MISSING_FREQ_NAMES)):
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
    sheet: Sheet, rows: Rows, columns: Columns, headings: Mapping[str, list[str]]
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
    columns: Columns,
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
    sheet: Sheet, rows: Rows, columns: Mapping[str, int], panels: Sequence[str]
) -> np.ndarray:
    """Return for each sample and assay what stands in the column of the assay's panel, (n, p)."""
    cells = np.full((len(rows.samples), len(panels)), "", dtype=object)
    for panel in set(panels):
        column = _column_of(panel, columns, sheet, "Plate ID or QC Warning")
        if column is not None:
            texts = np.array([as_text(sheet.rows[row][column]) for row in rows.samples], object)
            cells[:, [other == panel for other in panels]] = texts[:, None]
    return cells


def _plates_below(sheet: Sheet, row: int, columns: Columns, panels: Sequence[str]) -> list[str]:
    """Return for each assay the plate that a row below the samples is about; empty for all."""
    cells: Sequence[Cell] = sheet.rows[row]
    labels = {panel: as_text(cells[column]) for panel, column in columns.plates.items()}
    plates = {label for label in labels.values() if label}
    single = plates.pop() if len(plates) == 1 else ""
    return [labels.get(panel) or single for panel in panels]


def _warnings_of_assays(
    sheet: Sheet, rows: Rows, columns: Columns, plates: np.ndarray, panels: Sequence[str]
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
    rows: Rows,
    columns: Columns,
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
