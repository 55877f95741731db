"""Protein tables of UK Biobank with one column per protein, however the export spelt its name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
import pyarrow as pa

from proteomr._typing import F64, I64, Bool
from proteomr.errors import FormatError, IdentifierError, nearest
from proteomr.io.blocks import FileColumn, ParquetMatrix, ParquetProteins, holds_numbers
from proteomr.io.conversion import convert_text
from proteomr.io.formats import IngestOptions, Source
from proteomr.io.identifiers import find_id_column, locate_ids, match_ids, normalise_ids
from proteomr.io.proteins import name_file
from proteomr.io.tables import infer_column
from proteomr.io.text import find_layout
from proteomr.io.ukbiobank.names import parse_name
from proteomr.io.ukbiobank.protein_names import (
    INSTANCE,
    find_eid,
    known_proteins,
    last_part,
    parse_protein,
    tells_instance,
)
from proteomr.tables import Drop, Precision, Proteins, find_columns

__all__ = ["KeyedProteins", "ProteinValues", "no_instance", "read_wide"]

_NEGATIVE: Final = r"^\s*-\s*\d"
_BLOCK: Final = 64
_LISTED: Final = 3


@dataclass(frozen=True, slots=True, eq=False)
class ProteinValues:
    """The measurements of one instance: who, and what.

    Parameters
    ----------
    ids : identifiers of the n people as text, sorted, none repeated.
    proteins : n people by p proteins, sorted by key.
    precision : in which the files hold the numbers.
    drops : who or what was left out, with reasons.
    notes : what a user should know of the files.
    """

    ids: pl.Series
    proteins: Proteins
    precision: Precision = "float64"
    drops: tuple[Drop, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class KeyedProteins:
    """Proteins of parquet files under other names than those of their columns.

    Parameters
    ----------
    names : names of the p proteins, in order.
    stored : the same proteins, in the same order, named as the files name them.
    """

    names: tuple[str, ...]
    stored: ParquetProteins

    @property
    def n(self) -> int:
        """Number of people."""
        return self.stored.n

    def read(self, columns: slice, /) -> F64:
        """Return the proteins of a slice, (n, b), Fortran-ordered, NaN = missing."""
        return self.stored.read(columns)

    def select_rows(self, rows: I64) -> KeyedProteins:
        """Return the same proteins for chosen people, in the order given; -1 is nobody."""
        return KeyedProteins(self.names, self.stored.select_rows(rows))

    def select_columns(self, names: Sequence[str]) -> KeyedProteins:
        """Return chosen proteins, in the order given.

        Raises
        ------
        ColumnError
            There is no protein of that name.
        """
        chosen = tuple(self.stored.columns[i] for i in find_columns(self.names, names))
        return KeyedProteins(
            tuple(names), ParquetProteins(self.stored.files, chosen, self.stored.rows)
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Table:
    """One opened file: its columns by protein, the people of the instance, and their rows."""

    matrix: ParquetMatrix
    columns: dict[str, str]
    ids: pl.Series
    rows: I64
    negative: int
    single: bool


@dataclass(slots=True)
class _Seen:
    """What was met while the files were opened."""

    notes: list[str] = field(default_factory=list[str])
    instances: set[int] = field(default_factory=set[int])
    other_rows: int = 0


def read_wide(sources: Sequence[Source], *, options: IngestOptions, scratch: Path) -> ProteinValues:
    r"""Return the proteins of one instance from one or several wide tables, joined on eid.

    Text is converted once to parquet in bounded memory; nothing of the matrix stays in memory.

    Parameters
    ----------
    sources : the files, csv, tsv or parquet.
    options : instance, and the name of the identifier where it is not eid.
    scratch : folder for converted files, which the caller removes after the last read.

    Raises
    ------
    FormatError
        A file is damaged, a protein is not numeric or stands twice, or none is of the instance.
    IdentifierError
        Identifiers are absent, missing, repeated, or shared by no other file.

    Examples
    --------
    >>> import tempfile
    >>> from proteomr.io.formats import open_source
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "olink.csv"
    ...     size = file.write_text("eid,gdf15,hla_dra\n1000012,1.5,\n1000001,2.5,0.25\n")
    ...     values = read_wide([open_source(file)], options=IngestOptions(), scratch=Path(folder))
    ...     values.proteins.names, values.proteins.read(slice(0, 1)).T.tolist()
    (('GDF15', 'HLA_DRA'), [[2.5, 1.5]])
    """
    path = min(source.path for source in sources)
    seen = _Seen()
    ordered = sorted(sources, key=lambda source: str(source.path))
    opened = [_open_table(source, options, scratch, seen) for source in ordered]
    tables = [table for table in opened if table is not None]
    if not tables:
        raise no_instance(options.instance, sorted(seen.instances), path)
    _refuse_shared(tables)
    ids = _join_people(tables, seen.notes)
    proteins = _join_proteins(tables, ids)
    measured = _find_measured(proteins)
    rows_kept = np.flatnonzero(measured).astype(np.int64)
    if not rows_kept.size:
        raise FormatError("nobody has a value of any protein", path=path)
    counts = (
        ("negative identifier: withdrawn", sum(table.negative for table in tables)),
        ("row of another instance", seen.other_rows),
        ("no value of any protein", int((~measured).sum())),
    )
    return ProteinValues(
        ids.filter(pl.Series(measured)),
        proteins.select_rows(rows_kept),
        "float32" if all(table.single for table in tables) else "float64",
        tuple(Drop("read", reason, count) for reason, count in counts if count),
        tuple(seen.notes),
    )


def no_instance(instance: int, there: Sequence[int], path: Path) -> FormatError:
    """Return the error for files without a measurement of the instance, which says what there is.

    Examples
    --------
    >>> print(no_instance(2, [0, 3], Path("olink.csv")))
    olink.csv: no measurement of instance 2; there are those of instance 0, 3 (--instance chooses)
    """
    if not there:
        return FormatError("no column is a protein of UK Biobank", path=path)
    listed = ", ".join(map(str, there))
    return FormatError(
        f"no measurement of instance {instance}; there are those of instance {listed} "
        "(--instance chooses)",
        path=path,
    )


def _open_table(
    source: Source, options: IngestOptions, scratch: Path, seen: _Seen
) -> _Table | None:
    """Open one file, or return None where it holds other instances alone."""
    path = source.path
    layout = None
    if source.kind == "text":
        layout = find_layout(path, compressed=source.compressed)
    names = layout.names if layout else ParquetMatrix(path).names
    with name_file(path):
        id_column = find_id_column(names, id_column=options.id_column or find_eid(names))
    columns = _choose_columns(names, id_column, options.instance, path, seen)
    if not columns:
        seen.notes.append(f"{path.name}: no protein of the instance; passed over")
        return None
    index = next((name for name in names if last_part(name) == INSTANCE), None)
    wanted = [*columns.values(), *([index] if index else [])]
    stored = path
    if layout is not None:
        stored = convert_text(
            layout, id_column=id_column, proteins=wanted, scratch=scratch, finite=True
        )
    matrix = ParquetMatrix(stored, reported_as=path)
    _refuse_text(matrix, wanted)
    taken = _take_instance(matrix, index, options.instance, seen)
    if not taken.any():
        seen.notes.append(f"{path.name}: nobody of the instance; passed over")
        return None
    if options.instance and not index and not any(map(tells_instance, columns.values())):
        seen.notes.append(
            f"{path.name}: nothing in it tells the instance; taken as instance {options.instance}"
        )
    ids = pl.Series(id_column, pl.from_arrow(matrix.read_column(id_column)))
    ids = infer_column(ids) if layout else ids
    negative = taken & _is_negative(ids)
    rows = np.flatnonzero(taken & ~negative).astype(np.int64)
    with name_file(path):
        _refuse_repeated(ids[rows])
        people = normalise_ids(ids[rows])
    kinds = (matrix.schema.field(name).type for name in columns.values())
    single = all(pa.types.is_float32(kind) for kind in kinds)
    return _Table(matrix, columns, people, rows, int(negative.sum()), single)


def _take_instance(matrix: ParquetMatrix, index: str | None, instance: int, seen: _Seen) -> Bool:
    """Return which rows are of the instance, all where no column tells."""
    if index is None:
        return np.ones(matrix.n, dtype=np.bool_)
    visits: F64 = np.empty((matrix.n, 1), order="F")
    matrix.read_block([index], np.arange(matrix.n, dtype=np.int64), visits)
    seen.instances.update(int(visit) for visit in np.unique(visits[np.isfinite(visits)]))
    taken: Bool = visits[:, 0] == instance
    seen.other_rows += int((~taken).sum())
    return taken


def _choose_columns(
    names: Sequence[str], id_column: str, instance: int, path: Path, seen: _Seen
) -> dict[str, str]:
    """Return the columns of the instance by the key of their protein."""
    chosen: dict[str, str] = {}
    passed: list[str] = []
    others = [name for name in names if name != id_column]
    for name in others:
        protein = parse_protein(name)
        if protein is None:
            passed.append(name)
            continue
        if protein.instance is not None:
            seen.instances.add(protein.instance)
        if protein.instance not in (None, instance):
            continue
        if protein.key in chosen:
            message = f"the protein stands in column {chosen[protein.key]!r} as well; remove one"
            raise FormatError(message, path=path, column=name)
        chosen[protein.key] = name
    passed = [
        name
        for name in passed
        if last_part(name) not in ("eid", INSTANCE) and parse_name(name) is None
    ]
    if passed and chosen:
        seen.notes.append(_describe_passed(passed, path))
    return chosen


def _join_proteins(tables: Sequence[_Table], ids: pl.Series) -> KeyedProteins:
    columns = {
        key: FileColumn(name, file)
        for file, table in enumerate(tables)
        for key, name in table.columns.items()
    }
    keys = tuple(sorted(columns))
    stored = ParquetProteins(
        tuple(table.matrix for table in tables),
        tuple(columns[key] for key in keys),
        tuple(_file_rows(ids, table) for table in tables),
    )
    return KeyedProteins(keys, stored)


def _describe_passed(passed: Sequence[str], path: Path) -> str:
    names = sorted(name.lower() for name in known_proteins())
    shown = ", ".join(f"{name!r}{nearest(name, names)}" for name in passed[:_LISTED])
    more = ", ..." if len(passed) > _LISTED else ""
    return (
        f"{path.name}: {len(passed)} columns are no protein of UK Biobank and were passed over: "
        f"{shown}{more}"
    )


def _refuse_repeated(ids: pl.Series) -> None:
    present = ids.drop_nulls()
    if repeated := present.len() - present.n_unique():
        raise IdentifierError(
            f"column {ids.name!r}: {repeated} duplicated identifiers among {ids.len()} rows; keep "
            "one row per person (--replicates is for the long file alone)"
        )


def _is_negative(ids: pl.Series) -> Bool:
    numeric = ids.dtype.is_numeric()
    negative = ids < 0 if numeric else ids.cast(pl.String).str.contains(_NEGATIVE)
    flags: Bool = negative.fill_null(value=False).to_numpy()
    return flags


def _refuse_text(matrix: ParquetMatrix, names: Sequence[str]) -> None:
    for name in names:
        kind = matrix.schema.field(name).type
        if not holds_numbers(kind):
            message = f"holds {kind} where the numbers of a protein are needed"
            raise FormatError(message, path=matrix.reported_as, column=name)


def _refuse_shared(tables: Sequence[_Table]) -> None:
    owner: dict[str, Path] = {}
    for table in tables:
        path = table.matrix.reported_as
        for key, name in table.columns.items():
            if key in owner:
                message = f"the protein stands in {owner[key]} as well; rename or remove one"
                raise FormatError(message, path=path, column=name)
            owner[key] = path


def _join_people(tables: Sequence[_Table], notes: list[str]) -> pl.Series:
    ids = tables[0].ids
    for table in tables[1:]:
        names = ("protein files before", f"file {table.matrix.reported_as}")
        match = match_ids(ids, table.ids, names=names)
        if match.only_right or match.only_left:
            notes.append(
                f"{table.matrix.reported_as.name}: {match.only_left} people of the files before "
                f"are not in it, {match.only_right} are in it alone"
            )
        ids = pl.concat([ids.alias("id"), table.ids.alias("id")]).unique()
    return ids.sort()


def _file_rows(ids: pl.Series, table: _Table) -> I64:
    position = locate_ids(ids, among=table.ids)
    return np.where(position < 0, -1, table.rows[position])


def _find_measured(proteins: Proteins) -> Bool:
    """Return who has a value of at least one protein, (n,); reads no further than it must."""
    blank: I64 = np.arange(proteins.n, dtype=np.int64)
    for start in range(0, len(proteins.names), _BLOCK):
        block = proteins.select_rows(blank).read(slice(start, start + _BLOCK))
        blank = blank[np.isnan(block).all(axis=1)]
        if not blank.size:
            break
    measured: Bool = np.ones(proteins.n, dtype=np.bool_)
    measured[blank] = False
    return measured
