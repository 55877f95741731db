r"""Two-stage residual inclusion: a logistic regression beside the residuals of a first stage.

.. math::
   x = S\pi + v, \qquad \operatorname{logit} P(y = 1) = x\beta + C\gamma + \hat v\rho

with S the covariates C and the instruments (Terza, Basu and Rathouz 2008,
doi:10.1016/j.jhealeco.2007.09.009). The log odds ratio is approximate: it is that of a model given
v, and consistent where the logistic model holds so. Its covariance is that of both stages' stacked
estimating equations (Newey and McFadden 1994, doi:10.1016/S1573-4412(05)80005-4): with H minus the
second stage's second derivatives and :math:`G = \partial s / \partial \pi'` of its scores s, the
estimate moves by :math:`H^{-1}(s_i + G\,(S'S)^{-1} S_i v_i)` with row i.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, I64
from proteomr.stats.logistic import LimitFit, fit_limit, means_of

__all__ = ["Inclusion", "fit_inclusion"]


@dataclass(frozen=True, slots=True)
class Inclusion:
    """The second stage of a fit.

    Attributes
    ----------
    limit : the logistic fit, whose own errors take the residuals for given; or its limit where
        covariates separate some people.
    covariance : of its coefficients, robust; empty where there is none.
    carriers : effective number of rows, or clusters, behind each error.
    """

    limit: LimitFit
    covariance: F64
    carriers: F64

    @property
    def converged(self) -> bool:
        """Whether the endogenous variable and the residuals have their coefficients."""
        return self.covariance.size > 0


def fit_inclusion(
    design: F64,
    first_basis: F64,
    first_residuals: F64,
    y: F64,
    *,
    weights: F64 | None = None,
    clusters: I64 | None = None,
) -> Inclusion:
    """Fit the second stage, with errors that know of the first.

    Parameters
    ----------
    design : ``(n, p)``, of full rank: the covariates, the endogenous variable, and, last, the
        residuals of the first stage over any unit.
    first_basis : ``(n, s)``, orthonormal basis of covariates and instruments, rows times the roots
        of their weights.
    first_residuals : ``(n,)``, in the unit of the last column of the design.
    y : ``(n,)``, 0 or 1.
    weights : ``(n,)``, above 0.
    clusters : ``(n,)``, numbered from 0 on, of rows that are not independent.

    Examples
    --------
    >>> g = np.random.default_rng(1)
    >>> z, h = g.normal(size=(2, 400))
    >>> x = z + h
    >>> y = (g.random(400) < 1 / (1 + np.exp(-x - h))).astype(float)
    >>> S = np.linalg.qr(np.column_stack([np.ones(400), z]))[0]
    >>> v = x - S @ (S.T @ x)
    >>> found = fit_inclusion(np.column_stack([np.ones(400), x, v]), S, v, y)
    >>> bool(found.covariance[1, 1] > found.limit.fit.covariance[1, 1])
    True
    """
    p = design.shape[1]
    limit = fit_limit(design, y, column=p - 2, weights=weights)
    fit, rows, columns = limit.fit, limit.rows, limit.columns
    able = fit.converged and limit.separation == "none" and p - 1 in columns
    if not able:
        return Inclusion(limit, np.empty((0, 0)), np.empty(0))
    X = design[:, columns]
    counts = np.ones(y.size) if weights is None else weights
    mean = means_of(np.where(rows, X @ fit.coefficients, 0.0))
    left = np.where(rows, counts * (y - mean), 0.0)
    curvature = np.where(rows, counts * mean * (1.0 - mean), 0.0)
    root = np.sqrt(counts)
    basis = first_basis / root[:, None]
    towards = fit.coefficients[-1] * (X * curvature[:, None]).T @ basis
    towards[-1] -= left @ basis
    moved = first_basis * (first_residuals * root)[:, None]
    influence = (X * left[:, None] + moved @ towards.T) @ fit.covariance
    own = (X * np.sqrt(curvature)[:, None]) @ fit.covariance
    shares = own**2 / np.diagonal(fit.covariance)
    if clusters is not None:
        influence, shares = (_add_up(part, clusters) for part in (influence, shares))
    return Inclusion(limit, influence.T @ influence, 1.0 / np.sum(shares**2, axis=0))


def _add_up(rows: F64, clusters: I64) -> F64:
    sums = np.zeros((int(clusters.max()) + 1, rows.shape[1]))
    np.add.at(sums, clusters, rows)
    return sums
