"""What models of times in closed form or by likelihood share: outcomes, rows, what is refused."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.models.base import Problem
from proteomr.models.event_times import EVENT
from proteomr.models.fits import Refusal
from proteomr.stats.risk_sets import tie_times

__all__ = ["TimedRows", "TimedSolution", "TimedSolver", "cluster_rows", "tie_outcomes"]


@dataclass(frozen=True, slots=True)
class TimedRows:
    """One model of one protein on its n rows.

    Attributes
    ----------
    Z : ``(n, p)``, independent columns of about unit size, without an intercept.
    outcome : ``(n, 3)``, entry, exit, and 1 for the event or 0.
    weights, clusters, baseline : ``(n,)`` or None.
    """

    Z: F64
    outcome: F64
    weights: F64 | None
    clusters: I64 | None
    baseline: I64 | None


@dataclass(frozen=True, slots=True)
class TimedSolution:
    """A fit of p columns, with a further parameters of its own before them.

    Attributes
    ----------
    coefficients, covariance : ``(a + p,)``, ``(a + p, a + p)``; NaN for none.
    parameters : names of the a parameters, the intercepts first.
    intercepts : how many of these are intercepts, to which shifts of the columns go.
    infinite : ``(p,)``, whether the likelihood rises with a coefficient without end.
    carriers : ``(p,)``, of robust errors: how many rows or clusters carry each; None for others.
    doubt : why the fit has no certificate; None where it has.
    apart : people whom covariates alone separate.
    last : names of the parameters that tables of coefficients have after the columns.
    """

    coefficients: F64
    covariance: F64
    parameters: tuple[str, ...]
    intercepts: int
    infinite: Bool
    carriers: F64 | None = None
    doubt: str | None = None
    apart: int = 0
    last: tuple[str, ...] = ()


class TimedSolver(Protocol):
    """How a family fits one model."""

    def solve(self, rows: TimedRows, *, robust: bool) -> TimedSolution | Refusal:
        """Fit one model, or say why it has no fit whatever the column."""
        ...


def tie_outcomes(problem: Problem) -> Problem:
    """Return a problem of times that are one where they differ by rounding alone.

    Events that are not the one of interest end the follow-up, and are 0 from here on. Rows whose
    entry and exit would become one time keep theirs.
    """
    targets = []
    for target in problem.targets:
        times, event = target.values[:, :2], target.values[:, 2]
        tied = tie_times(times)
        kept = tied[:, 0] < tied[:, 1]
        tied = np.where(kept[:, None], tied, times)
        values = np.column_stack([tied, (event == EVENT).astype(np.float64)])
        targets.append(replace(target, values=values))
    return replace(problem, targets=tuple(targets))


def cluster_rows(problem: Problem, rows: Bool | I64) -> I64 | None:
    """Return the clusters of robust errors on some rows: given ones, or people with several rows.

    None where each row is one.
    """
    codes = problem.clusters if problem.clusters is not None else problem.persons
    if codes is None:
        return None
    return np.asarray(np.unique(codes[rows], return_inverse=True)[1], dtype=np.int64)
