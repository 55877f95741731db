"""Colocalisation of many regions, beside the published formulas as a plain loop in R.

The R package coloc is not at hand where benchmarks run. The loop is its paper's formulas
(Giambartolomei and others 2014, doi:10.1371/journal.pgen.1004383), written anew: Wakefield's
factors of both traits, sums of logarithms, five posteriors, a region at a time. It does without
what the package does besides (merging tables by name, a table of variants, checks), and is the
faster for it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np

from benchmarks.interfaces import PROTEOMR
from benchmarks.records import Reading
from benchmarks.rows.row import Row, Scope, SizeName, median_ms, median_ratio
from benchmarks.rscript import has_r, run_script
from proteomr._typing import F64
from proteomr.execute import one_blas_thread
from proteomr.stats.colocalisation import sum_evidence, weigh_hypotheses
from proteomr.stats.wakefield import log_bayes_factors, prior_variance_of

__all__ = ["COLOC", "Regions", "draw_regions", "run_loop", "weigh"]

_LOOP = "R loop"
COLOC = Row("coloc-abf", "colocalisation of two traits, 1,000 variants a region", _LOOP)
_VARIANTS = 1_000
_SIZES: dict[SizeName, int] = {"full": 10_000, "quick": 200, "tiny": 3}
_BLOCK = 32  # regions, as few as the command takes at a time: their numbers stay in the cache
_P1, _P12 = 1e-4, 1e-5
_BOUND = 1e-6  # of a posterior: PP3 of the loop is a difference of sums
_R = """
folder <- commandArgs(TRUE)[1]
size <- scan(file.path(folder, "size.txt"), quiet = TRUE)
numbers <- function(name) matrix(readBin(file.path(folder, name), "double", prod(size)), size[1])
b1 <- numbers("b1.bin"); v1 <- numbers("v1.bin"); b2 <- numbers("b2.bin"); v2 <- numbers("v2.bin")
logsum <- function(x) { m <- max(x); m + log(sum(exp(x - m))) }
logdiff <- function(x, y) { m <- max(x, y); m + log(exp(x - m) - exp(y - m)) }
factors <- function(b, v) { r <- 0.15^2 / (0.15^2 + v); 0.5 * (log(1 - r) + r * b^2 / v) }
one <- function(j) {
  a <- factors(b1[, j], v1[, j]); b <- factors(b2[, j], v2[, j]); both <- logsum(a + b)
  h <- c(0, log(1e-4) + logsum(a), log(1e-4) + logsum(b),
         2 * log(1e-4) + logdiff(logsum(a) + logsum(b), both), log(1e-5) + both)
  exp(h - logsum(h)) }
took <- sum(system.time(pp <- sapply(seq_len(size[2]), one))[1:2])
write.table(t(pp), file.path(folder, "pp.txt"), row.names = FALSE, col.names = FALSE)
writeLines(sprintf("%.6f", took), file.path(folder, "took.txt"))
"""


def draw_regions(count: int, *, seed: int = 1) -> tuple[F64, F64, F64, F64]:
    """Return effects and variances of two traits, (count, 1,000) each; half share a variant."""
    random = np.random.default_rng(seed)
    shape = (count, _VARIANTS)
    v1, v2 = random.uniform(1e-4, 4e-4, shape), random.uniform(1e-4, 4e-4, shape)
    b1, b2 = random.normal(0.0, np.sqrt(v1)), random.normal(0.0, np.sqrt(v2))
    first = random.integers(_VARIANTS, size=count)
    second = np.where(np.arange(count) % 2 == 0, first, random.integers(_VARIANTS, size=count))
    b1[np.arange(count), first] += 0.12
    b2[np.arange(count), second] += 0.12
    return b1, v1, b2, v2


class Regions:
    """Regions of two traits, each with one causal variant at most."""

    rows: ClassVar[tuple[Row, ...]] = (COLOC,)

    def measure(self, rows: Sequence[Row], scope: Scope) -> Iterator[Reading]:
        """Yield the milliseconds of a region; posteriors are held against the loop's."""
        count = _SIZES[scope.size]
        data = draw_regions(count)
        seconds: dict[str, list[float]] = {PROTEOMR: [], _LOOP: []}
        error = None
        beside = scope.peers and has_r()
        weigh(draw_regions(1))  # loads what is compiled
        for _ in range(scope.rounds):
            started = time.process_time()
            with one_blas_thread():
                found = weigh(data)
            seconds[PROTEOMR].append((time.process_time() - started) / count)
            if beside:
                took, loop = run_loop(data, scope.folder)
                seconds[_LOOP].append(took / count)
                error = float(np.abs(found - loop).max())
        for row in rows:
            yield scope.read(
                row,
                work=f"{count:,} regions, {_VARIANTS:,} variants",
                unit="region",
                ms=median_ms(seconds[PROTEOMR]),
                ratio=median_ratio(seconds, _LOOP, PROTEOMR) if beside else None,
                error=error,
                bound=None if error is None else _BOUND,
            )
            if beside:
                yield scope.read(
                    row,
                    work=f"{count:,} regions, {_VARIANTS:,} variants",
                    unit="region",
                    tool=_LOOP,
                    ms=median_ms(seconds[_LOOP]),
                )


def weigh(data: tuple[F64, F64, F64, F64]) -> F64:
    """Return the posteriors of five hypotheses, (count, 5), a block of regions after another."""
    found = [
        _weigh_block(tuple(each[start : start + _BLOCK] for each in data))
        for start in range(0, len(data[0]), _BLOCK)
    ]
    return np.concatenate(found)


def _weigh_block(data: tuple[F64, ...]) -> F64:
    b1, v1, b2, v2 = (each.ravel() for each in data)
    prior = prior_variance_of("quant")
    first = log_bayes_factors(b1 / np.sqrt(v1), v1, prior_variance=prior)
    second = log_bayes_factors(b2 / np.sqrt(v2), v2, prior_variance=prior)
    starts = np.arange(len(data[0]) + 1) * _VARIANTS
    evidence = sum_evidence(first, second, starts=starts)
    return weigh_hypotheses(evidence, p1=_P1, p2=_P1, p12=_P12).probabilities


def run_loop(data: tuple[F64, F64, F64, F64], folder: Path) -> tuple[float, F64]:
    """Return the seconds and posteriors of the loop in R."""
    for name, each in zip(("b1", "v1", "b2", "v2"), data, strict=True):
        each.tofile(folder / f"{name}.bin")
    (folder / "size.txt").write_text(f"{_VARIANTS} {len(data[0])}\n", encoding="utf-8")
    run_script(_R, folder)
    took = float((folder / "took.txt").read_text(encoding="utf-8"))
    return took, np.atleast_2d(np.loadtxt(folder / "pp.txt"))
