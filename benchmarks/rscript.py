"""Programs in R on a benchmark's data: what they are given, and what comes back.

Data pass through files in a temporary folder. A program defines ``fit(j, e, s)``, which returns
estimate and standard error of the chosen protein j for exposure e under adjustment set s; each call
is timed by ``proc.time``, user and system, reading the data left out. R runs the BLAS that it is
linked to, one thread.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.interfaces import Fitted
from benchmarks.problems import CLUSTER, GAP, WEIGHT, Problem
from proteomr._typing import F64

__all__ = ["describe_r", "has_r", "run_r", "run_script"]

_READ = """
folder <- commandArgs(TRUE)[1]
size <- scan(file.path(folder, "size.txt"), quiet = TRUE)
n <- size[1]; k <- size[2]; e <- size[3]; b <- size[4]
numbers <- function(name, columns)
  matrix(readBin(file.path(folder, name), "double", n * columns), n, columns)
covariates <- numbers("covariates.bin", k); exposures <- numbers("exposures.bin", e)
raw <- numbers("raw.bin", b); scores <- numbers("scores.bin", b); gap <- numbers("gap.bin", 1)[, 1]
spread <- function(name) strsplit(readLines(file.path(folder, name)), " ")
columns <- lapply(spread("columns.txt"), as.integer); terms <- spread("terms.txt")
exposure_names <- spread("exposures.txt")[[1]]
chosen <- as.integer(spread("chosen.txt")[[1]])
samples <- read.csv(file.path(folder, "samples.csv"))
for (name in spread("factors.txt")[[1]]) samples[[name]] <- factor(samples[[name]])
gaps <- data.frame(sample_id = samples$sample_id, timegap = gap)
normalise <- function(x) { r <- rank(x); qnorm((r - 0.375) / (length(r) + 0.25)) }
seconds <- function(work) sum(system.time(work)[1:2])
"""
_LOOP = """
tests <- strsplit(readLines(file.path(folder, "tests.txt")), " ")
output <- file(file.path(folder, "fits.txt"), "w")
for (j in chosen) for (test in tests) {
  took <- seconds(found <- fit(j, as.integer(test[1]), as.integer(test[2])))
  writeLines(sprintf("%.17g %.17g %.6f", found[1], found[2], took), output)
}
close(output)
"""
_DESCRIBE = 'cat(paste0("R ", getRversion(), "\\n", basename(extSoftVersion()["BLAS"]), "\\n"))'
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


@functools.cache
def has_r(*, package: str | None = None) -> bool:
    """Whether Rscript is on the path and, if asked, has a package."""
    if shutil.which("Rscript") is None:
        return False
    if package is None:
        return True
    question = f'quit(status = !requireNamespace("{package}", quietly = TRUE))'
    return _call("-e", question, check=False).returncode == 0


@functools.cache
def _describe() -> tuple[tuple[str, str], ...]:
    if not has_r():
        return (("R", "absent"),)
    version, blas = _call("-e", _DESCRIBE).stdout.splitlines()[:2]
    return (("R", version.removeprefix("R ")), ("R's BLAS", blas or "its own"))


def describe_r() -> dict[str, str]:
    """Return the versions of R and of the BLAS that it is linked to."""
    return dict(_describe())


def run_r(program: str, problem: Problem, proteins: Sequence[int]) -> Fitted:
    """Run a program that defines ``fit`` on some of the chosen proteins.

    Raises
    ------
    RuntimeError
        R stops; the end of what it said is given.
    """
    with tempfile.TemporaryDirectory(prefix="proteomr-r-") as name:
        folder = Path(name)
        _write_data(folder, problem, proteins)
        run_script(_READ + program + _LOOP, folder)
        found = np.loadtxt(folder / "fits.txt", ndmin=2)
    shape = (len(proteins), len(problem.tests))
    return Fitted(
        found[:, 0].reshape(shape),
        found[:, 1].reshape(shape),
        float(np.mean(found[:, 2])),
        len(found),
    )


def run_script(text: str, folder: Path) -> str:
    """Return what a program says that is given a folder of data.

    Raises
    ------
    RuntimeError
        R stops; the end of what it said is given.
    """
    script = folder / "program.R"
    script.write_text(text, encoding="utf-8")
    done = _call(str(script), str(folder), check=False)
    if done.returncode:
        said = " ".join(done.stderr.split())[-400:]
        raise RuntimeError(f"R stopped with status {done.returncode}: {said}")
    return done.stdout


def _call(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["Rscript", "--vanilla", *arguments],
        env={**os.environ, **_ONE_THREAD},
        capture_output=True,
        text=True,
        check=check,
    )


def _write_data(folder: Path, problem: Problem, proteins: Sequence[int]) -> None:
    matrices: dict[str, F64] = {
        "covariates": problem.covariates,
        "exposures": problem.exposures,
        "raw": problem.raw.T,
        "scores": problem.scores.T,
        "gap": problem.gap[:, None],
    }
    for name, matrix in matrices.items():
        (folder / f"{name}.bin").write_bytes(matrix.tobytes(order="F"))
    n, k = problem.covariates.shape
    labels = list(problem.columns)
    lines = {
        "size": [f"{n} {k} {problem.exposures.shape[1]} {len(problem.chosen)}"],
        "columns": [" ".join(str(c + 1) for c in columns) for columns in problem.columns.values()],
        "terms": [" ".join(problem.terms[label]) for label in labels],
        "exposures": [" ".join(problem.exposure_names)],
        "factors": [" ".join(problem.factors)],
        "chosen": [" ".join(str(protein + 1) for protein in proteins)],
        "tests": [f"{e + 1} {labels.index(label) + 1}" for e, label in problem.tests],
    }
    for name, text in lines.items():
        (folder / f"{name}.txt").write_text("\n".join(text) + "\n", encoding="ascii")
    used = dict.fromkeys(name for terms in problem.terms.values() for name in terms if name != GAP)
    kept = ["sample_id", *problem.exposure_names, *used, WEIGHT, CLUSTER]
    frame: pl.DataFrame = problem.samples.select(kept)
    frame.write_csv(folder / "samples.csv")
