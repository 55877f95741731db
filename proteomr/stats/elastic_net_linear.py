"""Elastic-net paths of least squares, from sums over the rows alone."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from proteomr._typing import F64
from proteomr.stats.elastic_net import Penalty, find_largest
from proteomr.stats.elastic_net_quadratic import SLACK, Quadratic, meets_optimum
from proteomr.stats.elastic_net_rows import Rows
from proteomr.stats.elastic_net_steps import Solution
from proteomr.stats.elastic_net_sums import LinearSums, Standardised

__all__ = ["LinearDescent"]

_GAIN = 1e-5  # glmnet's fdev: the gain in explained variance, relative, that ends a path
_SIGNS = 1e-8  # of a descent that finds the signs, which the equations then solve for
_CORRECTIONS = 6  # by the rows: two or three are usual, each of which takes four digits or more
_ROUGH = 1e-7  # glmnet's thresh, for paths that only choose a penalty


@dataclass(slots=True, eq=False)
class LinearDescent:
    """Least squares at falling penalties, each solution from the one before.

    As in glmnet, the response is brought to a variance of 1 first: penalties are in its units, and
    the ridge's part is of the standardised coefficients.

    Parameters
    ----------
    given : the rows' least squares.
    penalty : what is penalised.
    exact : whether solutions are exact, or of the accuracy that choosing a penalty needs.
    behind : the rows, where correlations are of single precision, which an exact solution is not.
    """

    given: Standardised
    penalty: Penalty
    exact: bool = True
    behind: Rows | None = None
    _factors: F64 = field(init=False)
    _quadratic: Quadratic = field(init=False)
    _last: float = field(init=False)

    def __post_init__(self) -> None:
        p = self.given.c.size
        self._factors = self.penalty.scale(p)
        self._quadratic = Quadratic(self.given.H, self.given.c, np.zeros(p))
        self._last = np.inf

    @property
    def rows(self) -> int:
        """Rows with a weight."""
        return self.given.rows

    @property
    def columns(self) -> int:
        """Columns."""
        return self._factors.size

    def find_largest(self) -> float:
        """Fit what is not penalised; return the penalty at which all else is zero."""
        free = self._factors == 0.0
        if free.any():
            wall = np.where(free, 0.0, np.inf)
            self._quadratic.settle(wall, np.zeros(free.size), tolerance=1e-14)
        pull = np.where(self.given.constant, 0.0, self._quadratic.q)
        self._last = find_largest(pull, self._factors, self.penalty.alpha)
        return self._last * self._spread

    @property
    def _spread(self) -> float:
        return self.given.spread * self.given.unit

    def advance(self, penalty: float) -> Solution:
        """Return the solution at a penalty, at most that before."""
        given, spread, quadratic = self.given, self._spread, self._quadratic
        own = penalty / spread if spread > 0.0 else 0.0
        one, two = self.penalty.alpha, 1.0 - self.penalty.alpha
        self._last = own
        l1, l2 = own * one * self._factors, own * two * self._factors
        if self.exact and self.behind is not None:
            certified = self._settle_by_rows(l1, l2, self.behind)
        else:
            certified = quadratic.settle(
                l1, l2, tolerance=_SIGNS if self.exact else _ROUGH, exact=self.exact
            )
        b = self._quadratic.b * (spread / given.scale)
        explained = float((given.c + self._quadratic.q) @ self._quadratic.b)
        middle = given.origin + given.middle * given.unit
        return Solution(middle - float(given.centre @ b), b, explained, certified)

    def _settle_by_rows(self, l1: F64, l2: F64, rows: Rows) -> bool:
        """Solve by correlations of single precision, and correct by the gradient of the rows.

        What is certified is the gradient of the rows in double precision. Where correlations that
        are nearly singular lead nowhere, they are taken in double precision as well.
        """
        quadratic, c = self._quadratic, self.given.c
        for _ in range(_CORRECTIONS):
            quadratic.settle(l1, l2, tolerance=_SIGNS)
            q = c - rows.multiply(self.given, quadratic.b)
            if meets_optimum(q, quadratic.b, l1, l2, slack=SLACK, scale=quadratic.scale):
                quadratic.q = q
                return True
            quadratic.c = q + (quadratic.c - quadratic.q)
            quadratic.refresh()
        self.behind = None
        self._quadratic = Quadratic(rows.correlate(self.given).H, c, quadratic.b)
        return self._quadratic.settle(l1, l2, tolerance=_SIGNS)

    def miss(self, found: Solution, *, whole: Standardised, inside: LinearSums) -> float:
        """Return the mean square error of a solution in rows left out of these, in the own unit.

        Parameters
        ----------
        found : the last of this descent.
        whole : of all rows.
        inside : sums of the rows left out; of their columns' square nothing is asked, which is that
            of all rows less that of these.
        """
        given = self.given
        b = found.coefficients / given.unit
        constant = (found.intercept - given.origin) / given.unit
        quadratic = self._quadratic  # at the solution, where H b = c - q
        own = given.spread**2 * float((quadratic.c - quadratic.q) @ quadratic.b)
        own = given.weight * (own + float(given.centre @ b) ** 2)
        square = whole.square(found.coefficients) - own
        cross = constant * float(inside.x @ b) - float(inside.xy @ b) - constant * inside.y
        total = inside.yy + square + inside.weight * constant**2 + 2.0 * cross
        return max(total / inside.weight, 0.0)

    def ends(self, explained: list[float]) -> bool:
        """Whether the next penalty would explain too little more, as glmnet judges it."""
        return explained[-1] - explained[-2] < _GAIN * explained[-1]
