"""Labels of answers back to codes, and what may be said of a cell that is neither."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from proteomr.errors import nearest
from proteomr.tables.dictionary import FieldInfo, load_dictionary

__all__ = ["describe_cell", "find_icd10", "find_label", "list_labels"]

ICD10: Final = 19
_RAW_ICD10: Final = re.compile(r"[A-Z]\d[0-9A-Z]{1,4}")
_NAMED_ICD10: Final = re.compile(r"([A-Z]\d[0-9A-Z])(?:\.([0-9A-Z]{1,3}))?(?:\s.*)?")
_SHORT_NUMBER: Final = re.compile(r"[+-]?\d{1,5}")
_NUMBER: Final = re.compile(r"[+-]?[\d.,]+(?:[eE][+-]?\d+)?")
_EXPONENT: Final = re.compile(r"[+-]?\d+(?:\.\d*)?[eE][+-]?\d+")
_COMMA: Final = re.compile(r"[+-]?\d*,\d+")
_SPREADSHEET: Final = re.compile(r"#+|#[A-Z/0]+[!?]?")
_SHOWN: Final = 8


def find_label(text: str, coding: int) -> int | str | None:
    """Return the code whose meaning a cell writes out; letter case and spaces do not count.

    Parameters
    ----------
    text : the cell.
    coding : number of the coding; one that is not in the dictionary has no labels.

    Examples
    --------
    >>> find_label("never or almost  never", 100501)
    0
    """
    return _codes(coding).get(_plain(text))


def list_labels(coding: int | None) -> tuple[str, ...]:
    """Return the meanings of a coding, in the order of its codes; none without a coding.

    Examples
    --------
    >>> list_labels(9)
    ('Female', 'Male')
    """
    codings = load_dictionary().codings
    return () if coding is None or coding not in codings else tuple(codings[coding].values())


def find_icd10(text: str) -> str | None:
    """Return the code of ICD-10, without its point, that a cell holds or begins with.

    Examples
    --------
    >>> find_icd10("I25.1 Atherosclerotic heart disease"), find_icd10("I251")
    ('I251', 'I251')
    """
    if _RAW_ICD10.fullmatch(text):
        return text
    match = _NAMED_ICD10.fullmatch(text)
    return None if match is None else f"{match[1]}{match[2] or ''}"


def describe_cell(text: str, info: FieldInfo) -> str:
    """Return what is wrong with a cell of a field, and the remedy.

    A cell is quoted only where it cannot be an identifier: a short number, or a word near a
    label of the field.

    Parameters
    ----------
    text : the cell.
    info : the field.

    Examples
    --------
    >>> describe_cell("Nearly never", load_dictionary().field(2110))
    "'Nearly never' is no answer to field 2110 (did you mean 'Never or almost never'?)"
    """
    where = f"field {info.field}"
    if damage := _describe_damage(text, info):
        return f"{where}: {damage}"
    if _SHORT_NUMBER.fullmatch(text) and info.kind in {"code", "integer"}:
        return f"{text} is no code of {where}{_listed(info)}"
    hint = nearest(text, list_labels(info.coding)) if text[:1].isalpha() else ""
    content = "a number" if _NUMBER.fullmatch(text) else "text"
    if info.kind == "code" and not info.complete and content == "text":
        return f"{where}: a label that is not in the dictionary{hint}; export it with raw codes"
    if hint:
        return f"{text!r} is no answer to {where}{hint}"
    return f"{where}: {content} where {_needed(info)}"


def _describe_damage(text: str, info: FieldInfo) -> str:
    if _SPREADSHEET.fullmatch(text):
        return "a cell that a spreadsheet has damaged; export the data again"
    if _EXPONENT.fullmatch(text) and info.kind != "float":
        return "a number in exponent notation, whose digits are lost; export it again"
    if _COMMA.fullmatch(text) and info.kind == "float":
        return "decimal comma; write numbers with a decimal point"
    return ""


def _plain(text: str) -> str:
    return "".join(text.replace("’", "'").split()).casefold()


@functools.cache
def _codes(coding: int) -> Mapping[str, int | str]:
    codes: dict[str, int | str] = {}
    for code, meaning in load_dictionary().codings.get(coding, {}).items():
        codes.setdefault(_plain(meaning), code)
    return MappingProxyType(codes)


def _listed(info: FieldInfo) -> str:
    codings = load_dictionary().codings
    codes = [] if info.coding is None else list(codings.get(info.coding, ()))
    if not codes:
        return ""
    shown = ", ".join(str(code) for code in codes[:_SHOWN])
    which = "codes" if info.kind == "code" else "special codes"
    return f" ({which} {shown}{', ...' if len(codes) > _SHOWN else ''})"


def _needed(info: FieldInfo) -> str:
    if info.kind == "date":
        return "a date is needed (YYYY-MM-DD or DD/MM/YYYY)"
    if info.kind == "text":
        return "a code of ICD-10 is needed"
    if info.kind == "code":
        return "a code or its label is needed"
    return "a whole number is needed" if info.kind == "integer" else "a number is needed"
