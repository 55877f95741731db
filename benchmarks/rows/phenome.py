"""A phenome scan: every protein against many outcomes, each with missing values of its own."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.accuracy import BOUNDS, SAME_MODEL
from benchmarks.exact import fit_exactly
from benchmarks.interfaces import PROTEOMR
from benchmarks.problems import Size, build_problem, rank_normalise
from benchmarks.records import Reading
from benchmarks.rows.row import Row, Scope, SizeName, median_ms, median_ratio
from proteomr._typing import F64, Bool
from proteomr.association import ModelSpec, collect, plan_scan
from proteomr.association.outcome_options import OutcomeOptions
from proteomr.design import parse
from proteomr.execute import Serial, one_blas_thread
from proteomr.io import read_cohort, read_outcomes
from proteomr.scan import fit_blocks

__all__ = ["PHENOME", "Phenome"]

PHENOME = Row("phenome", "phenome scan, linear", "numpy's loop, cell by cell", must=10.0, aim=25.0)
_ADJUST = (
    "age + sex + C(site) + C(batch) + PC1..PC20 + C(ethnicity) + C(education) + income + smoking + "
    "alcohol + bmi"
)
_LOOP = "numpy loop"
# people, proteins simulated, proteins scanned, outcomes
_SIZES: dict[SizeName, tuple[int, int, int, int]] = {
    "full": (42_062, 1_464, 183, 313),
    "quick": (16_000, 320, 40, 24),
    "tiny": (5_000, 32, 4, 3),
}
_CELLS = 6  # that the loop fits, and that are held against the exact fit
_SHARES = (0.01, 0.03, 0.05, 0.2, 0.6)  # of an outcome's missing values, in turn


@dataclass(frozen=True, slots=True, eq=False)
class _Grid:
    """Files of a scan, and what single cells need of them."""

    people: Path
    proteins: Path
    outcomes: Path
    raw: F64
    y: F64
    covariates: F64
    names: tuple[str, ...]

    def cell(self, j: int, e: int) -> tuple[F64, F64]:
        """Return design and response of a pair within its complete cases, the score first."""
        rows: Bool = ~np.isnan(self.raw[j]) & ~np.isnan(self.y[e])
        return np.column_stack([rank_normalise(self.raw[j, rows]), self.covariates[rows]]), self.y[
            e, rows
        ]


class Phenome:
    """proteomr's scan from the files to the table, beside a loop over a few of its cells."""

    rows = (PHENOME,)

    def measure(self, rows: Sequence[Row], scope: Scope) -> Iterator[Reading]:
        """Yield the scan and the loop; the chosen cells are held against exact fits."""
        people, simulated, proteins, outcomes = _SIZES[scope.size]
        grid = _build(
            Size(scope.size, people, simulated, 1, 1, 1), proteins, outcomes, scope.folder
        )
        cells = list(itertools.islice(_spread(proteins, outcomes), _CELLS))
        with one_blas_thread():
            true = [_exactly(*grid.cell(j, e)) for j, e in cells]
            seconds: dict[str, list[float]] = {PROTEOMR: [], _LOOP: []}
            errors: dict[str, list[float]] = {PROTEOMR: [], _LOOP: []}
            for _ in range(scope.rounds):
                spent, found = _scan(grid, cells)
                seconds[PROTEOMR].append(spent / (proteins * outcomes))
                errors[PROTEOMR].append(_worst(found, true))
                began = time.process_time()
                looped = [_solve(*grid.cell(j, e)) for j, e in cells]
                seconds[_LOOP].append((time.process_time() - began) / len(cells))
                errors[_LOOP].append(_worst(looped, true))
        work = f"{people:,} people, {proteins} proteins x {outcomes} outcomes"
        for row in rows:
            for tool in (PROTEOMR, _LOOP):
                yield scope.read(
                    row,
                    tool=tool,
                    work=work if tool == PROTEOMR else f"{len(cells)} of the fits",
                    unit="fit",
                    ms=median_ms(seconds[tool]),
                    ratio=median_ratio(seconds, _LOOP, PROTEOMR) if tool == PROTEOMR else None,
                    error=max(errors[tool]),
                    bound=BOUNDS["linear"] if tool == PROTEOMR else SAME_MODEL,
                )


def _build(size: Size, proteins: int, outcomes: int, folder: Path) -> _Grid:
    problem = build_problem(size, folder / "phenome")
    names = problem.names[:proteins]
    panel = folder / "phenome" / "proteins.parquet"
    matrix = pl.read_parquet(problem.panel).select("sample_id", *names)
    matrix.write_parquet(panel)
    rng = np.random.default_rng(11)
    y = rng.normal(size=(outcomes, problem.samples.height))
    y += 0.02 * problem.samples["age"].to_numpy()
    for e, row in enumerate(y):
        row[rng.random(row.size) < _SHARES[e % len(_SHARES)]] = np.nan
    columns = {f"y{e:03d}": row for e, row in enumerate(y)}
    file = folder / "phenome" / "outcomes.parquet"
    frame = pl.DataFrame({"sample_id": problem.samples["sample_id"], **columns})
    frame.with_columns(pl.selectors.float().fill_nan(None)).write_parquet(file)
    values = matrix.select(pl.col(names).cast(pl.Float64).fill_null(np.nan)).to_numpy().T
    # the second column is the time gap, which these models leave out
    covariates = np.delete(problem.covariates, 1, axis=1)
    return _Grid(problem.people, panel, file, np.ascontiguousarray(values), y, covariates, names)


def _spread(proteins: int, outcomes: int) -> Iterator[tuple[int, int]]:
    """Yield pairs that are spread over all proteins and outcomes."""
    for i in itertools.count():
        yield (i * 7) % proteins, i % outcomes


def _scan(grid: _Grid, cells: Sequence[tuple[int, int]]) -> tuple[float, list[tuple[float, float]]]:
    """Return the CPU seconds from files to table, and the fits of some cells."""
    began = time.process_time()
    cohort = read_cohort(grid.people, [grid.proteins], scratch=grid.people.parent)
    table = read_outcomes(grid.outcomes, label="y", cohort=cohort, formula=parse("1"))
    options = OutcomeOptions((("y", "1"),))
    spec = ModelSpec("linear", adjust={"full": _ADJUST}, outcome_options=options)
    plan = plan_scan(cohort, spec, outcomes=[table])
    frame = collect(fit_blocks(plan, executor=Serial()), plan.spec).frame
    spent = time.process_time() - began
    rows = {
        (protein, outcome): (estimate, se)
        for protein, outcome, estimate, se in frame.select(
            "protein", "outcome", "estimate", "se"
        ).iter_rows()
    }
    return spent, [rows[grid.names[j], f"y{e:03d}"] for j, e in cells]


def _solve(X: F64, y: F64) -> tuple[float, float]:
    """Fit one cell by the normal equations, as one writes it in an afternoon."""
    inverse = np.linalg.inv(X.T @ X)
    beta = inverse @ (X.T @ y)
    residual = y - X @ beta
    variance = residual @ residual / (X.shape[0] - X.shape[1])
    return float(beta[0]), float(np.sqrt(variance * inverse[0, 0]))


def _exactly(X: F64, y: F64) -> tuple[float, float]:
    fit = fit_exactly("linear", X, y)
    return float(fit.beta[0]), float(np.sqrt(fit.covariance()[0, 0]))


def _worst(found: Sequence[tuple[float, float]], true: Sequence[tuple[float, float]]) -> float:
    """Return the largest error: of an estimate in standard errors, of an error in itself."""
    errors = [
        max(abs(b - known) / known_se, abs(se / known_se - 1.0))
        for (b, se), (known, known_se) in zip(found, true, strict=True)
    ]
    return max(errors)
