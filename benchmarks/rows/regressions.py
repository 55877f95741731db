"""Robust errors, weights and interactions as multiples of the classical fit of the same run.

They go through the door that scans in memory go through, so that what is measured is the way that
the house takes. As many proteins are fitted as a budget allows: a form that is fitted one protein
at a time gets a handful, one that has a way for whole blocks gets the panel.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.accuracy import BOUNDS, SAME_MODEL, judge
from benchmarks.competitors.proteomr_scan import estimates_of, scan_parts
from benchmarks.exact import ExactFit, fit_exactly
from benchmarks.interfaces import PROTEOMR, Family
from benchmarks.problems import CLUSTER, WEIGHT, Problem, Size, build_problem
from benchmarks.records import Reading
from benchmarks.rows.forms import FACTOR, FORMS, Form
from benchmarks.rows.row import MILLI, Row, Scope, SizeName, median_ms, median_ratio
from benchmarks.rscript import has_r, run_r
from proteomr._typing import F64
from proteomr.association import ModelSpec, collect
from proteomr.association.joint import collect_joint_tests
from proteomr.execute import one_blas_thread
from proteomr.simulate import ADJUSTMENTS
from proteomr.tables import Associations

__all__ = ["Found", "Regressions", "affordable", "find_exactly"]

_SIZES: dict[SizeName, tuple[Size, float]] = {
    "full": (Size("full", people=42_062, proteins=2_920, chosen=3, rounds=3, pairs=1), 20.0),
    "quick": (Size("quick", people=5_000, proteins=768, chosen=1, rounds=2, pairs=1), 1.0),
    "tiny": (Size("tiny", people=5_000, proteins=32, chosen=2, rounds=1, pairs=1), 0.0),
}
_CLASSICAL = "classical"
_STEP = 4
_LOOKS = 2  # the first may compile what blocks of this many proteins need


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Estimates and errors of the chosen fits, ``(b, t)``; of a product too where there is one.

    Attributes
    ----------
    joint : statistic of the joint test of all products.
    """

    main: tuple[F64, F64]
    product: tuple[F64, F64] | None = None
    joint: F64 | None = None

    def error(self, true: Found, family: Family) -> float:
        """Return the largest relative error of all that was found, joint statistics included."""
        errors = []
        for found, known in ((self.main, true.main), (self.product, true.product)):
            if found is not None and known is not None:
                verdict = judge(PROTEOMR, family, found=found, true=known)
                errors += [verdict.estimate_error, verdict.se_error]
        if self.joint is not None and true.joint is not None:
            # the square of an estimate over its error: twice the relative error of each
            errors.append(float(np.max(np.abs(self.joint / true.joint - 1.0))) / 4.0)
        return max(errors)


@dataclass(frozen=True, slots=True)
class Regressions:
    """All forms of one family, in alternating rounds with the classical fit."""

    family: Family
    forms: tuple[Form, ...] = field(init=False)

    def __post_init__(self) -> None:
        mine = tuple(form for form in FORMS if form.family == self.family)
        object.__setattr__(self, "forms", mine)

    @property
    def rows(self) -> tuple[Row, ...]:
        """The rows that it measures."""
        return tuple(form.row for form in self.forms)

    def measure(self, rows: Sequence[Row], scope: Scope) -> Iterator[Reading]:
        """Yield each form's cost beside the classical fit, and R's where it is asked for."""
        size, budget = _SIZES[scope.size]
        forms = {form.row.key: form for form in self.forms if form.row in rows}
        problem = build_problem(size, scope.folder / self.family)
        scan = _Scan(problem, self.family)
        settings = {_CLASSICAL: {}, **{key: form.settings for key, form in forms.items()}}
        counts = {name: scan.affordable(options, budget) for name, options in settings.items()}
        seconds: dict[str, list[float]] = {name: [] for name in settings}
        errors: dict[str, list[float]] = {key: [] for key in forms}
        with one_blas_thread():
            true = find_exactly(problem, list(forms.values()))
        for _ in range(scope.rounds):
            for name, options in settings.items():
                cost, found = scan.fit(options, counts[name])
                seconds[name].append(cost)
                if name in true:
                    errors[name].append(found.error(true[name], self.family))
        for key, form in forms.items():
            yield scope.read(
                form.row,
                work=f"{size.people:,} people, {counts[key]} proteins x {len(problem.tests)} fits",
                unit="fit",
                ms=median_ms(seconds[key]),
                ratio=median_ratio(seconds, key, _CLASSICAL),
                error=max(errors[key]),
                bound=BOUNDS[self.family],
            )
            if scope.peers and has_r() and (not form.package or has_r(package=form.package)):
                yield _ask_r(form, problem, true[key], scope, ours=median_ms(seconds[key]))


@dataclass(frozen=True, slots=True)
class _Scan:
    """Scans of some proteins of a panel."""

    problem: Problem
    family: Family

    def affordable(self, options: Mapping[str, str], budget: float) -> int:
        """Return how many proteins are fitted within a budget of seconds, at least the chosen."""
        few, tests = len(self.problem.chosen), len(self.problem.tests)
        if budget:
            self.fit(options, few)  # loads what is compiled

        def spend(count: int) -> float:
            return count * tests * self.fit(options, count)[0]

        return affordable(spend, budget, few=few, most=len(self.problem.names))

    def fit(self, options: Mapping[str, str], count: int) -> tuple[float, Found]:
        """Return the CPU seconds of a fit, files to table, and the fits of the chosen proteins."""
        problem = self.problem
        proteins = self._write(count)
        spec = ModelSpec(self.family, problem.exposure_names, dict(ADJUSTMENTS), **options)  # type: ignore[arg-type]
        with one_blas_thread():
            began = time.process_time()
            parts = scan_parts(problem, spec, proteins=proteins)
            table = collect(parts, spec)
            joint = collect_joint_tests(parts).frame if spec.interaction else None
            spent = time.process_time() - began
        return spent / (count * len(problem.tests)), _find(table, joint, problem)

    def _write(self, count: int) -> Path:
        path = self.problem.panel.with_name(f"panel_{count}.parquet")
        if not path.exists():
            names = self.problem.names[:count]
            pl.read_parquet(self.problem.panel, columns=["sample_id", *names]).write_parquet(path)
        return path


def affordable(spend: Callable[[int], float], budget: float, *, few: int, most: int) -> int:
    """Return how many proteins a budget of seconds pays.

    Four times as many take no more than four times as long: so far is gone up, and no estimate of
    what one more costs is needed, which is small beside what a scan costs anyhow.

    Examples
    --------
    >>> affordable(lambda count: 0.3 + 1.6 * count, 20.0, few=3, most=365)
    3
    >>> affordable(lambda count: 0.3 + 0.01 * count, 20.0, few=3, most=365)
    365
    """
    count = few
    while count < most and budget:
        larger = min(most, _STEP * count)
        affords = (spend(count) * larger / count <= budget for _ in range(_LOOKS))
        if not any(affords):
            break
        count = larger
    return count


def _find(table: Associations, joint: pl.DataFrame | None, problem: Problem) -> Found:
    everyone = range(len(problem.chosen))
    product = pl.col("term").str.contains(":", literal=True)
    main = estimates_of(table.frame.filter(~product), problem, everyone)
    if joint is None:
        return Found(main)
    statistics = joint.select(
        "protein", "exposure", "adjustment", estimate="statistic", se="statistic"
    )
    return Found(
        main,
        estimates_of(table.frame.filter(product), problem, everyone),
        estimates_of(statistics, problem, everyone)[0],
    )


def find_exactly(problem: Problem, forms: Sequence[Form]) -> dict[str, Found]:
    """Return what must come out of each form for the chosen proteins, by the key of its row.

    By orthogonal factorisations, one protein at a time.
    """
    shape = (5, len(problem.chosen), len(problem.tests))
    values = {form.row.key: np.empty(shape) for form in forms}
    for j, t in np.ndindex(shape[1:]):
        fits: dict[tuple[bool, bool], ExactFit] = {}
        for form in forms:
            kind = ("weights" in form.settings, "interaction" in form.settings)
            if kind not in fits:
                fits[kind] = _fit_exactly(
                    problem, form.family, j, t, weighted=kind[0], product=kind[1]
                )
            cluster = problem.samples[CLUSTER].to_numpy()[problem.design(j, problem.tests[t][1])[2]]
            beta = fits[kind].beta
            errors = form.settings.get("errors", "classical")
            se = np.sqrt(np.diag(fits[kind].covariance(errors, cluster=cluster)))
            values[form.row.key][:, j, t] = beta[0], se[0], beta[1], se[1], (beta[1] / se[1]) ** 2
    return {
        form.row.key: _split(values[form.row.key], product="interaction" in form.settings)
        for form in forms
    }


def _split(values: F64, *, product: bool) -> Found:
    main = (values[0], values[1])
    return Found(main, (values[2], values[3]), values[4]) if product else Found(main)


def _fit_exactly(
    problem: Problem, family: Family, j: int, t: int, *, weighted: bool, product: bool
) -> ExactFit:
    exposure, label = problem.tests[t]
    scores, covariates, rows = problem.design(j, label)
    x = problem.exposures[rows, exposure]
    first, response = (scores, x) if family == "logistic" else (x, scores)
    columns = [first, covariates]
    if product:
        columns.insert(1, first * problem.samples[FACTOR].to_numpy()[rows])
    weights = problem.samples[WEIGHT].to_numpy()[rows] if weighted else None
    return fit_exactly(family, np.column_stack(columns), response, weights=weights)


def _ask_r(form: Form, problem: Problem, true: Found, scope: Scope, *, ours: float) -> Reading:
    """Return R's time for the fits of one protein."""
    fitted = run_r(form.program, problem, [0])
    known = Found((true.main[0][:1], true.main[1][:1]))
    ms = MILLI * fitted.cpu_seconds
    return scope.read(
        form.row,
        tool=form.tool,
        work=f"{fitted.timed} fits, on ready scores",
        unit="fit",
        rounds=1,
        ms=ms,
        ratio=ms / ours,
        error=Found((fitted.estimate, fitted.se)).error(known, form.family),
        bound=SAME_MODEL,
    )
