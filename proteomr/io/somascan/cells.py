"""Cells of an ADAT: analyte names and values, and what spreadsheets make of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from proteomr._typing import F64
from proteomr.errors import FormatError
from proteomr.io.spreadsheets import is_date
from proteomr.io.text import MISSING

__all__ = ["check_seq_id", "is_scientific", "read_numbers"]

_SEQ_ID: Final = re.compile(r"[1-9][0-9]{3,4}-[1-9][0-9]{0,2}(_[0-9]{1,3})?")
_SCIENTIFIC: Final = re.compile(r"[+-]?\d+([.,]\d+)?[eE]\+?\d+")
_DECIMAL: Final = re.compile(r"[+-]?\d+([.,]\d+)?")
_THOUSANDS: Final = re.compile(
    r"[+-]?\d{1,3}([,' \u00a0\u202f]\d{3})+(\.\d+)?|\d{1,3}(\.\d{3})+,\d+"
)
_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_COMMA: Final = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?")
_MISSING: Final = frozenset(MISSING)


def check_seq_id(text: str) -> str:
    """Return what is wrong with the name of an analyte; empty where nothing is.

    A SeqId is a number of four or five digits, a hyphen, and one of up to three, perhaps with the
    suffix of a version: 10000-28, 2597-8_3.

    Examples
    --------
    >>> check_seq_id("2705-5"), check_seq_id("May-05")
    ('', "'May-05' is a date; a spreadsheet changed the SeqIds: use the file as delivered")
    """
    remedy = "a spreadsheet changed the SeqIds: use the file as delivered"
    if is_date(text):
        return f"{text!r} is a date; {remedy}"
    if _SCIENTIFIC.fullmatch(text) or _DECIMAL.fullmatch(text):
        return f"{text!r} is a number; {remedy}"
    if not text:
        return "an analyte has no SeqId: the line is shifted or cut off"
    if not _SEQ_ID.fullmatch(text):
        return "is no SeqId, like 10000-28; use the file as delivered"
    return ""


def is_scientific(text: str) -> bool:
    """Tell whether a text is a number in scientific notation, which has lost digits of a name.

    Examples
    --------
    >>> is_scientific("2.58E+11"), is_scientific("258495800012"), is_scientific("3E")
    (True, False, False)
    """
    return _SCIENTIFIC.fullmatch(text) is not None


def read_numbers(cells: Sequence[str], *, names: Sequence[str], path: Path, line: int) -> F64:
    """Return the values of one line, NaN where a cell is empty or says that it is missing.

    Parameters
    ----------
    cells : as they stand, (p,).
    names : of the columns, (p,).
    path, line : where they stand.

    Raises
    ------
    FormatError
        A cell is no number, is infinite, or has a separator of thousands or a decimal comma.

    Examples
    --------
    >>> read_numbers(["310.5", "NA"], names=["2597-8", "2705-5"], path=Path("x.adat"), line=9)
    array([310.5,   nan])
    """
    joined = "".join(cells)
    try:
        # What float() takes besides numbers: digits of other scripts, and underscores.
        values = np.array([float(cell) for cell in cells] if _is_plain(joined) else [])
    except ValueError:
        values = np.array([])
    if values.shape == (len(cells),) and bool(np.isfinite(values).all()):
        return values
    numbers: list[float] = []
    for cell, name in zip(cells, names, strict=True):
        text = cell.strip()
        if text in _MISSING:
            numbers.append(np.nan)
        elif _NUMBER.fullmatch(text) and np.isfinite(float(text)):
            numbers.append(float(text))
        else:
            raise FormatError(_explain(text), path=path, line=line, column=name)
    return np.array(numbers)


def _is_plain(text: str) -> bool:
    return text.isascii() and "_" not in text


def _explain(text: str) -> str:
    if _THOUSANDS.fullmatch(text):
        return "separators between the thousands; write numbers with a decimal point alone"
    if _COMMA.fullmatch(text):
        return "decimal comma; write numbers with a decimal point"
    if is_date(text):
        return (
            "a date where a number is needed: a spreadsheet changed it; use the file as delivered"
        )
    if text.casefold().lstrip("+-") in {"inf", "infinity"} or _NUMBER.fullmatch(text):
        return "an infinite value; leave the cell empty if it is missing"
    return "text where a number is needed; write NA if it is missing"
