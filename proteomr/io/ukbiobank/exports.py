"""An export opened: its participants, and the columns asked for by their different cells."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

import polars as pl
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet

from proteomr.border import reads
from proteomr.errors import FormatError, IdentifierError
from proteomr.io.conversion import unpack_parquet
from proteomr.io.identifiers import find_id_column, normalise_ids
from proteomr.io.parquet_faults import parquet_faults, without_wide_decimals
from proteomr.io.proteins import name_file
from proteomr.io.sources import inspect_file
from proteomr.io.tables import infer_column
from proteomr.io.text import TextLayout, find_layout, locate_line, stream_text
from proteomr.io.ukbiobank.names import ID_SPELLINGS, FieldName, Names, read_names

__all__ = ["ID_COLUMN", "Export", "Header", "open_header", "read_export"]

ID_COLUMN: Final = "eid"
_PLACEHOLDER: Final = r"^\s*-\d+(\.0*)?\s*$"
_LOST_DIGITS: Final = r"^\s*[+-]?\d+\.\d*[eE][+-]?\d+\s*$"
_POWER: Final = re.compile(r"(\d)[eE]\+?(\d{1,2})")


@dataclass(frozen=True, slots=True, eq=False)
class Header:
    """A file of participants before its rows are read.

    Parameters
    ----------
    path : the file.
    id_name : name of its identifier.
    names : what its columns stand for.
    asked : the columns of fields that were asked for, and what they stand for.
    layout : of a text file, by which lines are found; None for parquet.
    stored : where a parquet file is, decompressed.
    """

    path: Path
    id_name: str
    names: Names
    asked: dict[str, FieldName]
    layout: TextLayout | None
    stored: Path


@dataclass(frozen=True, slots=True, eq=False)
class Export:
    """A file of participants.

    Parameters
    ----------
    path : the file.
    ids : identifiers as text, none repeated, of the n participants who are kept.
    kept : which rows of the file they are.
    placeholders : the negative identifiers, whose rows are left out, and how often each stands.
    names : what its columns stand for.
    asked : the columns of fields that were asked for, and what they stand for.
    columns : these columns, every row of the file, as Arrow holds them: text by its different
        cells, or the type of a parquet file.
    others : columns of no field, for the participants kept.
    layout : of a text file, by which lines are found.
    """

    path: Path
    ids: pl.Series
    kept: pl.Series
    placeholders: Counter[str]
    names: Names
    asked: dict[str, FieldName]
    columns: dict[str, pa.ChunkedArray]
    others: pl.DataFrame
    layout: TextLayout | None

    def refuse(self, message: str, *, column: str, row: int) -> NoReturn:
        """Raise what is wrong with a cell, with its place.

        Raises
        ------
        FormatError
            Always.
        """
        line = None if self.layout is None else locate_line(self.layout, row)
        place = f" (row {row + 1})" if self.layout is None else ""
        raise FormatError(f"{message}{place}", path=self.path, line=line, column=column)


@reads
def open_header(
    path: Path, *, wanted: Collection[int] | None, id_column: str | None, scratch: Path
) -> Header:
    r"""Return what the columns of a file stand for, and which of them are fields wanted.

    Parameters
    ----------
    path : csv, tsv or parquet, also gz.
    wanted : numbers of fields; None for all.
    id_column : name of the identifier; None for the usual names.
    scratch : folder for a decompressed parquet file.

    Raises
    ------
    InputError
        The file is absent, damaged or not what it should be.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "answers.csv"
    ...     size = file.write_text("eid,p31,p34\n7,0,1950\n")
    ...     header = open_header(file, wanted=[31], id_column=None, scratch=Path(folder))
    ...     header.id_name, list(header.asked)
    ('eid', ['p31'])
    """
    kind, compressed = inspect_file(path)
    stored, layout = path, None
    if kind == "parquet":
        stored = unpack_parquet(path, scratch=scratch) if compressed else path
        with parquet_faults(path):
            held: Sequence[str] = pyarrow.parquet.read_schema(stored).names
        _refuse_repeated(held, path)
    else:
        layout = find_layout(path, compressed=compressed)
        held = layout.names
    id_name, names = _choose(held, path, id_column)
    fields = names.fields.items()
    asked = {name: field for name, field in fields if wanted is None or field.field in wanted}
    return Header(path, id_name, names, asked, layout, stored)


@reads
def read_export(header: Header, *, others: Collection[str] | None = None) -> Export:
    r"""Return the participants of a file and the columns of the fields wanted.

    Other fields are passed over without being read into memory.

    Parameters
    ----------
    header : from `open_header`.
    others : columns of no field to read as well, of those in the file; None for all.

    Raises
    ------
    InputError
        The file is damaged or not what it should be.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "answers.csv"
    ...     size = file.write_text("eid,p31,mine,gdf15\n7,0,1,2.5\n-1,,,\n")
    ...     header = open_header(file, wanted=[31], id_column=None, scratch=Path(folder))
    ...     export = read_export(header, others=["mine"])
    ...     list(export.columns), export.others.columns, export.ids.to_list(), export.placeholders
    (['p31'], ['mine'], ['7'], Counter({'-1': 1}))
    """
    own = [name for name in header.names.others if others is None or name in others]
    if header.layout is None:
        return _read_parquet(header, own)
    types = dict.fromkeys((header.id_name, *header.asked, *own), pa.string())
    columns = _stream(header.layout, types, encoded=frozenset(header.asked))
    typed = {name: infer_column(_to_polars(name, columns.pop(name))) for name in own}
    ids = _to_polars(header.id_name, columns.pop(header.id_name))
    return _keep_participants(header, ids, columns, typed)


def _read_parquet(header: Header, own: Sequence[str]) -> Export:
    wanted = [header.id_name, *header.asked, *own]
    with parquet_faults(header.path):
        table = without_wide_decimals(
            pyarrow.parquet.ParquetFile(header.stored).read(columns=wanted)
        )
    typed = {name: _to_polars(name, table.column(name)) for name in own}
    columns = {name: table.column(name) for name in header.asked}
    ids = _to_polars(header.id_name, table.column(header.id_name))
    return _keep_participants(header, ids, columns, typed)


def _choose(held: Sequence[str], path: Path, id_column: str | None) -> tuple[str, Names]:
    """Return the identifier, and what the other columns stand for."""
    spelt = next((name for name in ID_SPELLINGS if name in held), None)
    with name_file(path):
        id_name = find_id_column(held, id_column=id_column or spelt)
    return id_name, read_names([name for name in held if name != id_name], path=path)


def _stream(
    layout: TextLayout, types: Mapping[str, pa.DataType], *, encoded: Collection[str]
) -> dict[str, pa.ChunkedArray]:
    """Return the columns of a text file; those of fields hold each different cell once a block."""
    parts: dict[str, list[pa.Array]] = {name: [] for name in types}
    for batch in stream_text(layout, types=types):
        for name in types:
            cells = batch.column(name)
            if name in encoded:
                cells = pyarrow.compute.dictionary_encode(cells)
            parts[name].append(cells)
    if not any(len(part) for part in parts[next(iter(types))]):
        raise FormatError("a header and no rows", path=layout.path)
    return {name: pa.chunked_array(parts[name]) for name in types}


def _to_polars(name: str, column: pa.ChunkedArray) -> pl.Series:
    return pl.Series(name, pl.from_arrow(column))


def _keep_participants(
    header: Header,
    ids: pl.Series,
    columns: dict[str, pa.ChunkedArray],
    others: Mapping[str, pl.Series],
) -> Export:
    path = header.path
    if not ids.len():
        raise FormatError("a header and no rows", path=path)
    with name_file(path):
        plain = _plain_ids(ids)
        gone = _is_placeholder(plain)
        ids_kept = normalise_ids(plain.filter(~gone))
        _refuse_mixed(ids_kept)
    if not ids_kept.len():
        raise FormatError("only negative identifiers, which stand for nobody", path=path)
    frame = pl.DataFrame(list(others.values())).filter(~gone) if others else pl.DataFrame()
    return Export(
        path,
        ids_kept,
        ~gone,
        Counter(plain.filter(gone).cast(pl.String).str.strip_chars().str.replace(r"\.0*$", "")),
        header.names,
        header.asked,
        columns,
        frame,
        header.layout,
    )


def _is_placeholder(ids: pl.Series) -> pl.Series:
    gone = ids.str.contains(_PLACEHOLDER) if ids.dtype == pl.String else ids < 0
    return gone.fill_null(value=False)


def _plain_ids(ids: pl.Series) -> pl.Series:
    """Return identifiers without the decimals that spreadsheets and R give whole numbers."""
    if ids.dtype != pl.String:
        return ids
    if lost := int(ids.str.contains(_LOST_DIGITS).sum()):
        raise IdentifierError(
            f"column {ids.name!r}: {lost} identifiers in exponent notation (as 1.2E+06), whose "
            "digits are lost; export the file again, and not through a spreadsheet"
        )
    plain = ids.str.replace(r"^\s*(\d+)\.0*\s*$", "${1}")
    powers = plain.str.contains(r"^\s*\d[eE]\+?\d{1,2}\s*$").fill_null(value=False)
    if not powers.any():
        return plain
    written = [_expand(text) for text in plain.filter(powers)]
    return plain.scatter(powers.arg_true(), pl.Series(written, dtype=pl.String))


def _refuse_mixed(ids: pl.Series) -> None:
    """Refuse words among numbers: a shifted row, or a line that is not of the table."""
    words = int((~ids.str.contains(r"^\d+$")).sum())
    if 0 < words < ids.len():
        raise IdentifierError(
            f"column {ids.name!r}: {words} of {ids.len()} identifiers are no whole numbers, unlike "
            "the others; check these rows"
        )


def _expand(text: str) -> str:
    """Return 1e+06, as R writes it, as 1000000."""
    match = _POWER.fullmatch(text.strip())
    return text if match is None else match[1] + "0" * int(match[2])


def _refuse_repeated(names: Sequence[str], path: Path) -> None:
    for position, name in enumerate(names):
        if name in names[:position]:
            raise FormatError("the name stands twice; rename one", path=path, column=name)
