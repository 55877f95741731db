"""Exposures of four ordered levels: ordinal fits with their tests beside R's."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmarks.records import Reading
from benchmarks.rows.row import MILLI, Row, Scope, SizeName, median_ms
from benchmarks.rscript import has_r, run_script
from proteomr._typing import F64
from proteomr.execute import one_blas_thread
from proteomr.models import Adjustment, Block, Factor, Model, Ordinal, Problem, Target
from proteomr.models.ordinal import OrdinalState

__all__ = ["ORDINAL", "Levels", "draw_levels"]

_THEIRS = "R MASS::polr, ordinal::clm"
ORDINAL = Row(
    "ordinal",
    "ordinal, 4 levels, with the likelihood ratio and parallel slopes",
    _THEIRS,
    must=500.0,
    aim=800.0,
)
_SIZES: dict[SizeName, tuple[int, int]] = {
    "full": (42_062, 96),
    "quick": (8_000, 48),
    "tiny": (2_500, 12),
}
_SITES, _DENSE = 22, 18  # 40 columns with the intercept, 21 of them of sites
_R = """
suppressMessages({library(MASS); library(ordinal)})
folder <- commandArgs(TRUE)[1]
size <- scan(file.path(folder, "size.txt"), quiet = TRUE)
m <- matrix(readBin(file.path(folder, "columns.bin"), "double", prod(size)), size[1], size[2])
d <- data.frame(level = ordered(m[, 1]), site = factor(m[, 2]), protein = m[, 3], m[, -(1:3)])
d <- d[!is.na(d$protein), ]
took <- system.time({
  fit <- polr(level ~ ., data = d, Hess = TRUE)
  found <- coef(summary(fit))
  null <- polr(level ~ . - protein, data = d)
  ratio <- null$deviance - fit$deviance
  bent <- clm(level ~ . - protein, nominal = ~protein, data = d)
})
cat(sprintf("%.6f\\n", sum(took[1:2])))
cat(sprintf("%.17g %.17g\\n", found["protein", 1], found["protein", 2]))
"""


def draw_levels(people: int, proteins: int) -> tuple[Problem, Block]:
    """Return a cohort in four levels that the first protein goes with."""
    g = np.random.default_rng(20_250_203)
    site = np.sort(g.integers(0, _SITES, people))
    dense = g.normal(size=(people, _DENSE))
    observed = g.random((proteins, people)) < 0.98
    values = g.normal(size=(proteins, people))
    latent = 0.15 * values[0] + 0.3 * dense[:, 0] + g.logistic(size=people)
    codes = (latent[:, None] > np.quantile(latent, [0.6, 0.85, 0.97])).sum(axis=1)
    levels = tuple("abcd")
    target = Target("level", "exposure", "ordered", codes.astype(np.float64), levels=levels)
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
    return problem, Block(values * observed, np.empty((proteins, 0, people)), observed)


class Levels:
    """Blocks of fits, prepared and fitted; the first protein is held against a fit by itself."""

    rows = (ORDINAL,)

    def measure(self, rows: Sequence[Row], scope: Scope) -> Iterator[Reading]:
        """Yield proteomr's cost, and R's where it is asked for."""
        del rows
        people, proteins = _SIZES[scope.size]
        problem, block = draw_levels(people, proteins)
        with one_blas_thread():
            exact = Ordinal().fit(OrdinalState(problem), block.take([0]))
            true = np.array([exact.estimate[0, 0], exact.se[0, 0]])
            seconds = []
            for _ in range(1 + scope.rounds):  # the first loads what is compiled
                began = time.process_time()
                family = Ordinal()
                fits = family.fit(family.prepare(problem), block)
                seconds.append((time.process_time() - began) / proteins)
        ms = median_ms(seconds[1:])
        asked = scope.peers and has_r(package="ordinal")
        theirs = _ask_polr(problem, block, scope.folder) if asked else None
        yield scope.read(
            ORDINAL,
            work=f"{people:,} people, {problem.covariates.shape[1]} columns, {proteins} proteins",
            unit="protein",
            ms=ms,
            ratio=None if theirs is None else MILLI * theirs[0] / ms,
            error=_distance(np.array([fits.estimate[0, 0], fits.se[0, 0]]), true),
            bound=1e-8,
        )
        if theirs is not None:
            yield scope.read(
                ORDINAL,
                tool=_THEIRS,
                work="polr with Hessian and without protein, clm of free slopes",
                unit="protein",
                rounds=1,
                ms=MILLI * theirs[0],
                ratio=MILLI * theirs[0] / ms,
                error=_distance(theirs[1], true),
                bound=0.1,  # polr stops early, by a few hundredths of an error
            )


def _distance(found: F64, true: F64) -> float:
    """Return the error of an estimate, in standard errors, or of this, relative."""
    return float(max(abs(found[0] - true[0]) / true[1], abs(found[1] / true[1] - 1.0)))


def _ask_polr(problem: Problem, block: Block, folder: Path) -> tuple[float, F64]:
    """Return the CPU seconds of the three fits of a protein, and what the first found."""
    site = problem.factors[0].codes.astype(np.float64)
    protein = np.where(block.observed[0], block.values[0], np.nan)
    dense = problem.covariates[:, _SITES:]
    columns = np.column_stack([problem.targets[0].values, site, protein, dense])
    (folder / "columns.bin").write_bytes(columns.tobytes(order="F"))
    (folder / "size.txt").write_text(f"{columns.shape[0]} {columns.shape[1]}\n", encoding="ascii")
    first, *rest = run_script(_R, folder).splitlines()
    return float(first), np.array(rest[0].split(), dtype=np.float64)
