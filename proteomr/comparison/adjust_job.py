"""`adjust` as a job: one correction for multiple testing over several tables of results."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import polars as pl

from proteomr._typing import F64
from proteomr.association.collect import CORRECTIONS, correct
from proteomr.comparison.result_tables import KEYS, read_p_values
from proteomr.errors import InputError, UsageError
from proteomr.execute import Executor
from proteomr.io.result_rows import check_rows
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
from proteomr.stats.distributions import p_from_neg_log10
from proteomr.tables import columns as c
from proteomr.tables import load_schema

__all__ = ["AdjustJob", "AdjustRequest", "adjust"]

_TABLE = "table"
_KEPT = (c.PROTEIN, c.GENE, *KEYS, c.ESTIMATE, c.SE)


@dataclass(frozen=True, slots=True)
class AdjustRequest(Request):
    """All that determines the numbers of a correction.

    Attributes
    ----------
    tables : of results, or run folders of `associate`.
    tests : that Bonferroni's correction is for; None for as many as there are.
    rows : which rows of every table count.
    """

    command: ClassVar[str] = "adjust"

    tables: tuple[Source, ...]
    tests: float | None = None
    rows: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.tables:
            raise UsageError("no table is named")
        names = [source.name for source in self.tables]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise UsageError(f"{twice} is given twice: its tests would count twice")
        if self.tests is not None and not (np.isfinite(self.tests) and self.tests >= 1.0):
            raise UsageError(f"the number of tests is {self.tests:g}, and must be 1 or more")
        check_rows(self.rows)

    @classmethod
    def of(cls, tables: Sequence[Data], *, tests: float | None, rows: Sequence[str]) -> Self:
        """Take paths or frames."""
        named = [Source.of(data, name=f"table{i + 1}") for i, data in enumerate(tables)]
        return cls(tuple(named), tests, tuple(rows))

    def formulas(self) -> dict[str, int]:
        """Return the versions of the correction and its table."""
        return {"adjust": 1, "adjusted": load_schema("adjusted").version}


@dataclass(frozen=True, slots=True)
class AdjustJob:
    """All corrections for multiple testing over the tests of several tables."""

    main: ClassVar[str] = "adjusted"
    as_file: ClassVar[bool] = True
    people: ClassVar[tuple[str, ...]] = ()

    request: AdjustRequest

    @property
    def results(self) -> Sequence[str]:
        """Names of what stands beside the table."""
        return ()

    def plan(self, *, threads: int) -> Forecast:
        """Correct, and say over how many tests."""
        del threads
        started = time.perf_counter()
        adjusted = self._adjust()
        return Forecast(
            units={"tables": len(self.request.tables), "tests": _count_tests(adjusted)},
            seconds=time.perf_counter() - started,
            parallel=False,
        )

    def run(self, ledger: Ledger, executor: Executor) -> Outcome:
        """Correct, and write the table."""
        del executor
        adjusted = self._adjust()
        ledger.write_table(self.main, adjusted)
        n, tables = _count_tests(adjusted), len(self.request.tables)
        spanned = f"all {n:,} tests of {tables} table{'' if tables == 1 else 's'}"
        asked = self.request.tests
        if asked is not None:
            spanned += f"; Bonferroni's for {asked:g}"
        return Outcome(units=n, family_of_tests=spanned)

    def _adjust(self) -> pl.DataFrame:
        asked = self.request
        frames = []
        with open_scratch() as scratch:
            for source, told in zip(asked.tables, tell_apart(asked.tables), strict=True):
                read = read_p_values(source.on_disk(scratch), rows=asked.rows)
                kept = [name for name in _KEPT if name in read.columns]
                numbers = [pl.col(n).cast(pl.Float64) for n in (c.ESTIMATE, c.SE) if n in kept]
                named = pl.lit(told).alias(_TABLE)
                frames.append(read.select(named, *kept, c.NEG_LOG10_P).with_columns(numbers))
        frame = pl.concat(frames, how="diagonal_relaxed")
        minus_log: F64 = frame[c.NEG_LOG10_P].fill_null(np.nan).to_numpy()
        if not np.any(~np.isnan(minus_log)):
            raise InputError("no row of the tables has a p value")
        adjusted = {name: correct(minus_log, method) for name, method in CORRECTIONS.items()}
        if asked.tests is not None:
            with np.errstate(over="ignore"):
                times = p_from_neg_log10(np.maximum(minus_log - np.log10(asked.tests), 0.0))
            adjusted[c.P_BONFERRONI] = times
        frame = frame.with_columns(
            pl.Series(c.P_VALUE, p_from_neg_log10(minus_log)).fill_nan(None),
            *(pl.Series(name, values).fill_nan(None) for name, values in adjusted.items()),
        )
        declared = [column.name for column in load_schema(self.main).columns]
        return frame.select(name for name in declared if name in frame.columns)


def _count_tests(adjusted: pl.DataFrame) -> int:
    return adjusted.height - adjusted[c.NEG_LOG10_P].null_count()


def adjust(
    *tables: Data,
    tests: float | None = None,
    rows: Sequence[str] = (),
    out: str | Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
) -> Results:
    """Correct the tests of several tables of results for multiple testing, all together.

    Parameters
    ----------
    tables : paths or frames with ``neg_log10_p`` or ``p_value``, or with ``estimate`` and ``se``;
        or run folders of `associate`.
    tests : that Bonferroni's correction is for, such as an effective number; None for all. The
        other corrections are for the tests that are there.
    rows : rows of every table that count, each ``COLUMN=VALUE`` or a condition.
    out : file of the table; None keeps it in memory.
    resume, overwrite : go on with, or replace, what an earlier run left.

    Returns
    -------
    Results with the table ``adjusted``.

    Raises
    ------
    ColumnError, InputError
        A table has no p values.

    Examples
    --------
    >>> one = pl.DataFrame({"protein": ["A", "B"], "p_value": [0.01, 0.2]})
    >>> other = pl.DataFrame({"protein": ["A"], "p_value": [0.02]})
    >>> adjust(one, other).table()["p_bonferroni"].round(3).to_list()
    [0.03, 0.6, 0.06]
    """
    request = AdjustRequest.of(tables, tests=tests, rows=rows)
    return call_job(AdjustJob(request), out=out, resume=resume, overwrite=overwrite)


def tell_apart(tables: Sequence[Source]) -> list[str]:
    """Return the ends of paths that tell tables apart: a result tells of no folder above these."""
    parts = [Path(source.name).parts for source in tables]
    deepest = max(len(names) for names in parts)
    for depth in range(1, deepest + 1):
        ends = [str(Path(*names[-depth:])) for names in parts]
        if len(set(ends)) == len(ends):
            break
    return ends
