"""Elastic-net paths of least squares where the square of the columns is larger than the columns."""

from __future__ import annotations

from dataclasses import dataclass, field

from proteomr._typing import F64
from proteomr.stats.elastic_net import Penalty
from proteomr.stats.elastic_net_losses import SquaredLoss
from proteomr.stats.elastic_net_newton import NewtonDescent
from proteomr.stats.elastic_net_steps import Solution

__all__ = ["WideDescent"]

_GAIN = 1e-5  # glmnet's fdev: the gain in explained variance, relative, that ends a path


@dataclass(slots=True, eq=False)
class WideDescent:
    """The solutions of :class:`proteomr.stats.elastic_net_linear.LinearDescent`, from the rows.

    Only columns that may come in are multiplied with each other.

    Parameters
    ----------
    X : (n, p), each column in one piece.
    loss : the least squares of the rows.
    penalty : what is penalised.
    exact : whether solutions are exact, or of the accuracy that choosing a penalty needs.
    """

    X: F64
    loss: SquaredLoss
    penalty: Penalty
    exact: bool = True
    _inner: NewtonDescent = field(init=False)

    def __post_init__(self) -> None:
        self._inner = NewtonDescent(self.X, self.loss, self.penalty, exact=self.exact)

    @property
    def rows(self) -> int:
        """Rows with a weight."""
        return self._inner.rows

    @property
    def columns(self) -> int:
        """Columns."""
        return self._inner.columns

    @property
    def predicted(self) -> F64:
        """The responses (n,) that the last solution predicts."""
        return self.loss.middle + self.loss.spread * self._inner.eta

    def find_largest(self) -> float:
        """Fit what is not penalised; return the penalty at which all else is zero."""
        return self._inner.find_largest() * self.loss.spread

    def advance(self, penalty: float) -> Solution:
        """Return the solution at a penalty, at most that before."""
        self._inner.exact = self.exact
        found = self._inner.advance(penalty / self.loss.spread)
        spread = self.loss.spread
        return Solution(
            self.loss.middle + spread * found.intercept,
            spread * found.coefficients,
            found.explained,
            found.certified,
        )

    def ends(self, explained: list[float]) -> bool:
        """Whether the next penalty would explain too little more, as glmnet judges it."""
        return explained[-1] - explained[-2] < _GAIN * explained[-1]
