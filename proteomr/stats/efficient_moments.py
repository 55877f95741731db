"""Two-step efficient GMM of one regression with one endogenous variable."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, I64

__all__ = ["Moments", "estimate_by_moments", "sum_moments"]


@dataclass(frozen=True, slots=True)
class Moments:
    """A fit by moments, of k covariates as orthonormal columns and the endogenous variable.

    Attributes
    ----------
    estimate : ``(k + 1,)``, the endogenous variable last.
    covariance : ``(k + 1, k + 1)``, without a correction for small samples.
    residuals : ``(n,)``.
    """

    estimate: F64
    covariance: F64
    residuals: F64


def sum_moments(columns: F64, residuals: F64, clusters: I64 | None) -> F64:
    """Return the summed covariance of the moments of columns ``(n, p)`` with residuals ``(n,)``.

    Parameters
    ----------
    clusters : ``(n,)``, within which moments are added up; None for independent rows.

    Examples
    --------
    >>> sum_moments(np.array([[1.0], [2.0]]), np.array([3.0, 1.0]), None).tolist()
    [[13.0]]
    """
    scores = columns * residuals[:, None]
    if clusters is not None:
        sums = np.zeros((int(clusters.max()) + 1, columns.shape[1]))
        np.add.at(sums, clusters, scores)
        scores = sums
    return np.asarray(scores.T @ scores)


def estimate_by_moments(
    covariates: F64,
    instruments: F64,
    *,
    endogenous: F64,
    response: F64,
    first: F64,
    clusters: I64 | None,
) -> Moments | None:
    """Return the efficient estimate, weighted by the moments of the residuals of a first one.

    ``linearmodels.iv.IVGMM`` in two steps, with its robust or clustered covariance (Hansen 1982,
    doi:10.2307/1912775); None where the moments' covariance has not its rank.

    Parameters
    ----------
    covariates, instruments : ``(n, k)``, ``(n, q)``, orthonormal together.
    endogenous, response : ``(n,)``.
    first : ``(n,)``, residuals of two-stage least squares.

    Examples
    --------
    >>> Q = np.linalg.qr(np.column_stack([np.ones(4), [0.0, 1.0, 2.0, 3.0]]))[0]
    >>> x, y = np.array([0.0, 1.0, 1.0, 2.0]), np.array([1.0, 2.0, 4.0, 5.0])
    >>> found = estimate_by_moments(Q[:, :1], Q[:, 1:], endogenous=x, response=y,
    ...     first=np.array([0.5, -1.0, 1.0, -0.5]), clusters=None)
    >>> round(float(found.estimate[-1]), 4)
    2.3333
    """
    columns, k = np.column_stack([covariates, instruments]), covariates.shape[1]
    root = _root_of_inverse(sum_moments(columns, first, clusters))
    if root is None:
        return None
    gradient = np.zeros((columns.shape[1], k + 1))
    gradient[:k, :k] = np.eye(k)
    gradient[:, k] = columns.T @ endogenous
    weighted = root @ gradient
    bread = np.linalg.pinv(weighted) @ root
    estimate = bread @ (columns.T @ response)
    residuals = response - covariates @ estimate[:k] - endogenous * estimate[k]
    return Moments(estimate, bread @ sum_moments(columns, residuals, clusters) @ bread.T, residuals)


def _root_of_inverse(moments: F64) -> F64 | None:
    """Return a matrix whose square is the inverse of a covariance; None where there is none."""
    size = np.sqrt(np.diagonal(moments))
    if not np.all(size > 0.0):
        return None
    values, vectors = np.linalg.eigh(moments / np.outer(size, size))
    if not values[0] > size.size * np.finfo(np.float64).eps * values[-1]:
        return None
    return np.asarray((vectors / np.sqrt(values)).T / size)
