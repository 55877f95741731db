"""A basis of columns in which weights of any size leave the normal equations well conditioned."""

from __future__ import annotations

import numpy as np

from proteomr._typing import F64, Bool

__all__ = ["choose_basis"]


def choose_basis(X: F64, kept: Bool, w: F64) -> tuple[F64, F64]:
    r"""Return a basis B and a triangle C with :math:`X = B C`, unit by unit.

    Gaussian elimination, the pivot of each column being the row of the largest weighted entry
    (Peters and Wilkinson 1970, doi:10.1093/comjnl/13.3.309): no entry of
    :math:`W^{1/2} B` is above 1, those of the pivots are, so that :math:`B'WB` is well conditioned
    whatever the weights, and each row of X is met to its own digits. Orthonormal columns of X
    itself lose what tells apart the few rows that weigh most.

    Parameters
    ----------
    X : ``(m, k, p)`` columns, 0 in absent rows.
    kept : ``(m, p)`` columns that are not aliased; others are 0 in B, and 1 on the diagonal of C.
    w : ``(m, k)`` weights.

    Examples
    --------
    >>> X = np.array([[[1.0, 1e-6], [1.0, 2e-6], [1.0, 3.0]]])
    >>> B, C = choose_basis(X, np.ones((1, 2), dtype=bool), np.array([[1e12, 1e12, 0.1]]))
    >>> bool((np.abs(1e6 * B[:, :2]) <= 1.0 + 1e-12).all()), np.allclose(B @ C, X, rtol=1e-15)
    (True, True)
    """
    m, _, p = X.shape
    rest, root = X.copy(order="K"), np.sqrt(w)
    B, C = np.zeros_like(X), np.zeros((p, p, m)).transpose(2, 0, 1)
    unit = np.arange(m)
    for j in range(p):
        at = (root * np.abs(rest[:, :, j])).argmax(axis=1)
        pivot = rest[unit, at]
        told = kept[:, j] & (pivot[:, j] != 0.0)
        size = np.where(told, root[unit, at], 1.0)
        share = rest[:, :, j] / np.where(told, pivot[:, j], 1.0)[:, None]
        share *= told[:, None]
        for i in range(j + 1, p):
            rest[:, :, i] -= share * pivot[:, i, None]
            C[:, j, i] = np.where(told, pivot[:, i] * size, 0.0)
        C[:, j, j] = np.where(told, pivot[:, j] * size, 1.0)
        B[:, :, j] = share / size[:, None]
    return B, C
