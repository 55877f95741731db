"""Mixed models of repeated measures beside lmer: random intercepts and random slopes."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.records import Reading
from benchmarks.rows.row import Row, Scope, SizeName, median_ms
from benchmarks.rscript import has_r
from proteomr._typing import F64
from proteomr.association import ModelSpec, collect, plan_scan
from proteomr.execute import Serial, one_blas_thread
from proteomr.models import Block, Mixed, MixedOptions
from proteomr.models.mixed import MixedState
from proteomr.models.mixed_weights import weigh_effects
from proteomr.scan import fit_blocks
from proteomr.tables import ArrayProteins, Cohort

__all__ = ["INTERCEPT", "SLOPE", "MixedModels", "make_visits"]

INTERCEPT = Row("mixed-intercept", "mixed, random intercept", "lmer() and summary()", must=100.0)
SLOPE = Row("mixed-slope", "mixed, random slope", "lmer() and summary()", must=100.0)
_RANDOM = {INTERCEPT.key: "1|subject", SLOPE.key: "time|subject"}
_TOOL = "lmerTest, lmer() and summary()"
# people and proteins; all are seen four times, and every tenth value is missing
_SIZES: dict[SizeName, tuple[int, int]] = {
    "full": (2_000, 192),
    "quick": (500, 96),
    "tiny": (40, 6),
}
_VISITS = 4
_COVARIATES = [f"PC{i}" for i in range(1, 7)]
_ADJUST = " + ".join(["age", "time", *_COVARIATES])
_BOUND = 1e-8  # of the exact maximum, in standard errors and relative
_BOUND_OF_LMER = 1e-3  # it stops by default where the slope of its criterion is 2e-3
_CHOSEN = 2
_PROGRAM = """
suppressMessages(library(lmerTest))
folder <- commandArgs(TRUE)[1]; random <- commandArgs(TRUE)[2]
d <- read.csv(file.path(folder, "visits.csv"))
formula <- as.formula(paste("y ~", commandArgs(TRUE)[3], "+ treated + (", random, ")"))
scores <- function(x) qnorm((rank(x, na.last = "keep") - 0.375) / (sum(!is.na(x)) + 0.25))
for (name in strsplit(commandArgs(TRUE)[4], " ")[[1]]) {
  d$y <- scores(d[[name]])
  work <- quote(row <- coef(summary(suppressMessages(lmer(formula, d))))["treated", ])
  spent <- sum(system.time(eval(work))[1:2])
  cat(sprintf("%.17g %.17g %.6f\\n", row[[1]], row[[2]], spent))
}
"""


def make_visits(people: int, proteins: int) -> Cohort:
    """Return people seen four times each; rises and levels of the proteins are their own."""
    draw = np.random.default_rng(11)
    subject = np.repeat(np.arange(people), _VISITS)
    n = subject.size
    when = np.tile(np.arange(_VISITS, dtype=np.float64), people)
    values = draw.normal(size=(n, proteins)) + draw.normal(size=(people, proteins))[subject]
    values += 0.4 * draw.normal(size=(people, proteins))[subject] * when[:, None]
    values[draw.random(values.shape) < 0.1] = np.nan
    samples = pl.DataFrame(
        {
            "sample_id": [f"S{i:06d}" for i in range(n)],
            "subject": [f"P{i:05d}" for i in subject],
            "time": when,
            "treated": (draw.random(people) < 0.5)[subject].astype(np.int64),
            "age": draw.normal(56, 8, people)[subject],
            **{name: draw.normal(size=n) for name in _COVARIATES},
        }
    )
    names = tuple(f"prot{i}" for i in range(proteins))
    assays = pl.DataFrame({"protein": names})
    return Cohort(samples, "sample_id", ArrayProteins(names, values), assays)


class MixedModels:
    """Scans of repeated measures, with lmer's fits of a few proteins in the same rounds."""

    rows = (INTERCEPT, SLOPE)

    def measure(self, rows: Sequence[Row], scope: Scope) -> Iterator[Reading]:
        """Yield the time of a scan and of lmer, and how far each is from the exact maximum."""
        people, proteins = _SIZES[scope.size]
        cohort = make_visits(people, proteins)
        with_r = scope.peers and has_r(package="lmerTest")
        for row in rows:
            spec = ModelSpec(
                "mixed", ("treated",), {"a": _ADJUST}, mixed=MixedOptions((_RANDOM[row.key],))
            )
            truth = _fit_exactly(cohort, spec)
            _scan(_first(cohort, _CHOSEN), spec)  # loads what is compiled
            ours: list[float] = []
            theirs: list[float] = []
            error = error_of_r = 0.0
            for _ in range(scope.rounds):
                spent, found = _scan(cohort, spec)
                ours.append(spent)
                error = max(error, _differ(found[:, :_CHOSEN], truth))
                if with_r:
                    spent, found = _ask_r(cohort, row, scope.folder)
                    theirs.append(spent)
                    error_of_r = max(error_of_r, _differ(found, truth))
            work = f"{cohort.n:,} samples of {people:,} people, {proteins} proteins"
            pairs = [one / other for one, other in zip(theirs, ours, strict=False)]
            ratio = float(np.median(pairs)) if pairs else None
            yield scope.read(
                row, work=work, unit="fit", ms=median_ms(ours), ratio=ratio, error=error,
                bound=_BOUND,
            )  # fmt: skip
            if with_r:
                yield scope.read(
                    row, tool=_TOOL, work=f"{_CHOSEN} fits, on ready scores", unit="fit",
                    ms=median_ms(theirs), ratio=ratio, error=error_of_r, bound=_BOUND_OF_LMER,
                )  # fmt: skip


def _scan(cohort: Cohort, spec: ModelSpec) -> tuple[float, F64]:
    """Return the CPU seconds of a fit, from plan to table, and estimates and errors ``(2, b)``."""
    with one_blas_thread():
        began = time.process_time()
        table = collect(fit_blocks(plan_scan(cohort, spec), executor=Serial()), spec).frame
        spent = time.process_time() - began
    return spent / table.height, table.select("estimate", "se").to_numpy().T


def _first(cohort: Cohort, count: int) -> Cohort:
    names = cohort.proteins.names[:count]
    return replace(
        cohort, proteins=cohort.proteins.select_columns(list(names)), assays=cohort.assays[:count]
    )


def _fit_exactly(cohort: Cohort, spec: ModelSpec) -> F64:
    """Return estimates and errors ``(2, b)`` of the chosen proteins, each from its own rows."""
    from proteomr.stats.transforms import transform_block

    plan = plan_scan(_first(cohort, _CHOSEN), spec)
    group = plan.groups[0]
    raw = np.ascontiguousarray(cohort.proteins.read(slice(0, _CHOSEN))[group.rows].T)
    observed, scores = ~np.isnan(raw), np.empty_like(raw)
    transform_block(raw, scores, transform=spec.transform)
    family = Mixed(plan.family.options)
    state = MixedState(*weigh_effects(plan.problem(group)), None, (None,))
    block = Block(scores, np.empty((_CHOSEN, 0, scores.shape[1])), observed)
    fits = family.fit(state, block)
    return np.stack([fits.estimate[:, 0], fits.se[:, 0]])


def _differ(found: F64, truth: F64) -> float:
    """Return the largest error: of estimates in standard errors, of these relative."""
    gaps = (np.abs(found[0] - truth[0]) / truth[1], np.abs(found[1] / truth[1] - 1.0))
    return float(np.max(gaps))


def _ask_r(cohort: Cohort, row: Row, folder: Path) -> tuple[float, F64]:
    """Return lmer's CPU seconds of a fit with its summary, and its numbers ``(2, b)``."""
    names = cohort.proteins.names[:_CHOSEN]
    data, program = folder / "visits.csv", folder / "program.R"
    if not data.exists():
        values = cohort.proteins.read(slice(0, _CHOSEN))
        columns = [pl.Series(name, values[:, i]) for i, name in enumerate(names)]
        cohort.samples.with_columns(columns).fill_nan(None).write_csv(data, null_value="NA")
        program.write_text(_PROGRAM)
    asked = (str(folder), _RANDOM[row.key], _ADJUST, " ".join(names))
    said = subprocess.run(
        ["Rscript", "--vanilla", str(program), *asked], capture_output=True, text=True, check=True
    )
    numbers = np.array([line.split() for line in said.stdout.splitlines()], dtype=np.float64)
    return float(numbers[:, 2].mean()), numbers[:, :2].T
