"""Elastic-net paths of least squares, from sums over the rows alone."""

from __future__ import annotations

from dataclasses import InitVar, dataclass, field
from typing import Self

import numpy as np

from proteomr._typing import F64, Bool
from proteomr.stats.elastic_net import FLAT, Penalty, find_largest
from proteomr.stats.elastic_net_quadratic import Quadratic
from proteomr.stats.elastic_net_steps import Solution

__all__ = ["LinearDescent", "LinearSums"]

_GAIN = 1e-5  # glmnet's fdev: the gain in explained variance, relative, that ends a path
_ROUGH = 1e-7  # glmnet's thresh, for paths that only choose a penalty


@dataclass(frozen=True, slots=True, eq=False)
class LinearSums:
    """What least squares needs to know of rows; the sums of other rows can be taken away.

    Parameters
    ----------
    rows : how many have a weight.
    weight : sum of the weights.
    x, xy : (p,) weighted sums of columns, and of columns by the response.
    xx : (p, p) of columns by columns.
    y, yy : of the response and its square.
    """

    rows: int
    weight: float
    x: F64
    xx: F64
    xy: F64
    y: float
    yy: float

    @classmethod
    def of(cls, X: F64, y: F64, *, weights: F64 | None = None) -> Self:
        """Gather the sums of rows.

        Parameters
        ----------
        X : (n, p), best near a mean of 0.
        y : (n,).
        weights : (n,), None for ones.

        Examples
        --------
        >>> whole = LinearSums.of(np.array([[1.0], [2.0]]), np.array([3.0, 4.0]))
        >>> whole.xx.tolist(), (whole - whole).xy.tolist()
        ([[5.0]], [0.0])
        """
        v = np.ones(y.size) if weights is None else weights
        root = X if weights is None else X * np.sqrt(v)[:, None]
        return cls(
            int((v > 0.0).sum()), float(v.sum()), v @ X, root.T @ root, (v * y) @ X,
            float(v @ y), float(v @ y**2),
        )  # fmt: skip

    def __add__(self, other: Self) -> Self:
        return self._join(other, 1)

    def __sub__(self, other: Self) -> Self:
        return self._join(other, -1)

    def _join(self, other: Self, sign: int) -> Self:
        return type(self)(
            self.rows + sign * other.rows,
            self.weight + sign * other.weight,
            self.x + sign * other.x,
            self.xx + sign * other.xx,
            self.xy + sign * other.xy,
            self.y + sign * other.y,
            self.yy + sign * other.yy,
        )


@dataclass(slots=True, eq=False)
class LinearDescent:
    """Least squares at falling penalties, each solution from the one before.

    As in glmnet, the response is brought to a variance of 1 first: penalties are in its units, and
    the ridge's part is of the standardised coefficients.

    Parameters
    ----------
    sums : of the rows; not kept.
    penalty : what is penalised.
    exact : whether solutions are exact, or of the accuracy that choosing a penalty needs.
    """

    sums: InitVar[LinearSums]
    penalty: Penalty
    exact: bool = True
    rows: int = field(init=False)
    constant: Bool = field(init=False)
    _centre: F64 = field(init=False)
    _scale: F64 = field(init=False)
    _middle: float = field(init=False)
    _spread: float = field(init=False)
    _factors: F64 = field(init=False)
    _quadratic: Quadratic = field(init=False)
    _last: float = field(init=False)

    def __post_init__(self, sums: LinearSums) -> None:
        p, self.rows = sums.x.size, sums.rows
        self._centre = sums.x / sums.weight
        squares = np.diagonal(sums.xx) / sums.weight
        variance = np.maximum(squares - self._centre**2, 0.0)
        self.constant = ~(variance > FLAT * squares)
        self._scale = np.where(self.constant, 1.0, np.sqrt(variance))
        self._middle = sums.y / sums.weight
        self._spread = float(np.sqrt(max(sums.yy / sums.weight - self._middle**2, 0.0)))
        self._factors = self.penalty.scale(p)
        H = sums.xx / sums.weight
        for place, centre in enumerate(self._centre.tolist()):
            H[place] -= centre * self._centre
        H /= self._scale[:, None]
        H /= self._scale
        H[self.constant], H[:, self.constant] = 0.0, 0.0
        unit = self._spread if self._spread > 0.0 else 1.0
        c = (sums.xy / sums.weight - self._centre * self._middle) / (self._scale * unit)
        c[self.constant] = 0.0
        self._quadratic = Quadratic(H, c, np.zeros(p))
        self._last = np.inf

    @property
    def columns(self) -> int:
        """Columns."""
        return self._factors.size

    def find_largest(self) -> float:
        """Fit what is not penalised; return the penalty at which all else is zero."""
        free = self._factors == 0.0
        if free.any():
            wall = np.where(free, 0.0, np.inf)
            self._quadratic.settle(
                wall, np.zeros(free.size), screened=free, tolerance=1e-14, exact=True
            )
        pull = np.where(self.constant, 0.0, self._quadratic.q)
        return find_largest(pull, self._factors, self.penalty.alpha) * self._spread

    def advance(self, penalty: float) -> Solution:
        """Return the solution at a penalty, at most that before."""
        own = penalty / self._spread if self._spread > 0.0 else 0.0
        one, two = self.penalty.alpha, 1.0 - self.penalty.alpha
        quadratic = self._quadratic
        likely = one * (2.0 * own - min(self._last, 2.0 * own)) * self._factors
        screened = (np.abs(quadratic.q) >= likely) & ~self.constant
        certified = quadratic.settle(
            own * one * self._factors,
            own * two * self._factors,
            screened=screened,
            tolerance=1e-6 if self.exact else _ROUGH,
            exact=self.exact,
        )
        self._last = own
        b = quadratic.b * (self._spread / self._scale)
        explained = float(quadratic.c @ quadratic.b + quadratic.q @ quadratic.b)
        return Solution(self._middle - float(self._centre @ b), b, explained, certified)

    def ends(self, explained: list[float]) -> bool:
        """Whether the next penalty would explain too little more, as glmnet judges it."""
        return explained[-1] - explained[-2] < _GAIN * explained[-1]
