"""A list of people met with those of a table: who is found, and what is told of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from proteomr.io.people_lists import locate_listed, read_people_list

__all__ = ["ListedPeople", "find_listed"]


@dataclass(frozen=True, slots=True, eq=False)
class ListedPeople:
    """What a list means for a table of people.

    Parameters
    ----------
    listed : the identifiers of the list.
    rows : which rows of the table belong to listed people.
    counts : how many are listed, found among the rows, and unknown there. This is all that an
        account of the run holds: no digest, which short lists would be guessed from.
    alike : how many unknown entries have the form of an identifier of the table.
    among : what the rows of the table are.
    """

    listed: pl.Series
    rows: pl.Series
    counts: Mapping[str, int]
    alike: int
    among: str

    def tell(self, word: str, *, effect: str = "") -> str:
        """Return the counts in a sentence, whatever they are: that nobody was found is news.

        Parameters
        ----------
        word : what the list is.
        effect : what becomes of those found, after their number.
        """
        unknown = self.counts["unknown"]
        told = (
            f"{word}: {self.counts['listed']:,} listed, {self.counts['found']:,} found among the "
            f"{self.rows.len():,} {self.among}{effect}, {unknown:,} unknown"
        )
        if not unknown:
            return told
        if not self.alike:
            return f"{told}, none of the form of the identifiers there: is it the right list?"
        return f"{told}, {self.alike:,} of them of the form of the identifiers there"


def find_listed(
    ids: pl.Series, path: str | Path, *, id_column: str | None = None, among: str = "samples"
) -> ListedPeople:
    r"""Return which rows of a table belong to the people of a list.

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

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile(suffix=".csv") as file:
    ...     size = file.write(b"1000001\n1000007\n")
    ...     file.flush()
    ...     people = find_listed(pl.Series(["1000001", "1000002"]), file.name)
    >>> people.rows.to_list(), dict(people.counts)
    ([True, False], {'listed': 2, 'found': 1, 'unknown': 1})
    """
    people = read_people_list(path, id_column=id_column)
    rows = locate_listed(ids, people, among=among)
    known = people.ids.is_in(ids.implode())
    found = int(known.sum())
    counts = {"listed": len(people), "found": found, "unknown": len(people) - found}
    return ListedPeople(people.ids, rows, counts, _count_alike(people.ids, known, ids), among)


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
