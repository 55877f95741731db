"""The maximum that all fits are held against, and how far from it a fit may be.

With R on the machine, the maximum is that of ``glm.fit`` with ``epsilon = 1e-14`` and of
``lm.fit``, standard errors from the information at the final coefficients (those of
``summary.glm`` belong to the last iteration but one). Without R it is found here, by Newton's
method through the QR factorisation of the weighted design.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.exact import fit_exactly
from benchmarks.interfaces import PROTEOMR, Family
from benchmarks.problems import Problem
from benchmarks.rscript import has_r, run_r
from proteomr._typing import F64

__all__ = [
    "BOUNDS",
    "SAME_MODEL",
    "Verdict",
    "find_maximum",
    "find_maximum_here",
    "find_maximum_in_r",
    "judge",
    "relative_error",
]

BOUNDS: dict[Family, float] = {"logistic": 1e-8, "linear": 1e-10}
SAME_MODEL = 1e-3
_SMALLEST = 0.1
_IN_R: dict[Family, str] = {
    "logistic": """
fit <- function(j, e, s) {
  rows <- which(!is.na(scores[, j]))
  X <- cbind(scores[rows, j], covariates[rows, columns[[s]]])
  tight <- glm.control(epsilon = 1e-14, maxit = 60)
  found <- glm.fit(X, exposures[rows, e], family = binomial(), control = tight)
  mu <- found$fitted.values
  final <- qr(X * sqrt(mu * (1 - mu)), tol = 1e-11)
  if (final$rank < ncol(X)) stop("the design has not full rank")
  c(found$coefficients[1], sqrt(chol2inv(final$qr)[1, 1]))
}
""",
    "linear": """
fit <- function(j, e, s) {
  rows <- which(!is.na(scores[, j]))
  X <- cbind(exposures[rows, e], covariates[rows, columns[[s]]])
  found <- lm.fit(X, scores[rows, j], tol = 1e-11)
  if (found$rank < ncol(X)) stop("the design has not full rank")
  sigma <- sqrt(sum(found$residuals^2) / found$df.residual)
  c(found$coefficients[1], sigma * sqrt(chol2inv(found$qr$qr)[1, 1]))
}
""",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """How far a tool's fits are from the maximum, and whether that is near enough."""

    estimate_error: float
    se_error: float
    passed: bool


def relative_error(found: F64, true: F64, *, scale: F64) -> float:
    """Return the largest ``|found - true| / max(|true|, scale)``.

    Infinite where a value is absent or the shapes differ.

    Examples
    --------
    >>> relative_error(np.array([1.1]), np.array([1.0]), scale=np.array([0.0])).__round__(3)
    0.1
    """
    if found.shape != true.shape or not np.all(np.isfinite(found)):
        return float("inf")
    return float(np.max(np.abs(found - true) / np.maximum(np.abs(true), scale)))


def judge(tool: str, family: Family, *, found: tuple[F64, F64], true: tuple[F64, F64]) -> Verdict:
    """Compare estimates and standard errors with the maximum.

    proteomr is held to its own bound, 1e-8 for logistic and 1e-10 for linear fits; another tool
    only to 1e-3, which shows that it fits the same model to the same people (R's default stops
    where standard errors are still 1e-4 off). An estimate near 0 is measured on a tenth of its
    standard error.

    Parameters
    ----------
    found, true : estimates and standard errors, each ``(b, t)``.
    """
    estimate = relative_error(found[0], true[0], scale=_SMALLEST * true[1])
    se = relative_error(found[1], true[1], scale=np.zeros(()))
    bound = BOUNDS[family] if tool == PROTEOMR else SAME_MODEL
    return Verdict(estimate, se, estimate <= bound and se <= bound)


def find_maximum(problem: Problem, family: Family) -> tuple[F64, F64]:
    """Return estimates and standard errors ``(b, t)`` of the chosen proteins at the maximum."""
    find = find_maximum_in_r if has_r() else find_maximum_here
    return find(problem, family)


def find_maximum_in_r(problem: Problem, family: Family) -> tuple[F64, F64]:
    """Return the maximum that R finds, to the last digits that it can give."""
    found = run_r(_IN_R[family], problem, range(len(problem.chosen)))
    return found.estimate, found.se


def find_maximum_here(problem: Problem, family: Family) -> tuple[F64, F64]:
    """Return the maximum found by orthogonal factorisations in numpy."""
    shape = (len(problem.chosen), len(problem.tests))
    estimate, se = np.empty(shape), np.empty(shape)
    for j, t in np.ndindex(shape):
        exposure, label = problem.tests[t]
        scores, covariates, rows = problem.design(j, label)
        x = problem.exposures[rows, exposure]
        first, response = (scores, x) if family == "logistic" else (x, scores)
        fit = fit_exactly(family, np.column_stack([first, covariates]), response)
        estimate[j, t], se[j, t] = fit.beta[0], np.sqrt(fit.covariance()[0, 0])
    return estimate, se
