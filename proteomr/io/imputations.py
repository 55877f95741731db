"""Samples that were multiply imputed: one table for each imputation."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import polars as pl

from proteomr.border import reads
from proteomr.errors import FormatError, IdentifierError
from proteomr.io.identifiers import find_id_column
from proteomr.io.protein_columns import list_columns
from proteomr.io.tables import read_table
from proteomr.tables import columns as c

__all__ = ["IMPUTATION", "split_imputations"]

IMPUTATION: Final = ".imp"
"""Column with the number of the imputation."""
_ROW: Final = ".id"
_NEEDED: Final = "mice's long form has the imputations 1, 2, ... of the same people, and perhaps 0"


@reads
def split_imputations(
    path: Path, *, scratch: Path, id_column: str | None = None
) -> tuple[Path, ...]:
    """Return the file of each imputation, or the file itself where it holds none.

    Multiply imputed samples are in the long form of ``mice::complete(action = "long")``: a column
    ``.imp`` with the number of the imputation from 1, 0 for the data before (left out here), and
    ``.id``, which is the identifier where no other one is there.

    Parameters
    ----------
    path : a table of samples.
    scratch : folder for the files.
    id_column : name of the identifier; None for the usual names, then ``.id``.

    Raises
    ------
    FormatError
        An imputation is missing, there is only one, or it is of other people than the first.
    """
    if not path.is_file() or IMPUTATION not in list_columns(path, scratch=scratch):
        return (path,)
    frame = read_table(path, id_column=id_column)
    name = _find_id(frame, id_column)
    numbers = frame[IMPUTATION].cast(pl.Int64, strict=False)
    _refuse_gaps(frame[IMPUTATION], numbers, path)
    files = []
    first: pl.Series | None = None
    for number in range(1, int(numbers.max()) + 1):  # type: ignore[arg-type]  # integers, checked
        part = frame.filter(numbers == number).drop(IMPUTATION)
        ids = part[name].sort()
        first = ids if first is None else first
        if not ids.equals(first):
            message = f"imputation {number} has other people than imputation 1; {_NEEDED}"
            raise FormatError(message, path=path, column=IMPUTATION)
        if name == _ROW:
            part = part.rename({_ROW: c.SAMPLE_ID})
        files.append(scratch / f"imputation{number}.parquet")
        part.write_parquet(files[-1])
    return tuple(files)


def _find_id(frame: pl.DataFrame, id_column: str | None) -> str:
    try:
        return find_id_column(frame.columns, id_column=id_column)
    except IdentifierError:
        if id_column is not None or _ROW not in frame.columns:
            raise
        return _ROW


def _refuse_gaps(given: pl.Series, numbers: pl.Series, path: Path) -> None:
    """Refuse numbers of imputations that are no whole numbers from 1 on, or a single one."""
    there = sorted(set(numbers.drop_nulls().to_list()))
    whole = numbers.null_count() == 0 and (numbers == given.cast(pl.Float64, strict=False)).all()
    last = there[-1] if there else 0
    if not whole or last < 1 or there[0] < 0:
        message = f"holds what is no number of an imputation; {_NEEDED}"
    elif last == 1:
        message = f"has one imputation, of which no variance between is known; {_NEEDED}"
    elif absent := sorted(set(range(1, last + 1)).difference(there)):
        missing = ", ".join(map(str, absent[:5]))
        message = f"has imputations up to {last} and lacks {missing}; {_NEEDED}"
    else:
        return
    raise FormatError(message, path=path, column=IMPUTATION)
