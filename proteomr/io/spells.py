"""People with a row for each spell of their follow-up, and the proteins of each person."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from proteomr._typing import F64, I64
from proteomr.border import reads
from proteomr.errors import ColumnError, IdentifierError, InputError, UsageError, nearest
from proteomr.io.cohort import read_cohort
from proteomr.io.identifiers import find_id_column, locate_ids, spell_ids
from proteomr.io.people_choice import PeopleChoice, choose_people
from proteomr.io.proteins import Paths
from proteomr.io.tables import read_table
from proteomr.runs.notes import add_note
from proteomr.tables import Cohort, Drop, ProteinCovariate

__all__ = ["Spells", "read_spells"]

_SPELL: Final = "spell"


@dataclass(frozen=True, slots=True, eq=False)
class Spells:
    """Spells, each with the proteins of its person.

    Attributes
    ----------
    cohort : a row for each spell, in the order of people and of time.
    people : a row for each person.
    rows : ``(n,)``, position of the person of each spell.
    """

    cohort: Cohort
    people: Cohort
    rows: I64

    def repeat(self, covariate: ProteinCovariate) -> ProteinCovariate:
        """Return a covariate of the people as one of the spells."""
        return replace(covariate, values=covariate.values.select_rows(self.rows))


@reads
def read_spells(
    samples: str | Path,
    proteins: Paths,
    *,
    person: str,
    start: str,
    stop: str,
    scratch: Path,
    people: PeopleChoice | None = None,
    **files: Any,  # of read_cohort
) -> Spells:
    """Return the spells of those who have proteins, and count what overlaps and what is missing.

    Parameters
    ----------
    samples : a table with a row for each spell.
    proteins : of each person, as :func:`read_cohort` takes them.
    person : column of the samples that says whose spell it is.
    start, stop : columns of when a spell begins and ends.
    people : which spells are asked for; a condition is judged for each.
    files : as of :func:`read_cohort`.

    Raises
    ------
    InputError
        A file is not what it should be, or spells of one person overlap.
    """
    path = Path(samples)
    if path.is_dir():
        raise UsageError(f"{path}: a store has one row for each person; spells are a table")
    frame = read_table(path, id_column=person)
    name = find_id_column(frame.columns, id_column=person)
    ids = spell_ids(frame[name])
    if ids.null_count():
        raise IdentifierError(f"{path}: {ids.null_count()} spells have no {name!r}")
    for column in (start, stop):
        if column not in frame.columns:
            raise ColumnError(f"{path}: no column {column!r}{nearest(column, frame.columns)}")
    frame = frame.with_columns(ids.alias(name))
    drops: tuple[Drop, ...] = ()
    if people is not None:
        stay, drops = choose_people(frame, people, id_name=name, scratch=scratch, id_column=person)
        frame = frame.filter(stay)
    apiece = scratch / "people_of_spells.parquet"
    frame.unique(name, keep="first", maintain_order=True).write_parquet(apiece)
    of_people = read_cohort(apiece, proteins, scratch=scratch, id_column=person, **files)
    rows = locate_ids(frame[name], among=of_people.samples[of_people.id_column])
    frame = frame.with_columns(pl.Series("_row", rows)).filter(pl.Series(rows >= 0))
    frame = frame.sort("_row", start, stop)
    whose = frame["_row"].to_numpy()
    _check_spells(frame, whose, start, stop, path)
    key = _SPELL if _SPELL not in frame.columns else f"{_SPELL}_of_{name}"
    width = len(str(frame.height))
    numbers = pl.Series(key, [f"{i:0{width}d}" for i in range(frame.height)], dtype=pl.String)
    cohort = Cohort(
        samples=frame.drop("_row").with_columns(numbers),
        id_column=key,
        proteins=of_people.proteins.select_rows(whose),
        assays=of_people.assays,
        drops=(*drops, *of_people.drops),
        provenance=of_people.provenance,
        notes=of_people.notes,
    )
    return Spells(cohort, of_people, whose)


def _check_spells(frame: pl.DataFrame, whose: I64, start: str, stop: str, path: Path) -> None:
    """Refuse spells of a person that overlap; say how many people have gaps between theirs."""
    begins, ends = (_read_times(frame[column], path) for column in (start, stop))
    same = whose[1:] == whose[:-1]
    gap = begins[1:] - ends[:-1]
    overlapping = np.unique(whose[1:][same & (gap < 0.0)]).size
    if overlapping:
        raise InputError(
            f"{path}: spells of {overlapping:,} people overlap ({start!r} before the {stop!r} of "
            "the spell before), who would be at risk twice at once"
        )
    gaps = np.unique(whose[1:][same & (gap > 0.0)]).size
    if gaps:
        add_note(f"{gaps:,} people have gaps between their spells, in which they are not at risk")


def _read_times(column: pl.Series, path: Path) -> F64:
    if not column.dtype.is_numeric():
        raise ColumnError(f"{path}: time {column.name!r} is {column.dtype}, and must be a number")
    return np.array(column.cast(pl.Float64).to_numpy(), dtype=np.float64)
