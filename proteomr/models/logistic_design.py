"""What logistic fits share: scaled columns, rows that inform a fit, solvers of large problems."""

from __future__ import annotations

import numpy as np

from proteomr._typing import F64, I64
from proteomr.models.base import Factor, Problem
from proteomr.stats.linalg import FLAT, find_independent, orthonormalise, scale_columns

__all__ = [
    "drop_constant_levels",
    "lay_out_regression",
    "scale_covariates",
]

# Taking out a level of constant response can leave another one constant, rarely more than once or
# twice in turn. What is left after these rounds is resolved by the exact path.
_ROUNDS = 4
# As in the cells of the mass path: which covariates are aliased must not depend on the path.
_ALIASED = 1e-9
# Nothing is refined here, unlike in least squares: an own covariate or a protein that is closer to
# a combination of the others has an estimate with fewer than eight digits.
_COLLINEAR = 1e-7


def lay_out_regression(covariates: F64, others: F64) -> tuple[F64, F64, I64]:
    """Return the columns of one regression, what the last was divided by, and which are aliased.

    The estimate of a column is the same in any basis of those before it, and Newton's method wants
    an orthogonal one: the covariates are in one, the others standardised.

    Parameters
    ----------
    covariates : ``(n, k)``, the intercept first.
    others : ``(n, q)``, what is each protein's own, the protein last.

    Returns
    -------
    ``(n, p)``; ``()``; positions among the k + q of those that are not aliased ``(p,)``.
    """
    k = covariates.shape[1]
    X, scale = _standardise_columns(np.column_stack([covariates, others]))
    independent = find_independent(X[:, :k], tolerance=_ALIASED)
    whole = np.column_stack([orthonormalise(X[:, independent]), X[:, k:]])
    apart = find_independent(whole, tolerance=_COLLINEAR)
    estimable = apart[apart >= independent.size]
    positions = np.concatenate([independent, estimable - independent.size + k])
    return whole[:, [*range(independent.size), *estimable]], scale[-1], positions


def _standardise_columns(X: F64) -> tuple[F64, F64]:
    """Centre and scale all columns but the intercept (0); constant columns become 0."""
    X, power = scale_columns(X)
    out = X - X.mean(axis=0)
    scale = np.sqrt(np.mean(out**2, axis=0))
    flat = scale <= FLAT * np.abs(X).max(axis=0, initial=0.0)
    scale = np.where(flat, 1.0, scale)
    out = np.where(flat, 0.0, out / scale)
    out[:, 0] = 1.0
    return out, scale * power


def scale_covariates(problem: Problem) -> F64:
    """Return the covariates with dummy columns as they are and the others centred and scaled."""
    out, _ = _standardise_columns(problem.covariates)
    dummies = [column for factor in problem.factors for column in factor.columns.tolist()]
    out[:, dummies] = problem.covariates[:, dummies]
    return out


def drop_constant_levels(factors: tuple[Factor, ...], response: F64, observed: F64) -> F64:
    """Return the mask ``(r, n)`` less the people in factor levels on which the response is
    constant.
    """
    mask = observed.copy()
    for _ in range(_ROUNDS):
        before = mask.sum()
        for factor in factors:
            levels = int(factor.codes.max(initial=0)) + 1
            member = (factor.codes[:, None] == np.arange(levels)).astype(np.float64)
            people = mask @ member
            cases = (mask * response) @ member
            constant = (people > 0) & ((cases == 0) | (cases == people))
            if np.any(constant):
                mask *= 1.0 - constant.astype(np.float64) @ member.T
        if mask.sum() == before:
            break
    return mask
