"""Tables about assays and plates that UK Biobank gives beside its proteins, in one spelling."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final, Literal, TypeAlias

import polars as pl
import pyarrow as pa

from proteomr.border import reads
from proteomr.errors import FormatError, nearest
from proteomr.io.formats import Source
from proteomr.io.tables import read_table
from proteomr.io.text import TextLayout, find_layout, locate_line, stream_text
from proteomr.io.ukbiobank.protein_names import protein_key
from proteomr.tables import columns as c

__all__ = ["HelperRole", "HelperTable", "find_helper", "plate_key", "read_helper", "squash"]

HelperRole: TypeAlias = Literal[
    "assay", "assay_version", "batch", "limits", "panel_lot", "start_date", "assay_warning"
]

RECORD: Final = "record"
DATE: Final = "date"
LOT: Final = "panel_lot"
VERSION: Final = "version"
INSTANCE: Final = "instance"

_DECIMAL: Final = re.compile(r"(\d+)\.0*")
_SCIENTIFIC: Final = re.compile(r"\d(\.\d+)?[eE]\+?\d+")
_SPREADSHEET: Final = re.compile(r"\d(\.\d{1,5})?E\+\d+")
_ISO: Final = r"^\d{4}-\d{2}-\d{2}([T ][\d:.]*)?$"
_BRITISH: Final = r"^\d{1,2}/\d{1,2}/\d{4}$"

# Of each table: the columns by which a row is found, and what it tells.
_KEYS: Final[dict[HelperRole, tuple[str, ...]]] = {
    "assay": (c.PROTEIN,),
    "assay_version": (c.PROTEIN,),
    "batch": (c.PLATE,),
    "limits": (c.PROTEIN, c.PLATE, INSTANCE),
    "panel_lot": (c.BATCH, c.PANEL),
    "start_date": (c.PLATE, c.PANEL),
    "assay_warning": (),
}
_TELLS: Final[dict[HelperRole, tuple[str, ...]]] = {
    "assay": (c.UNIPROT, c.PANEL),
    "assay_version": (VERSION,),
    "batch": (c.BATCH,),
    "limits": (c.LOD,),
    "panel_lot": (LOT,),
    "start_date": (DATE,),
    "assay_warning": (c.VALUE,),
}
_ALSO: Final[dict[HelperRole, tuple[str, ...]]] = {
    "assay_warning": (c.PROTEIN, c.PANEL, c.PLATE, INSTANCE),
    "assay_version": (c.PANEL,),
}
# Told apart in this order; the names of other tables' columns rule a table out.
_SIGNS: Final[tuple[tuple[HelperRole, frozenset[str], frozenset[str]], ...]] = (
    ("limits", frozenset({c.PLATE, c.PROTEIN, c.LOD}), frozenset()),
    ("assay_warning", frozenset({c.PROTEIN, c.VALUE}), frozenset({c.LOD})),
    ("start_date", frozenset({c.PLATE, c.PANEL, DATE}), frozenset({c.PROTEIN})),
    ("panel_lot", frozenset({c.BATCH, c.PANEL, LOT}), frozenset({c.PROTEIN})),
    ("batch", frozenset({c.PLATE, c.BATCH}), frozenset({c.PROTEIN, c.PANEL})),
    ("assay_version", frozenset({c.PROTEIN, VERSION}), frozenset({c.UNIPROT, c.PLATE})),
    ("assay", frozenset({c.PROTEIN, c.UNIPROT, c.PANEL}), frozenset({c.PLATE})),
)
_VENDOR: Final = frozenset({"npx", "sampleid", "olinkid", "count", "eid", "result"})
_NAMES: Final[dict[str, str]] = {
    "assay": c.PROTEIN,
    "uniprot": c.UNIPROT,
    "uniprotid": c.UNIPROT,
    "panel": c.PANEL,
    "plateid": c.PLATE,
    "plate": c.PLATE,
    "batch": c.BATCH,
    "batchnumber": c.BATCH,
    "instance": INSTANCE,
    "insindex": INSTANCE,
    "lod": c.LOD,
    "limitofdetection": c.LOD,
}
_PARTS: Final = {
    "enddate": "other end date",
    "date": DATE,
    "lot": LOT,
    "version": VERSION,
    "warning": c.VALUE,
}


@dataclass(frozen=True, slots=True, eq=False)
class HelperTable:
    """The rows of one helper table.

    Parameters
    ----------
    role : which table it is.
    frame : its columns under the names used here; proteins as keys, plates as the text of whole
        numbers, dates as Date, limits as Float64, instances as Int64, all else text.
    notes : what a user should know of it.
    """

    role: HelperRole
    frame: pl.DataFrame
    notes: tuple[str, ...] = ()


def squash(name: str) -> str:
    """Return a name without what spellings differ in: letter case, spaces, punctuation.

    Examples
    --------
    >>> squash("Cardiometabolic_II") == squash("Cardiometabolic II")
    True
    """
    return re.sub(r"[^0-9a-z]", "", name.casefold())


def find_helper(columns: Sequence[str]) -> HelperRole | None:
    """Return which helper table has these columns, None where none has.

    Examples
    --------
    >>> find_helper(["PlateID", "Panel", "Processing_StartDate"])
    'start_date'
    >>> find_helper(["SampleID", "Assay", "PlateID", "LOD", "NPX"])
    """
    if any(squash(name) in _VENDOR for name in columns):
        return None
    there = set(_rename(columns))
    for role, needed, foreign in _SIGNS:
        if needed <= there and not foreign & there:
            return role
    return None


def plate_key(text: str) -> str | None:
    """Return the name of a plate in its one spelling, None where a spreadsheet cut its digits.

    Digits are kept as text; ``.0`` and an exact exponent are resolved, zeros in front dropped.
    The form of spreadsheets, ``8.9E+11``, holds six digits at most: which plate it was is lost.

    Examples
    --------
    >>> plate_key("890000000001.0"), plate_key("8.90000000001E11"), plate_key("0890000000001")
    ('890000000001', '890000000001', '890000000001')
    >>> plate_key("8.9E+11")
    """
    text = text.strip()
    if _SPREADSHEET.fullmatch(text):
        return None
    if match := _DECIMAL.fullmatch(text):
        text = match[1]
    elif _SCIENTIFIC.fullmatch(text):
        number = Decimal(text)
        if number != number.to_integral_value():
            return None
        text = format(number.to_integral_value(), "f")
    return text.lstrip("0") or "0" if text.isdecimal() else text


@reads
def read_helper(source: Source) -> HelperTable:
    r"""Return the rows of a helper table.

    Parameters
    ----------
    source : the file, one that `find_helper` knows by its columns.

    Raises
    ------
    FormatError
        The file is damaged, a column is absent, a cell is not what it must be, or two rows
        contradict each other; with the line.

    Examples
    --------
    >>> import tempfile
    >>> from proteomr.io.formats import open_source
    >>> with tempfile.NamedTemporaryFile(suffix=".dat") as file:
    ...     size = file.write(b"PlateID\tBatch\n890000000001.0\t3\n")
    ...     file.flush()
    ...     read_helper(open_source(file.name)).frame.rows()
    [('890000000001', '3')]
    """
    frame, fault = _read_texts(source)
    names = frame.columns[:-1]
    role = find_helper(names)
    if role is None:
        absent = [name for name in ("Assay", "PlateID", "Panel", "Batch") if name not in names]
        hint = next(filter(None, (nearest(name, absent) for name in names)), "")
        raise FormatError(f"is none of the helper tables{hint}", path=source.path)
    renamed = dict(zip(names, _rename(names), strict=True))
    wanted = (*_KEYS[role], *_TELLS[role], *_ALSO.get(role, ()))
    columns = {name: new for name, new in renamed.items() if new in wanted}
    if len(set(columns.values())) < len(columns):
        message = f"two columns may be the same one: {', '.join(map(repr, columns))}; remove one"
        raise FormatError(message, path=source.path)
    frame = frame.select(pl.col(name).alias(new) for name, new in columns.items()).with_columns(
        frame[RECORD]
    )
    for name, convert in _CONVERSIONS.items():
        if name in frame.columns:
            frame = frame.with_columns(convert(frame[name], fault))
    for name in _KEYS[role]:
        if name in frame.columns and frame[name].null_count():
            raise fault("the cell is empty", name, frame[name].is_null().arg_max())
    return _settle(role, frame, fault, source.path)


_Fault: TypeAlias = Callable[[str, str, int | None], FormatError]


def _settle(role: HelperRole, frame: pl.DataFrame, fault: _Fault, path: Path) -> HelperTable:
    """Drop rows that say the same again, and refuse those that contradict another."""
    contents = [name for name in frame.columns if name != RECORD]
    once = frame.unique(contents, keep="first", maintain_order=True)
    keys = [name for name in _KEYS[role] if name in contents]
    if keys and bool((twice := once.select(keys).is_duplicated()).any()):
        again = once.filter(twice & ~pl.struct(keys).is_first_distinct())
        what = " and ".join(keys)
        message = f"the same {what} as in a row above with another {_TELLS[role][-1]}; keep one"
        raise fault(message, keys[0], int(again[RECORD][0]))
    notes: tuple[str, ...] = ()
    if repeated := frame.height - once.height:
        notes = (f"{path.name}: {repeated} rows repeat another and were passed over",)
    return HelperTable(role, once.drop(RECORD), notes)


def _rename(columns: Sequence[str]) -> list[str]:
    """Return the names used here, one that no table has for a column of no meaning."""
    renamed = []
    for column in columns:
        name = squash(column)
        meaning = next((new for part, new in _PARTS.items() if part in name), None)
        renamed.append(meaning or _NAMES.get(name, f"other {name}"))
    return renamed


def _read_texts(source: Source) -> tuple[pl.DataFrame, _Fault]:
    """Return the cells as trimmed text with the number of their record, and what raises a fault."""
    path = source.path
    layout: TextLayout | None = None
    if source.kind == "text":
        layout = find_layout(path, compressed=source.compressed)
        types = dict.fromkeys(layout.names, pa.string())
        table = pa.Table.from_batches(
            stream_text(layout, types=types), schema=pa.schema(list(types.items()))
        )
        frame = pl.DataFrame(pl.from_arrow(table, rechunk=True))
    else:
        whole = pl.selectors.float() & ~pl.selectors.by_name("LOD", "lod", require_all=False)
        frame = read_table(path).with_columns(whole.cast(pl.Int64, strict=False))
        frame = frame.with_columns(pl.all().cast(pl.String))
    if not frame.height:
        raise FormatError("a header and no rows", path=path)
    written = dict(zip(_rename(frame.columns), frame.columns, strict=True))

    def fault(message: str, column: str, record: int | None) -> FormatError:
        line = None if layout is None or record is None else locate_line(layout, record)
        return FormatError(message, path=path, line=line, column=written.get(column, column))

    trimmed = frame.with_columns(pl.all().str.strip_chars())
    numbers = pl.Series(RECORD, range(trimmed.height), dtype=pl.Int64)
    return trimmed.with_columns(pl.all().replace("", None)).with_columns(numbers), fault


def _convert_plates(text: pl.Series, fault: _Fault) -> pl.Series:
    spelt = {name: plate_key(name) for name in text.unique().drop_nulls().to_list()}
    damaged = [name for name, key in spelt.items() if key is None]
    if damaged:
        message = "a spreadsheet cut the digits of the plate; take the file as UK Biobank gives it"
        raise fault(message, c.PLATE, text.is_in(damaged).fill_null(value=False).arg_max())
    return text.replace_strict(spelt, return_dtype=pl.String)


def _convert_proteins(text: pl.Series, _fault: _Fault) -> pl.Series:
    keys = {name: protein_key(name) for name in text.unique().drop_nulls().to_list()}
    return text.replace_strict(keys, return_dtype=pl.String)


def _convert_dates(text: pl.Series, fault: _Fault) -> pl.Series:
    iso = text.set(~text.str.contains(_ISO), None).str.slice(0, 10)
    british = text.set(~text.str.contains(_BRITISH), None)
    dates = iso.str.to_date("%Y-%m-%d", strict=False)
    dates = dates.fill_null(british.str.to_date("%d/%m/%Y", strict=False))
    wrong = dates.is_null() & text.is_not_null()
    if bool(wrong.any()):
        message = "no date of the form 2021-05-31 or 31/05/2021"
        raise fault(message, DATE, wrong.arg_max())
    return dates


def _convert_limits(text: pl.Series, fault: _Fault) -> pl.Series:
    limits = text.cast(pl.Float64, strict=False).fill_nan(None)
    wrong = limits.is_null() & ~text.is_in(["NA", "NaN", "nan"]) & text.is_not_null()
    if bool(wrong.any()):
        raise fault("text where a number is needed", c.LOD, wrong.arg_max())
    return limits


def _convert_instances(text: pl.Series, fault: _Fault) -> pl.Series:
    numbers = text.str.strip_suffix(".0").cast(pl.Int64, strict=False)
    if bool((wrong := numbers.is_null()).any()):
        raise fault("no number of a visit", INSTANCE, wrong.arg_max())
    return numbers


_CONVERSIONS: Final[dict[str, Callable[[pl.Series, _Fault], pl.Series]]] = {
    c.PLATE: _convert_plates,
    c.PROTEIN: _convert_proteins,
    DATE: _convert_dates,
    c.LOD: _convert_limits,
    INSTANCE: _convert_instances,
}
