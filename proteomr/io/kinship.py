"""Kinship of people from a table of pairs or a square matrix, met with those of a cohort."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
import scipy  # its sparse part is imported on use: scans of unrelated people start sooner

from proteomr._typing import F64, I64, Bool
from proteomr.border import reads
from proteomr.errors import ColumnError, FormatError, IdentifierError, InputError, nearest
from proteomr.io.identifiers import locate_ids, spell_ids
from proteomr.io.tables import read_table
from proteomr.runs.notes import add_note
from proteomr.stats.relatedness import LARGEST_BLOCK, Relatedness

__all__ = ["read_kinship"]

_FIRST: Final = ("id1", "iid1")
_SECOND: Final = ("id2", "iid2")
# Columns of the coefficient phi, of which a relationship matrix has twice, and of that twice.
_PHI: Final = ("kinship", "phi")
_TWICE: Final = ("relatedness", "grm", "pi_hat")
# Halfway between the 0.5 and 1 that people have with themselves on the two scales.
_SELF: Final = 0.75
_SAME: Final = 1e-6  # pairs that stand twice, or both ways, in files of six digits


@reads
def read_kinship(path: str | Path, ids: pl.Series) -> Relatedness:
    r"""Return the relationship matrix, twice the kinship, of the people of a cohort.

    A table of pairs has columns ID1, ID2 and Kinship as KING writes them (twice of it is taken), or
    relatedness, grm or PI_HAT (taken as it is); who is in no pair has no relatives, and people have
    1 with themselves where no pair of one person says otherwise. A square matrix has the
    identifiers in its first column and its header; where people have about 0.5 with themselves it
    is of kinship and doubled, and who is not in it is left out. ``NAME.grm.gz`` of GCTA is read
    with the identifiers of ``NAME.grm.id``.

    Parameters
    ----------
    path : the file.
    ids : of the people, as text.

    Raises
    ------
    InputError
        The file is no such table, shares nobody with the cohort, contradicts itself, or is of a
        matrix that no people can have.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     file = Path(name) / "king.kin0"
    ...     size = file.write_text("ID1 ID2 Kinship\n1 2 0.25\n")
    ...     read_kinship(file, pl.Series("id", ["1", "2", "3"])).matrix.toarray().tolist()
    [[1.0, 0.5, 0.0], [0.5, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    path = Path(path)
    if path.name.endswith(".grm.gz"):
        found = _read_gcta(path, ids)
    else:
        frame = _read_named(path)
        lower = {name.lower().lstrip("#"): name for name in frame.columns}
        if any(name in lower for name in _FIRST):
            found = _read_pairs(path, frame, lower, ids)
        else:
            found = _read_square(path, frame, ids)
    _refuse_large(path, found)
    _refuse_indefinite(path, found)
    return found


def _read_named(path: Path) -> pl.DataFrame:
    """Read a table whose columns may be people, whom no message names."""
    try:
        return read_table(path)
    except FormatError as fault:
        known = (*_FIRST, *_SECOND, *_PHI, *_TWICE)
        if fault.column is None or fault.column.lower().lstrip("#") in known:
            raise
        said = str(fault).replace(f", column {fault.column!r}", ", a column", 1)
        raise FormatError(said.replace(repr(fault.column), "its name")) from None


def _read_pairs(
    path: Path, frame: pl.DataFrame, lower: dict[str, str], ids: pl.Series
) -> Relatedness:
    first = lower[next(name for name in _FIRST if name in lower)]
    second = next((lower[name] for name in _SECOND if name in lower), None)
    value = next((lower[name] for name in (*_PHI, *_TWICE) if name in lower), None)
    if second is None or value is None:
        hint = nearest("kinship", frame.columns)
        raise ColumnError(f"{path}: pairs need columns id1, id2 and kinship (or relatedness){hint}")
    times = 2.0 if value.lower() in _PHI else 1.0
    values = _as_numbers(path, frame[value]) * times
    left = locate_ids(spell_ids(frame[first]), among=ids)
    right = locate_ids(spell_ids(frame[second]), among=ids)
    add_note(f"kinship: {value} of {path.name} is taken {'twice' if times == 2.0 else 'as it is'}")
    return _fill(path, left, right, values, np.ones(ids.len(), dtype=bool))


def _fill(path: Path, left: I64, right: I64, values: F64, known: Bool) -> Relatedness:
    """Return the matrix of pairs, positions -1 being people who are not in the cohort."""
    there = (left >= 0) & (right >= 0)
    if not np.any(there):
        raise IdentifierError(
            f"{path}: no pair is of people of the samples; check that both use the same identifiers"
        )
    left, right, values = left[there], right[there], values[there]
    if missing := int(np.sum(np.isnan(values))):
        raise FormatError(f"{path}: {missing} pairs have no kinship; remove them")
    low, high = np.minimum(left, right), np.maximum(left, right)
    if below := int(np.sum((values < 0.0) & (low != high))):
        add_note(f"kinship: {below} pairs below 0 are taken for unrelated")
    values = np.where((values < 0.0) & (low != high), 0.0, values)
    n = known.size
    key, place = np.unique(low * n + high, return_inverse=True)
    smallest, largest = np.full(key.size, np.inf), np.full(key.size, -np.inf)
    np.minimum.at(smallest, place.ravel(), values)
    np.maximum.at(largest, place.ravel(), values)
    if clash := int(np.sum(largest - smallest > _SAME)):
        raise FormatError(
            f"{path}: {clash} pairs stand twice with unlike kinship; keep one of each"
        )
    low, high = np.divmod(key, n)
    own = low == high
    diagonal = np.ones(n)
    diagonal[low[own]] = largest[own]
    apart = ~own & (largest > 0.0)
    rows = np.concatenate([low[apart], high[apart], np.arange(n)])
    columns = np.concatenate([high[apart], low[apart], np.arange(n)])
    data = np.concatenate([largest[apart], largest[apart], diagonal])
    return Relatedness.of(scipy.sparse.csr_array((data, (rows, columns)), shape=(n, n)), known)


def _read_square(path: Path, frame: pl.DataFrame, ids: pl.Series) -> Relatedness:
    names = frame.columns[1:]
    if frame.height != len(names):
        raise FormatError(
            f"{path}: neither pairs (columns id1, id2, kinship) nor a square matrix with the "
            f"identifiers in its first column and its header: {frame.height} rows, "
            f"{len(names)} columns of numbers"
        )
    rows = spell_ids(frame[frame.columns[0]])
    header = pl.Series(names).str.strip_chars()
    if rows.n_unique() < rows.len():
        raise IdentifierError(f"{path}: an identifier stands twice among the rows")
    place = locate_ids(rows, among=header)
    if np.any(place < 0):
        raise FormatError(
            f"{path}: {int(np.sum(place < 0))} rows of the matrix have no column of their own"
        )
    values = np.column_stack([_as_numbers(path, frame[name]) for name in names])[:, place]
    if np.any(np.isnan(values)):
        raise FormatError(f"{path}: {int(np.sum(np.isnan(values)))} cells of the matrix are empty")
    gap = float(np.abs(values - values.T).max(initial=0.0))
    if gap > _SAME:
        raise FormatError(f"{path}: the matrix is not symmetric (by up to {gap:.2g})")
    at = locate_ids(ids, among=rows)
    return _take_known(path, 0.5 * (values + values.T), at)


def _take_known(path: Path, values: F64, at: I64) -> Relatedness:
    """Return the part of a matrix that is of the cohort; ``at (n,)`` is -1 for who is not in it."""
    known = at >= 0
    if not np.any(known):
        raise IdentifierError(
            f"{path}: nobody of the samples is in the matrix; check that both use the same "
            "identifiers"
        )
    doubled = float(np.median(np.diagonal(values))) < _SELF
    values = values * (2.0 if doubled else 1.0)
    people = "about 0.5 with themselves and is doubled" if doubled else "about 1 with themselves"
    add_note(f"kinship: the matrix {path.name} has people at {people}")
    n = at.size
    where = np.flatnonzero(known)
    part = scipy.sparse.coo_array(values[np.ix_(at[where], at[where])])
    rows = np.concatenate([where[part.row], np.flatnonzero(~known)])
    columns = np.concatenate([where[part.col], np.flatnonzero(~known)])
    data = np.concatenate([part.data, np.ones(n - where.size)])
    return Relatedness.of(scipy.sparse.csr_array((data, (rows, columns)), shape=(n, n)), known)


def _read_gcta(path: Path, ids: pl.Series) -> Relatedness:
    listed = path.with_name(path.name.removesuffix(".gz") + ".id")
    if not listed.is_file():
        raise InputError(f"{path}: its identifiers, {listed.name}, are not beside it")
    people, cells = _read_bare(listed), _read_bare(path)
    if people.width < 2 or cells.width != 4:
        raise FormatError(f"{path}: four columns are needed, and two of {listed.name}")
    own = spell_ids(people[people.columns[1]])
    size = own.len()
    low, high = (cells[cells.columns[place]].to_numpy().astype(np.int64) - 1 for place in (0, 1))
    if cells.height and (min(low.min(), high.min()) < 0 or max(low.max(), high.max()) >= size):
        raise FormatError(f"{path}: a pair is of nobody in {listed.name}")
    values = np.full((size, size), np.nan)
    values[low, high] = values[high, low] = cells[cells.columns[3]].to_numpy().astype(np.float64)
    if np.any(np.isnan(values)):
        raise FormatError(f"{path}: {int(np.isnan(values).sum())} cells of the matrix are empty")
    return _take_known(path, values, locate_ids(ids, among=own))


def _read_bare(path: Path) -> pl.DataFrame:
    """Return a table that tabs part and no header names."""
    return pl.read_csv(path, has_header=False, separator="\t", infer_schema_length=None, glob=False)


def _as_numbers(path: Path, column: pl.Series) -> F64:
    if not column.dtype.is_numeric():
        raise FormatError(f"{path}: the kinship holds text, and numbers are needed")
    numbers = np.array(column.cast(pl.Float64).fill_null(float("nan")).to_numpy())
    if infinite := int(np.sum(np.isinf(numbers))):
        raise FormatError(f"{path}: the kinship is infinite for {infinite} pairs")
    return numbers


def _refuse_large(path: Path, found: Relatedness) -> None:
    order, starts = found.list_blocks()
    largest = int(np.diff(np.append(starts, order.size)).max())
    if largest > LARGEST_BLOCK:
        raise InputError(
            f"{path}: {largest:,} people are related to one another by chains of pairs, at most "
            f"{LARGEST_BLOCK:,} can be; keep pairs of relatives alone (kinship above 0.044)"
        )


def _refuse_indefinite(path: Path, found: Relatedness) -> None:
    smallest, size = found.find_smallest()
    if smallest < -1e-6:
        raise InputError(
            f"{path}: {size} relatives have a matrix with the eigenvalue {smallest:.2g}, which no "
            "people can have; pairs between them are missing, or are not of one scale"
        )
