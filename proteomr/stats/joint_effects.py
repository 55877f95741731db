r"""What regressions on one variant each tell of the regression on several of them.

With y and each variant centred and brought to variance 1, the regression on variant j alone, with
n_j people, estimate b_j, error s_j and z_j = b_j / s_j, tells

.. math:: \rho_j = \frac{z_j}{\sqrt{n_j - 2 + z_j^2}}, \qquad
    u_j = \frac{\mathrm{sd}(y)}{\mathrm{sd}(x_j)} = s_j \sqrt{n_j - 2 + z_j^2}

exactly, so that with correlations r of the same people ``X'X`` and ``X'y`` of the regression on
several are known to the last digit, and no frequency is needed. Of people who are not the same,

.. math:: (X'X)_{ij} = (\min(n_i, n_j) - 1)\, r_{ij}, \qquad (X'y)_j = (n_j - 1)\, \rho_j

(Yang and others 2012, doi:10.1038/ng.2213, whose n are effective ones, see `from_frequencies`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import linalg

from proteomr._typing import F64, I64
from proteomr.errors import InputError
from proteomr.status import Status

__all__ = [
    "JointFit",
    "SimpleEffects",
    "estimate_response_variance",
    "fit_jointly",
    "from_frequencies",
    "from_sizes",
    "insert_into_median",
    "pair_sizes",
    "select",
]

# A solution of equations whose pivots are above a hundredth of their variances keeps 13 digits.
_RESIDUAL: Final = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class SimpleEffects:
    """Regressions on one variant each, with all variances 1.

    Parameters
    ----------
    rho : (m,) correlations of the variants with the response.
    n : (m,) people that each counts for.
    unit : (m,) by which an effect per standard deviation becomes one per allele.
    """

    rho: F64
    n: F64
    unit: F64

    @property
    def m(self) -> int:
        """How many variants there are."""
        return self.rho.size


@dataclass(frozen=True, slots=True, eq=False)
class JointFit:
    """A regression on k variants.

    Parameters
    ----------
    effects : (k,) effects per standard deviation of each.
    errors : (k,) their standard errors.
    left : (k,) sum of squares that the others leave of each variant; NaN unless ok.
    residual : variance of the response that is left, its whole variance being 1.
    status : ok; ``collinear`` where the correlations are no positive definite matrix;
        ``not_identified`` where the variants explain more than there is, as correlations of other
        people make them do; ``too_few`` people.
    """

    effects: F64
    errors: F64
    left: F64
    residual: float
    status: Status


def from_sizes(beta: F64, se: F64, *, n: F64) -> SimpleEffects:
    """Return what regressions on n people each tell.

    Exact for linear regressions without covariates, and as near to it with covariates as n is to
    the degrees of freedom; for log odds ratios it is z that counts.

    Parameters
    ----------
    beta, se : (m,) effects per allele, and their standard errors.
    n : (m,) people, above 2.

    Examples
    --------
    >>> simple = from_sizes(np.array([0.3]), np.array([0.1]), n=np.array([9.0]))
    >>> simple.rho.round(3).tolist(), simple.unit.round(3).tolist()
    ([0.75], [0.4])
    """
    z = beta / se
    spread = np.hypot(np.sqrt(n - 2.0), z)
    return SimpleEffects(z / spread, np.asarray(n, dtype=np.float64), se * spread)


def estimate_response_variance(beta: F64, se: F64, *, n: F64, eaf: F64) -> float:
    r"""Return the variance of the response that effects, errors and frequencies amount to.

    The median over variants of

    .. math:: 2 f (1 - f) \left( (n - 2) s^2 + b^2 \right)

    Parameters
    ----------
    beta, se, n, eaf : (m,) each; variants without a frequency between 0 and 1 are passed over.

    Raises
    ------
    InputError
        No variant has one.

    Examples
    --------
    >>> half = np.full(1, 0.5)
    >>> estimate_response_variance(np.zeros(1), np.full(1, 0.5), n=np.full(1, 10.0), eaf=half)
    1.0
    """
    known = (eaf > 0) & (eaf < 1)
    if not known.any():
        raise InputError("no variant has a frequency between 0 and 1, of which the variance is")
    spread = 2.0 * eaf[known] * (1.0 - eaf[known])
    return float(np.median(spread * ((n[known] - 2.0) * se[known] ** 2 + beta[known] ** 2)))


def from_frequencies(beta: F64, se: F64, *, eaf: F64, variance: float) -> SimpleEffects:
    r"""Return what regressions tell by the size that errors and frequencies amount to.

    .. math:: n_j = \frac{V - h_j b_j^2}{h_j s_j^2} + 2, \qquad h_j = 2 f_j (1 - f_j)

    with V the variance of the response: the effective size of Yang and others 2012, which 2 makes
    exact where h is the variance of the variant.

    Parameters
    ----------
    beta, se, eaf : (m,) effects per allele, errors, frequencies.
    variance : of the response, see `estimate_response_variance`.

    Returns
    -------
    simple : ``n`` is NaN where a variant explains more than there is, or has no frequency.

    Examples
    --------
    >>> simple = from_frequencies(
    ...     np.zeros(1), np.full(1, 0.1), eaf=np.full(1, 0.5), variance=0.5
    ... )
    >>> simple.n.round(6).tolist()
    [102.0]
    """
    spread = np.where((eaf > 0) & (eaf < 1), 2.0 * eaf * (1.0 - eaf), np.nan)
    unit = np.sqrt(variance / spread)
    rho = beta / unit
    with np.errstate(over="ignore", invalid="ignore"):  # of effects that no people have
        n = np.where(np.abs(rho) < 1, (1.0 - rho**2) * (unit / se) ** 2 + 2.0, np.nan)
    return SimpleEffects(rho, n, unit)


def pair_sizes(first: float, others: F64) -> F64:
    """Return the degrees of freedom that one variant shares with others: those of the fewer people.

    Examples
    --------
    >>> pair_sizes(10.0, np.array([5.0, 20.0])).tolist()
    [4.0, 9.0]
    """
    shared: F64 = np.minimum(first, others) - 1.0
    return shared


def insert_into_median(sizes: F64, more: F64) -> F64:
    """Return the median of k sizes and one more, for each of several.

    Parameters
    ----------
    sizes : (k,) numbers.
    more : (m,) of which one at a time is added.

    Examples
    --------
    >>> insert_into_median(np.array([1.0, 5.0, 9.0]), np.array([0.0, 6.0, 50.0])).tolist()
    [3.0, 5.5, 7.0]
    """
    padded = np.concatenate([[-np.inf], np.sort(sizes), [np.inf]])
    middle = (sizes.size + 1) // 2
    if sizes.size % 2 == 0:
        median: F64 = np.clip(more, padded[middle], padded[middle + 1])
    else:
        median = 0.5 * (padded[middle] + np.clip(more, padded[middle - 1], padded[middle + 1]))
    return median


def fit_jointly(simple: SimpleEffects, r: F64) -> JointFit:
    """Return the regression on all of k variants together.

    Parameters
    ----------
    simple : regressions on each alone.
    r : (k, k) correlations of the variants.

    Examples
    --------
    >>> simple = SimpleEffects(np.array([0.5, 0.25]), np.full(2, 100.0), np.ones(2))
    >>> fit_jointly(simple, np.array([[1.0, 0.5], [0.5, 1.0]])).effects.round(12).tolist()
    [0.5, 0.0]
    """
    k = simple.m
    if k == 0:
        none = np.zeros(0)
        return JointFit(none, none, none, 1.0, Status.ok)
    freedom = float(np.median(simple.n)) - 1.0
    if freedom - k < 1:
        return _refuse(k, Status.too_few)
    squares = np.minimum(simple.n[:, None], simple.n) - 1.0
    gram = squares * r
    products = (simple.n - 1.0) * simple.rho
    try:
        factor = linalg.cho_factor(gram)
    except linalg.LinAlgError:
        return _refuse(k, Status.collinear)
    effects: F64 = linalg.cho_solve(factor, products)
    inverse = np.diag(linalg.cho_solve(factor, np.eye(k)))
    size = np.abs(gram) @ np.abs(effects) + np.abs(products)
    if not (np.abs(gram @ effects - products) <= _RESIDUAL * size).all() or (inverse <= 0).any():
        return _refuse(k, Status.collinear)
    residual = (freedom - float(effects @ products)) / (freedom - k)
    if not residual > 0:
        return _refuse(k, Status.not_identified)
    return JointFit(effects, np.sqrt(residual * inverse), 1.0 / inverse, residual, Status.ok)


def _refuse(k: int, status: Status) -> JointFit:
    empty = np.full(k, np.nan)
    return JointFit(empty, empty, empty, float("nan"), status)


def select(simple: SimpleEffects, rows: I64) -> SimpleEffects:
    """Return chosen variants, in the order asked for.

    Examples
    --------
    >>> select(SimpleEffects(*[np.arange(3.0)] * 3), np.array([2, 0])).rho.tolist()
    [2.0, 0.0]
    """
    return SimpleEffects(simple.rho[rows], simple.n[rows], simple.unit[rows])
