"""R's ``glm`` as an analysis script has it: a data frame for each fit, from subset to summary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from benchmarks.interfaces import Fitted
from benchmarks.problems import Problem
from benchmarks.rscript import has_r, run_r

__all__ = ["RGlm"]

_PROGRAM = """
fit <- function(j, e, s) {
  d <- samples
  d$protein <- raw[, j]
  d <- merge(d, gaps, by = "sample_id")
  d <- na.omit(d)
  d$protein <- normalise(d$protein)
  right <- paste(c("protein", terms[[s]]), collapse = " + ")
  model <- as.formula(paste(exposure_names[e], "~", right))
  summary(glm(model, family = binomial, data = d))$coefficients["protein", 1:2]
}
"""


@dataclass(frozen=True, slots=True)
class RGlm:
    """``glm`` by formula on a data frame made anew for each fit, and its summary."""

    name: str = "R glm pipeline"
    family: Literal["logistic"] = "logistic"
    needs: str = "Rscript"
    includes: str = "subset, merge with time gap, na.omit, ranks, glm by formula, summary"

    def available(self) -> bool:
        """Whether the machine has what it needs."""
        return has_r()

    def fit(self, problem: Problem, proteins: Sequence[int]) -> Fitted:
        """Fit all tests of the problem to some of its chosen proteins."""
        return run_r(_PROGRAM, problem, proteins)
