"""A plain loop in numpy, one protein at a time: what one writes in an afternoon."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.interfaces import Family, Fitted
from benchmarks.problems import Problem
from benchmarks.timing import fit_in_turn
from proteomr._typing import F64

__all__ = ["NumpyLoop"]

_INCLUDES: dict[Family, str] = {
    "logistic": "Newton's method on ready scores, covariance",
    "linear": "normal equations on ready scores, covariance",
}


@dataclass(frozen=True, slots=True)
class NumpyLoop:
    """Newton's method, or the normal equations, for each fit by itself."""

    family: Family
    name: str = "numpy loop"
    needs: str = "numpy"

    @property
    def includes(self) -> str:
        """What its seconds hold."""
        return _INCLUDES[self.family]

    def available(self) -> bool:
        """Whether the machine has what it needs."""
        return True

    def fit(self, problem: Problem, proteins: Sequence[int]) -> Fitted:
        """Fit all tests of the problem to some of its chosen proteins."""
        solve = _newton if self.family == "logistic" else _solve
        return fit_in_turn(self.family, solve, problem, proteins)


def _newton(X: F64, y: F64) -> tuple[float, float]:
    beta = np.zeros(X.shape[1])
    while True:
        mu = 1.0 / (1.0 + np.exp(-(X @ beta)))
        information = X.T @ (X * (mu * (1.0 - mu))[:, None])
        score = X.T @ (y - mu)
        step = np.linalg.solve(information, score)
        beta += step
        if not score @ step > 1e-14:
            break
    return float(beta[0]), float(np.sqrt(np.linalg.inv(information)[0, 0]))


def _solve(X: F64, y: F64) -> tuple[float, float]:
    inverse = np.linalg.inv(X.T @ X)
    beta = inverse @ (X.T @ y)
    residual = y - X @ beta
    variance = residual @ residual / (X.shape[0] - X.shape[1])
    return float(beta[0]), float(np.sqrt(variance * inverse[0, 0]))
