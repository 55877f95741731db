"""Robust errors of pooled effects that come in clusters: CR2 with Satterthwaite's degrees."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, I64, Bool

__all__ = ["ClusteredErrors", "estimate_clustered_errors"]

# Where the fit leaves so small a share of a cluster, the cluster determines a coefficient alone,
# and a generalised inverse is taken, as in the paper.
_NULL = 1e-10
_CHECK = 1e-6  # errors that lie far apart within a cluster leave its root few digits


@dataclass(frozen=True, slots=True)
class ClusteredErrors:
    """Robust errors of the coefficients of one pooled fit.

    Attributes
    ----------
    covariance : ``(p, p)``.
    df : ``(p,)`` Satterthwaite's.
    clusters : how many.
    pulled : ``(clusters, k, p)`` how each cluster's own residuals move the coefficients.
    variance : ``(k,)`` of the effects, as they were weighted.
    told : ``(p,)`` whether residuals tell of a coefficient's error: not where one cluster alone
        determines it, whose residuals are then rounding.
    sound : whether the expectation is that of the model where no cluster determines a coefficient.
    """

    covariance: F64
    df: F64
    clusters: int
    pulled: F64
    variance: F64
    told: Bool
    sound: bool

    def test_jointly(self, beta: F64) -> tuple[float, float]:
        r"""Return F of coefficients and its denominator's degrees; NaN where these are not above 0.

        Hotelling's approximation with Zhang's degrees (HTZ; Tipton and Pustejovsky 2015,
        doi:10.3102/1076998615606099): with D, V in the metric of its expectation :math:`\Omega`,
        :math:`\eta = q (q + 1) / \sum_{st} \mathrm{var}\, D_{st}`, it is
        :math:`F = (\eta - q + 1) / (\eta q) \cdot b'V^{-1}b` with q and
        :math:`\eta - q + 1` degrees of freedom. R: ``clubSandwich::Wald_test(test = "HTZ")``.

        Parameters
        ----------
        beta : the last q of the p coefficients.
        """
        q = beta.size
        G = self.pulled[:, :, self.pulled.shape[2] - q :]
        V = self.covariance[-q:, -q:]
        omega = _expect(G, self.variance)
        size = np.sqrt(np.diag(omega))
        values, vectors = np.linalg.eigh(omega / np.outer(size, size))
        if not (self.told[-q:].all() and values.min() > _NULL):
            return np.nan, np.nan
        H = G / size @ (vectors / np.sqrt(values))
        K = np.einsum("jks,k,lkt->stjl", H, self.variance, H, optimize=True)
        crossed = np.einsum("stjl,tsjl->", K, K) + np.einsum("ssjl,ttjl->", K, K)
        eta = q * (q + 1) / float(crossed)
        wald = float((beta / size) @ np.linalg.solve(V / np.outer(size, size), beta / size))
        df = eta - q + 1.0
        return (df / (eta * q) * wald, df) if df > 0.0 else (np.nan, np.nan)


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
    pulled, whole = [], True
    codes = np.unique(clusters)
    for code in codes:
        rows = np.flatnonzero(clusters == code)
        Xj = X[rows]
        A, nulls = _adjust(Xj, variance[rows], M)
        whole &= nulls == 0
        a = A @ (Xj * w[rows, None]) @ M
        u = a.T @ e[rows]
        V += np.outer(u, u)
        g = -(X * w[:, None]) @ (M @ (Xj.T @ a))
        g[rows] += a
        pulled.append(g)
    G = np.stack(pulled)  # clusters, rows, coefficients
    P = np.einsum("jkp,k,lkp->pjl", G, variance, G, optimize=True)
    df = np.einsum("pjj->p", P) ** 2 / np.einsum("pjl,pjl->p", P, P)
    expected, size = _expect(G, variance), np.sqrt(np.diag(M))
    told = np.diag(expected) > _NULL * np.diag(M)
    sound = not whole or bool((np.abs(expected - M) <= _CHECK * np.outer(size, size)).all())
    return ClusteredErrors(V, df, codes.size, G, variance, told, sound)


def _expect(G: F64, variance: F64) -> F64:
    """Return the expectation of the robust covariance where the variances are true."""
    return np.asarray(np.einsum("jka,k,jkb->ab", G, variance, G, optimize=True))


def _adjust(X: F64, variance: F64, M: F64) -> tuple[F64, int]:
    """Return A of one cluster, and how many coefficients it determines alone."""
    d = np.sqrt(variance)
    B = d[:, None] * (np.diag(variance) - X @ M @ X.T) * d
    values, vectors = np.linalg.eigh(0.5 * (B + B.T))
    # B is D twice about what the fit leaves: as many of its eigenvalues are 0, whatever the sizes
    free = np.linalg.eigvalsh(np.eye(d.size) - (X @ M @ X.T) / np.outer(d, d))
    nulls = int((free <= _NULL).sum())
    kept = (np.arange(d.size) >= nulls) & (values > 0.0)
    roots = np.where(kept, 1.0 / np.sqrt(np.where(kept, values, 1.0)), 0.0)
    return np.asarray(d[:, None] * ((vectors * roots) @ vectors.T) * d), nulls
