"""People by themselves, without proteins: who has not withdrawn and is asked for."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from proteomr.errors import InputError
from proteomr.io.cohort import choose_id, read_samples
from proteomr.io.people_choice import PeopleChoice, choose_people
from proteomr.io.store import is_store
from proteomr.io.withdrawals import find_withdrawn
from proteomr.tables import WITHDRAWN, Drop

__all__ = ["read_people"]

_STEP = "load"


def read_people(
    path: Path,
    *,
    scratch: Path,
    id_column: str | None = None,
    withdrawn: Path | None = None,
    people: PeopleChoice | None = None,
) -> tuple[pl.DataFrame, str, tuple[Drop, ...]]:
    """Return the people of a table, sorted by identifier, its name, and who was left out.

    Parameters
    ----------
    path : one row per person; or a store.
    scratch : folder for lists that are frames.
    id_column : name of the identifier; None for the usual names.
    withdrawn : identifiers of people who have withdrawn.
    people : who is asked for.

    Raises
    ------
    InputError
        The table cannot be read, or nobody is left.
    IdentifierError
        Identifiers are absent, missing or repeated.
    """
    file = path / "samples.parquet" if path.is_dir() else path
    if path.is_dir() and not is_store(path):
        raise InputError(f"{path}: a folder that is no store; name a table of people")
    frame, name = read_samples(file, id_column=choose_id(file, id_column))
    drops: list[Drop] = []
    if withdrawn is not None:
        found = find_withdrawn(frame[name], withdrawn, id_column=id_column)
        drops.append(Drop(_STEP, WITHDRAWN, int(found.gone.sum())))
        frame = frame.filter(~found.gone)
    if people is not None and frame.height:
        stay, unasked = choose_people(
            frame, people, id_name=name, scratch=scratch, id_column=id_column
        )
        frame = frame.filter(stay)
        drops += unasked
    if not frame.height:
        raise InputError(f"{path}: everybody has withdrawn")
    return frame.sort(name), name, tuple(drops)
