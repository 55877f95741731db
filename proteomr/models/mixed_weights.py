r"""Known precisions of the rows of a mixed model: ``e ~ N(0, s2 W^-1)``, W diagonal.

Multiplied by ``W^(1/2)``, response, columns and random effects are those of a model of equal
precisions; the likelihood gains ``log |W| / 2``, as in lme4 (Bates et al. 2015,
doi:10.18637/jss.v067.i01, section 3).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.models.base import Problem

__all__ = ["RowWeights", "weigh_effects"]


@dataclass(frozen=True, slots=True)
class RowWeights:
    """What rows are multiplied by, whose squares are the weights in a unit of them.

    Attributes
    ----------
    root : ``(n,)``.
    unit : the weight that counts as 1, a power of two near their mean: weights of 1e-8 and of 1e8
        then leave the ratio of variances, and what is taken for 0 of it, as those of 1 do.

    Examples
    --------
    >>> found = RowWeights.of(np.array([4.0, 16.0]))
    >>> found.unit, (found.root**2 * found.unit).round(12).tolist()
    (8.0, [4.0, 16.0])
    """

    root: F64
    unit: float = 1.0

    @classmethod
    def of(cls, weights: F64) -> RowWeights:
        """Return the multipliers of weights ``(n,)``, above 0."""
        unit = float(2.0 ** np.rint(np.log2(np.mean(weights))))
        return cls(np.sqrt(weights / unit), unit)

    @classmethod
    def equal(cls, n: int) -> RowWeights:
        """Return those of n rows of weight 1."""
        return cls(np.ones(n))

    @property
    def half_log(self) -> F64:
        """What each row adds to the log likelihood ``(n,)``."""
        return np.log(self.root)

    def take(self, rows: I64 | Bool) -> RowWeights:
        """Return those of some rows."""
        return replace(self, root=self.root[rows])


def weigh_effects(problem: Problem) -> tuple[Problem, RowWeights]:
    """Return a problem whose random effects are on multiplied rows, and by what."""
    if problem.weights is None:
        return problem, RowWeights.equal(problem.n)
    weights = RowWeights.of(problem.weights)
    return replace(problem, random=problem.effects.weigh(weights.root)), weights
