"""Exposures of four groups: multinomial fits beside R's, contrasts beside a single slope."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmarks.records import Reading
from benchmarks.rows.row import MILLI, Row, Scope, SizeName, median_ms, median_ratio
from benchmarks.rscript import has_r, run_script
from proteomr._typing import F64, I64
from proteomr.execute import one_blas_thread
from proteomr.models import (
    Adjustment,
    AnyFamily,
    Block,
    Factor,
    Linear,
    Model,
    Multinomial,
    Problem,
    Target,
)
from proteomr.models.multinomial_exact import fit_exactly
from proteomr.models.targets import FACTOR, LEVELS, TargetColumn, TargetKind

__all__ = ["LEVELS_ROW", "MULTINOMIAL", "Groups", "draw_groups"]

_NNET = "R nnet::multinom"
MULTINOMIAL = Row(
    "multinomial",
    "multinomial, 4 groups, with the likelihood ratio",
    _NNET,
    must=1000.0,
    aim=1500.0,
)
LEVELS_ROW = Row(
    "linear-levels",
    "linear, 4 levels, 3 contrasts and their F test",
    "one slope",
    gain=False,
    must=2.0,
    aim=1.3,
)
_SIZES: dict[SizeName, tuple[int, int]] = {
    "full": (42_062, 96),
    "quick": (8_000, 48),
    "tiny": (2_500, 12),
}
_SITES, _DENSE = 22, 18  # 40 columns with the intercept, 21 of them of sites
_GROUPS = 4
_R = """
suppressMessages(library(nnet))
folder <- commandArgs(TRUE)[1]
size <- scan(file.path(folder, "size.txt"), quiet = TRUE)
m <- matrix(readBin(file.path(folder, "columns.bin"), "double", prod(size)), size[1], size[2])
d <- data.frame(g = factor(m[, 1]), site = factor(m[, 2]), protein = m[, 3], m[, -(1:3)])
d <- d[!is.na(d$protein), ]
took <- system.time({
  fit <- multinom(g ~ ., data = d, trace = FALSE, maxit = 1000)
  found <- summary(fit)
  null <- multinom(g ~ . - protein, data = d, trace = FALSE, maxit = 1000)
  ratio <- null$deviance - fit$deviance
})
cat(sprintf("%.6f\\n", sum(took[1:2])))
cat(sprintf("%.17g %.17g\\n", found$coefficients[, "protein"], found$standard.errors[, "protein"]))
"""


def draw_groups(people: int, proteins: int) -> tuple[Problem, Block, Target]:
    """Return a cohort in four groups, which the first protein goes with, and a number."""
    g = np.random.default_rng(20_250_203)
    site = np.sort(g.integers(0, _SITES, people))
    dense = g.normal(size=(people, _DENSE))
    observed = g.random((proteins, people)) < 0.98
    values = g.normal(size=(proteins, people))
    eta = np.outer([0.0, 0.1, 0.2, -0.1], values[0]) + np.outer([0.0, 0.2, -0.1, 0.3], dense[:, 0])
    eta += np.array([[0.0], [-1.0], [-1.5], [-2.0]])
    shares = np.cumsum(np.exp(eta) / np.exp(eta).sum(axis=0), axis=0)
    codes = (g.random(people) > shares).sum(axis=0)
    target = _read(LEVELS, codes)
    sites = [site == level for level in range(1, _SITES)]
    covariates = np.column_stack([np.ones(people), *sites, dense]).astype(np.float64)
    everything = np.arange(covariates.shape[1])
    problem = Problem(
        covariates=covariates,
        names=tuple(f"c{i}" for i in everything),
        factors=(Factor("site", site, np.arange(1, _SITES)),),
        targets=(target,),
        adjustments=(Adjustment("full", everything),),
        models=(Model(0, 0),),
    )
    slope = Target("x", "exposure", "continuous", g.normal(size=people))
    return problem, Block(values * observed, np.empty((proteins, 0, people)), observed), slope


class Groups:
    """Blocks of fits, prepared and fitted; the first protein is held against a fit by itself."""

    rows = (MULTINOMIAL, LEVELS_ROW)

    def measure(self, rows: Sequence[Row], scope: Scope) -> Iterator[Reading]:
        """Yield proteomr's cost, and R's where it is asked for."""
        people, proteins = _SIZES[scope.size]
        problem, block, slope = draw_groups(people, proteins)
        work = f"{people:,} people, {problem.covariates.shape[1]} columns, {proteins} proteins"
        if LEVELS_ROW in rows:
            yield _measure_levels(problem, block, slope, scope, work)
        if MULTINOMIAL in rows:
            yield from _measure_multinomial(problem, block, scope, work)


def _measure_levels(
    problem: Problem, block: Block, slope: Target, scope: Scope, work: str
) -> Reading:
    codes = problem.targets[0].values.astype(np.int64)
    ways = {"levels": _read(FACTOR, codes), "slope": slope}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    error = 0.0
    with one_blas_thread():
        for _ in range(1 + scope.rounds):  # the first loads what is compiled
            for name, target in ways.items():
                cost, found = _fit(Linear(), _with_target(problem, target), block)
                seconds[name].append(cost)
                if name == "levels":
                    error = _compare_means(problem, block, codes, found[0])
    return scope.read(
        LEVELS_ROW,
        work=work,
        unit="fit",
        ms=median_ms(seconds["levels"][1:]),
        ratio=median_ratio({name: of[1:] for name, of in seconds.items()}, "levels", "slope"),
        error=error,
        bound=1e-10,
    )


def _measure_multinomial(
    problem: Problem, block: Block, scope: Scope, work: str
) -> Iterator[Reading]:
    outcome = fit_exactly(problem, block, 0, 0)
    true = np.array([[fit.estimate, fit.se] for fit in outcome.fits.values()])  # type: ignore[union-attr]
    seconds = []
    with one_blas_thread():
        for _ in range(1 + scope.rounds):
            cost, found = _fit(Multinomial(), problem, block)
            seconds.append(cost)
    ms = median_ms(seconds[1:])
    theirs = (
        _ask_nnet(problem, block, scope.folder) if scope.peers and has_r(package="nnet") else None
    )
    yield scope.read(
        MULTINOMIAL,
        work=work,
        unit="fit",
        ms=ms,
        ratio=None if theirs is None else MILLI * theirs[0] / ms,
        error=_distance(found[0], true),
        bound=1e-8,
    )
    if theirs is not None:
        yield scope.read(
            MULTINOMIAL,
            tool=_NNET,
            work="1 fit with summary, 1 without protein",
            unit="fit",
            rounds=1,
            ms=MILLI * theirs[0],
            ratio=MILLI * theirs[0] / ms,
            error=_distance(theirs[1], true),
            bound=0.1,  # nnet stops early, by a few hundredths of an error here
        )


def _read(kind: TargetKind, codes: I64) -> Target:
    target = kind.read(TargetColumn("group", "exposure", None, codes, _GROUPS, tuple("abcd")))
    if target is None:
        raise ValueError(f"four groups are no target of kind {kind.name}")
    return target


def _with_target(problem: Problem, target: Target) -> Problem:
    return Problem(
        covariates=problem.covariates,
        names=problem.names,
        factors=problem.factors,
        targets=(target,),
        adjustments=problem.adjustments,
        models=problem.models,
    )


def _fit(family: AnyFamily, problem: Problem, block: Block) -> tuple[float, F64]:
    """Return the CPU seconds of a protein, and its estimates and errors ``(b, c, 2)``."""
    began = time.process_time()
    fits = family.fit(family.prepare(problem), block)
    spent = (time.process_time() - began) / block.values.shape[0]
    return spent, np.stack([fits.estimate, fits.se], axis=-1)


def _distance(found: F64, true: F64) -> float:
    """Return the largest error of estimates, in standard errors, and of these, relative."""
    off = np.abs(found[:, 0] - true[:, 0]) / true[:, 1]
    return float(max(off.max(), np.abs(found[:, 1] / true[:, 1] - 1.0).max()))


def _compare_means(problem: Problem, block: Block, codes: I64, found: F64) -> float:
    """Hold the contrasts of the first protein against a QR of its own rows."""
    rows = block.observed[0]
    levels = codes[rows, None] == np.arange(1, _GROUPS)
    X = np.column_stack([problem.covariates[rows], levels])
    Q, R = np.linalg.qr(X)
    y = block.values[0, rows]
    b = np.linalg.solve(R, Q.T @ y)
    rest = y - X @ b
    inverse = np.linalg.inv(R)
    se = np.sqrt(np.diagonal(inverse @ inverse.T) * (rest @ rest) / (y.size - b.size))
    wanted = np.column_stack([b, se])[-(_GROUPS - 1) :]
    return _distance(found, wanted)


def _ask_nnet(problem: Problem, block: Block, folder: Path) -> tuple[float, F64]:
    """Return the CPU seconds of a fit and its summary in R, and what it found."""
    site = problem.factors[0].codes.astype(np.float64)
    protein = np.where(block.observed[0], block.values[0], np.nan)
    dense = problem.covariates[:, _SITES:]
    columns = np.column_stack([problem.targets[0].values, site, protein, dense])
    (folder / "size.txt").write_text(f"{columns.shape[0]} {columns.shape[1]}\n", "ascii")
    (folder / "columns.bin").write_bytes(columns.tobytes(order="F"))
    lines = run_script(_R, folder).splitlines()
    return float(lines[0]), np.array([line.split() for line in lines[1:]], dtype=np.float64)
