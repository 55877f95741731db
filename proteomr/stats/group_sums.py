"""Sums within groups, from rows: what :mod:`proteomr.stats.reml_sums` needs of one model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, I64
from proteomr.stats.reml_sums import Sums

__all__ = ["Turned", "find_patterns", "number_rows", "turn_groups"]


# Products of the turned rows of all groups, made once: 64 MB, for which a step of the search is one
# product of matrices instead of ten.
_MOST_CELLS = 8_000_000


@dataclass(frozen=True, slots=True)
class Turned:
    """The rows of groups turned so that the first Q of each carry its random effects.

    Attributes
    ----------
    roots : ``(g, Q, Q)``, R of each group.
    turned : ``(g, Q, K)``, ``Q'D``.
    rest : ``(n, K)``, the rows less what the random effects span.
    """

    roots: F64
    turned: F64
    rest: F64

    def sum_all(self) -> Sums:
        """Return the sums of one model, each group with a pattern of its own."""
        H = self.turned
        S, Q, K = H.shape
        products = None
        if Q > 1 and S * (Q * K) ** 2 <= _MOST_CELLS:
            products = (H[:, :, None, :, None] * H[:, None, :, None, :]).reshape(1, -1, K * K)
        return Sums(
            self.roots,
            np.ones((1, S)),
            (self.rest.T @ self.rest)[None],
            products,
            H,
            np.array([self.rest.shape[0]]),
        )


def turn_groups(D: F64, Z: F64, starts: I64) -> Turned:
    """Turn the rows of groups by an orthogonal basis of their random effects.

    Parameters
    ----------
    D : ``(n, K)``, rows of a group together.
    Z : ``(n, Q)``.
    starts : ``(g,)``, first row of each group.

    Examples
    --------
    >>> D = np.array([[1.0], [3.0], [5.0]])
    >>> found = turn_groups(D, np.ones((3, 1)), np.array([0, 2]))
    >>> np.abs(found.turned[:, 0, 0]).round(4).tolist(), found.rest[:, 0].round(9).tolist()
    ([2.8284, 5.0], [-1.0, 1.0, 0.0])
    """
    n, K = D.shape
    Q = Z.shape[1]
    sizes = np.diff(np.append(starts, n))
    roots, turned = np.zeros((starts.size, Q, Q)), np.zeros((starts.size, Q, K))
    rest = np.empty_like(D)
    for size in np.unique(sizes).tolist():
        groups = np.flatnonzero(sizes == size)
        rows = starts[groups][:, None] + np.arange(size)
        bases, R, kind = _factor_patterns(Z[rows])
        chosen = D[rows]
        H = bases.transpose(0, 2, 1)[kind] @ chosen
        width = H.shape[1]
        roots[groups, :width], turned[groups, :width] = R[kind], H
        rest[rows] = chosen - bases[kind] @ H
    return Turned(roots, turned, rest)


def _factor_patterns(Z: F64) -> tuple[F64, F64, I64]:
    """Return Q and R of the distinct ``(size, Q)`` among groups, and which each group has."""
    kind = number_rows(Z.reshape(Z.shape[0], -1))
    first = np.unique(kind, return_index=True)[1]
    bases, R = np.linalg.qr(Z[first])
    return np.asarray(bases), np.asarray(R), kind


def find_patterns(roots: F64) -> tuple[F64, I64]:
    """Return the distinct patterns ``(S, Q, Q)`` of groups ``(g, Q, Q)``, and which each has."""
    kind = number_rows(roots.reshape(roots.shape[0], -1))
    first = np.unique(kind, return_index=True)[1]
    return np.ascontiguousarray(roots[first]) + 0.0, kind  # -0 is 0


def number_rows(rows: F64) -> I64:
    """Return a number ``(g,)`` for each distinct row of ``(g, c)``, from 0 on.

    Examples
    --------
    >>> number_rows(np.array([[1.0, 2.0], [0.0, 2.0], [1.0, 2.0]])).tolist()
    [1, 0, 1]
    """
    kind = np.zeros(rows.shape[0], dtype=np.int64)
    for column in rows.T:
        if np.all(column == column[0]):
            continue
        code = np.unique(column, return_inverse=True)[1].ravel()
        kind = np.unique(kind * (int(code.max()) + 1) + code, return_inverse=True)[1].ravel()
    return kind.astype(np.int64)
