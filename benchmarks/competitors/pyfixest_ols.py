"""pyfixest's ``feols``."""

from __future__ import annotations

import importlib
import importlib.util
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import polars as pl

from benchmarks.interfaces import Fitted
from benchmarks.problems import Problem
from benchmarks.timing import fit_in_turn
from proteomr._typing import F64

__all__ = ["PyfixestOls"]


@dataclass(frozen=True, slots=True)
class PyfixestOls:
    """``feols(formula, data, vcov="iid")`` on ready columns, and its standard errors."""

    name: str = "pyfixest feols"
    family: Literal["linear"] = "linear"
    needs: str = "pyfixest"
    includes: str = "feols(formula, ready columns), se"

    def available(self) -> bool:
        """Whether the machine has what it needs."""
        return importlib.util.find_spec("pyfixest") is not None

    def fit(self, problem: Problem, proteins: Sequence[int]) -> Fitted:
        """Fit all tests of the problem to some of its chosen proteins."""
        feols = importlib.import_module("pyfixest.estimation").feols

        def solve(X: F64, y: F64) -> tuple[float, float]:
            names = [f"x{column}" for column in range(X.shape[1])]
            data = pl.DataFrame({"y": y, **dict(zip(names, X.T, strict=True))})
            # the intercept is among the columns, and the formula adds none
            found = feols(f"y ~ -1 + {' + '.join(names)}", data, vcov="iid")
            return float(found.coef()["x0"]), float(found.se()["x0"])

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its own calls of what pandas is to drop
            return fit_in_turn("linear", solve, problem, proteins)
