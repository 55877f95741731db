"""People who have withdrawn their consent: left out, counted, and told in every run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from proteomr.errors import NothingToDo
from proteomr.io.listed_people import find_listed
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
    people = find_listed(ids, path, id_column=id_column, among=among)
    add_note(people.tell("withdrawn", effect=" and left out"))
    if people.rows.all():
        raise NothingToDo(f"all {ids.len()} people in the {among} have withdrawn")
    return Withdrawal(people.listed, people.rows, people.counts)
