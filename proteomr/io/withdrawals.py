"""People who have withdrawn their consent: left out, counted, and told in every run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from proteomr.errors import NothingToDo
from proteomr.io.people_lists import locate_listed, read_people_list
from proteomr.runs.notes import add_note

__all__ = ["Withdrawal", "find_withdrawn"]

_MOST_MEGABYTES = 64  # two million people with a date each


@dataclass(frozen=True, slots=True, eq=False)
class Withdrawal:
    """What a list of withdrawals means for a table of people.

    Parameters
    ----------
    listed : the identifiers of the list.
    gone : which rows of the table belong to listed people.
    counts : how many are listed, found among the rows, and unknown there. This is all that an
        account of the run holds: no digest, which short lists would be guessed from.
    """

    listed: pl.Series
    gone: pl.Series
    counts: Mapping[str, int]

    @property
    def removed(self) -> int:
        """How many rows leave."""
        return int(self.gone.sum())


def find_withdrawn(
    ids: pl.Series, path: str | Path, *, id_column: str | None = None, among: str = "samples"
) -> Withdrawal:
    r"""Return who of a table has withdrawn, and how many are listed, found and unknown.

    The counts are said in a note, whatever they are: that nobody was found is news.

    Parameters
    ----------
    ids : normalised identifiers of the table.
    path : the list, one identifier a line.
    id_column : name of the identifier in its header, where it is not one of the usual names.
    among : what the rows of the table are, for messages.

    Raises
    ------
    InputError
        The list is absent, unreadable, or holds a line that is no identifier.
    IdentifierError
        An entry would be found in another spelling.
    NothingToDo
        Nobody is left.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile(suffix=".csv") as file:
    ...     size = file.write(b"1000001\n1000007\n")
    ...     file.flush()
    ...     withdrawal = find_withdrawn(pl.Series(["1000001", "1000002"]), file.name)
    >>> withdrawal.removed, dict(withdrawal.counts)
    (1, {'listed': 2, 'found': 1, 'unknown': 1})
    """
    people = read_people_list(path, id_column=id_column)
    gone = locate_listed(ids, people, among=among)
    known = people.ids.is_in(ids.implode())
    found = int(known.sum())
    counts = {"listed": len(people), "found": found, "unknown": len(people) - found}
    add_note(_tell(counts, among=among, n=ids.len(), alike=_count_alike(people.ids, known, ids)))
    if gone.all():
        raise NothingToDo(f"all {ids.len()} people in the {among} have withdrawn")
    return Withdrawal(people.ids, gone, counts)


def _tell(counts: Mapping[str, int], *, among: str, n: int, alike: int) -> str:
    unknown = counts["unknown"]
    told = (
        f"withdrawn: {counts['listed']:,} listed, {counts['found']:,} found among the {n:,} "
        f"{among} and left out, {unknown:,} unknown"
    )
    if not unknown:
        return told
    if not alike:
        return f"{told}, none of the form of the identifiers there: is it the right list?"
    return f"{told}, {alike:,} of them of the form of the identifiers there"


def _count_alike(listed: pl.Series, known: pl.Series, ids: pl.Series) -> int:
    """Return how many unknown entries have the form of an identifier: digits and letters alike."""
    forms = _forms(ids).unique()
    return int(_forms(listed.filter(~known)).is_in(forms.implode()).sum())


def _forms(ids: pl.Series) -> pl.Series:
    return (
        ids.str.replace_all(r"\d", "9")
        .str.replace_all(r"\p{Lu}", "A")
        .str.replace_all(r"\p{Ll}", "a")
    )
