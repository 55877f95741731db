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
from proteomr.execute import Serial
from proteomr.io import read_cohort, read_protein_covariate
from proteomr.models import Logistic
from proteomr.scan import fit_blocks
from proteomr.simulate import ADJUSTMENTS
from proteomr.tables import Associations

__all__ = ["ProteomrScan", "estimates_of", "scan_files", "scan_parts"]


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
    problem: Problem, family: Family, *, proteins: Path | None = None, compiled: bool = True
) -> Associations:
    """Scan a file of proteins, by default the panel's, for all tests of the problem."""
    spec = ModelSpec(family, problem.exposure_names, dict(ADJUSTMENTS))
    return collect(scan_parts(problem, spec, proteins=proteins, compiled=compiled), spec)


def scan_parts(
    problem: Problem, spec: ModelSpec, *, proteins: Path | None = None, compiled: bool = True
) -> list[pl.DataFrame]:
    """Fit a file of proteins, by default the panel's, and return the parts of the scan."""
    folder = problem.cohort
    with tempfile.TemporaryDirectory(prefix="proteomr-scan-") as name:
        scratch = Path(name)
        cohort = read_cohort(
            problem.people,
            [proteins or problem.panel],
            scratch=scratch,
            assays=folder / "assays.parquet",
        )
        gap = read_protein_covariate(
            GAP, folder / "timegap.parquet", cohort=cohort, scratch=scratch
        )
        plan = plan_scan(cohort, spec, covariates=[gap])
        if isinstance(plan.family, Logistic):
            plan = replace(plan, family=replace(plan.family, compiled=compiled))
        return fit_blocks(plan, executor=Serial())


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
