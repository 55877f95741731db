"""Who of a table of people is analysed: a condition, a list of those to keep, one to remove."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import polars as pl

from proteomr.design import Condition, parse_condition
from proteomr.errors import InputError, UsageError, printable
from proteomr.io.identifiers import ID_COLUMNS
from proteomr.io.listed_people import find_listed
from proteomr.runs import Source
from proteomr.runs.notes import add_note
from proteomr.runs.request import Data
from proteomr.tables import CHOSEN_PEOPLE, Drop, Fields, Measurements
from proteomr.tables import columns as c

__all__ = ["PeopleChoice", "choose_participants", "choose_people", "choose_samples"]


@dataclass(frozen=True, slots=True)
class PeopleChoice:
    """Who is analysed, of the people there are.

    Attributes
    ----------
    where : a condition on the columns of the people, see :mod:`proteomr.design.conditions`; who
        is kept is whom it is true of.
    keep : identifiers of those to keep; None for all.
    remove : identifiers of those to leave out.

    Raises
    ------
    UsageError
        The condition is no text, or outside the grammar.
    """

    where: str | None = None
    keep: Source | None = None
    remove: Source | None = None

    def __post_init__(self) -> None:
        self.read_condition()

    @classmethod
    def of(
        cls, *, where: str | None = None, keep: Data | None = None, remove: Data | None = None
    ) -> Self:
        """Take a condition, and lists as paths or frames.

        Examples
        --------
        >>> PeopleChoice.of(where="age >= 60", keep="trios.txt").keep.lists_people
        True
        """
        return cls(
            where,
            Source.of_people(keep, name="keep"),
            Source.of_people(remove, name="remove"),
        )

    def read_condition(self) -> Condition | None:
        """Return the condition, parsed; None without one."""
        if self.where is None:
            return None
        given: object = self.where
        if not isinstance(given, str):
            raise UsageError(f"where: a condition is a text, not a {type(given).__name__}")
        return parse_condition(given)


def choose_people(
    people: pl.DataFrame,
    choice: PeopleChoice,
    *,
    id_name: str,
    scratch: Path,
    id_column: str | None = None,
    among: str = "samples",
) -> tuple[pl.Series, tuple[Drop, ...]]:
    """Return which rows stay (booleans), and how many leave for which reason.

    Each person who leaves counts once: for the list of those to keep, for that of those to remove,
    then for the condition.

    Parameters
    ----------
    people : a row for each person who has not withdrawn.
    id_name : the column of their identifiers, normalised.
    scratch : folder for lists that are frames.
    id_column : name of the identifier in the headers of the lists; None for the usual names.
    among : what the rows are, for messages.

    Raises
    ------
    InputError
        A list cannot be read, a column of the condition is not there, or nobody is left.
    UsageError
        The condition compares what cannot be compared.

    Examples
    --------
    >>> people = pl.DataFrame({"id": ["1", "2", "3"], "age": [50, 61, None]})
    >>> rows, drops = choose_people(
    ...     people, PeopleChoice("age >= 60"), id_name="id", scratch=Path())
    >>> rows.to_list(), [(drop.reason, drop.n) for drop in drops][0]
    ([False, True, False], ('where age >= 60: not true', 1))
    """
    stay = pl.repeat(value=True, n=people.height, dtype=pl.Boolean, eager=True)
    drops: list[Drop] = []
    for lost, reason in _find_lost(people, choice, id_name, scratch, id_column, among):
        drops.append(Drop(CHOSEN_PEOPLE, reason, int((stay & lost).sum())))
        stay &= ~lost
    if drops and not stay.any():
        said = "; ".join(f"{drop.n:,} {drop.reason}" for drop in drops if drop.n)
        raise InputError(f"nobody of the {people.height:,} {among} is left: {said}")
    return stay, tuple(drops)


def choose_samples(measured: Measurements, choice: PeopleChoice, *, scratch: Path) -> Measurements:
    """Return measurements of the samples that are asked for, with a drop for each reason.

    Control samples are not among those to choose from, and stay.

    Raises
    ------
    InputError, UsageError
        As `choose_people`.

    Examples
    --------
    >>> import numpy as np
    >>> from proteomr.tables import ArrayProteins
    >>> measured = Measurements(
    ...     platform="table",
    ...     samples=pl.DataFrame({"sample_id": ["A1", "A2"], "plate_id": ["P1", "P2"]}),
    ...     proteins=ArrayProteins(("ADM",), np.array([[1.0], [2.0]])),
    ...     assays=pl.DataFrame({"protein": ["ADM"], "kind": ["protein"]}))
    >>> choose_samples(measured, PeopleChoice("plate_id == 'P2'"), scratch=Path()).n
    1
    """
    stay, drops = choose_people(
        measured.samples, choice, id_name=c.SAMPLE_ID, scratch=scratch, id_column=None
    )
    chosen = measured.select_samples(stay) if drops else measured
    return replace(chosen, drops=(*chosen.drops, *drops))


def choose_participants(
    fields: Fields, people: pl.DataFrame, choice: PeopleChoice, *, scratch: Path
) -> Fields:
    """Return the answers of those who are asked for, with a drop for each reason.

    Parameters
    ----------
    people : a row for each participant, in their order; its columns are what a condition names.

    Raises
    ------
    InputError, UsageError
        As `choose_people`.

    Examples
    --------
    >>> answers = Fields(pl.DataFrame({"eid": ["1", "2"], "p31_i0": [0, 1]}))
    >>> choice = PeopleChoice("p31_i0 == 1")
    >>> choose_participants(answers, answers.frame, choice, scratch=Path()).n
    1
    """
    stay, drops = choose_people(
        people, choice, id_name=fields.id_column, scratch=scratch, among="participants"
    )
    return replace(fields, frame=fields.frame.filter(stay), drops=(*fields.drops, *drops))


def _find_lost(
    people: pl.DataFrame,
    choice: PeopleChoice,
    id_name: str,
    scratch: Path,
    id_column: str | None,
    among: str,
) -> Iterator[tuple[pl.Series, str]]:
    """Yield who leaves for which reason, whoever has left before."""
    ids = people[id_name]
    if choice.keep is not None:
        listed = find_listed(ids, choice.keep.on_disk(scratch), id_column=id_column, among=among)
        add_note(listed.tell("keep", effect=" and kept"))
        yield ~listed.rows, "not on the list of people to keep"
    if choice.remove is not None:
        listed = find_listed(ids, choice.remove.on_disk(scratch), id_column=id_column, among=among)
        add_note(listed.tell("remove", effect=" and left out"))
        yield listed.rows, "on the list of people to remove"
    condition = choice.read_condition()
    if condition is not None:
        holds = condition.judge(people, identifiers={id_name, *ID_COLUMNS}, among=among)
        for said in condition.find_unmatched(people):
            add_note(f"where: {said}")
        shown = f"where {printable(condition.text)}"
        yield ~holds.fill_null(value=True), f"{shown}: not true"
        yield holds.is_null(), f"{shown}: a value is missing"
