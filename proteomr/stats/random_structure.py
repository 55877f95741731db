"""The covariance of random effects by its parameters: relative Cholesky factors, as in lme4."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, I64

__all__ = ["Structure"]


@dataclass(frozen=True, slots=True)
class Structure:
    r"""The relative covariance ``G`` of the Q random effects of a group, of independent terms.

    A term of ``levels`` levels with q effects each has :math:`I \otimes L L'`, L lower triangular;
    the parameters are the entries of L by columns, term by term: lme4's theta (Bates et al. 2015,
    doi:10.18637/jss.v067.i01). Variances are relative to that of the residuals.

    Attributes
    ----------
    terms : ``(levels, effects)`` of each term.

    Examples
    --------
    >>> Structure(((1, 2),)).expand(np.array([[2.0, 1.0, 3.0]]))[0].tolist()
    [[4.0, 2.0], [2.0, 10.0]]
    """

    terms: tuple[tuple[int, int], ...]

    @property
    def size(self) -> int:
        """Number Q of random effects."""
        return sum(levels * effects for levels, effects in self.terms)

    @property
    def positions(self) -> tuple[tuple[int, int, int], ...]:
        """Term, row and column in its factor of each of the p parameters."""
        return _positions(self.terms)

    @property
    def diagonal(self) -> I64:
        """Positions of the parameters on diagonals: 0 there is a variance at its boundary."""
        places = [i for i, (_, row, column) in enumerate(self.positions) if row == column]
        return np.array(places, dtype=np.int64)

    def factors(self, theta: F64) -> list[F64]:
        """Return the factor L ``(b, q, q)`` of each term."""
        found = [np.zeros((theta.shape[0], effects, effects)) for _, effects in self.terms]
        for i, (at, row, column) in enumerate(self.positions):
            found[at][:, row, column] = theta[:, i]
        return found

    def expand(self, theta: F64) -> F64:
        """Return G ``(b, Q, Q)`` for parameters ``(b, p)``."""
        return self._place([L @ L.transpose(0, 2, 1) for L in self.factors(theta)])

    def differentiate(self, theta: F64) -> list[F64]:
        """Return the derivative ``(b, Q, Q)`` of G in each parameter."""
        found = []
        factors = self.factors(theta)
        for at, row, column in self.positions:
            parts = [np.zeros_like(L) for L in factors]
            # E L' + L E', E of one entry
            parts[at][:, row, :] += factors[at][:, :, column]
            parts[at][:, :, row] += factors[at][:, :, column]
            found.append(self._place(parts))
        return found

    def curve(self, i: int, j: int) -> F64 | None:
        """Return the second derivative ``(Q, Q)`` of G in two parameters; None where it is 0."""
        return _curve(self, i, j)

    def bend(self, i: int, j: int) -> F64 | None:
        """Return the same, made anew."""
        (at, row, column), (other, row_j, column_j) = self.positions[i], self.positions[j]
        if at != other or column != column_j:
            return None
        parts = [np.zeros((1, effects, effects)) for _, effects in self.terms]
        parts[at][0, row, row_j] += 1.0
        parts[at][0, row_j, row] += 1.0
        return np.asarray(self._place(parts)[0])

    def units(self) -> list[F64]:
        """Return what G is made of linearly: a symmetric ``(Q, Q)`` for each (co)variance."""
        found = []
        for at, row, column in self.positions:
            parts = [np.zeros((1, effects, effects)) for _, effects in self.terms]
            parts[at][0, row, column] = parts[at][0, column, row] = 1.0
            found.append(self._place(parts)[0])
        return found

    def _place(self, parts: Sequence[F64]) -> F64:
        """Put the blocks of all terms on the diagonal, each repeated for its levels."""
        if len(self.terms) == 1 and self.terms[0][0] == 1:
            return parts[0]
        whole = np.zeros((parts[0].shape[0], self.size, self.size))
        first = 0
        for (levels, effects), part in zip(self.terms, parts, strict=True):
            for level in range(levels):
                at = slice(first + level * effects, first + (level + 1) * effects)
                whole[:, at, at] = part
            first += levels * effects
        return whole


# A search asks for these hundreds of times.
@functools.cache
def _positions(terms: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int, int], ...]:
    return tuple(
        (at, row, column)
        for at, (_, effects) in enumerate(terms)
        for column in range(effects)
        for row in range(column, effects)
    )


@functools.lru_cache(maxsize=64)
def _curve(structure: Structure, i: int, j: int) -> F64 | None:
    return structure.bend(i, j)
