"""Sums within groups, from rows: what :mod:`proteomr.stats.reml` needs of one model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, I64
from proteomr.stats.reml import Sums

__all__ = ["Turned", "find_patterns", "turn_groups"]


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
        return Sums(
            self.roots,
            np.ones((1, self.roots.shape[0])),
            (self.rest.T @ self.rest)[None],
            None,
            self.turned,
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
    g, size, Q = Z.shape
    flat = np.ascontiguousarray(Z.reshape(g, -1)) + 0.0  # -0 is 0
    first, kind = np.unique(flat.view([("", flat.dtype)] * flat.shape[1]), return_inverse=True)
    distinct = first.view(flat.dtype).reshape(-1, size, Q)
    bases, R = np.linalg.qr(distinct)
    return np.asarray(bases), np.asarray(R), np.asarray(kind, dtype=np.int64).ravel()


def find_patterns(roots: F64) -> tuple[F64, I64]:
    """Return the distinct patterns ``(S, Q, Q)`` of groups ``(g, Q, Q)``, and which each has."""
    flat = np.ascontiguousarray(roots.reshape(roots.shape[0], -1)) + 0.0
    first, kind = np.unique(flat.view([("", flat.dtype)] * flat.shape[1]), return_inverse=True)
    distinct = first.view(flat.dtype).reshape(-1, *roots.shape[1:])
    return distinct, np.asarray(kind, dtype=np.int64).ravel()
