"""Orthonormal bases of covariates that many proteins share: less some rows, and more columns."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.stats.least_squares import solve_least_squares
from proteomr.stats.linalg import find_independent

__all__ = ["Basis", "root_rows"]

_ALIASED = 1e-7  # share of a column's length: the rule of R's lm
# Of the basis on fewer rows: below it digits are lost, and it is made anew.
_LEAST_PIVOT = 0.05
# Condition numbers above which least squares are refined in extended precision.
_REFINE_ABOVE = 500.0


@dataclass(frozen=True, eq=False)
class Basis:
    """A basis ``Q`` of the independent columns of a design.

    Attributes
    ----------
    whole : ``(N, k)``, the design on all rows.
    rows : positions of the n rows among them; None for all.
    kept : positions of the r columns that those before them do not determine.
    Q : ``(n, r)``, of orthonormal columns on all rows.
    inverse : ``(r, r)``, of ``Q'Q``.
    back : ``(r, r)``, coefficients of the columns kept from those of Q.
    """

    whole: F64
    rows: I64 | None
    kept: I64
    Q: F64
    inverse: F64
    back: F64

    @classmethod
    def of(cls, X: F64) -> Basis:
        """Return the basis of a design ``(n, k)`` of a size whose squares are numbers.

        Examples
        --------
        >>> basis = Basis.of(np.array([[1.0, 2.0, 0.0], [1.0, 2.0, 1.0], [1.0, 2.0, 4.0]]))
        >>> basis.kept.tolist()
        [0, 2]
        """
        kept = find_independent(X, tolerance=_ALIASED)
        columns = X[:, kept]
        norms = np.exp2(np.round(np.log2(np.linalg.norm(columns, axis=0))))
        Q, R = np.linalg.qr(columns / norms)
        back = np.linalg.inv(R) / norms[:, None] if kept.size else np.zeros((0, 0))
        return cls(X, None, kept, np.ascontiguousarray(Q), np.eye(kept.size), back)

    @cached_property
    def design(self) -> F64:
        """The design on the rows ``(n, k)``."""
        return self.whole if self.rows is None else self.whole[self.rows]

    @property
    def n(self) -> int:
        """Rows."""
        return int(self.Q.shape[0])

    @property
    def k(self) -> int:
        """Columns."""
        return int(self.whole.shape[1])

    @property
    def unscaled(self) -> F64:
        """The inverse of ``X'X`` of the columns kept, 0 elsewhere ``(k, k)``."""
        inner = self.back @ self.inverse @ self.back.T
        out = np.zeros((self.k, self.k))
        out[np.ix_(self.kept, self.kept)] = inner
        return out

    def take(self, there: Bool) -> Basis:
        """Return the basis on some of its rows ``(n,)``; made anew where too little is left of it.

        Examples
        --------
        >>> X = np.column_stack([np.ones(50), np.arange(50.0)])
        >>> there = np.arange(50) != 7
        >>> fewer = Basis.of(X).take(there)
        >>> bool(np.allclose(fewer.unscaled, np.linalg.inv(X[there].T @ X[there])))
        True
        """
        if self.rows is not None:
            raise ValueError("rows are taken of the basis of all")
        lost = self.Q[~there]
        gram = np.eye(self.kept.size) - np.asarray(lost.T @ lost, dtype=np.float64)
        values = np.linalg.eigvalsh(gram)
        if values.size and values[0] < _LEAST_PIVOT:
            return Basis.of(self.whole[there])
        rows = np.flatnonzero(there)
        return Basis(
            self.whole, rows, self.kept, self.Q[rows], np.asarray(np.linalg.inv(gram)), self.back
        )

    def extend(self, columns: F64) -> Basis:
        """Return the basis of the design and further columns ``(n, c)`` behind it.

        Examples
        --------
        >>> one, x = np.ones((4, 1)), np.arange(4.0)[:, None]
        >>> Basis.of(one).extend(np.column_stack([x, 2.0 * x + 1.0])).kept.tolist()
        [0, 1]
        """
        Q, inverse, back, kept = self.Q, self.inverse, self.back, self.kept.tolist()
        for place, column in enumerate(columns.T):
            length = float(np.linalg.norm(column))
            rest, along = column, np.zeros(Q.shape[1])
            for _ in range(2):
                step = inverse @ (Q.T @ rest)
                rest, along = rest - Q @ step, along + step
            size = float(np.linalg.norm(rest))
            if not size > _ALIASED * length:
                continue
            r = Q.shape[1]
            grown = np.zeros((r + 1, r + 1))
            grown[:r, :r], grown[r, r] = back, 1.0 / size
            grown[:r, r] = -back @ along / size
            larger = np.eye(r + 1)
            larger[:r, :r] = inverse
            Q, inverse, back = np.column_stack([Q, rest / size]), larger, grown
            kept.append(self.k + place)
        return Basis(
            np.column_stack([self.design, columns]),
            None,
            np.array(kept, dtype=np.int64),
            Q,
            inverse,
            back,
        )

    def determines(self, column: F64) -> bool:
        """Whether the columns leave nothing of another ``(n,)``, by the rule of :meth:`extend`.

        Examples
        --------
        >>> one, x = np.ones((4, 1)), np.arange(4.0)
        >>> Basis.of(np.column_stack([one, x])).determines(2.0 * x + 1.0)
        True
        """
        rest = column
        for _ in range(2):
            rest = rest - self.Q @ (self.inverse @ (self.Q.T @ rest))
        return not float(np.linalg.norm(rest)) > _ALIASED * float(np.linalg.norm(column))

    def fit(self, y: F64) -> tuple[F64, F64]:
        """Return least-squares coefficients ``(k,)``, 0 where aliased, and residuals ``(n,)``.

        Examples
        --------
        >>> X = np.column_stack([np.ones(3), [0.0, 1.0, 2.0]])
        >>> Basis.of(X).fit(np.array([1.0, 3.0, 5.0]))[0].round(9).tolist()
        [1.0, 2.0]
        """
        coefficients = np.zeros(self.k)
        inner, left = np.zeros(self.kept.size), y
        for _ in range(2):
            step = self.inverse @ (self.Q.T @ left)
            inner, left = inner + step, left - self.Q @ step
        coefficients[self.kept] = self.back @ inner
        if self._is_doubtful():
            fit = solve_least_squares(self.design[:, self.kept], y)
            if fit.kept.size == self.kept.size:
                coefficients[self.kept], left = fit.coefficients, fit.residuals
        return coefficients, left

    def _is_doubtful(self) -> bool:
        """Whether columns of unit size are so alike that digits are lost."""
        if not self.kept.size:
            return False
        triangle = np.linalg.inv(self.back)
        lengths = np.linalg.norm(triangle, axis=0)
        condition = np.linalg.norm(triangle / lengths, 2) * np.linalg.norm(
            self.back * lengths[:, None], 2
        )
        return bool(condition > _REFINE_ABOVE)


def root_rows(columns: F64, weights: F64 | None) -> F64:
    """Return columns ``(n,)`` or ``(n, k)`` times the roots of weights, whose squares are weighted.

    Examples
    --------
    >>> root_rows(np.array([1.0, 2.0]), np.array([4.0, 9.0])).tolist()
    [2.0, 6.0]
    """
    if weights is None:
        return columns
    return np.asarray((columns.T * np.sqrt(weights)).T)
