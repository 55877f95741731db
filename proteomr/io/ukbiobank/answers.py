"""Cells of a column to answers of a field: codes, numbers, dates and lists of these."""

from __future__ import annotations

import ast
import datetime as dt
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute

from proteomr._typing import I64
from proteomr.io.text import MISSING
from proteomr.io.ukbiobank.labels import ICD10, describe_cell, find_icd10, find_label
from proteomr.tables.dictionary import FieldInfo, FieldKind, load_dictionary

__all__ = [
    "CellFault",
    "Encoded",
    "convert_answers",
    "convert_lists",
    "encode",
    "guess_kind",
    "nest",
]

_TYPES: Final[dict[FieldKind, type[pl.DataType]]] = {
    "integer": pl.Int64,
    "code": pl.Int64,
    "float": pl.Float64,
    "date": pl.Date,
    "text": pl.String,
}
_WHOLE: Final = r"^[+-]?\d+(\.0*)?$"
_CLOCK: Final = r"([ T]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$"
_FORMS: Final = {
    "YYYY-MM-DD": (r"\d{4}-\d{2}-\d{2}", "%Y-%m-%d"),
    "DD/MM/YYYY": (r"\d{1,2}[/.-]\d{1,2}[/.-]\d{4}", "%d-%m-%Y"),
    "DDMonYYYY": (r"\d{1,2}[A-Za-z]{3}\d{4}", "%d%b%Y"),
    "DD-Mon-YYYY": (r"\d{1,2}[ -][A-Za-z]{3}[ -]\d{4}", "%d-%b-%Y"),
}
_SHORT_YEAR: Final = re.compile(
    r"(?:\d{1,2}[/. -])?(?:\d{1,2}|[A-Za-z]{3})[/. -]\d{2}|\d{1,2}[A-Za-z]{3}\d{2}"
)
_DAY_COUNT: Final = re.compile(r"\d{5}(?:\.\d+)?")
_YEARS: Final = (1850, 2100)
_NOT_TAKEN: Final = "not performed"  # written instead of a time of drawing blood
_LAST_CODE: Final = 99_999  # beyond it a number is no code of an open list
_EXACT_WHOLE: Final = 2**53


class CellFault(ValueError):
    """A cell that is no answer; its position among the words, and what is wrong with it."""

    def __init__(self, position: int, message: str) -> None:
        super().__init__(message)
        self.position = position
        self.message = message


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """A column as its different cells, and which of them stands in each row.

    Parameters
    ----------
    words : the different cells as text, in the order of their first rows.
    rows : position among the words for each row, (n,); null where the cell is missing.
    """

    words: pl.Series
    rows: pl.Series

    def spread(self, values: pl.Series) -> pl.Series:
        """Return the values of the words for every row."""
        return values.gather(self.rows)

    def first_row(self, position: int) -> int:
        """Return the first row that holds a word."""
        return int((self.rows == position).arg_max() or 0)


def encode(column: pa.ChunkedArray) -> Encoded:
    """Return a column of text, numbers, truth values or dates by its different cells.

    Whole numbers stored as floats become whole, times their day, missing cells null.

    Examples
    --------
    >>> encode(pa.chunked_array([["1", "1.0", None, "1"]])).rows.to_list()
    [0, 1, None, 0]
    """
    coded = column
    if not pa.types.is_dictionary(column.type):
        coded = pyarrow.compute.dictionary_encode(column)
    coded = coded.unify_dictionaries()
    parts = coded.chunks
    if not parts:
        return Encoded(pl.Series([], dtype=pl.String), pl.Series([], dtype=pl.Int32))
    rows = pa.chunked_array([part.indices for part in parts])
    words = pl.Series(pl.from_arrow(parts[0].dictionary))
    return Encoded(_as_text(words), pl.Series(pl.from_arrow(rows)))


def convert_answers(words: pl.Series, info: FieldInfo) -> pl.Series:
    """Return the answers that cells write: codes for labels, numbers, dates; null for missing.

    Parameters
    ----------
    words : different cells as text.
    info : the field.

    Raises
    ------
    CellFault
        A cell is no answer to the field.

    Examples
    --------
    >>> age = FieldInfo(709, "Number in household", "integer", 100291, instances=True, array=False)
    >>> convert_answers(pl.Series(["2", "3.0", "Prefer not to answer", "NA"]), age).to_list()
    [2, 3, -3, None]
    """
    trimmed = words.str.strip_chars(' \t"')
    cells = trimmed.set(trimmed.is_in(MISSING).fill_null(value=False), None)
    if info.kind == "date":
        return _to_dates(cells, info)
    if info.kind == "text":
        return _to_text(cells, info)
    if info.kind == "float":
        return _to_numbers(cells, info)
    return _to_whole(cells, info)


def convert_lists(words: pl.Series, info: FieldInfo) -> pl.Series:
    """Return the answers of cells that hold several: joined by ``|``, or a list as in JSON.

    Parameters
    ----------
    words : different cells as text.
    info : the field.

    Raises
    ------
    CellFault
        A cell is no list, or holds what is no answer to the field.

    Examples
    --------
    >>> social = load_dictionary().field(6160)
    >>> convert_lists(pl.Series(["1|5", "[2]", "Religious group", ""]), social).to_list()
    [[1, 5], [2], [3], []]
    """
    parts = [_split(cell, position, info) for position, cell in enumerate(words)]
    flat = pl.Series("part", [part for cell in parts for part in cell], dtype=pl.String)
    owner = np.repeat(np.arange(len(parts)), [len(cell) for cell in parts])
    different = encode(pa.chunked_array([flat.to_arrow()]))
    try:
        answers = different.spread(convert_answers(different.words, info))
    except CellFault as fault:
        first = different.first_row(fault.position)
        raise CellFault(int(owner[first]), fault.message) from None
    return nest(answers, [len(cell) for cell in parts])


def nest(values: pl.Series, lengths: Sequence[int] | I64) -> pl.Series:
    """Return values as lists of given lengths, without the missing ones.

    Examples
    --------
    >>> nest(pl.Series([1, None, 3]), [2, 0, 1]).to_list()
    [[1], [], [3]]
    """
    offsets = np.concatenate([[0], np.cumsum(np.asarray(lengths, dtype=np.int64))])
    lists = pa.LargeListArray.from_arrays(pa.array(offsets, pa.int64()), values.to_arrow())
    return pl.Series(pl.from_arrow(lists)).list.drop_nulls()


def guess_kind(words: pl.Series) -> FieldKind:
    """Return the kind of a field that is not in the dictionary, from all its cells.

    Examples
    --------
    >>> guess_kind(pl.Series(["120", "NA", "135"])), guess_kind(pl.Series(["2009-05-01"]))
    ('integer', 'date')
    """
    cells = words.str.strip_chars(' \t"')
    known = cells.filter(~cells.is_in(MISSING))
    if bool(known.str.contains(_WHOLE).all()):
        return "integer" if known.len() else "float"
    if known.cast(pl.Float64, strict=False).null_count() == 0:
        return "float"
    return (
        "date" if bool(known.str.contains("^" + _FORMS["YYYY-MM-DD"][0] + _CLOCK).all()) else "text"
    )


def _as_text(words: pl.Series) -> pl.Series:
    if words.dtype == pl.Boolean:
        return words.cast(pl.Int64).cast(pl.String)
    if isinstance(words.dtype, pl.Datetime):
        return words.dt.date().cast(pl.String)
    if isinstance(words.dtype, pl.Decimal):
        words = words.cast(pl.Float64)
    if words.dtype.is_float():
        whole = (words == words.round(0)) & (words.abs() < _EXACT_WHOLE)
        text = words.cast(pl.String)
        as_whole = words.set(~whole.fill_null(value=False), None).cast(pl.Int64).cast(pl.String)
        return as_whole.fill_null(text)
    return words.cast(pl.String)


def _to_whole(cells: pl.Series, info: FieldInfo) -> pl.Series:
    whole = cells.set(~cells.str.contains(_WHOLE), None).str.replace(r"\.0*$", "")
    numbers = whole.str.strip_prefix("+").cast(pl.Int64, strict=False)
    numbers = _with_labels(numbers, cells, info)
    if info.coding is not None and info.coding in load_dictionary().codings:
        known = pl.Series(list(load_dictionary().meanings(info.coding)), dtype=pl.Int64)
        strange = ~numbers.is_in(known.implode())
        if info.kind == "integer":
            strange &= numbers < 0
        elif not info.complete:
            strange &= numbers.abs() > _LAST_CODE
        _refuse_first(strange.fill_null(value=False), cells, info)
    return numbers


def _to_numbers(cells: pl.Series, info: FieldInfo) -> pl.Series:
    numbers = _with_labels(cells.cast(pl.Float64, strict=False), cells, info)
    endless = numbers.is_infinite().fill_null(value=False)
    if endless.any():
        message = f"field {info.field}: an infinite number; leave the cell empty if it is missing"
        raise CellFault(endless.arg_max() or 0, message)
    return numbers.fill_nan(None)


def _to_text(cells: pl.Series, info: FieldInfo) -> pl.Series:
    if info.coding != ICD10:
        return cells
    codes = [None if cell is None else find_icd10(cell) for cell in cells]
    found = pl.Series(cells.name, codes, dtype=pl.String)
    _refuse_first(found.is_null() & cells.is_not_null(), cells, info)
    return found


def _with_labels(values: pl.Series, cells: pl.Series, info: FieldInfo) -> pl.Series:
    """Fill in the codes of cells that are labels, and refuse what is neither."""
    unread = values.is_null() & cells.is_not_null()
    if not unread.any():
        return values
    positions = unread.arg_true()
    codes: list[int] = []
    for position, cell in zip(positions, cells.gather(positions), strict=True):
        code = None if info.coding is None else find_label(cell, info.coding)
        if not isinstance(code, int):
            raise CellFault(position, describe_cell(cell, info))
        codes.append(code)
    return values.scatter(positions, pl.Series(codes, dtype=values.dtype))


def _to_dates(cells: pl.Series, info: FieldInfo) -> pl.Series:
    lettered = cells.str.contains(r"^[A-Za-z]").fill_null(value=False)
    dates = _read_dates(cells.set(lettered, None), info)
    if not lettered.any():
        return dates
    positions = lettered.arg_true()
    named = [_find_date(cells[position], position, info) for position in positions]
    return dates.scatter(positions, pl.Series(named, dtype=pl.Date))


def _find_date(label: str, position: int, info: FieldInfo) -> dt.date | None:
    """Return the special date that a label stands for."""
    if label.casefold() == _NOT_TAKEN:
        return None
    code = None if info.coding is None else find_label(label, info.coding)
    if not isinstance(code, str):
        raise CellFault(position, _describe_date(label, info))
    return dt.date.fromisoformat(code)


def _read_dates(cells: pl.Series, info: FieldInfo) -> pl.Series:
    """Return dates that are all written in one form."""
    shapes = {
        form: cells.str.contains(f"^{day}{_CLOCK}").fill_null(value=False)
        for form, (day, _) in _FORMS.items()
    }
    used = [form for form, shape in shapes.items() if shape.any()]
    strange = cells.is_not_null()
    for form in used:
        strange &= ~shapes[form]
    if strange.any():
        position = strange.arg_max() or 0
        raise CellFault(position, _describe_date(cells[position], info))
    if len(used) > 1:
        second = max(shapes[form].arg_max() or 0 for form in used)
        message = f"dates in two forms ({' and '.join(used)}); export them in one"
        raise CellFault(second, f"field {info.field}: {message}")
    if not used:
        return pl.Series([None] * cells.len(), dtype=pl.Date)
    day, written = _FORMS[used[0]]
    parts = cells.str.extract(f"^({day})").str.replace_all(r"[ /.-]", "-")
    return _checked_dates(parts.str.to_date(written, strict=False), cells, info, used[0])


def _checked_dates(dates: pl.Series, cells: pl.Series, info: FieldInfo, form: str) -> pl.Series:
    broken = dates.is_null() & cells.is_not_null()
    if broken.any():
        remedy = "write dates as YYYY-MM-DD"
        if form == "DD/MM/YYYY":
            remedy = "is the month first? " + remedy
        position = broken.arg_max() or 0
        raise CellFault(position, f"field {info.field}: no such day in {form}; {remedy}")
    strange = ((dates.dt.year() < _YEARS[0]) | (dates.dt.year() > _YEARS[1])).fill_null(value=False)
    if strange.any():
        message = f"field {info.field}: a year before {_YEARS[0]} or after {_YEARS[1]}"
        raise CellFault(strange.arg_max() or 0, message)
    return dates


def _describe_date(cell: str, info: FieldInfo) -> str:
    where = f"field {info.field}"
    if _SHORT_YEAR.fullmatch(cell):
        return f"{where}: a year of two digits; write dates as YYYY-MM-DD"
    if _DAY_COUNT.fullmatch(cell):
        return (
            f"{where}: a number where a date is needed (a spreadsheet's count of days?); "
            "write dates as YYYY-MM-DD"
        )
    return describe_cell(cell, info)


def _refuse_first(strange: pl.Series, cells: pl.Series, info: FieldInfo) -> None:
    if strange.any():
        position = strange.arg_max() or 0
        raise CellFault(position, describe_cell(cells[position], info))


def _split(cell: str | None, position: int, info: FieldInfo) -> list[str]:
    text = (cell or "").strip(" \t")
    if not text.startswith("["):
        return [part for part in text.split("|") if part.strip()]
    try:
        held = json.loads(text)
    except (ValueError, RecursionError):
        try:
            held = ast.literal_eval(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            held = None
    if not isinstance(held, list) or any(isinstance(part, list | dict) for part in held):
        raise CellFault(position, f"field {info.field}: a list of answers that is not closed")
    return ["" if part is None else str(part) for part in held]
