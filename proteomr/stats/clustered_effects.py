"""Robust errors of pooled effects that come in clusters: CR2 with Satterthwaite's degrees."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, I64

__all__ = ["ClusteredErrors", "estimate_clustered_errors"]

# An eigenvalue of a cluster's matrix so far below the largest is 0: the cluster determines a
# coefficient alone, and its generalised inverse is taken, as in the paper.
_NULL = 1e-10


@dataclass(frozen=True, slots=True)
class ClusteredErrors:
    """Robust errors of the coefficients of one pooled fit.

    Attributes
    ----------
    covariance : ``(p, p)``.
    df : ``(p,)`` Satterthwaite's.
    clusters : how many.
    """

    covariance: F64
    df: F64
    clusters: int


def estimate_clustered_errors(
    X: F64, y: F64, variance: F64, clusters: I64, *, beta: F64
) -> ClusteredErrors:
    r"""Estimate the errors of a fit by inverse variances whose effects depend within clusters.

    :math:`V = M (\sum_j X_j' W_j A_j e_j e_j' A_j W_j X_j) M` with :math:`M = (X'WX)^{-1}`,
    :math:`A_j = D_j B_j^{-1/2} D_j`, :math:`B_j = D_j (\Phi_j - X_j M X_j') D_j` and
    :math:`D_j = \Phi_j^{1/2}`, so that V has no bias where :math:`\Phi = W^{-1}` is true
    (Pustejovsky and Tipton 2018, doi:10.1080/07350015.2016.1247004). R:
    ``clubSandwich::coef_test(rma, vcov = "CR2")``.

    Parameters
    ----------
    X : ``(k, p)`` of full rank.
    y, variance : ``(k,)`` effects and their variances, those between studies included.
    clusters : ``(k,)`` codes.
    beta : ``(p,)`` the fit.

    Examples
    --------
    >>> y = np.array([0.0, 2.0, 1.0, 3.0])
    >>> found = estimate_clustered_errors(
    ...     np.ones((4, 1)), y, np.ones(4), np.array([0, 0, 1, 1]), beta=np.array([1.5]))
    >>> float(np.sqrt(found.covariance[0, 0]).round(6)), float(found.df[0].round(6))
    (0.5, 1.0)
    """
    w = 1.0 / variance
    M = np.asarray(np.linalg.inv(X.T @ (X * w[:, None])), np.float64)
    e = y - X @ beta
    p = X.shape[1]
    V = np.zeros((p, p))
    pulled = []
    codes = np.unique(clusters)
    for code in codes:
        rows = np.flatnonzero(clusters == code)
        Xj = X[rows]
        a = _adjust(Xj, variance[rows], M) @ (Xj * w[rows, None]) @ M
        u = a.T @ e[rows]
        V += np.outer(u, u)
        g = -(X * w[:, None]) @ (M @ (Xj.T @ a))
        g[rows] += a
        pulled.append(g)
    G = np.stack(pulled)  # clusters, rows, coefficients
    P = np.einsum("jkp,k,lkp->pjl", G, variance, G, optimize=True)
    df = np.einsum("pjj->p", P) ** 2 / np.einsum("pjl,pjl->p", P, P)
    return ClusteredErrors(V, df, codes.size)


def _adjust(X: F64, variance: F64, M: F64) -> F64:
    """Return A of one cluster."""
    d = np.sqrt(variance)
    B = d[:, None] * (np.diag(variance) - X @ M @ X.T) * d
    values, vectors = np.linalg.eigh(0.5 * (B + B.T))
    kept = values > _NULL * max(values.max(), 0.0)
    roots = np.where(kept, 1.0 / np.sqrt(np.where(kept, values, 1.0)), 0.0)
    return np.asarray(d[:, None] * ((vectors * roots) @ vectors.T) * d)
