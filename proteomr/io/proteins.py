"""Protein matrices opened from files, to be read by blocks of columns."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

import polars as pl

from proteomr.border import reads
from proteomr.errors import FormatError, IdentifierError
from proteomr.io.blocks import FileColumn, ParquetMatrix, ParquetProteins, holds_numbers
from proteomr.io.conversion import convert_text, unpack_parquet
from proteomr.io.identifiers import (
    ROW_NAMES,
    find_id_column,
    locate_ids,
    match_ids,
    normalise_ids,
)
from proteomr.io.sources import find_files, inspect_file
from proteomr.io.tables import infer_column
from proteomr.io.text import find_layout
from proteomr.runs import Data, Source

__all__ = ["Paths", "ProteinFiles", "list_proteins", "name_file", "open_proteins"]

_FAMILY: Final = "FID"
_PERSON: Final = ("IID", "#IID")  # beside it PLINK and REGENIE have the family, which is no protein
_LISTED: Final = 5

Paths: TypeAlias = str | Path | Sequence[str | Path]


def list_proteins(proteins: Data | Sequence[Data]) -> tuple[Source, ...]:
    """Return proteins, as a user names them, as inputs of a job.

    Parameters
    ----------
    proteins : paths, quoted globs or frames; one or several, or none.

    Raises
    ------
    InputError
        A glob names no file.

    Examples
    --------
    >>> [source.name for source in list_proteins(["cardiometabolic.csv", "neurology.csv"])]
    ['cardiometabolic.csv', 'neurology.csv']
    """
    several = list(proteins) if isinstance(proteins, list | tuple) else [proteins]
    sources: list[Source] = []
    for place, data in enumerate(several):
        if isinstance(data, str | Path):
            sources += [Source.of(path) for path in find_files([Path(data)])]
        else:
            sources.append(Source.of(data, name=f"proteins{place + 1}"))
    return tuple(sources)


@dataclass(frozen=True, slots=True, eq=False)
class ProteinFiles:
    """People and proteins of one or several files, joined.

    Parameters
    ----------
    ids : identifiers of the n people as text, none repeated, in the order of the first file.
    proteins : n people by p proteins, in the order of the files and their columns.
    paths : the files.
    excluded : names of columns passed over on request, in order of appearance.
    """

    ids: pl.Series
    proteins: ParquetProteins
    paths: tuple[Path, ...]
    excluded: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Opened:
    matrix: ParquetMatrix
    ids: pl.Series
    proteins: tuple[str, ...]
    excluded: tuple[str, ...]


def open_proteins(
    paths: Paths,
    *,
    scratch: Path,
    id_column: str | None = None,
    exclude: Collection[str] = (),
    remedy: str = "",
) -> ProteinFiles:
    r"""Return the proteins of wide files, one column each, joined on the identifier.

    Parquet is read in place, by blocks of columns. Text is converted once to parquet in the
    scratch folder. A person whom one of several files lacks has missing values there.

    Parameters
    ----------
    paths : a file, several, or a quoted glob; parquet, csv or tsv, each also gz.
    scratch : folder for converted files; the caller removes it after the last read.
    id_column : name of the identifier column in every file; None for the usual names.
    exclude : names of columns that are no proteins.
    remedy : what else a user may do about a column with text, for the message.

    Raises
    ------
    InputError
        A file is absent or may not be read.
    FormatError
        A file is damaged, a protein is not numeric, stands in two files, or there is none.
    IdentifierError
        Identifiers are absent, missing, repeated, or shared by no other file.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "olink.csv"
    ...     size = file.write_text("ID,ADM,GDF15\n7,1.5,NA\n8,2.5,Inf\n")
    ...     opened = open_proteins(file, scratch=Path(folder))
    ...     opened.proteins.names, opened.proteins.read(slice(0, 2)).tolist()
    (('ADM', 'GDF15'), [[1.5, nan], [2.5, inf]])
    """
    files = find_files(paths)
    opened = [
        _open_file(path, scratch=scratch, id_column=id_column, exclude=exclude, remedy=remedy)
        for path in files
    ]
    _refuse_shared_names(opened)
    ids = opened[0].ids
    for other in opened[1:]:
        names = ("protein files before", f"file {other.matrix.reported_as}")
        match = match_ids(ids, other.ids, names=names)
        if match.only_right:
            ids = pl.concat([ids, other.ids.filter(~other.ids.is_in(ids.implode()))])
    columns = tuple(
        FileColumn(name, file) for file, part in enumerate(opened) for name in part.proteins
    )
    rows = tuple(locate_ids(ids, among=part.ids) for part in opened)
    proteins = ParquetProteins(tuple(part.matrix for part in opened), columns, rows)
    excluded = dict.fromkeys(name for part in opened for name in part.excluded)
    return ProteinFiles(ids, proteins, files, tuple(excluded))


@contextmanager
def name_file(path: str | Path) -> Iterator[None]:
    """Put the name of a file before what is wrong with its identifiers."""
    try:
        yield
    except IdentifierError as fault:
        raise IdentifierError(f"{path}: {fault}") from None


@reads
def _open_file(
    path: Path, *, scratch: Path, id_column: str | None, exclude: Collection[str], remedy: str
) -> _Opened:
    kind, compressed = inspect_file(path)
    if kind == "text":
        layout = find_layout(path, compressed=compressed, id_column=id_column)
        name, proteins, excluded = _split_columns(layout.names, path, id_column, exclude)
        stored = convert_text(
            layout, id_column=name, proteins=proteins, scratch=scratch, remedy=remedy
        )
        matrix = ParquetMatrix(stored, reported_as=path)
    else:
        stored = unpack_parquet(path, scratch=scratch) if compressed else path
        matrix = ParquetMatrix(stored, reported_as=path)
        name, proteins, excluded = _split_columns(matrix.names, path, id_column, exclude)
        _refuse_text(matrix, proteins, remedy)
    ids = pl.Series(name, pl.from_arrow(matrix.read_column(name)))
    with name_file(path):
        ids = normalise_ids(infer_column(ids) if kind == "text" else ids)
    if not len(ids):
        raise FormatError("a header and no rows", path=path)
    return _Opened(matrix, ids, proteins, excluded)


def _split_columns(
    names: Sequence[str], path: Path, id_column: str | None, exclude: Collection[str]
) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    with name_file(path):
        id_name = find_id_column(names, id_column=id_column)
    others = [name for name in names if name != id_name]
    left_out = {*exclude, ROW_NAMES}
    if id_name in _PERSON:
        left_out.add(_FAMILY)
    proteins = tuple(name for name in others if name not in left_out)
    if not proteins:
        what = (
            f"besides the identifier and the columns of the samples ({', '.join(others[:_LISTED])})"
            if others
            else "besides the identifier"
        )
        raise FormatError(f"no protein columns {what}", path=path)
    return id_name, proteins, tuple(name for name in others if name in left_out)


def _refuse_text(matrix: ParquetMatrix, proteins: Sequence[str], remedy: str) -> None:
    for name in proteins:
        kind = matrix.schema.field(name).type
        if not holds_numbers(kind):
            message = f"holds {kind} where numbers are needed; a protein matrix has only the "
            raise FormatError(
                f"{message}identifier and numbers{remedy}", path=matrix.reported_as, column=name
            )


def _refuse_shared_names(opened: Sequence[_Opened]) -> None:
    owner: dict[str, Path] = {}
    for part in opened:
        path = part.matrix.reported_as
        for name in part.proteins:
            if name in owner:
                message = f"the protein stands in {owner[name]} as well; rename or remove one"
                raise FormatError(message, path=path, column=name)
            owner[name] = path
