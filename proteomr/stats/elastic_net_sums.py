"""Sums over rows that least squares needs, of which those of some rows can be taken away."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from proteomr._typing import F64, I64, Bool
from proteomr.stats.elastic_net import FLAT
from proteomr.stats.loops import load_loops

__all__ = ["LinearSums", "Standardised", "find_unit", "is_level", "leave_out"]

_CANCELLED = (
    1e-4  # of a sum of squares: what is left of less than that has lost four digits or more
)
_LEVEL = (
    0.1  # of a column's variance: what is left of it without a fold has lost a digit at the most
)
_LARGE = 1e10  # mean square of a column, whose products single precision holds without a thought
_COMPILED_CELLS = 4_096  # of a square
_COMPILED_COLUMNS = 16  # with a coefficient: above, a loop over their products is compiled


@dataclass(frozen=True, slots=True, eq=False)
class LinearSums:
    """What least squares needs to know of rows; the sums of other rows can be taken away.

    Parameters
    ----------
    rows : how many have a weight.
    weight : sum of the weights.
    x, squares : (p,) weighted sums of columns, and of their squares.
    xy : (p,) of columns by the response.
    xx : (p, p) of columns by columns; in single precision where they serve a search alone.
    y, yy : of the response and its square, in its own unit from its origin.
    origin, unit : of the response: 0 and 1, or near its mean and its standard deviation.
    """

    rows: int
    weight: float
    x: F64
    squares: F64
    xx: NDArray[np.floating]
    xy: F64
    y: float
    yy: float
    origin: float = 0.0
    unit: float = 1.0

    @classmethod
    def of(
        cls,
        X: F64,
        y: F64,
        *,
        weights: F64 | None = None,
        origin: float = 0.0,
        unit: float = 1.0,
        single: bool = False,
    ) -> Self:
        """Gather the sums of rows.

        Parameters
        ----------
        X : (n, p), best near a mean of 0.
        y : (n,).
        weights : (n,), None for ones.
        origin, unit : of the response; a response far from 0, or of a size whose square is no
            number, loses no digits by those of :func:`find_unit`.
        single : whether products of columns are taken in single precision, in half of the time.

        Examples
        --------
        >>> whole = LinearSums.of(np.array([[1.0], [2.0]]), np.array([3.0, 4.0]))
        >>> whole.xx.tolist(), (whole - whole).xy.tolist()
        ([[5.0]], [0.0])
        """
        v = np.ones(y.size) if weights is None else weights
        y = (y - origin) / unit
        root = X if weights is None else X * np.sqrt(v)[:, None]
        squares = np.einsum("ij,ij->j", root, root)
        with np.errstate(over="ignore", invalid="ignore"):  # which :func:`is_level` refuses
            root = root.astype(np.float32) if single else root
            xx = root.T @ root
        return cls(
            int((v > 0.0).sum()), float(v.sum()), v @ X, squares, xx, (v * y) @ X,
            float(v @ y), float(v @ y**2), origin, unit,
        )  # fmt: skip

    def standardise(self, *, single: bool = False) -> Standardised:
        """Return the least squares of these rows, every column and the response at variance 1.

        Parameters
        ----------
        single : whether correlations are kept in single precision, for a path that chooses a
            penalty. Descents wait for these numbers, of which there are millions. Gradients and
            coefficients stay double: a minimum moves by the rounding of the correlations, 6e-8,
            where such a path stops at 1e-4 and more.

        Examples
        --------
        >>> sums = LinearSums.of(np.array([[1.0], [4.0]]), np.array([0.0, 1.0]))
        >>> sums.standardise(single=True).H.dtype.name
        'float32'
        """
        centre, middle = self.x / self.weight, self.y / self.weight
        squares = self.squares / self.weight
        variance = np.maximum(squares - centre**2, 0.0)
        constant = ~(variance > FLAT * squares)
        scale = np.where(constant, 1.0, np.sqrt(variance))
        spread = float(np.sqrt(max(self.yy / self.weight - middle**2, 0.0)))
        H = np.empty(self.xx.shape, dtype=np.float32 if single else np.float64)
        loops = load_loops("elastic_net", compiled=H.size >= _COMPILED_CELLS)
        loops.correlate_columns(self.xx, self.weight, centre, scale, H)
        H[constant], H[:, constant] = 0.0, 0.0
        c = (self.xy / self.weight - centre * middle) / (scale * (spread if spread > 0.0 else 1.0))
        c[constant] = 0.0
        return Standardised(
            self.rows, self.weight, H, c, centre, scale, constant, middle, spread,
            self.origin, self.unit,
        )  # fmt: skip

    def without_squares(self) -> Self:
        """Return the same without the square of the columns, which is large."""
        return replace(self, xx=np.empty((0, 0)))

    def __add__(self, other: Self) -> Self:
        return self._join(other, 1)

    def __sub__(self, other: Self) -> Self:
        return self._join(other, -1)

    def _join(self, other: Self, sign: int) -> Self:
        return type(self)(
            self.rows + sign * other.rows,
            self.weight + sign * other.weight,
            self.x + sign * other.x,
            self.squares + sign * other.squares,
            self.xx + sign * other.xx,
            self.xy + sign * other.xy,
            self.y + sign * other.y,
            self.yy + sign * other.yy,
            self.origin,
            self.unit,
        )


def find_unit(y: F64) -> tuple[float, float]:
    """Return the middle of a response (n,) and a power of two of the size of its spread.

    Examples
    --------
    >>> find_unit(np.array([1e9, 1e9 + 3.0]))
    (1000000001.5, 2.0)
    """
    low, high = float(y.min()), float(y.max())
    origin = low + (high / 2.0 - low / 2.0)
    spread = float(np.abs(y - origin).max(initial=0.0))
    return origin, float(np.ldexp(1.0, np.frexp(spread)[1])) if spread > 0.0 else 1.0


def leave_out(sums: list[LinearSums]) -> tuple[LinearSums, Callable[[int], LinearSums]]:
    """Return the sums of all folds, and what gives those of all but one, once each.

    The square of a fold is let go when it has been taken away, which makes room.

    Differences are of double precision, and lose nothing where the products of a fold are of single
    precision: their rounding is in both. What is left of a column of which one fold has nearly all
    is summed from the other folds, since a difference would be rounding.

    Parameters
    ----------
    sums : of the rows of each fold.

    Examples
    --------
    >>> one = LinearSums.of(np.array([[1e9], [0.0]]), np.zeros(2))
    >>> two = LinearSums.of(np.array([[1.0], [2.0]]), np.zeros(2))
    >>> whole, take_away = leave_out([one, two])
    >>> take_away(0).xx.tolist(), take_away(1).xx.tolist()
    ([[5.0]], [[1e+18]])
    """
    whole, xx = sums[0].without_squares(), sums[0].xx.astype(np.float64)
    for more in sums[1:]:
        whole = whole + more.without_squares()
        xx += more.xx
    whole = replace(whole, xx=xx)
    repairs = [_find_cancelled(sums, k, whole) for k in range(len(sums))]

    def take_away(k: int) -> LinearSums:
        columns, xx, xy, x = repairs[k]
        left = whole - sums[k]
        sums[k] = sums[k].without_squares()
        if columns.size:
            left.xx[columns], left.xx[:, columns] = xx, xx.T
            left.xy[columns], left.x[columns] = xy, x
            left.squares[columns] = np.diagonal(xx[:, columns])
        return left

    return whole, take_away


def is_level(sums: Sequence[LinearSums]) -> bool:
    """Whether single precision serves: no column has most of its variance in one fold.

    Where a fold had it, what is left would be the rounding of what is taken away, or of a mean far
    from 0 beside the column's variance.

    Parameters
    ----------
    sums : of the rows of each fold.

    Examples
    --------
    >>> X = np.array([[1.0, 1e3], [-1.0, 0.1], [1.0, -0.1], [-1.0, 0.0]])
    >>> [is_level([LinearSums.of(X[k : k + 2, j:j + 1], np.zeros(2)) for k in (0, 2)])
    ...  for j in (0, 1)]
    [True, False]
    """
    weight = sum(one.weight for one in sums)
    x = np.sum([one.x for one in sums], axis=0)
    squares = np.sum([one.squares for one in sums], axis=0)
    known = squares > 0.0
    if not ((squares <= weight * _LARGE) & (~known | (squares >= weight / _LARGE))).all():
        return False
    for one in sums:
        left = weight - one.weight
        variance = (squares - one.squares) / left - ((x - one.x) / left) ** 2
        if not (variance >= _LEVEL * squares / weight)[known].all():
            return False
    return True


def _find_cancelled(
    sums: Sequence[LinearSums], k: int, whole: LinearSums
) -> tuple[I64, F64, F64, F64]:
    """Return the columns that one fold has nearly all of, and their sums over the others."""
    left = whole.squares - sums[k].squares
    columns = np.flatnonzero(left < _CANCELLED * whole.squares)
    xx, xy = np.zeros((columns.size, left.size)), np.zeros(columns.size)
    x = np.zeros(columns.size)
    for place, own in enumerate(sums):
        if place != k and columns.size:
            xx += own.xx[columns]
            xy += own.xy[columns]
            x += own.x[columns]
    return columns, xx, xy, x


@dataclass(frozen=True, slots=True, eq=False)
class Standardised:
    """Least squares of columns and a response that were brought to a mean of 0 and a variance of 1.

    Parameters
    ----------
    rows, weight : how many have a weight, and their sum.
    H : (p, p) correlations of columns, 0 for constant ones; in single precision where they serve a
        search alone.
    c : (p,) those with the response.
    centre, scale : (p,) of the columns.
    constant : (p,) columns of one value.
    middle, spread : of the response, in its unit from its origin.
    origin, unit : of the response.
    """

    rows: int
    weight: float
    H: NDArray[np.floating]
    c: F64
    centre: F64
    scale: F64
    constant: Bool
    middle: float
    spread: float
    origin: float
    unit: float

    def square(self, b: F64) -> float:
        """Return the sum over the rows of their squared ``x^T b``, in the response's unit.

        Parameters
        ----------
        b : (p,) coefficients of the columns given.

        Examples
        --------
        >>> sums = LinearSums.of(np.array([[1.0], [4.0]]), np.array([0.0, 1.0]))
        >>> round(sums.standardise().square(np.array([2.0])), 9)
        68.0
        """
        active = np.flatnonzero(b)
        inner = b[active] / self.unit
        loops = load_loops("elastic_net", compiled=active.size >= _COMPILED_COLUMNS)
        about = loops.square_columns(self.H, active, inner * self.scale[active])
        return self.weight * float(about + (inner @ self.centre[active]) ** 2)
