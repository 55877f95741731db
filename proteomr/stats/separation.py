"""Separation in logistic regression: whether it is there, and what can still be estimated.

Data are separated when some combination of the columns orders the outcomes without error
(completely, or up to ties: quasi-completely). The likelihood then has no finite maximum. Where the
combination does not involve a coefficient of interest, that coefficient still has a limit: the
maximum over the rows that no such combination separates (Geyer 2009, doi:10.1214/08-EJS349). The
linear programme is that of Konis (2007, PhD thesis, Oxford).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from proteomr._typing import F64, Bool

__all__ = ["Separation", "find_separation"]

_MARGIN = 1e-7  # the feasibility tolerance of HiGHS: a smaller margin may be none


@dataclass(frozen=True, slots=True)
class Separation:
    """What separation there is.

    Attributes
    ----------
    kind : none, quasi (some rows are not separated) or complete.
    overlapping : ``(n,)``, the rows that no combination of columns separates: those that carry the
        likelihood's limit.
    """

    kind: Literal["none", "quasi", "complete"]
    overlapping: Bool


def find_separation(X: F64, y: F64) -> Separation:
    """Find the rows of ``X (n, k)`` that some combination of columns separates by ``y (n,)``.

    Solves ``max 1'X~ b`` subject to ``X~ b >= 0, -1 <= b <= 1`` with ``X~`` the rows signed by the
    outcome, and again on the rows left at 0, until the optimum is 0.

    Parameters
    ----------
    X : finite, with its intercept; need not have full rank.
    y : 0 or 1.

    Raises
    ------
    ArithmeticError
        The programme could not be solved: nothing is known.

    Examples
    --------
    >>> x = np.column_stack([np.ones(4), [1.0, 2.0, 3.0, 4.0]])
    >>> find_separation(x, np.array([0.0, 0.0, 1.0, 1.0])).kind
    'complete'
    """
    from scipy.optimize import linprog

    signed = X / np.maximum(np.abs(X).max(axis=0), 1e-300) * (2.0 * y - 1.0)[:, None]
    overlapping = np.ones(y.size, dtype=bool)
    while np.any(overlapping):
        rows = signed[overlapping]
        solution = linprog(
            -rows.sum(axis=0),
            A_ub=-rows,
            b_ub=np.zeros(rows.shape[0]),
            bounds=(-1.0, 1.0),
            method="highs",
        )
        if solution.status != 0:
            raise ArithmeticError(f"the linear programme of separation: {solution.message}")
        separated = rows @ solution.x > _MARGIN
        if not np.any(separated):
            break
        overlapping[np.flatnonzero(overlapping)[separated]] = False
    if np.all(overlapping):
        return Separation("none", overlapping)
    return Separation("quasi" if np.any(overlapping) else "complete", overlapping)
