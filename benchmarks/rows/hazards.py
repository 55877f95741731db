"""Cox models with the tests of proportional hazards of all their terms, beside R's."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.interfaces import PROTEOMR
from benchmarks.problems import rank_normalise
from benchmarks.records import Reading
from benchmarks.rows.row import Row, Scope, SizeName, median_ms, median_ratio
from benchmarks.rscript import has_r, run_script
from proteomr._typing import F64
from proteomr.association import ModelSpec, collect, plan_scan
from proteomr.association.details import collect_details
from proteomr.execute import Serial, one_blas_thread
from proteomr.io import read_cohort
from proteomr.models import SurvivalOptions
from proteomr.scan import FollowUp, FollowUpOptions, fit_blocks
from proteomr.simulate import simulate
from proteomr.stats.cox import fit_cox
from proteomr.stats.cox_sums import sum_hazards
from proteomr.stats.proportional_hazards import score_changes, transform_times
from proteomr.stats.risk_sets import lay_out_risk_sets
from proteomr.tables import Cohort

__all__ = ["COX", "Hazards"]

COX = Row(
    "cox-zph",
    "Cox with the tests of proportional hazards",
    "R coxph() and cox.zph()",
    must=100.0,
)
_TOOL = "survival, coxph() and cox.zph()"
_FACTORS = ("site", "batch", "ethnicity", "education")
_NUMBERS = ("age", "sex", *(f"PC{i}" for i in range(1, 21)), "income", "smoking", "alcohol", "bmi")
_ADJUST = " + ".join([*_NUMBERS, *(f"C({name})" for name in _FACTORS)])
_OUTCOME, _TIME = "death", "follow_up_years"
_KNOWN = pl.all_horizontal(pl.col(*_NUMBERS, *_FACTORS, _TIME).is_not_null())
# people and proteins
_SIZES: dict[SizeName, tuple[int, int]] = {
    "full": (42_062, 183),
    "quick": (8_000, 48),
    "tiny": (2_500, 4),
}
_CHOSEN = 2  # proteins of R, and of the fits one by one
# of estimates in standard errors, of errors and statistics relative: the scan's own law is 1e-8,
# and R's iterations stop where the likelihood changes by 1e-9
_BOUND, _BOUND_OF_R = 1e-8, 1e-3
_PROGRAM = """
suppressMessages(library(survival))
folder <- commandArgs(TRUE)[1]
d <- read.csv(file.path(folder, "people.csv"))
for (name in strsplit(readLines(file.path(folder, "factors.txt")), " ")[[1]])
  d[[name]] <- factor(d[[name]])
terms <- readLines(file.path(folder, "terms.txt"))
formula <- as.formula(paste("Surv(time, event) ~", terms, "+ score"))
for (name in strsplit(readLines(file.path(folder, "scores.txt")), " ")[[1]]) {
  d$score <- d[[name]]
  ready <- d[!is.na(d$score), ]
  work <- quote({ m <- coxph(formula, ready); z <- cox.zph(m, "km") })
  spent <- sum(system.time(eval(work))[1:2])
  last <- length(coef(m))
  cat(sprintf("%.17g %.17g %.17g %.17g %.6f\\n", coef(m)[last], sqrt(vcov(m)[last, last]),
              z$table["score", 1], z$table["GLOBAL", 1], spent))
}
"""


@dataclass(frozen=True, slots=True, eq=False)
class _Work:
    """The cohort, and the scores of the chosen proteins as R is given them ``(n, 2)``."""

    cohort: Cohort
    scores: F64

    def write(self, folder: Path) -> None:
        """Write what R reads: people of whom everything is known but the scores."""
        samples = self.cohort.samples
        names = [f"score{i}" for i in range(_CHOSEN)]
        columns = [pl.Series(name, self.scores[:, i]) for i, name in enumerate(names)]
        frame = samples.select(
            pl.col(_TIME).alias("time"), pl.col(_OUTCOME).alias("event"), *_NUMBERS, *_FACTORS
        )
        frame = frame.with_columns(columns).with_columns(pl.col(names).fill_nan(None))
        known = samples.select(_KNOWN).to_series()
        frame.filter(known).write_csv(folder / "people.csv", null_value="NA")
        for name, words in {
            "factors": _FACTORS, "terms": [_ADJUST.replace("C(", "(")], "scores": names
        }.items():  # fmt: skip
            (folder / f"{name}.txt").write_text(" ".join(words) + "\n", encoding="ascii")

    def fit_exactly(self) -> F64:
        """Return what comes of the chosen proteins ``(4, 2)``, fitted one by one.

        Estimate, standard error, statistics of the protein's test and of all terms.
        """
        samples = self.cohort.samples
        factors = samples.select(_FACTORS).to_dummies(drop_first=True)
        design = pl.concat([samples.select(_NUMBERS), factors], how="horizontal")
        found = []
        for score in self.scores.T:
            rows = ~np.isnan(score)
            X = np.column_stack([design.to_numpy()[rows].astype(np.float64), score[rows]])
            X = (X - X.mean(axis=0)) / X.std(axis=0)
            times = samples.select(_TIME, _OUTCOME).to_numpy()[rows].astype(np.float64)
            outcome = np.column_stack([np.full(X.shape[0], -np.inf), times])
            risk = lay_out_risk_sets(outcome)
            fit = fit_cox(X, risk)
            sums = sum_hazards(risk, X @ fit.coefficients, np.ones(X.shape[0]))
            gtime = transform_times(outcome, risk, "km")
            tests = score_changes(sums, X, gtime, [np.array([X.shape[1] - 1])])
            numbers = np.array([fit.coefficients[-1], np.sqrt(fit.covariance[-1, -1])])
            per = score[rows].std()
            found.append([*(numbers / per), *(test[0] for test in tests if test is not None)])
        return np.array(found).T


class Hazards:
    """A scan of follow-up from plan to tables, with R's fits of two proteins in the same rounds."""

    rows = (COX,)

    def measure(self, rows: Sequence[Row], scope: Scope) -> Iterator[Reading]:
        """Yield the time of the scan and of R, and how far each is from fits one by one."""
        people, proteins = _SIZES[scope.size]
        work = _build(scope.folder, people, proteins)
        truth = work.fit_exactly()
        with_r = scope.peers and has_r(package="survival")
        if with_r:
            work.write(scope.folder)
        seconds: dict[str, list[float]] = {PROTEOMR: [], _TOOL: []}
        errors = {PROTEOMR: 0.0, _TOOL: 0.0}
        for _ in range(scope.rounds):
            spent, found = _scan(work.cohort)
            seconds[PROTEOMR].append(spent)
            errors[PROTEOMR] = max(errors[PROTEOMR], _differ(found, truth))
            if with_r:
                said = run_script(_PROGRAM, scope.folder).splitlines()
                numbers = np.array([line.split() for line in said], dtype=np.float64)
                seconds[_TOOL].append(float(numbers[:, -1].mean()))
                errors[_TOOL] = max(errors[_TOOL], _differ(numbers[:, :-1].T, truth))
        ratio = median_ratio(seconds, _TOOL, PROTEOMR) if with_r else None
        for row in rows:
            yield scope.read(
                row, work=f"{people:,} people, {proteins} proteins, 62 coefficients", unit="fit",
                ms=median_ms(seconds[PROTEOMR]), ratio=ratio, error=errors[PROTEOMR], bound=_BOUND,
            )  # fmt: skip
            if with_r:
                yield scope.read(
                    row, tool=_TOOL, work=f"{_CHOSEN} fits, on ready scores", unit="fit",
                    ms=median_ms(seconds[_TOOL]), ratio=ratio, error=errors[_TOOL],
                    bound=_BOUND_OF_R,
                )  # fmt: skip


def _build(folder: Path, people: int, proteins: int) -> _Work:
    simulate(folder / "people", people=people, proteins=proteins, seed=20_250_203, like="shen2025")
    cohort = read_cohort(folder / "people", [], scratch=folder)
    raw = cohort.proteins.read(slice(0, _CHOSEN))
    known = cohort.samples.select(_KNOWN).to_series().to_numpy()
    scores = np.full(raw.shape, np.nan)
    for j in range(_CHOSEN):
        rows = known & ~np.isnan(raw[:, j])
        scores[rows, j] = rank_normalise(raw[rows, j])
    return _Work(cohort, scores)


def _scan(cohort: Cohort) -> tuple[float, F64]:
    """Return the CPU seconds of a fit, from plan to tables, and what comes of the chosen ones."""
    spec = ModelSpec(
        "cox",
        adjust={"full": _ADJUST},
        survival=SurvivalOptions(zph="km"),
        follow_up=FollowUpOptions((FollowUp(_OUTCOME, _TIME),)),
    )
    with one_blas_thread():
        began = time.process_time()
        parts = fit_blocks(plan_scan(cohort, spec), executor=Serial())
        table = collect(parts, spec).frame
        tests = collect_details(parts, "proportional_hazards")
        spent = time.process_time() - began
    names = cohort.proteins.names[:_CHOSEN]
    found = []
    for name in names:
        row = table.row(by_predicate=pl.col("protein") == name, named=True)
        of = dict(tests.filter(pl.col("protein") == name).select("term", "chi2").iter_rows())
        found.append([row["estimate"], row["se"], of[name], of["GLOBAL"]])
    return spent / table.height, np.array(found).T


def _differ(found: F64, truth: F64) -> float:
    """Return the largest error: of estimates in standard errors, of all else relative."""
    gap = float(np.max(np.abs(found[0] - truth[0]) / truth[1]))
    return max(gap, float(np.max(np.abs(found[1:] / truth[1:] - 1.0))))
