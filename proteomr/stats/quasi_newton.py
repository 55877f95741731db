"""A limited-memory quasi-Newton iteration on many fits at once, around a shared preconditioner.

Nocedal 1980, doi:10.1090/S0025-5718-1980-0572855-7. Shapes: ``R = B F`` fits of ``q`` coefficients
that the fit to covariates alone has too, then ``p`` of border columns; fit ``r`` has response
``r % F``.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from proteomr._typing import F64, Bool

__all__ = ["Beginning", "Preconditioner", "StepMemory", "is_far", "share_observed", "slow_down"]

# The largest step, squared, and the largest relative error of a standard error that may remain.
_DOUBLE_STEP, _SE_ERROR = 1e-9, 1e-8
# Beyond it the steps to come add up to more than twice the next one.
_SLOW = 0.5


@dataclass
class Preconditioner:
    """Block elimination of the border from the shared covariate information, scaled by the share
    observed.

    Attributes
    ----------
    inverse : ``(F, q, q)``, of the information of the covariates alone.
    inflation : ``(R,)``, inverse shares of the rows observed.
    cross, eliminated : ``(R, p, q)``, products of border and covariates, and with the inverse.
    schur : ``(R, p, p)``, what the covariates leave of the border.
    predictors : of a row, each of which has the border columns.
    border_information : ``(R, p)``, sums of squares of the border.
    weight : ``(R,)``, the sum of weights of the rows that carry the first border's information.
    """

    inverse: F64
    inflation: F64
    cross: F64
    eliminated: F64
    schur: F64
    predictors: int
    border_information: F64
    weight: F64

    def __post_init__(self) -> None:
        """Invert what the covariates leave of the border."""
        self._inverse_schur = np.linalg.pinv(self.schur, hermitian=True)

    def hold(self, borders: int) -> Preconditioner:
        """Return the preconditioner of fits in which the first border columns stay out."""
        p = self.schur.shape[1]
        still = np.flatnonzero(np.arange(p) % (p // self.predictors) < borders)
        schur = self.schur.copy()
        schur[:, still, :] = schur[:, :, still] = 0.0
        return replace(self, schur=schur)

    def solve(self, g: F64) -> F64:
        """Apply the preconditioner to scores ``(R, q + p)``."""
        R, q, F = g.shape[0], self.inverse.shape[1], self.inverse.shape[0]
        x: F64 = np.matmul(g[:, :q].reshape(R // F, F, 1, q), self.inverse).reshape(R, q)
        x *= self.inflation[:, None]
        rest = g[:, q:] - np.matmul(self.cross, x[:, :, None])[:, :, 0]
        border = np.matmul(self._inverse_schur, rest[:, :, None])[:, :, 0]
        x -= np.matmul(border[:, None, :], self.eliminated)[:, 0, :]
        return np.concatenate([x, border], axis=1)


@dataclass(frozen=True, slots=True)
class Beginning:
    """Where the fits of a block start: at those of the covariates alone.

    Attributes
    ----------
    preconditioner : of the first ``terms`` borders and the others.
    score : ``(R, L k + t + L s)``, where rows are independent.
    """

    preconditioner: Preconditioner
    score: F64
    terms: int

    def without(self) -> Beginning:
        """Return the same for fits whose first borders stay out."""
        return replace(self, preconditioner=self.preconditioner.hold(self.terms))


class Solver(Protocol):
    """An approximate inverse of the information of all fits."""

    def solve(self, g: F64) -> F64:
        """Apply it to scores."""
        ...


@dataclass
class StepMemory:
    """The last few steps and score changes of every fit: the two-loop recursion around a
    preconditioner.
    """

    steps: list[F64] = field(default_factory=list)
    changes: list[F64] = field(default_factory=list)
    inverse_curvature: list[F64] = field(default_factory=list)

    def remember(self, step: F64, change: F64, *, trusted: Bool) -> None:
        """Keep a step and the change of score that it brought, in the fits that are trusted."""
        curvature = np.vecdot(step, change)
        usable = trusted & (curvature > 0)
        self.steps.append(step)
        self.changes.append(change)
        self.inverse_curvature.append(np.where(usable, 1.0 / np.where(usable, curvature, 1.0), 0.0))

    def direct(self, preconditioner: Solver, g: F64) -> F64:
        """Return the quasi-Newton direction ``(R, q + p)`` for scores."""
        q = g.copy()
        weights = []
        pairs = list(zip(self.steps, self.changes, self.inverse_curvature, strict=True))
        for step, change, rho in reversed(pairs):
            a = rho * np.vecdot(step, q)
            q -= a[:, None] * change
            weights.append(a)
        d = preconditioner.solve(q)
        for (step, change, rho), a in zip(pairs, reversed(weights), strict=True):
            d += (a - rho * np.vecdot(change, d))[:, None] * step
        return d


def share_observed(observed: F64, whole: float) -> F64:
    """Return the share of the rows that each protein is observed on ``(B,)``.

    It is 0 for proteins that nobody has, for whom one row's worth will do.

    Parameters
    ----------
    observed : ``(B,)``, rows, or the sum of their weights.
    whole : that of all rows.

    Examples
    --------
    >>> share_observed(np.array([5.0, 0.0]), 10).tolist()
    [0.5, 0.1]
    """
    return np.asarray(np.where(observed > 0.0, observed, 1.0) / whole)


def is_far(decrement: F64, rate: F64, weight: F64) -> Bool:
    """Say which fits need another pass in double precision.

    After a step of length s in standard errors, of an iteration that converges at rate r, what
    remains changes eta by ``r s / sqrt(sum w)`` in root mean square, and a standard error by about
    that at the most; where r is above a half, by the sum of the steps to come. The estimate, which
    is corrected by ``e' H^-1 g``, is off by ``s^2 / sqrt(sum w)`` standard errors. A decrement that
    is negative or no number is as far as can be.

    Parameters
    ----------
    decrement : ``(R,)``, ``s^2``.
    rate : ``(R,)``, r.
    weight : ``(R,)``, the sum of weights of the rows that carry the estimate.

    Examples
    --------
    >>> is_far(np.array([1e-12, 1e-4, -1e-12]), np.full(3, 0.1), np.full(3, 400.0)).tolist()
    [False, True, True]
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        root = np.sqrt(weight)
        # The ratio of two steps is small by chance at times; few rows cannot give a small rate.
        rate = np.maximum(rate, np.minimum(1.0 / root, _SLOW))
        spread = rate / root / np.minimum(1.0, (1.0 - rate) / _SLOW)
        error = spread * np.sqrt(np.maximum(decrement, 0.0))
    near = (decrement >= 0.0) & (decrement <= _DOUBLE_STEP) & (error <= _SE_ERROR)
    return np.asarray(~near)


def slow_down(rate: F64, decrement: F64, last: F64) -> F64:
    """Return the rates at which steps shrink, where the last step has shown a slow one.

    Parameters
    ----------
    rate : ``(R,)``, as seen before.
    decrement, last : ``(R,)``, of this step and the one before; infinity where there was none.

    Examples
    --------
    >>> rate, decrement = np.full(2, 0.1), np.array([0.81e-10, 1e-14])
    >>> slow_down(rate, decrement, np.full(2, 1e-10)).tolist()
    [0.9, 0.1]
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        seen = np.sqrt(np.maximum(decrement, 0.0) / last)
    return np.where(seen > _SLOW, np.minimum(np.maximum(rate, seen), 1.0), rate)
