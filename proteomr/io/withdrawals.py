"""People who have withdrawn their consent."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import polars as pl

from proteomr.border import reads
from proteomr.errors import FormatError, NothingToDo
from proteomr.io.bounds import read_whole
from proteomr.io.identifiers import ID_COLUMNS, refuse_other_spelling
from proteomr.io.sources import inspect_file

__all__ = ["read_withdrawn", "remove_withdrawn"]

_MOST_MEGABYTES = 64  # two million people with a date each


@reads
def read_withdrawn(path: str | Path, *, id_column: str | None = None) -> pl.Series:
    r"""Return the identifiers of a list of withdrawals, one a line, as text.

    Parameters
    ----------
    path : text with the identifier first on each line, or under a known header; also gz.
    id_column : name of the identifier in the header, where it is not one of the usual names.

    Raises
    ------
    InputError
        The file is absent, unreadable or empty.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile(suffix=".csv") as file:
    ...     size = file.write(b"1000001\n1000002,2021-05-01\n")
    ...     file.flush()
    ...     read_withdrawn(file.name).len()
    2
    """
    path = Path(path)
    kind, compressed = inspect_file(path)
    if kind == "parquet":
        raise FormatError("is parquet; withdrawals are text, one identifier a line", path=path)
    content = read_whole(path, compressed=compressed, megabytes=_MOST_MEGABYTES)
    text = content.decode("utf-8-sig", errors="replace").replace(";", ",").replace("\t", ",")
    rows = [row for row in csv.reader(io.StringIO(text, newline="")) if row and row[0].strip()]
    if not rows:
        raise FormatError("holds no identifier", path=path)
    id_names = (id_column,) if id_column is not None else ID_COLUMNS
    header = [name.strip() for name in rows[0]]
    position = next((header.index(name) for name in id_names if name in header), None)
    listed = rows if position is None else rows[1:]
    place = position or 0
    ids = {row[place].strip() for row in listed if len(row) > place}
    return pl.Series("id", sorted(ids - {""}), dtype=pl.String)


def remove_withdrawn(frame: pl.DataFrame, withdrawn: pl.Series, *, id_column: str) -> pl.DataFrame:
    """Return the rows of people who have not withdrawn.

    Parameters
    ----------
    frame : one row per person, with normalised identifiers.
    withdrawn : identifiers to leave out; may be empty.
    id_column : name of the identifier in the frame.

    Raises
    ------
    NothingToDo
        Nobody is left.
    IdentifierError
        No identifier of the list is found, but would be in another spelling.

    Examples
    --------
    >>> people = pl.DataFrame({"eid": ["1", "2"], "age": [50, 61]})
    >>> remove_withdrawn(people, pl.Series(["2"]), id_column="eid").height
    1
    """
    remaining = frame.filter(~pl.col(id_column).is_in(withdrawn.implode()))
    removed = frame.height - remaining.height
    if not remaining.height:
        raise NothingToDo(f"all {removed} people in the samples have withdrawn")
    if withdrawn.len() and not removed:
        names = ("samples", "list of withdrawals")
        refuse_other_spelling(frame[id_column], withdrawn, shared=0, names=names)
    return remaining
