"""statsmodels' ``Logit`` by Newton's method."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from benchmarks.interfaces import Fitted
from benchmarks.problems import Problem
from benchmarks.timing import fit_in_turn
from proteomr._typing import F64

__all__ = ["StatsmodelsLogit"]


@dataclass(frozen=True, slots=True)
class StatsmodelsLogit:
    """``Logit(y, X).fit(method="newton")`` on a ready matrix."""

    name: str = "statsmodels Logit"
    family: Literal["logistic"] = "logistic"
    needs: str = "statsmodels"
    includes: str = "Logit(y, X).fit(newton) on a ready matrix, bse"

    def available(self) -> bool:
        """Whether the machine has what it needs."""
        return importlib.util.find_spec("statsmodels") is not None

    def fit(self, problem: Problem, proteins: Sequence[int]) -> Fitted:
        """Fit all tests of the problem to some of its chosen proteins."""
        from statsmodels.discrete.discrete_model import Logit

        def solve(X: F64, y: F64) -> tuple[float, float]:
            found = Logit(y, X).fit(method="newton", disp=0)
            return float(found.params[0]), float(found.bse[0])

        return fit_in_turn("logistic", solve, problem, proteins)
