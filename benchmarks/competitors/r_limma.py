"""limma's ``lmFit``, which fits a row with missing values by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from benchmarks.interfaces import Fitted
from benchmarks.problems import Problem
from benchmarks.rscript import has_r, run_r

__all__ = ["RLimma"]

_PROGRAM = """
fit <- function(j, e, s) {
  X <- cbind(exposures[, e], covariates[, columns[[s]]])
  found <- limma::lmFit(t(scores[, j, drop = FALSE]), X)
  c(found$coefficients[1, 1], found$stdev.unscaled[1, 1] * found$sigma[1])
}
"""


@dataclass(frozen=True, slots=True)
class RLimma:
    """``lmFit`` for one row at a time; the design is that of the panel."""

    name: str = "R limma lmFit"
    family: Literal["linear"] = "linear"
    needs: str = "Rscript with the package limma"
    includes: str = "lmFit on ready scores with missing values"

    def available(self) -> bool:
        """Whether the machine has what it needs."""
        return has_r(package="limma")

    def fit(self, problem: Problem, proteins: Sequence[int]) -> Fitted:
        """Fit all tests of the problem to some of its chosen proteins."""
        return run_r(_PROGRAM, problem, proteins)
