"""Effects of correlated variants on all of them together, from effects of each alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64

__all__ = ["JointEffects", "join_effects"]

_NEARLY_ONE = 0.9  # r2 of variants that errors of their correlation let tell anything


@dataclass(frozen=True, slots=True, eq=False)
class JointEffects:
    """Coefficients of one regression on r combinations of variants, and their covariance.

    Attributes
    ----------
    effects, covariance : (r,), (r, r).
    """

    effects: F64
    covariance: F64


def _pair_exceeds(told: F64, correlations: F64) -> bool:
    """Whether two variants, not nearly one, would explain more variance than there is.

    Combinations of variants may hide what pairs of them show.

    Parameters
    ----------
    told : (m,) correlations of the variants with the trait.
    correlations : (m, m) of the variants.
    """
    first, second = np.triu_indices(told.size, 1)
    r = correlations[first, second]
    apart = r**2 < _NEARLY_ONE
    a, b, r = told[first[apart]], told[second[apart]], r[apart]
    return bool(((a**2 + b**2 - 2.0 * r * a * b) > 1.0 - r**2).any())


def join_effects(
    beta: F64, se: F64, *, n: float, correlations: F64, combinations: F64 | None = None
) -> JointEffects | None:
    r"""Return the regression on combinations of variants that single regressions imply.

    With :math:`a_j = 1 / (n s_j^2 + \beta_j^2)`, the variance of a variant in that of the trait,

    .. math:: A_{jk} = \rho_{jk} \sqrt{a_j a_k}, \quad B_j = a_j \beta_j, \quad
        g = (\Lambda^T A \Lambda)^{-1} \Lambda^T B, \quad
        \Sigma = \frac{1 - B^T \Lambda g}{n - r + 1} (\Lambda^T A \Lambda)^{-1}

    Parameters
    ----------
    beta, se : (m,) of the variants one at a time.
    n : people.
    correlations : (m, m).
    combinations : (m, r); None for the variants themselves.

    Returns
    -------
    None where n does not exceed r, or more variance is explained than there is, by all or by a pair
    of variants alone.

    Raises
    ------
    numpy.linalg.LinAlgError
        The combinations are collinear.

    Examples
    --------
    >>> one = join_effects(np.array([0.1]), np.array([0.01]), n=1e4, correlations=np.eye(1))
    >>> one.effects.round(6).tolist(), np.sqrt(one.covariance[0, 0]).round(6).item()
    ([0.1], 0.01)
    """
    a = 1.0 / (n * se**2 + beta**2)
    if _pair_exceeds(beta * np.sqrt(a), correlations):
        return None
    root = np.sqrt(a)
    whole, shares = np.outer(root, root) * correlations, a * beta
    if combinations is not None:
        whole, shares = combinations.T @ whole @ combinations, combinations.T @ shares
    size = np.sqrt(np.diagonal(whole))
    factor = np.linalg.cholesky(whole / np.outer(size, size))
    half = np.linalg.inv(factor) / size  # its product with itself is the inverse
    inverse = half.T @ half
    effects = inverse @ shares
    left, people = 1.0 - float(shares @ effects), n - shares.size + 1.0
    if not (left > 0 and people > 0):
        return None
    return JointEffects(effects, inverse * (left / people))
