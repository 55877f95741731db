"""`describe` as a job: what a table of people holds, by groups."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import polars as pl
from polars import selectors

from proteomr.description.describing import (
    Variables,
    cross,
    describe_people,
    find_variables,
    measure_rates,
)
from proteomr.errors import ColumnError, UsageError
from proteomr.execute import Executor
from proteomr.io import PeopleChoice
from proteomr.io.people import read_people
from proteomr.runs import (
    Data,
    Forecast,
    Ledger,
    Outcome,
    Request,
    Results,
    Source,
    call_job,
    open_scratch,
)
from proteomr.tables import Drop, load_schema

__all__ = ["DescribeJob", "DescribeRequest", "describe"]

_MOST_GROUPS = 20  # more are names, not groups


@dataclass(frozen=True, slots=True)
class DescribeRequest(Request):
    """All that determines the numbers of a description.

    Attributes
    ----------
    samples : one row per person, or a store.
    by : columns whose levels are described beside one another, each by itself.
    variables : columns to describe; all of them where none is named.
    withdrawn, people : who is left out, and who is asked for.
    id_column : of the identifier; None for the usual names.
    level : coverage of the intervals.
    """

    command: ClassVar[str] = "describe"

    samples: Source
    by: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    withdrawn: Source | None = None
    people: PeopleChoice = field(default_factory=PeopleChoice)
    id_column: str | None = None
    level: float = 0.95

    def __post_init__(self) -> None:
        if len(set(self.by)) < len(self.by):
            raise UsageError("by: each column once")
        if not 0.5 <= self.level < 1.0:
            raise UsageError(f"the level of the intervals is {self.level}, and must be in [0.5, 1)")

    def formulas(self) -> dict[str, int]:
        """Return the versions of the description and its tables."""
        tables = ("description", "cross_tables", "rates")
        return {"describe": 2, **{name: load_schema(name).version for name in tables}}


@dataclass(frozen=True, slots=True)
class DescribeJob:
    """Table 1 of a study: counts, moments, quantiles, differences of groups, rates."""

    main: ClassVar[str] = "description"
    as_file: ClassVar[bool] = False
    people: ClassVar[tuple[str, ...]] = ()

    request: DescribeRequest

    @property
    def results(self) -> Sequence[str]:
        """Names of the results."""
        crossed = ("cross_tables.parquet",) if self.request.by else ()
        return ("description.parquet", *crossed, "rates.parquet")

    def plan(self, *, threads: int) -> Forecast:
        """Read the people, and say what would be described."""
        del threads
        started = time.perf_counter()
        people, variables, _ = self._read()
        return Forecast(
            units={"people": people.height, "variables": _size(variables)},
            seconds=time.perf_counter() - started,
            parallel=False,
        )

    def run(self, ledger: Ledger, executor: Executor) -> Outcome:
        """Describe, and write the tables."""
        del executor
        asked = self.request
        people, variables, drops = self._read()
        described = [describe_people(people, variables, by=by) for by in asked.by or (None,)]
        ledger.write_table("description", _join(described, "description"))
        if asked.by:
            crossed = [cross(people, variables, by=by, level=asked.level) for by in asked.by]
            ledger.write_table("cross_tables", _join(crossed, "cross_tables"))
        if variables.outcomes:
            rates = measure_rates(people, variables, by=asked.by, level=asked.level)
            ledger.write_table("rates", _join([rates], "rates"))
        ledger.count_drops(list(drops))
        left = ", ".join(variables.passed_over)
        notes = (f"not described, for they hold dates, notes or nothing: {left}",) if left else ()
        return Outcome(units=_size(variables), notes=notes)

    def _read(self) -> tuple[pl.DataFrame, Variables, tuple[Drop, ...]]:
        asked = self.request
        with open_scratch() as scratch:
            people, id_name, drops = read_people(
                asked.samples.on_disk(scratch),
                scratch=scratch,
                id_column=asked.id_column,
                withdrawn=None if asked.withdrawn is None else asked.withdrawn.on_disk(scratch),
                people=asked.people,
            )
        # No number is no value: else 0, 1 and NaN were numbers, whose mean tells a count of few.
        people = people.with_columns(selectors.float().fill_nan(None))
        variables = find_variables(people, id_name=id_name, only=asked.variables)
        find_variables(people, id_name=id_name, only=asked.by)
        for name in asked.by:
            groups = people[name].drop_nulls().n_unique()
            if not 2 <= groups <= _MOST_GROUPS:
                raise ColumnError(
                    f"{name!r} has {groups} levels: groups need 2 to {_MOST_GROUPS} of them"
                )
        return people, variables, drops


def describe(
    samples: Data,
    *,
    by: str | Sequence[str] = (),
    variables: str | Sequence[str] = (),
    withdrawn: Data | None = None,
    where: str | None = None,
    keep: Data | None = None,
    remove: Data | None = None,
    id_column: str | None = None,
    level: float = 0.95,
    out: str | Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
) -> Results:
    """Describe people: Table 1 with standardised differences, cross tables and rates.

    Numbers of more than two values have mean, standard deviation, median and quartiles (type 7);
    others are levels with counts and percentages of those who have a value. An outcome is a column
    of 0 and 1 with its years beside it (``death`` and ``death_years``), as `derive` writes them.

    Parameters
    ----------
    samples : path or frame, one row per person; or a store.
    by : columns whose levels are described beside one another.
    variables : columns to describe; all of them without.
    withdrawn, where, keep, remove, id_column : as the options of the command.
    level : coverage of the intervals of odds ratios and rates.
    out : run folder; None keeps the tables in memory.
    resume, overwrite : go on with, or replace, an earlier run in the folder.

    Returns
    -------
    Results with the table ``description``; with groups ``cross_tables``; with outcomes ``rates``.

    Raises
    ------
    ColumnError, InputError
        A column is not there or has no groups, or nobody is left.

    Examples
    --------
    >>> people = pl.DataFrame({
    ...     "ID": ["1", "2", "3", "4"], "lonely": [0, 1, 0, 1], "age": [50, 61, 55, 66]})
    >>> table = describe(people, by="lonely").table()
    >>> table.select("group", "mean", "smd").rows()
    [(None, 58.0, 3.111...), ('0', 52.5, None), ('1', 63.5, None)]
    """
    request = DescribeRequest(
        Source.of(samples, name="samples"),
        _names(by),
        _names(variables),
        Source.of_people(withdrawn, name="withdrawn"),
        PeopleChoice.of(where=where, keep=keep, remove=remove),
        id_column,
        level,
    )
    return call_job(DescribeJob(request), out=out, resume=resume, overwrite=overwrite)


def _names(names: str | Sequence[str]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names)


def _size(variables: Variables) -> int:
    return len(variables.numbers) + len(variables.factors)


def _join(frames: Sequence[pl.DataFrame], name: str) -> pl.DataFrame:
    there = [frame for frame in frames if frame.width]
    schema = load_schema(name)
    return schema.validate(pl.concat(there, how="vertical_relaxed")) if there else schema.empty()
