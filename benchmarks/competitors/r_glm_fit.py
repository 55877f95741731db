"""R's ``glm.fit`` on a matrix: the least that R needs for a logistic fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from benchmarks.interfaces import Fitted
from benchmarks.problems import Problem
from benchmarks.rscript import has_r, run_r

__all__ = ["RGlmFit"]

_PROGRAM = """
fit <- function(j, e, s) {
  rows <- which(!is.na(scores[, j]))
  X <- cbind(scores[rows, j], covariates[rows, columns[[s]]])
  found <- glm.fit(X, exposures[rows, e], family = binomial())
  p <- found$rank
  variance <- chol2inv(found$qr$qr[1:p, 1:p, drop = FALSE])
  c(found$coefficients[1], sqrt(variance[found$qr$pivot[1:p] == 1, found$qr$pivot[1:p] == 1]))
}
"""


@dataclass(frozen=True, slots=True)
class RGlmFit:
    """``glm.fit`` on a ready matrix, and the covariance of its coefficients."""

    name: str = "R glm.fit"
    family: Literal["logistic"] = "logistic"
    needs: str = "Rscript"
    includes: str = "glm.fit on a ready matrix, covariance"

    def available(self) -> bool:
        """Whether the machine has what it needs."""
        return has_r()

    def fit(self, problem: Problem, proteins: Sequence[int]) -> Fitted:
        """Fit all tests of the problem to some of its chosen proteins."""
        return run_r(_PROGRAM, problem, proteins)
