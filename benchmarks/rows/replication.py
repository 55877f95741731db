"""Fits of random halves beside those of everybody, by the row of a fit, in alternating rounds."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import polars as pl

from benchmarks.interfaces import Family
from benchmarks.problems import GAP, Problem, Size, build_problem
from benchmarks.records import Reading
from benchmarks.rows.row import MILLI, Row, Scope, SizeName, median_ms, median_ratio
from proteomr.association import ModelSpec, Plan, collect, plan_scan
from proteomr.execute import Serial, one_blas_thread
from proteomr.io import read_cohort
from proteomr.replicate import RandomHalves
from proteomr.replicate.schemes import draw_halves
from proteomr.scan import fit_blocks
from proteomr.tables import Cohort

__all__ = ["Halves"]

_SIZES: dict[SizeName, tuple[Size, int]] = {
    "full": (Size("full", people=42_062, proteins=2_920, chosen=3, rounds=3, pairs=1), 3),
    "quick": (Size("quick", people=10_000, proteins=768, chosen=2, rounds=2, pairs=1), 2),
    "tiny": (Size("tiny", people=9_000, proteins=32, chosen=2, rounds=1, pairs=1), 1),
}
_EVERYBODY, _HALVES = "everybody", "halves"
# In standard errors: other proteins of a block may change the ninth digit of a logistic fit.
_BOUND = 1e-7


@dataclass(frozen=True, slots=True)
class Halves:
    """What `replicate` fits beside what `associate` does: two exposures under two sets."""

    rows: ClassVar[tuple[Row, ...]] = tuple(
        Row(
            f"halves-{family}",
            f"replicate, {family}, a row of a fit",
            "associate, a row of a fit",
            gain=False,
            must=must,
            aim=1.1,
            quick=False,  # halves of few people have fits that go one by one, which tell of these
        )
        for family, must in (("logistic", 1.3), ("linear", 1.6))
    )

    def measure(self, rows: Sequence[Row], scope: Scope) -> Iterator[Reading]:
        """Yield each family's cost; halves must give the fits of their people alone."""
        size, splits = _SIZES[scope.size]
        problem = build_problem(size, scope.folder / "halves")
        with one_blas_thread(), tempfile.TemporaryDirectory(dir=scope.folder) as scratch:
            # all proteins: what a group takes to prepare is then as small a share as in a study
            proteins = problem.cohort / "proteins.parquet"
            cohort = read_cohort(problem.people, [proteins], scratch=Path(scratch))
            for row in rows:
                yield _measure(row, problem, cohort, scope, splits=splits)


def _measure(row: Row, problem: Problem, cohort: Cohort, scope: Scope, *, splits: int) -> Reading:
    family: Family = "logistic" if row.key.endswith("logistic") else "linear"
    sets = {
        label: " + ".join(term for term in terms if term != GAP)
        for label, terms in problem.terms.items()
    }
    spec = ModelSpec(family, problem.exposure_names, sets)
    ways = {_EVERYBODY: None, _HALVES: RandomHalves(splits)}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    _fit(_lay_out(cohort, spec, None))  # loads what is compiled
    halves = pl.DataFrame()
    for _ in range(scope.rounds):
        for name, scheme in ways.items():
            began = time.process_time()
            halves = _fit(_lay_out(cohort, spec, scheme))
            spent = time.process_time() - began
            seconds[name].append(spent / float(halves["n"].sum()))
    return scope.read(
        row,
        work=f"{cohort.n:,} people, {len(cohort.proteins.names)} proteins, {splits} splits",
        unit="million rows",
        ms=median_ms(seconds[_HALVES]) * MILLI * MILLI,
        ratio=median_ratio(seconds, _HALVES, _EVERYBODY),
        error=_compare(halves, cohort, spec, RandomHalves(splits)),
        bound=_BOUND,
    )


def _lay_out(cohort: Cohort, spec: ModelSpec, scheme: RandomHalves | None) -> Plan:
    if scheme is None:
        return plan_scan(cohort, spec)
    return plan_scan(
        cohort, spec, divide=lambda _, targets: draw_halves(targets, scheme).row_sets()
    )


def _fit(plan: Plan) -> pl.DataFrame:
    return collect(fit_blocks(plan, executor=Serial()), plan.spec).frame


def _compare(halves: pl.DataFrame, cohort: Cohort, spec: ModelSpec, scheme: RandomHalves) -> float:
    """Return how far fits of a half are from those of its people alone, in standard errors."""
    one = replace(spec, exposures=spec.exposures[:1])
    plan = _lay_out(cohort, one, scheme)
    rows = np.flatnonzero(plan.strata[0].rows_of(0))
    people = replace(
        cohort, samples=cohort.samples[rows], proteins=cohort.proteins.select_rows(rows)
    )
    alone = _fit(plan_scan(people, one))
    of_half = halves.filter(
        pl.col("stratum") == plan.strata[0].label, pl.col("exposure") == one.exposures[0]
    )
    off = (of_half["estimate"] - alone["estimate"]).abs() / alone["se"]
    if off.null_count() or not of_half["n"].equals(alone["n"]):
        return float("inf")
    return max(float(off.max()), float((of_half["se"] / alone["se"] - 1.0).abs().max()))  # type: ignore[arg-type]
