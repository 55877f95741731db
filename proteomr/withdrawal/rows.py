"""The rows of listed people in a table of any format: counted, and left out of its copy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import polars as pl
import pyarrow as pa
import pyarrow.parquet

from proteomr.border import reading, reads
from proteomr.errors import IdentifierError
from proteomr.io.identifiers import ID_COLUMNS, spell_ids
from proteomr.io.people_lists import PeopleList, locate_listed
from proteomr.runs.encoding import read_stamp, write_text
from proteomr.tables import load_schema, schema_names

__all__ = ["TABLES", "Rows", "find_rows", "write_without"]

TABLES: Final = (".parquet", ".csv", ".tsv", ".csv.gz", ".tsv.gz")
"""Endings of the tables that are looked into."""

# The columns of identifiers that proteomr reads and writes; `name` is of exclusions, samples too.
_NAMES: Final = frozenset({*ID_COLUMNS, "id", "FID", "id1", "id2"})
_SCHEMA: Final = b"ARROW:schema"
_ELSEWHERE: Final = {"exclusions": ("name",)}


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """What a table holds of listed people.

    Attributes
    ----------
    file : the table.
    columns : of it that hold identifiers.
    people : how many of the listed are in it.
    all : whether nobody else is.
    """

    file: Path
    columns: tuple[str, ...]
    people: int
    all: bool


@reads
def find_rows(file: Path, people: PeopleList, *, id_column: str | None = None) -> Rows | None:
    """Return what a table holds of listed people; None where it has no column of identifiers.

    Parameters
    ----------
    file : parquet, or text with commas or tabs, also gz. Only columns of identifiers are read.
    people : the list.
    id_column : a further name of such a column.

    Raises
    ------
    FormatError
        The table cannot be read.
    IdentifierError
        Somebody of the list would be in it in another spelling.
    """
    columns = _find_columns(file, id_column)
    if not columns:
        return None
    frame = _read_columns(file, columns)
    found, everybody = set[str](), set[str]()
    held = []
    for name in columns:
        try:
            ids = spell_ids(frame[name]).drop_nulls().unique()
        except IdentifierError:  # measurements that bear the name: no identifiers
            continue
        held.append(name)
        found |= set(ids.filter(locate_listed(ids, people, among=f"people of {file}")))
        everybody |= set(ids)
    return Rows(file, tuple(held), len(found), found == everybody)


def write_without(rows: Rows, people: PeopleList, out: BinaryIO) -> None:
    """Write a table again without the rows of listed people, all else as it stands.

    Parameters
    ----------
    rows : the table, see `find_rows`; no gz.
    people : the list.
    out : open for bytes. Parquet keeps its row groups, its metadata and its compression.
    """
    if rows.file.suffix == ".parquet":
        _write_parquet(rows, people, out)
        return
    separator = _separator(rows.file)
    with reading(rows.file):
        frame = pl.read_csv(rows.file, separator=separator, infer_schema=False, glob=False)
    write_text(frame.filter(~_is_listed(frame, rows.columns, people)), out, separator=separator)


def _write_parquet(rows: Rows, people: PeopleList, out: BinaryIO) -> None:
    with reading(rows.file), pa.parquet.ParquetFile(rows.file) as source:
        groups = source.num_row_groups
        codec = source.metadata.row_group(0).column(0).compression if groups else "ZSTD"
        # pyarrow takes the metadata from the schema that polars has put beside it, which has none
        facts = {k: v for k, v in (source.metadata.metadata or {}).items() if k != _SCHEMA}
        schema = source.schema_arrow.with_metadata(facts)
        with pa.parquet.ParquetWriter(
            out, schema, compression=codec, write_page_checksum=True
        ) as writer:
            for group in range(groups):
                table = source.read_row_group(group)
                ids = pl.DataFrame(pl.from_arrow(table.select(list(rows.columns))))
                kept = ~_is_listed(ids, rows.columns, people)
                chosen = table.filter(kept.to_arrow()).replace_schema_metadata(facts)
                writer.write_table(chosen)


def _is_listed(frame: pl.DataFrame, columns: Sequence[str], people: PeopleList) -> pl.Series:
    listed = pl.Series([False] * frame.height, dtype=pl.Boolean)
    for name in columns:
        listed |= spell_ids(frame[name]).is_in(people.ids.implode()).fill_null(value=False)
    return listed


def _find_columns(file: Path, id_column: str | None) -> tuple[str, ...]:
    """Return the columns of identifiers; none of a table whose schema has no rows of persons."""
    table = file.name.removesuffix(".gz").split(".")[-2]
    if file.suffix == ".parquet":
        table = read_stamp(file).get("schema", "").partition("/")[0]
    if table in schema_names() and not any(
        column.disclosure == "person" for column in load_schema(table).columns
    ):
        return ()
    wanted = _NAMES | {id_column, *_ELSEWHERE.get(table, ())}
    return tuple(name for name in _read_names(file) if name in wanted)


def _read_names(file: Path) -> list[str]:
    if file.suffix == ".parquet":
        return list(pl.read_parquet_schema(file))
    return pl.read_csv(
        file, separator=_separator(file), n_rows=0, infer_schema=False, glob=False
    ).columns


def _read_columns(file: Path, columns: Sequence[str]) -> pl.DataFrame:
    if file.suffix == ".parquet":
        return pl.read_parquet(file, columns=list(columns), glob=False)
    return pl.read_csv(
        file, separator=_separator(file), columns=list(columns), infer_schema=False, glob=False
    )


def _separator(file: Path) -> str:
    return "," if ".csv" in file.suffixes else "\t"
