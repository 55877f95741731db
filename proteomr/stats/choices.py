"""Separation in multinomial regression: which levels the columns rule out for which rows.

Some direction of the coefficients may raise, or leave alone, the predictor of every row's own level
against all others. The likelihood rises along it without end, and in the limit the rows that it
moves have lost the levels that it moves away from. The linear programme is that of Konis (2007, PhD
thesis, Oxford) for pairs of a row's own level and another (Albert and Anderson 1984,
doi:10.1093/biomet/71.1.1); what is left is the limiting conditional model of Geyer (2009,
doi:10.1214/08-EJS349).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from proteomr._typing import F64, I64
from proteomr.stats.linalg import triangle_of

__all__ = ["find_choices", "find_informed", "rule_out_by_cells"]

_MARGIN = 1e-7  # the feasibility tolerance of HiGHS: a smaller margin may be none
# What the choices left say of a direction, as a share of what they say of the best: below, it is
# aliased, as a column is among covariates.
_UNINFORMED = 1e-7


def find_choices(X: F64, levels: I64, K: int) -> F64:
    """Return the levels ``(K, n)`` that no combination of columns rules out, as 1, else 0.

    Parameters
    ----------
    X : ``(n, p)``, finite, with its intercept.
    levels : ``(n,)``, 0 to K - 1.

    Raises
    ------
    ArithmeticError
        The programme could not be solved: nothing is known.

    Examples
    --------
    >>> x = np.column_stack([np.ones(4), [1.0, 2.0, 3.0, 4.0]])
    >>> find_choices(x, np.array([0, 0, 1, 1]), 2).sum(axis=0).tolist()
    [1.0, 1.0, 1.0, 1.0]
    """
    from scipy.optimize import linprog

    scaled = X / np.maximum(np.abs(X).max(axis=0), 1e-300)
    allowed = np.ones((K, levels.size))
    while True:
        rivals, rows = np.nonzero(allowed)
        others = rivals != levels[rows]
        rivals, rows = rivals[others], rows[others]
        if rows.size == 0:
            return allowed
        margins = _lay_out_margins(scaled, levels, rivals, rows, K)
        solution = linprog(
            -np.asarray(margins.sum(axis=0)).ravel(),
            A_ub=-margins,
            b_ub=np.zeros(rows.size),
            bounds=(-1.0, 1.0),
            method="highs",
        )
        if solution.status != 0:
            raise ArithmeticError(f"the linear programme of separation: {solution.message}")
        apart = margins @ solution.x > _MARGIN
        if not np.any(apart):
            return allowed
        allowed[rivals[apart], rows[apart]] = 0.0


def _lay_out_margins(X: F64, levels: I64, rivals: I64, rows: I64, K: int):  # type: ignore[no-untyped-def]
    """Return the predictor of each row's own level less a rival's, as a sparse matrix."""
    from scipy.sparse import csr_array

    p, pairs = X.shape[1], np.arange(rows.size)
    data, at, columns = [], [], []
    for level, sign in ((levels[rows], 1.0), (rivals, -1.0)):
        some = level > 0
        data.append((sign * X[rows[some]]).ravel())
        at.append(np.repeat(pairs[some], p))
        columns.append(((level[some] - 1)[:, None] * p + np.arange(p)).ravel())
    parts = (np.concatenate(data), (np.concatenate(at), np.concatenate(columns)))
    return csr_array(parts, shape=(rows.size, (K - 1) * p))


def find_informed(X: F64, allowed: F64) -> tuple[F64, F64]:
    """Return orthonormal bases of the coefficients that choices tell of, and of those they do not.

    Along the latter no row prefers any of the levels that it may have to another, so that the
    likelihood does not change: the constancy space of the limit.

    Parameters
    ----------
    X : ``(n, p)``, columns of about the same length.
    allowed : ``(K, n)``, 1 for the levels that a row may have, else 0.

    Returns
    -------
    ``((K - 1) p, r)`` and ``((K - 1) p, (K - 1) p - r)``.

    Examples
    --------
    >>> X = np.column_stack([np.ones(4), [0.0, 0.0, 1.0, 1.0]])
    >>> informed, lost = find_informed(X, np.array([[1.0] * 4, [1.0, 1.0, 0.0, 0.0]]))
    >>> informed.shape, np.abs(lost).round(12).ravel().tolist()
    ((2, 1), [0.0, 1.0])
    """
    K, p = allowed.shape[0], X.shape[1]
    first = np.argmax(allowed > 0.0, axis=0)
    others = (allowed > 0.0) & (np.arange(K)[:, None] != first)
    levels, rows = np.nonzero(others)
    pairs = np.zeros((rows.size, K - 1, p))
    at = np.arange(rows.size)
    pairs[at, levels - 1] = X[rows]  # another than the first is not the reference
    based = first[rows] > 0
    pairs[at[based], first[rows][based] - 1] -= X[rows[based]]
    whole = np.zeros(((K - 1) * p, (K - 1) * p))
    if rows.size:
        R = triangle_of(pairs.reshape(rows.size, -1))
        whole[: R.shape[0]] = R
    _, sizes, directions = np.linalg.svd(whole)
    kept = sizes > _UNINFORMED * max(float(sizes[0]), 1e-300)
    return directions[kept].T, directions[~kept].T


def rule_out_by_cells(codes: Sequence[I64], levels: I64, K: int) -> F64:
    """Return the levels ``(K, n)`` that rows may have, as far as single factors say it.

    A level that nobody in a cell of a factor has, or nobody who has another choice, is ruled out
    for the cell: the direction is the coefficient of its indicator.

    Parameters
    ----------
    codes : cell of each row ``(n,)`` for each factor, from 0 on.
    levels : ``(n,)``, 0 to K - 1.

    Examples
    --------
    >>> site = np.array([0, 0, 0, 1, 1])
    >>> rule_out_by_cells([site], np.array([0, 1, 2, 0, 1]), 3)[2].tolist()
    [1.0, 1.0, 1.0, 0.0, 0.0]
    """
    allowed = np.ones((K, levels.size))
    own = levels == np.arange(K)[:, None]
    while True:
        before = allowed.sum()
        choosing = allowed.sum(axis=0) > 1.0
        for cell in codes:
            cells = int(cell.max(initial=0)) + 1
            for level in range(K):
                chosen = np.bincount(cell[own[level] & choosing], minlength=cells)
                lost = (chosen == 0)[cell] & ~own[level]
                allowed[level, lost] = 0.0
            choosing = allowed.sum(axis=0) > 1.0
        if allowed.sum() == before:
            return allowed
