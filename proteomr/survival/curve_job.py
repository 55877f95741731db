"""Curves of survival as a job: groups of people, from files or frames to tables."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import polars as pl

from proteomr._typing import F64, I64
from proteomr.errors import ColumnError, InputError, NothingToDo, UsageError
from proteomr.execute import Executor, Shard
from proteomr.io import choose_proteins, is_store, read_cohort, read_spells, split_imputations
from proteomr.io.people import read_people
from proteomr.runs import Forecast, Ledger, Outcome, Source, open_scratch
from proteomr.runs.timing import peak_memory
from proteomr.scan import Reading, read_formulas
from proteomr.scan.columns import label_level
from proteomr.survival.curve_blocks import CurveBlock, CurvePeople, CurveWork
from proteomr.survival.curve_outcomes import CurveOutcome, read_outcome, share_times
from proteomr.survival.curve_outputs import collect_curves, describe_curves
from proteomr.survival.curve_request import ALL_PROTEINS, CurvesRequest
from proteomr.tables import ArrayProteins, Cohort, Drop
from proteomr.tables import columns as c
from proteomr.tables.proteins import find_columns

__all__ = ["CurvesJob"]

_MOST_LEVELS = 20  # more are names, not groups
_WIDEST = 1e50  # of weights: products of four have a number
_BLOCK = 4  # proteins: their curves are some megabytes an outcome


@dataclass(frozen=True, slots=True)
class CurvesJob:
    """Survival of people in groups, and the tests that it is one.

    Parameters
    ----------
    request : what is asked.
    shard : the share of the blocks that a plan is of.
    """

    main: ClassVar[str] = "curves"
    as_file: ClassVar[bool] = False
    people: ClassVar[tuple[str, ...]] = ()

    request: CurvesRequest
    shard: Shard | None = None

    @property
    def results(self) -> Sequence[str]:
        """Names of the results."""
        return tuple(f"{name}.parquet" for name in self.request.tables)

    def plan(self, *, threads: int) -> Forecast:
        """Read the inputs and work through the first block."""
        del threads
        started = time.process_time()
        with self._open() as (work, blocks, _):
            read = time.process_time() - started
            mine = blocks if self.shard is None else self.shard.select(blocks)
            if not mine:
                raise NothingToDo(f"shard {self.shard} has none of the {len(blocks)} blocks")
            work(mine[0])
            first = time.process_time() - started - read
            proteins = sum(len(block.proteins) for block in mine)
            m = len(work.imputed)
            return Forecast(
                units={
                    "people": work.imputed[0].reading.cohort.n,
                    **({"proteins": proteins} if proteins else {}),
                    "outcomes": len(work.imputed[0].outcomes),
                },
                seconds=read + first * len(mine),
                memory_bytes=peak_memory(),
                lines=(
                    ("groups", self._describe_groups()),
                    *((("imputations", f"{m}, pooled"),) if m > 1 else ()),
                    ("blocks", f"{len(mine)}"),
                ),
            )

    def run(self, ledger: Ledger, executor: Executor) -> Outcome:
        """Work through the blocks that the ledger lacks; of a whole run, join them and correct."""
        with self._open() as (work, blocks, drops):
            facts = describe_curves(
                self.request, len(blocks), work.errors, drops, imputations=len(work.imputed)
            )
            ledger.parts.keep_facts(facts)
            mine = blocks if ledger.shard is None else ledger.shard.select(blocks)
            waiting = set(ledger.parts.pending(len(blocks)))
            todo = [block for block in mine if block.index in waiting]
            with contextlib.closing(executor.map(work, todo)) as finished:
                for position, tables in finished:
                    ledger.parts.save(todo[position].index, tables)
        return Outcome() if ledger.shard is not None else collect_curves(ledger)

    def _describe_groups(self) -> str:
        curves = self.request.curves
        if curves.by is not None:
            return f"levels of {curves.by}"
        return f"{curves.quantiles} quantiles of each protein's values, or its values where fewer"

    @contextlib.contextmanager
    def _open(self) -> Iterator[tuple[CurveWork, list[CurveBlock], list[Drop]]]:
        """Read people, proteins and outcomes; what is read from serves while this is open."""
        with open_scratch() as scratch:
            each = [self._read_people(cohort) for cohort in self._read_cohorts(scratch)]
            cohorts = [people.reading.cohort for people, _ in each]
            blocks = self._list_blocks(cohorts[0])
            if any(other.proteins.names != cohorts[0].proteins.names for other in cohorts):
                raise InputError("imputations of the samples have other proteins than the first")
            drops = [
                drop
                for of, (_, lost) in zip(cohorts, each, strict=True)
                for drop in (*of.drops, *lost)
            ]
            imputed = tuple(people for people, _ in each)
            if len(imputed) > 1:
                imputed = _share_times(imputed)
            yield CurveWork(self.request, imputed), blocks, list(dict.fromkeys(drops))

    def _read_people(self, cohort: Cohort) -> tuple[CurvePeople, list[Drop]]:
        curves = self.request.curves
        reading = read_formulas(
            cohort,
            weights=curves.weights,
            cluster=curves.cluster,
            baseline=curves.strata,
            person=self.request.follow_up.person,
        )
        if reading.modifiers.weights is not None:
            _refuse_unit(str(curves.weights), reading.modifiers.weights)
        levels, labels = (None, ()) if curves.by is None else _read_levels(reading, curves.by)
        outcomes, drops = self._read_outcomes(reading, _find_states(reading, levels))
        return CurvePeople(reading, outcomes, levels, labels), drops

    def _read_outcomes(
        self, reading: Reading, states: I64 | None
    ) -> tuple[tuple[CurveOutcome, ...], list[Drop]]:
        outcomes: list[CurveOutcome] = []
        drops: list[Drop] = []
        several = len(self.request.lags) > 1
        for options in self.request.follow_ups:
            for outcome in options.outcomes:
                read, lost = read_outcome(
                    reading, outcome, options=options, curves=self.request.curves, states=states
                )
                if self.request.competing and read.persons is not None:
                    raise InputError(_say_parted(read.persons))
                outcomes.append(replace(read, lag=options.lag) if several else read)
                drops += lost
        # Who has no time at all is left out for every lag, and told once.
        return tuple(outcomes), list(dict.fromkeys(drops))

    def _read_cohorts(self, scratch: Path) -> list[Cohort]:
        """Return the cohort, for each imputation of the samples."""
        asked = self.request
        samples = asked.samples.on_disk(scratch)
        imputed = split_imputations(samples, scratch=scratch, id_column=asked.id_column)
        if len(imputed) > 1 and asked.curves.conf_type not in (None, "log-log"):
            raise UsageError(
                f"{asked.samples.name}: {len(imputed)} imputations (column .imp), whose curves are "
                f"pooled on the scale of log(-log), as their limits are: leave out --conf-type "
                f"{asked.curves.conf_type}"
            )
        if asked.follow_up.person is None:
            return [self._read_cohort(people, scratch) for people in imputed]
        if len(imputed) > 1:
            raise InputError(
                f"{asked.samples.name}: {len(imputed)} imputations (column .imp) of spells, which "
                "no curve is pooled over: take one of them"
            )
        return [self._read_spells(samples, scratch)]

    def _read_spells(self, samples: Path, scratch: Path) -> Cohort:
        asked, (outcome, *_) = self.request, self.request.follow_up.outcomes
        spells = read_spells(
            samples,
            tuple(source.on_disk(scratch) for source in asked.proteins),
            person=str(asked.follow_up.person),
            start=str(outcome.entry),
            stop=outcome.time,
            scratch=scratch,
            assays=_on_disk(asked.assays, scratch),
            withdrawn=_on_disk(asked.withdrawn, scratch),
            people=asked.people,
            sample_columns=asked.sample_columns,
        )
        if asked.chosen_proteins is None:
            return spells.cohort
        return choose_proteins(spells.cohort, asked.chosen_proteins, scratch=scratch)

    def _read_cohort(self, samples: Path, scratch: Path) -> Cohort:
        asked = self.request
        withdrawn = None if asked.withdrawn is None else asked.withdrawn.on_disk(scratch)
        if asked.curves.by is not None and not asked.proteins and not is_store(samples):
            frame, name, drops = read_people(
                samples,
                scratch=scratch,
                id_column=asked.id_column,
                withdrawn=withdrawn,
                people=asked.people,
            )
            none = ArrayProteins((), np.empty((frame.height, 0)))
            assays = pl.DataFrame(schema={c.PROTEIN: pl.String})
            return Cohort(frame, name, none, assays, drops)
        cohort = read_cohort(
            samples,
            tuple(source.on_disk(scratch) for source in asked.proteins),
            scratch=scratch,
            id_column=asked.id_column,
            assays=_on_disk(asked.assays, scratch),
            withdrawn=withdrawn,
            people=asked.people,
            sample_columns=asked.sample_columns,
        )
        if asked.chosen_proteins is not None:
            cohort = choose_proteins(cohort, asked.chosen_proteins, scratch=scratch)
        return cohort

    def _list_blocks(self, cohort: Cohort) -> list[CurveBlock]:
        curves, names = self.request.curves, cohort.proteins.names
        if curves.by is not None:
            return [CurveBlock(0, ())]
        every = curves.proteins == (ALL_PROTEINS,) and ALL_PROTEINS not in names
        wanted = list(range(len(names))) if every else find_columns(names, curves.proteins)
        return [
            CurveBlock(index, tuple(wanted[first : first + _BLOCK]))
            for index, first in enumerate(range(0, len(wanted), _BLOCK))
        ]


def _on_disk(source: Source | None, scratch: Path) -> Path | None:
    return None if source is None else source.on_disk(scratch)


def _share_times(imputed: Sequence[CurvePeople]) -> tuple[CurvePeople, ...]:
    """Return the people of each imputation on the times of all, outcome by outcome."""
    shared = [share_times(of) for of in zip(*(one.outcomes for one in imputed), strict=True)]
    outcomes = zip(*shared, strict=True)
    return tuple(replace(one, outcomes=own) for one, own in zip(imputed, outcomes, strict=True))


def _find_states(reading: Reading, levels: I64 | None) -> I64 | None:
    """Return a number of all that curves take of each spell but its times; None without spells."""
    of = reading.modifiers
    if of.persons is None:
        return None
    parts = [part for part in (of.weights, of.clusters, of.baseline, levels) if part is not None]
    if not parts:
        return np.zeros(of.persons.size, dtype=np.int64)
    table = np.nan_to_num(np.column_stack(parts).astype(np.float64), nan=-1.0)
    return np.unique(table, axis=0, return_inverse=True)[1].ravel()


def _say_parted(persons: I64) -> str:
    parted = int(np.count_nonzero(np.bincount(persons) > 1))
    return (
        f"with --event-code the spells of each person must be one follow-up in one group: {parted} "
        "people have gaps, several events, or another group, weight or stratum later"
    )


def _read_levels(reading: Reading, name: str) -> tuple[I64, tuple[str, ...]]:
    """Return the level of each person, -1 for none, and the names of levels in their order."""
    column = reading.columns[name]
    absent = reading.columns.missing(name)
    codes = np.array(column.rank("dense").fill_null(0).cast(pl.Int64).to_numpy()) - 1
    codes[absent] = -1
    levels = column.filter(pl.Series(~absent)).unique().sort().to_list()
    if not 2 <= len(levels) <= _MOST_LEVELS:
        raise ColumnError(
            f"--by {name!r} has {len(levels)} levels: groups need 2 to {_MOST_LEVELS} of them"
        )
    there, codes_from_0 = np.unique(codes[codes >= 0], return_inverse=True)
    del there
    codes[codes >= 0] = codes_from_0
    return codes, tuple(label_level(level) for level in levels)


def _refuse_unit(name: str, weights: F64) -> None:
    """Refuse weights whose products are beyond the numbers there are."""
    low, high = float(np.nanmin(weights)), float(np.nanmax(weights))
    if not 1.0 / _WIDEST < low <= high < _WIDEST:
        raise ColumnError(
            f"weights {name!r} go from {low:g} to {high:g}: give them in a unit in which a person "
            "counts about one"
        )
