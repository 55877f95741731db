"""A limited-memory quasi-Newton iteration on many fits at once, around a shared preconditioner.

Nocedal 1980, doi:10.1090/S0025-5718-1980-0572855-7. Shapes: ``R = B F`` fits of ``k`` covariates
and ``s`` border columns; fit ``r`` has response ``r % F``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from proteomr._typing import F64, Bool

__all__ = ["Preconditioner", "StepMemory", "share_observed"]


@dataclass
class Preconditioner:
    """Block elimination of the border from the shared covariate information, scaled by the share
    observed.
    """

    inverse: F64
    inflation: F64
    cross: F64
    eliminated: F64
    schur_inverse: F64

    def solve(self, g: F64) -> F64:
        """Apply the preconditioner to scores ``(R, k + s)``."""
        R, k, F = g.shape[0], self.inverse.shape[1], self.inverse.shape[0]
        x: F64 = np.matmul(g[:, :k].reshape(R // F, F, 1, k), self.inverse).reshape(R, k)
        x *= self.inflation[:, None]
        rest = g[:, k:] - np.matmul(self.cross, x[:, :, None])[:, :, 0]
        border = np.matmul(self.schur_inverse, rest[:, :, None])[:, :, 0]
        x -= np.matmul(border[:, None, :], self.eliminated)[:, 0, :]
        return np.concatenate([x, border], axis=1)


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

    def direct(self, preconditioner: Preconditioner, g: F64) -> F64:
        """Return the quasi-Newton direction ``(R, k + s)`` for scores."""
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


def share_observed(mask: NDArray[np.float32]) -> F64:
    """Return the share of rows observed by each protein ``(B,)``, at least one row's worth."""
    observed = mask.sum(axis=1, dtype=np.float64)
    share: F64 = np.maximum(observed, 1.0) / mask.shape[1]
    return share
