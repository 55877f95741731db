"""Person identifiers: found, made comparable as text, and matched between files."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import polars as pl

from proteomr._typing import I64
from proteomr.errors import IdentifierError, nearest

__all__ = [
    "ID_COLUMNS",
    "ROW_NAMES",
    "Match",
    "find_id_column",
    "find_respelt",
    "locate_ids",
    "match_ids",
    "normalise_ids",
    "refuse_other_spelling",
    "spell_ids",
]

ROW_NAMES: Final = "row_names"
"""What a first column without a name is called where it is the identifier."""
ID_COLUMNS: Final = (
    "sample_id",
    "eid",
    "IID",
    "ID",
    "SampleID",
    "participant.eid",
    "participant_eid",
    "f.eid",
    ROW_NAMES,
    "f_eid",
    "n_eid",
    "userId",
    "Participant ID",
    "Encoded anonymised participant ID",
)
_WRITTEN: Final = "id"
"""What our own tables of people, such as eigenproteins, call their first column."""
_EXACT_WHOLE: Final = 2**53
_LISTED: Final = 8
_PERSONAL: Final = re.compile(r"\d{3}")


def find_id_column(columns: Sequence[str], *, id_column: str | None = None) -> str:
    """Return the name of the identifier column.

    Parameters
    ----------
    columns : the columns there are.
    id_column : the one named by the user; None for the first of sample_id, eid, IID, ID,
        SampleID, and the spellings of eid in exports of UK Biobank.

    Raises
    ------
    IdentifierError
        The column named is absent, or none of the usual names is there.

    Examples
    --------
    >>> find_id_column(["age", "eid", "ID"])
    'eid'
    """
    shown = _show(columns)
    if id_column is not None:
        if id_column not in columns:
            hint = nearest(id_column, columns)
            raise IdentifierError(f"no identifier column {id_column!r}{hint}; columns: {shown}")
        return id_column
    for name in ID_COLUMNS:
        if name in columns:
            return name
    if columns and columns[0] == _WRITTEN:
        return _WRITTEN
    hint = next(filter(None, (nearest(name, columns[:_LISTED]) for name in ID_COLUMNS[:5])), "")
    wanted = ", ".join(ID_COLUMNS[:5])
    raise IdentifierError(
        f"no identifier column: name it with --id, or call it one of {wanted}{hint}; "
        f"columns: {shown}"
    )


def _show(columns: Sequence[str]) -> str:
    """Return the first names, without those that may be a person's: a table may be turned."""
    harmless = [name for name in columns[:_LISTED] if not _PERSONAL.search(name)]
    return ", ".join(harmless) + (", ..." if len(harmless) < len(columns) else "")


def normalise_ids(ids: pl.Series) -> pl.Series:
    """Return identifiers as text that compares equal between files.

    Whole numbers become their decimal text, floats likewise where they are whole and below 2^53;
    text is trimmed and keeps its leading zeros.

    Parameters
    ----------
    ids : one per row.

    Raises
    ------
    IdentifierError
        Identifiers are missing, not whole, of a kind that is no identifier, or repeated after
        all this; with the count.

    Examples
    --------
    >>> import polars as pl
    >>> normalise_ids(pl.Series("ID", [7.0, 1e6])).to_list()
    ['7', '1000000']
    """
    text = spell_ids(ids)
    if missing := int((text.is_null() | (text == "")).sum()):
        raise IdentifierError(
            f"column {ids.name!r}: {missing} of {ids.len()} rows have no identifier; remove them"
        )
    if repeated := text.len() - text.n_unique():
        spelling = " after trimming" if ids.n_unique() == ids.len() else ""
        raise IdentifierError(
            f"column {ids.name!r}: {repeated} duplicated identifiers{spelling} "
            f"among {ids.len()} rows; keep one row per person, or, of repeated measures, give "
            "each sample an identifier of its own"
        )
    return text


def spell_ids(ids: pl.Series) -> pl.Series:
    """Return identifiers as trimmed text, repeated or missing ones too.

    Raises
    ------
    IdentifierError
        They are not whole numbers, or of a kind that is no identifier.

    Examples
    --------
    >>> spell_ids(pl.Series([7.0, 7.0])).to_list()
    ['7', '7']
    """
    return _as_text(ids).str.strip_chars()


@dataclass(frozen=True, slots=True, eq=False)
class Match:
    """Which rows of two files are the same people.

    Parameters
    ----------
    left, right : positions of the shared people in each file, (m,), in the order of the left.
    only_left, only_right : people in one file alone.
    row : position in the right of each row of the left, -1 where it is not there.
    """

    left: I64
    right: I64
    only_left: int
    only_right: int
    row: I64


def match_ids(left: pl.Series, right: pl.Series, *, names: tuple[str, str]) -> Match:
    """Return the rows of two files that are the same people, by the exact text.

    Parameters
    ----------
    left, right : normalised identifiers, none repeated.
    names : what the two files are called in a message.

    Raises
    ------
    IdentifierError
        No identifier is shared; or fewer than half are, while another spelling of the same
        identifiers (zeros in front, decimals, a prefix, spaces, letter case) would match more.

    Examples
    --------
    >>> import polars as pl
    >>> samples, proteins = pl.Series(["1", "2"]), pl.Series(["2", "3"])
    >>> match = match_ids(samples, proteins, names=("samples", "proteins"))
    >>> match.left.tolist(), match.right.tolist(), match.only_left
    ([1], [0], 1)
    """
    row = locate_ids(left, among=right)
    is_shared = row >= 0
    shared = int(is_shared.sum())
    if 2 * shared < min(left.len(), right.len()):
        refuse_other_spelling(left, right, shared=shared, names=names)
    if not shared:
        raise IdentifierError(
            f"no identifier is shared: {left.len()} in the {names[0]}, {right.len()} in the "
            f"{names[1]}; check that both use the same identifiers (--id names the column)"
        )
    return Match(
        left=np.flatnonzero(is_shared).astype(np.int64),
        right=row[is_shared],
        only_left=left.len() - shared,
        only_right=right.len() - shared,
        row=row,
    )


def locate_ids(ids: pl.Series, *, among: pl.Series) -> I64:
    """Return the position of each identifier in another column, -1 where it is not there.

    Parameters
    ----------
    ids : the identifiers looked for.
    among : the identifiers there are, none repeated.

    Examples
    --------
    >>> import polars as pl
    >>> locate_ids(pl.Series(["b", "c"]), among=pl.Series(["a", "b"])).tolist()
    [1, -1]
    """
    if ids.len() == among.len() and ids.equals(among):  # as files of one store or export have them
        return np.arange(ids.len())
    lookup = pl.DataFrame({"id": among}).with_row_index("row")
    wanted = pl.DataFrame({"id": ids}).with_row_index("order")
    positions = wanted.join(lookup, on="id", how="left").sort("order")["row"]
    return positions.cast(pl.Int64).fill_null(-1).to_numpy().astype(np.int64)


def _as_text(ids: pl.Series) -> pl.Series:
    if ids.dtype.is_integer():
        return ids.cast(pl.String)
    if ids.dtype.is_float():
        numbers = ids.fill_nan(None)
        broken = int(((numbers != numbers.round(0)) | (numbers.abs() >= _EXACT_WHOLE)).sum())
        if broken:
            raise IdentifierError(
                f"column {ids.name!r}: {broken} identifiers are not whole numbers below 2^53; "
                "store identifiers as text or whole numbers"
            )
        return numbers.cast(pl.Int64).cast(pl.String)
    if isinstance(ids.dtype, pl.String | pl.Categorical | pl.Enum):
        return ids.cast(pl.String)
    raise IdentifierError(
        f"column {ids.name!r} holds {ids.dtype}; identifiers are text or whole numbers"
    )


_DECIMAL: Final = r"^[+-]?\d+(\.\d*)?([eE][+-]?\d+)?$"


def _without_decimals(ids: pl.Series) -> pl.Series:
    number = ids.set(~ids.str.contains(_DECIMAL), None).cast(pl.Float64, strict=False)
    whole = number.set((number.abs() >= _EXACT_WHOLE).fill_null(value=True), None)
    return whole.round(0).cast(pl.Int64).cast(pl.String).fill_null(ids)


_Spelling: TypeAlias = tuple[str, str, Callable[[pl.Series], pl.Series]]
_SPELLINGS: Final[tuple[_Spelling, ...]] = (
    (
        "zeros in front",
        "write the identifiers with the same number of digits in both",
        lambda ids: ids.str.replace(r"^0+(\d)", "${1}"),
    ),
    (
        "identifiers written as decimals (12.0 or 1e+06)",
        "write them as whole numbers",
        _without_decimals,
    ),
    (
        "spaces inside the identifiers",
        "remove them",
        lambda ids: ids.str.replace_all(r"[\s\x{a0}]+", ""),
    ),
    (
        "upper and lower case",
        "use one of them in both",
        lambda ids: ids.str.to_lowercase(),
    ),
    (
        "a prefix before the number",
        "remove it, or add it in the other file",
        lambda ids: ids.str.replace(r"^.*?0*(\d+)$", "${1}"),
    ),
    (
        "a suffix after the number",
        "remove it, or add it in the other file",
        lambda ids: ids.str.replace(r"^(\d+)\D.*$", "${1}"),
    ),
)


_FAITHFUL: Final = 4  # of the spellings above: two identifiers that they make equal are the same
_SIGNS: Final[_Spelling] = (
    "a sign or a mark around the identifier",
    "remove it",
    lambda ids: ids.str.strip_chars("+.:/#@_"),
)


def find_respelt(entries: pl.Series, *, among: pl.Series) -> tuple[str, str, pl.Series] | None:
    """Return which entries are identifiers of a table in another spelling; None without any.

    A prefix, a suffix or a mark counts where one of the two has it: that ``A12`` and ``B12`` have a
    number in common is not enough.

    Parameters
    ----------
    entries : identifiers that are not among those of the table.
    among : those of the table.

    Returns
    -------
    how they differ, the remedy, and the entries.

    Examples
    --------
    >>> find_respelt(pl.Series(["007", "8"]), among=pl.Series(["7", "9"]))[0]
    'zeros in front'
    """
    entries = entries.filter(~entries.str.contains(r"^-\d+$"))  # placeholders of UK Biobank
    if not entries.len():
        return None
    for place, (what, remedy, respell) in enumerate((*_SPELLINGS, _SIGNS)):
        mine, theirs = respell(entries), respell(among)
        if place < _FAITHFUL:
            same = mine.is_in(theirs.implode())
        else:
            changed = theirs.filter(theirs != among)
            same = mine.is_in(among.implode()) | entries.is_in(changed.implode())
        if same.any():
            return what, remedy, entries.filter(same)
    exact = among.str.contains(r"^\d+$").all()
    rounded = entries.filter(entries.str.contains(r"^[+-]?\d(\.\d+)?[eE][+-]?\d+$"))
    if exact and rounded.len():
        what = "digits that a spreadsheet has rounded off (1.00E+06)"
        return what, "write the identifiers as whole numbers", rounded
    return None


def refuse_other_spelling(
    left: pl.Series, right: pl.Series, *, shared: int, names: tuple[str, str]
) -> None:
    """Raise where the same identifiers are spelt in two ways.

    Parameters
    ----------
    left, right : normalised identifiers.
    shared : how many are shared as they are spelt.
    names : what the two files are called in a message.

    Raises
    ------
    IdentifierError
        Another spelling would match more than twice as many, and half of the smaller file.
    """
    for what, remedy, respell in _SPELLINGS:
        ours, theirs = respell(left).unique(), respell(right).unique()
        would = int(ours.is_in(theirs.implode()).sum())
        if would > 2 * shared and 2 * would >= min(left.len(), right.len()):
            raise IdentifierError(
                f"{shared} identifiers are shared: {left.len()} in the {names[0]}, {right.len()} "
                f"in the {names[1]}; {would} would be but for {what}: {remedy}"
            )
