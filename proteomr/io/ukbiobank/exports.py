"""An export opened: its participants, and the columns asked for by their different cells."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

import polars as pl
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet

from proteomr.errors import FormatError, IdentifierError
from proteomr.io.conversion import unpack_parquet
from proteomr.io.identifiers import find_id_column, normalise_ids
from proteomr.io.proteins import name_file
from proteomr.io.sources import inspect_file
from proteomr.io.tables import infer_column
from proteomr.io.text import TextLayout, find_layout, locate_line, stream_text
from proteomr.io.ukbiobank.names import FieldName, Names, read_names

__all__ = ["ID_COLUMN", "Export", "open_export"]

ID_COLUMN: Final = "eid"
_ID_SPELLINGS: Final = ("n_eid", "Participant ID", "Encoded anonymised participant ID")
_PLACEHOLDER: Final = r"^\s*-\d+(\.0*)?\s*$"
_LOST_DIGITS: Final = r"^\s*[+-]?\d+\.\d*[eE][+-]?\d+\s*$"
_POWER: Final = re.compile(r"(\d)[eE]\+?(\d{1,2})")


@dataclass(frozen=True, slots=True, eq=False)
class Export:
    """A file of participants.

    Parameters
    ----------
    path : the file.
    ids : identifiers as text, none repeated, of the n participants who are kept.
    kept : which rows of the file they are.
    placeholders : rows left out because their identifier is negative.
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
    placeholders: int
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


def open_export(
    path: Path, *, wanted: Collection[int] | None, id_column: str | None, scratch: Path
) -> Export:
    r"""Return the participants of a file and the columns of the fields wanted.

    Other fields are passed over without being read into memory; columns of no field are kept.

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
    ...     size = file.write_text("eid,p31,p34\n7,0,1950\n-1,,\n")
    ...     export = open_export(file, wanted=[31], id_column=None, scratch=Path(folder))
    ...     list(export.columns), export.ids.to_list(), export.placeholders
    (['p31'], ['7'], 1)
    """
    kind, compressed = inspect_file(path)
    if kind == "parquet":
        return _open_parquet(
            unpack_parquet(path, scratch=scratch) if compressed else path,
            reported_as=path,
            wanted=wanted,
            id_column=id_column,
        )
    layout = find_layout(path, compressed=compressed)
    id_name, names, chosen = _choose(layout.names, path, wanted, id_column)
    types = dict.fromkeys((id_name, *chosen, *names.others), pa.string())
    columns = _stream(layout, types, encoded=frozenset(chosen))
    others = {name: infer_column(_to_polars(name, columns.pop(name))) for name in names.others}
    ids = _to_polars(id_name, columns.pop(id_name))
    return _keep_participants(path, ids, names, columns, others, layout)


def _open_parquet(
    stored: Path, *, reported_as: Path, wanted: Collection[int] | None, id_column: str | None
) -> Export:
    try:
        file = pyarrow.parquet.ParquetFile(stored)
        held = file.schema_arrow.names
        _refuse_repeated(held, reported_as)
        id_name, names, chosen = _choose(held, reported_as, wanted, id_column)
        table = file.read(columns=[id_name, *chosen, *names.others])
    except (pa.ArrowException, OSError) as fault:
        message = "the parquet file is damaged; write it again"
        raise FormatError(message, path=reported_as) from fault
    others = {name: _to_polars(name, table.column(name)) for name in names.others}
    columns = {name: table.column(name) for name in chosen}
    ids = _to_polars(id_name, table.column(id_name))
    return _keep_participants(reported_as, ids, names, columns, others, None)


def _choose(
    held: Sequence[str], path: Path, wanted: Collection[int] | None, id_column: str | None
) -> tuple[str, Names, list[str]]:
    """Return the identifier, what the columns stand for, and those of the fields wanted."""
    spelt = next((name for name in _ID_SPELLINGS if name in held), None)
    usual = "eid" in held or any(name in held for name in ("participant.eid", "f.eid"))
    with name_file(path):
        id_name = find_id_column(
            held, id_column=id_column or (None if usual or spelt is None else spelt)
        )
    names = read_names([name for name in held if name != id_name], path=path)
    asked = None if wanted is None else set(wanted)
    chosen = [name for name, found in names.fields.items() if asked is None or found.field in asked]
    return id_name, names, chosen


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
    path: Path,
    ids: pl.Series,
    names: Names,
    columns: dict[str, pa.ChunkedArray],
    others: Mapping[str, pl.Series],
    layout: TextLayout | None,
) -> Export:
    if not ids.len():
        raise FormatError("a header and no rows", path=path)
    with name_file(path):
        plain = _plain_ids(ids)
        gone = _is_placeholder(plain)
        found = normalise_ids(plain.filter(~gone))
        _refuse_mixed(found)
    if not found.len():
        raise FormatError("only negative identifiers, which stand for nobody", path=path)
    frame = pl.DataFrame(list(others.values())).filter(~gone) if others else pl.DataFrame()
    asked = {name: names.fields[name] for name in columns}
    return Export(path, found, ~gone, int(gone.sum()), names, asked, columns, frame, layout)


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
    found = _POWER.fullmatch(text.strip())
    return text if found is None else found[1] + "0" * int(found[2])


def _refuse_repeated(names: Sequence[str], path: Path) -> None:
    for position, name in enumerate(names):
        if name in names[:position]:
            raise FormatError("the name stands twice; rename one", path=path, column=name)
