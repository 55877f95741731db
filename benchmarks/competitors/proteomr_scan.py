"""proteomr's own scan of the panel, from the parquet files to the table."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.interfaces import PROTEOMR, Family, Fitted
from benchmarks.problems import GAP, Problem
from proteomr._typing import F64
from proteomr.association import ModelSpec, collect, plan_scan
from proteomr.execute import Executor, Serial
from proteomr.io import read_cohort, read_protein_covariate
from proteomr.models import Logistic
from proteomr.scan import BLOCK_SIZE, fit_blocks
from proteomr.simulate import ADJUSTMENTS
from proteomr.tables import Associations

__all__ = ["ProteomrScan", "estimates_of", "scan_files"]


@dataclass(frozen=True, slots=True)
class ProteomrScan:
    """``proteomr.associate`` on the files of the panel, one thread."""

    family: Family
    name: str = PROTEOMR
    needs: str = "nothing"
    includes: str = "read parquet, complete cases, ranks, fits, p values, table"

    def available(self) -> bool:
        """Whether the machine has what it needs."""
        return True

    def fit(self, problem: Problem, proteins: Sequence[int]) -> Fitted:
        """Scan the whole panel; return the fits of the chosen proteins."""
        began = time.process_time()
        associations = scan_files(problem, self.family)
        seconds = time.process_time() - began
        fits = len(problem.names) * len(problem.tests)
        estimate, se = estimates_of(associations.frame, problem, proteins)
        return Fitted(estimate, se, seconds / fits, fits)


def scan_files(
    problem: Problem,
    family: Family,
    *,
    proteins: Path | None = None,
    executor: Executor | None = None,
    compiled: bool = True,
    block_size: int = BLOCK_SIZE,
) -> Associations:
    """Scan a file of proteins, by default the panel's, for all tests of the problem."""
    folder = problem.cohort
    with tempfile.TemporaryDirectory(prefix="proteomr-scan-") as name:
        scratch = Path(name)
        cohort = read_cohort(
            folder / "samples.parquet",
            [proteins or problem.panel],
            scratch=scratch,
            assays=folder / "assays.parquet",
        )
        gap = read_protein_covariate(
            GAP, folder / "timegap.parquet", cohort=cohort, scratch=scratch
        )
        spec = ModelSpec(family, problem.exposure_names, dict(ADJUSTMENTS))
        plan = plan_scan(cohort, spec, covariates=[gap], block_size=block_size)
        if isinstance(plan.family, Logistic):
            plan = replace(plan, family=replace(plan.family, compiled=compiled))
        parts = fit_blocks(plan, executor=executor or Serial())
    return collect(parts, spec)


def estimates_of(frame: pl.DataFrame, problem: Problem, proteins: Sequence[int]) -> tuple[F64, F64]:
    """Return estimates and standard errors ``(b, t)`` of chosen proteins from a table."""
    wanted = pl.DataFrame(
        [
            (problem.chosen[j], problem.exposure_names[e], label)
            for j in proteins
            for e, label in problem.tests
        ],
        schema=["protein", "exposure", "adjustment"],
        orient="row",
    )
    found = wanted.join(
        frame, on=["protein", "exposure", "adjustment"], how="left", maintain_order="left"
    )
    shape = (len(proteins), len(problem.tests))
    estimate, se = (
        found[name].cast(pl.Float64).fill_null(np.nan).to_numpy().reshape(shape)
        for name in ("estimate", "se")
    )
    return estimate, se
