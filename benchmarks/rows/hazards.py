"""Cox models with the tests of proportional hazards of all their terms, beside R's."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.interfaces import PROTEOMR
from benchmarks.problems import rank_normalise
from benchmarks.records import Reading
from benchmarks.rows.row import MILLI, Row, Scope, SizeName, median_ms, median_ratio
from benchmarks.rscript import has_r, run_script
from proteomr._typing import F64
from proteomr.association import ModelSpec, collect, plan_scan
from proteomr.association.details import collect_details
from proteomr.execute import Serial, one_blas_thread
from proteomr.io import ProteinChoice, choose_proteins, read_cohort
from proteomr.models import SurvivalOptions
from proteomr.scan import FollowUp, FollowUpOptions, fit_blocks
from proteomr.simulate import simulate
from proteomr.stats.cox import fit_cox
from proteomr.stats.cox_sums import sum_hazards
from proteomr.stats.proportional_hazards import score_changes, transform_times
from proteomr.stats.risk_sets import lay_out_risk_sets
from proteomr.tables import Cohort

__all__ = ["COX", "PROTEOME", "SIX", "Hazards"]

_TITLE = "Cox with the tests of proportional hazards"
COX = Row("cox-zph", _TITLE, "R coxph() and cox.zph()", must=100.0)
# Goals in seconds of one thread: a ratio of 1 is the goal.
_SIX_SECONDS, _PROTEOME_SECONDS = 15.0, 240.0
SIX = Row("cox-zph-six", f"{_TITLE}, six outcomes", "15 s", gain=False, must=1.0)
PROTEOME = Row("cox-zph-proteome", f"{_TITLE}, the proteome x six", "240 s", gain=False, must=1.0)
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
_PROTEOME = 2_920
# The outcomes beside the first, by the share of people with the event.
_SHARES = {"cancer": 0.12, "stroke": 0.02, "diabetes": 0.05, "asthma": 0.03, "dementia": 0.01}
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

    def fit_exactly(self, outcome: str = _OUTCOME) -> F64:
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
            times = samples.select(_time_of(outcome), outcome).to_numpy()[rows].astype(np.float64)
            spells = np.column_stack([np.full(X.shape[0], -np.inf), times])
            risk = lay_out_risk_sets(spells)
            fit = fit_cox(X, risk)
            X = X[:, fit.basis]  # without levels in which nobody has the event
            sums = sum_hazards(fit.risk, X @ fit.limit, np.ones(X.shape[0]))
            gtime = transform_times(spells, fit.risk, "km")
            tests = score_changes(sums, X, gtime, [np.array([X.shape[1] - 1])])
            numbers = np.array([fit.limit[-1], np.sqrt(fit.limit_covariance[-1, -1])])
            per = score[rows].std()
            found.append([*(numbers / per), *(test[0] for test in tests if test is not None)])
        return np.array(found).T


class Hazards:
    """A scan of follow-up from plan to tables, with R's fits of two proteins in the same rounds."""

    rows = (COX, SIX, PROTEOME)

    def measure(self, rows: Sequence[Row], scope: Scope) -> Iterator[Reading]:
        """Yield the time of the scan and of R, and how far each is from fits one by one; then that
        of six outcomes, and what follows from it for a proteome.
        """
        people, proteins = _SIZES[scope.size]
        work = _build(scope.folder, people, proteins)
        _scan(work.cohort)  # loads what is compiled, and warms the files
        if COX in rows:
            yield from _measure_one(work, scope)
        if SIX in rows or PROTEOME in rows:
            yield from _measure_six(work, rows, scope)


def _measure_one(work: _Work, scope: Scope) -> Iterator[Reading]:
    people, proteins = _SIZES[scope.size]
    truth = work.fit_exactly()
    with_r = scope.peers and has_r(package="survival")
    if with_r:
        work.write(scope.folder)
    seconds: dict[str, list[float]] = {PROTEOMR: [], _TOOL: []}
    errors = {PROTEOMR: 0.0, _TOOL: 0.0}
    for _ in range(scope.rounds):
        spent, (found,) = _scan(work.cohort)
        seconds[PROTEOMR].append(spent / proteins)
        errors[PROTEOMR] = max(errors[PROTEOMR], _differ(found, truth))
        if with_r:
            said = run_script(_PROGRAM, scope.folder).splitlines()
            numbers = np.array([line.split() for line in said], dtype=np.float64)
            seconds[_TOOL].append(float(numbers[:, -1].mean()))
            errors[_TOOL] = max(errors[_TOOL], _differ(numbers[:, :-1].T, truth))
    ratio = median_ratio(seconds, _TOOL, PROTEOMR) if with_r else None
    yield scope.read(
        COX, work=f"{people:,} people, {proteins} proteins, 62 coefficients", unit="fit",
        ms=median_ms(seconds[PROTEOMR]), ratio=ratio, error=errors[PROTEOMR], bound=_BOUND,
    )  # fmt: skip
    if with_r:
        yield scope.read(
            COX, tool=_TOOL, work=f"{_CHOSEN} fits, on ready scores", unit="fit",
            ms=median_ms(seconds[_TOOL]), ratio=ratio, error=errors[_TOOL], bound=_BOUND_OF_R,
        )  # fmt: skip


def _measure_six(work: _Work, rows: Sequence[Row], scope: Scope) -> Iterator[Reading]:
    """Yield the seconds of six outcomes, and of a proteome: a part of the proteins tells what is
    spent once, all of them what each takes. Goals are those of the full size.
    """
    people, proteins = _SIZES[scope.size]
    outcomes = (_OUTCOME, *_SHARES)
    work = replace(work, cohort=_add_outcomes(work.cohort))
    names = work.cohort.proteins.names[: max(proteins // 4, _CHOSEN)]
    few = choose_proteins(work.cohort, ProteinChoice(names=names), scratch=scope.folder)
    truth = [work.fit_exactly(outcome) for outcome in outcomes]
    whole: list[float] = []
    proteome: list[float] = []
    error = 0.0
    for _ in range(scope.rounds):
        spent, found = _scan(work.cohort, outcomes)
        once, _ = _scan(few, outcomes)
        whole.append(spent)
        each = (spent - once) / (proteins - len(names))
        proteome.append(spent + each * (_PROTEOME - proteins))
        error = max(error, *(_differ(*pair) for pair in zip(found, truth, strict=True)))
    told = f"{people:,} people, {proteins} proteins x {len(outcomes)} outcomes"
    full = scope.size == "full"
    for row, seconds, goal, of in (
        (SIX, whole, _SIX_SECONDS, told),
        (PROTEOME, proteome, _PROTEOME_SECONDS, f"{_PROTEOME:,} proteins, from {told}"),
    ):
        if row in rows:
            ms = median_ms(seconds)
            yield scope.read(
                row, work=of, unit="scan", ms=ms, ratio=ms / (MILLI * goal) if full else None,
                error=error, bound=_BOUND,
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


def _time_of(outcome: str) -> str:
    return _TIME if outcome == _OUTCOME else f"{outcome}_years"


def _add_outcomes(cohort: Cohort) -> Cohort:
    """Return the cohort with five more outcomes: exponential times to the day, hazards that rise by
    a twentieth a year of age, censored where follow-up ends.
    """
    g = np.random.default_rng(20_250_204)
    ends = cohort.samples[_TIME].to_numpy()
    age = cohort.samples["age"].fill_null(strategy="mean").to_numpy().astype(np.float64)
    columns = []
    for name, share in _SHARES.items():
        hazard = np.exp(0.05 * (age - age.mean()))
        hazard *= -np.log1p(-share) / (hazard * ends).mean()
        days = np.ceil(g.exponential(1.0 / hazard) * 365.25) / 365.25
        columns += [
            pl.Series(name, (days <= ends).astype(np.int64)),
            pl.Series(_time_of(name), np.minimum(days, ends).round(4)),
        ]
    return replace(cohort, samples=cohort.samples.with_columns(columns))


def _scan(cohort: Cohort, outcomes: Sequence[str] = (_OUTCOME,)) -> tuple[float, list[F64]]:
    """Return the CPU seconds from plan to tables, and what comes of the chosen proteins."""
    spec = ModelSpec(
        "cox",
        adjust={"full": _ADJUST},
        survival=SurvivalOptions(zph="km"),
        follow_up=FollowUpOptions(tuple(FollowUp(name, _time_of(name)) for name in outcomes)),
    )
    with one_blas_thread():
        began = time.process_time()
        parts = fit_blocks(plan_scan(cohort, spec), executor=Serial())
        table = collect(parts, spec).frame
        tests = collect_details(parts, "proportional_hazards")
        spent = time.process_time() - began
    return spent, [_find_chosen(cohort, table, tests, name) for name in outcomes]


def _find_chosen(cohort: Cohort, table: pl.DataFrame, tests: pl.DataFrame, outcome: str) -> F64:
    """Return the numbers ``(4, 2)`` of the chosen proteins for one outcome."""
    found = []
    for name in cohort.proteins.names[:_CHOSEN]:
        of_pair = (pl.col("protein") == name) & (pl.col("outcome") == outcome)
        row = table.row(by_predicate=of_pair, named=True)
        of = dict(tests.filter(of_pair).select("term", "chi2").iter_rows())
        found.append([row["estimate"], row["se"], of[name], of["GLOBAL"]])
    return np.array(found).T


def _differ(found: F64, truth: F64) -> float:
    """Return the largest error: of estimates in standard errors, of all else relative."""
    gap = float(np.max(np.abs(found[0] - truth[0]) / truth[1]))
    return max(gap, float(np.max(np.abs(found[1:] / truth[1:] - 1.0))))
