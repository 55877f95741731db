"""R's ``lm`` by formula on a data frame, with its summary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from benchmarks.interfaces import Fitted
from benchmarks.problems import Problem
from benchmarks.rscript import has_r, run_r

__all__ = ["RLm"]

_PROGRAM = """
fit <- function(j, e, s) {
  d <- samples
  d$timegap <- gap
  d$protein <- scores[, j]
  right <- paste(c(exposure_names[e], terms[[s]]), collapse = " + ")
  found <- summary(lm(as.formula(paste("protein ~", right)), data = d))
  found$coefficients[exposure_names[e], 1:2]
}
"""


@dataclass(frozen=True, slots=True)
class RLm:
    """``lm`` by formula on a data frame, and its summary."""

    name: str = "R lm"
    family: Literal["linear"] = "linear"
    needs: str = "Rscript"
    includes: str = "lm by formula on ready scores, summary"

    def available(self) -> bool:
        """Whether the machine has what it needs."""
        return has_r()

    def fit(self, problem: Problem, proteins: Sequence[int]) -> Fitted:
        """Fit all tests of the problem to some of its chosen proteins."""
        return run_r(_PROGRAM, problem, proteins)
