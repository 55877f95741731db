"""`compare` as a job: two tables of effects of the same proteins."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import polars as pl

from proteomr.comparison.comparing import compare_effects
from proteomr.comparison.result_tables import KEYS, read_effects
from proteomr.errors import InputError, UsageError
from proteomr.execute import Executor
from proteomr.io import open_proteins
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
from proteomr.stats.effect_agreement import count_effective
from proteomr.stats.transforms import transform_block
from proteomr.tables import columns as c
from proteomr.tables import load_schema

__all__ = ["CompareJob", "CompareRequest", "compare"]

# Correlations of so many people have an error of 0.014 at most, and the matrix stays small.
_MOST_PEOPLE = 5_000
_TOO_NARROW = (
    "the intervals of r count every protein as independent, which correlated proteins are not: "
    "name the protein files (--proteins) for honest ones"
)


@dataclass(frozen=True, slots=True)
class CompareRequest(Request):
    """All that determines the numbers of a comparison.

    Attributes
    ----------
    a, b : tables of effects, or run folders of `associate`.
    by : columns that say what an effect is of.
    rows_a, rows_b : which rows of each count.
    proteins : protein files, for how the effects are correlated.
    alpha : of a hit, after Bonferroni's correction.
    level : coverage of the intervals.
    """

    command: ClassVar[str] = "compare"

    a: Source
    b: Source
    by: tuple[str, ...] = (c.PROTEIN,)
    rows_a: tuple[str, ...] = ()
    rows_b: tuple[str, ...] = ()
    proteins: tuple[Source, ...] = ()
    alpha: float = 0.05
    level: float = 0.95

    def __post_init__(self) -> None:
        if not self.by or len(set(self.by)) < len(self.by):
            raise UsageError("by: names of columns, each once, such as protein")
        if clash := [name for name in self.by if name in KEYS]:
            raise UsageError(f"by: {clash[0]!r} is of the model, which is matched as it is")
        for name, value in (("alpha", self.alpha), ("level", self.level)):
            if not 0.0 < value < 1.0:
                raise UsageError(f"{name} is {value:g}, and must be between 0 and 1")
        check_rows((*self.rows_a, *self.rows_b))
        if self.proteins and self.by != (c.PROTEIN,):
            raise UsageError("the files of proteins are for effects by protein")

    @classmethod
    def of(cls, a: Data, b: Data, *, proteins: Sequence[Data] = (), **asked: object) -> Self:
        """Take paths or frames."""
        several = [Source.of(data, name=f"proteins{i + 1}") for i, data in enumerate(proteins)]
        return cls(Source.of(a, name="a"), Source.of(b, name="b"), proteins=tuple(several), **asked)  # type: ignore[arg-type]

    def formulas(self) -> dict[str, int]:
        """Return the versions of the comparison and its tables."""
        tables = ("agreement", "compared")
        return {"compare": 1, **{name: load_schema(name).version for name in tables}}


@dataclass(frozen=True, slots=True)
class CompareJob:
    """Correlation, signs, hits and a line of two tables of effects."""

    main: ClassVar[str] = "agreement"
    as_file: ClassVar[bool] = False
    people: ClassVar[tuple[str, ...]] = ()

    request: CompareRequest

    @property
    def results(self) -> Sequence[str]:
        """Names of the results."""
        return ("agreement.parquet", "compared.parquet")

    def plan(self, *, threads: int) -> Forecast:
        """Compare, and say of how many effects."""
        del threads
        started = time.perf_counter()
        comparison, compared = self._compare()
        return Forecast(
            units={"models": comparison.height, "effects": compared.height},
            seconds=time.perf_counter() - started,
            parallel=False,
        )

    def run(self, ledger: Ledger, executor: Executor) -> Outcome:
        """Compare, and write the tables."""
        del executor
        comparison, compared = self._compare()
        ledger.write_table("agreement", comparison)
        ledger.write_table("compared", compared)
        return Outcome(units=compared.height, notes=() if self.request.proteins else (_TOO_NARROW,))

    def _compare(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        asked = self.request
        with open_scratch() as scratch:
            a = read_effects(asked.a.on_disk(scratch), by=asked.by, rows=asked.rows_a)
            b = read_effects(asked.b.on_disk(scratch), by=asked.by, rows=asked.rows_b)
            share = None
            if asked.proteins:
                both = sorted(set(a[c.PROTEIN].to_list()) & set(b[c.PROTEIN].to_list()))
                files = [source.on_disk(scratch) for source in asked.proteins]
                share = _share_independent(both, files, scratch)
        comparison, compared = compare_effects(
            a,
            b,
            by=asked.by,
            names=(asked.a.name, asked.b.name),
            effective=share,
            alpha=asked.alpha,
            level=asked.level,
        )
        return _in_order(comparison, "agreement"), _in_order(compared, "compared")


def compare(
    a: Data,
    b: Data,
    *,
    by: str | Sequence[str] = c.PROTEIN,
    rows_a: Sequence[str] = (),
    rows_b: Sequence[str] = (),
    proteins: Sequence[Data] = (),
    alpha: float = 0.05,
    level: float = 0.95,
    out: str | Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
) -> Results:
    """Compare two tables of effects: correlation, signs, hits, a line, and what differs.

    Models are matched by exposure, outcome, adjustment set, stratum, effect and contrast, as far as
    both tables have them and share values; of a key with one value in each these are set against
    each other (one exposure against another). ``r`` is Pearson's over the effects of both; its
    limits are Fisher's for as many independent pairs as the correlations of the proteins leave
    (:func:`proteomr.stats.effect_agreement.count_effective`). The line is that of errors in both
    (York et al. 2004, doi:10.1119/1.1632486). It and the differences take the errors of both tables
    for independent: with the same people in both they are not.

    Parameters
    ----------
    a, b : paths or frames with at least the columns ``protein``, ``estimate`` and ``se``; or run
        folders of `associate`.
    by : columns that say what an effect is of.
    rows_a, rows_b : rows that count, each ``COLUMN=VALUE`` or a condition.
    proteins : protein files or frames, for the limits of ``r``.
    alpha : of a hit, after Bonferroni's correction over the effects of a table in a model.
    level : coverage of the intervals.
    out : run folder; None keeps the tables in memory.
    resume, overwrite : go on with, or replace, an earlier run in the folder.

    Returns
    -------
    Results with the tables ``agreement`` and ``compared``.

    Raises
    ------
    ColumnError, InputError
        A column is not there, an effect stands twice, or none is in both.

    Examples
    --------
    >>> one = pl.DataFrame({"protein": ["A", "B", "C", "D"], "estimate": [0.1, 0.3, -0.2, 0.5],
    ...     "se": [0.1] * 4})
    >>> results = compare(one, one.with_columns(pl.col("estimate") * 2))
    >>> results.table().select("r", "slope", "sign_agreement").row(0)
    (1.0, 2.0, 1.0)
    """
    request = CompareRequest.of(
        a,
        b,
        proteins=proteins,
        by=(by,) if isinstance(by, str) else tuple(by),
        rows_a=tuple(rows_a),
        rows_b=tuple(rows_b),
        alpha=alpha,
        level=level,
    )
    return call_job(CompareJob(request), out=out, resume=resume, overwrite=overwrite)


def _in_order(frame: pl.DataFrame, name: str) -> pl.DataFrame:
    """Return a table with the columns of its schema; keys that the tables had not are left out."""
    declared = [column.name for column in load_schema(name).columns]
    known = [column for column in declared if column in frame.columns]
    return frame.select(*known, *(column for column in frame.columns if column not in known))


def _share_independent(names: Sequence[str], files: Sequence[Path], scratch: Path) -> float:
    """Return to which share of the proteins the independent ones amount, by their correlations."""
    opened = open_proteins(list(files), scratch=scratch)
    known = [name for name in names if name in opened.proteins.names]
    if len(known) < len(names):
        absent = next(name for name in names if name not in opened.proteins.names)
        raise InputError(
            f"{files[0]}: lacks {len(names) - len(known)} of the {len(names)} proteins, such as "
            f"{absent!r}"
        )
    step = -(-opened.proteins.n // _MOST_PEOPLE)
    some = opened.proteins.select_rows(np.arange(0, opened.proteins.n, step))
    values = np.ascontiguousarray(some.select_columns(known).read(slice(0, len(known))).T)
    values[~np.isfinite(values)] = np.nan
    scores = np.empty_like(values)
    transform_block(values, scores, transform="rint")
    return count_effective(scores, ~np.isnan(values)) / len(known)
