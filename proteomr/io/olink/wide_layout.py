"""What the rows and columns of a wide sheet of Olink are; those that are shifted are refused."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from proteomr.io.long_form.sheets import Sheet, as_text
from proteomr.io.long_form.vocabulary import ASSAY, ASSAY_ID, simplify
from proteomr.io.olink.spellings import LIMITS_OF_QUANTITY, is_control_assay
from proteomr.tables import columns as c

__all__ = [
    "MISSING_FREQ_NAMES",
    "Columns",
    "Rows",
    "find_unit",
    "refuse_ragged",
    "refuse_shifted",
    "split_columns",
    "split_rows",
]

_HEADINGS: Final = {
    "panel": c.PANEL,
    "assay": ASSAY,
    "uniprotid": c.UNIPROT,
    "uniprot": c.UNIPROT,
    "olinkid": ASSAY_ID,
    "unit": c.UNIT,
}
MISSING_FREQ_NAMES: Final = ("missingdatafreq", "missingfreq")
_BELOW: Final = {
    *(word for words in LIMITS_OF_QUANTITY.values() for word in words),
    *(*MISSING_FREQ_NAMES, "normalization", "assaywarning"),
}
_OLINK_ID: Final = re.compile(r"OID\d+")


@dataclass(slots=True)
class Columns:
    """What the columns of a sheet are, by position."""

    assays: list[int] = field(default_factory=list[int])
    plates: dict[str, int] = field(default_factory=dict[str, int])
    warnings: dict[str, int] = field(default_factory=dict[str, int])
    further: dict[str, int] = field(default_factory=dict[str, int])
    passed_over: set[str] = field(default_factory=set[str])


@dataclass(frozen=True, slots=True)
class Rows:
    """What the rows of a sheet are, by position."""

    headings: Mapping[str, int]
    samples: Sequence[int]
    below: Mapping[str, Sequence[int]]
    unknown: int


def split_rows(sheet: Sheet) -> Rows:
    """Return what the rows of a sheet are; the error where headings or samples are missing."""
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
    return Rows(headings, samples, below, sum(row > samples[0] for row in others))


def _refuse_samples_outside(sheet: Sheet, names: int, rows: Sequence[int]) -> None:
    """A row with a result in the column QC Warning is a sample, wherever it stands."""
    for row in rows:
        for name, cell in zip(sheet.rows[names], sheet.rows[row], strict=True):
            if simplify(as_text(name)) == "qcwarning" and as_text(cell):
                message = "a row of a sample above the headings or below the limits; move it"
                raise sheet.fault(message, row=row)


def refuse_shifted(sheet: Sheet, rows: Rows) -> None:
    """Refuse headings or values that lost or gained a field, so that they name a neighbour."""
    width = sheet.fields[rows.headings[ASSAY]]
    for row in (*rows.headings.values(), *rows.samples):
        if sheet.fields[row] != width:
            message = f"{sheet.fields[row]} fields where the row Assay has {width}"
            raise sheet.fault(f"{message}; is it cut off, or a delimiter too many?", row=row)


def refuse_ragged(sheet: Sheet, rows: Rows, columns: Columns) -> None:
    """Refuse rows below the samples that do not stand in line with the assays."""
    width = sheet.fields[rows.headings[ASSAY]]
    last = max(columns.assays) + 1
    for row in (row for rows_below in rows.below.values() for row in rows_below):
        # Spreadsheets leave out empty fields at the end, but never the last assay's alone.
        short = sheet.fields[row] < width and not as_text(sheet.rows[row][last - 1])
        if sheet.fields[row] > width or sheet.fields[row] < last or short:
            message = f"{sheet.fields[row]} fields where the row Assay has {width}: does not stand"
            raise sheet.fault(f"{message} in line with the assays; is it cut off?", row=row)


def find_unit(sheet: Sheet, rows: Rows) -> str | None:
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


def split_columns(sheet: Sheet, rows: Rows) -> Columns:
    """Return what the columns of a sheet are; the error where there is no assay."""
    columns = Columns()
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
    sheet: Sheet, columns: Columns, heading: Mapping[str, str], column: int, *, filled: bool
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


def _place_further(sheet: Sheet, columns: Columns, name: str, column: int, *, filled: bool) -> None:
    """Take a column that Olink does not write for one that describes samples."""
    if name in columns.further:
        raise sheet.fault("the name stands twice; rename one", column=name)
    if name:
        columns.further[name] = column
    elif filled:
        raise sheet.fault(f"column {column + 1} has values and no heading; name or remove it")
