"""How strong the instruments are for each exposure given the others, and how they disagree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from proteomr._typing import F64
from proteomr.errors import InputError
from proteomr.mr.multivariable.base import correlate_estimates, fit_weighted
from proteomr.mr.multivariable.errors_in_variables import (
    combine_errors,
    evaluate_terms,
    minimise_terms,
)
from proteomr.stats.bracketing import halve_to_root
from proteomr.stats.distributions import neg_log10_p_chi2
from proteomr.tables import Harmonised

__all__ = [
    "Pleiotropy",
    "RobustEffects",
    "StrengthDivisor",
    "measure_conditional_f",
    "measure_pleiotropy",
    "minimise_heterogeneity",
]

StrengthDivisor: TypeAlias = Literal["variants", "degrees_of_freedom"]

_LAST_DIGITS = 1e-15  # relative, of the excess variance
_EXPECTED = 1e-9  # relative: of a heterogeneity that should be its degrees of freedom


@dataclass(frozen=True, slots=True)
class Pleiotropy:
    """Cochran's Q of a multivariable regression, its degrees of freedom and -log10 p."""

    q: float
    df: int
    neg_log10_p: float


@dataclass(frozen=True, slots=True)
class RobustEffects:
    """Direct effects of least heterogeneity.

    Parameters
    ----------
    effects : one per exposure.
    excess : variance of the variants' other effects on the outcome.
    q : heterogeneity that remains.
    df : its degrees of freedom.
    """

    effects: tuple[float, ...]
    excess: float
    q: float
    df: int


def measure_conditional_f(
    data: Harmonised,
    /,
    *,
    correlations: F64 | None = None,
    divisor: StrengthDivisor = "variants",
) -> tuple[float, ...]:
    r"""F statistic of the instruments for each exposure, given the other exposures.

    .. math:: F_k = \frac{1}{d} \sum_j \frac{(x_{jk} - \sum_{l \ne k} \delta_l x_{jl})^2}
        {v^T \Sigma_j v}, \qquad v_k = 1, \; v_l = -\delta_l

    with :math:`\delta` from the unweighted regression of an exposure's effects on those on the
    others. Below 10, weak-instrument bias is to be expected.

    Source: Sanderson, Spiller and Bowden 2021, doi:10.1002/sim.9133. R: ``MVMR::strength_mvmr``
    0.4.6, with ``phenocov_mvmr`` for the covariances.

    Parameters
    ----------
    correlations : (e, e) phenotypic correlations of the exposures in their sample; None where each
        has a sample of its own.
    divisor : d, "variants" as the package, "degrees_of_freedom" (m - e + 1) as the paper.

    Returns
    -------
    One F per exposure.

    Raises
    ------
    InputError
        There are no more variants than exposures, or the effects on the other exposures are
        collinear.
    UsageError
        The correlations do not fit.

    Examples
    --------
    >>> import polars as pl
    >>> data = Harmonised(
    ...     exposures=("a", "b"), outcome="y",
    ...     variants=pl.DataFrame({"variant_id": ["r1", "r2", "r3"]}),
    ...     beta_x=np.array([[0.1, 0.0], [0.0, 0.2], [0.1, 0.1]]), se_x=np.full((3, 2), 0.01),
    ...     beta_y=np.array([0.05, 0.02, 0.07]), se_y=np.full(3, 0.01),
    ... )
    >>> [round(f, 2) for f in measure_conditional_f(data)]
    [57.69, 120.0]
    """
    m, e = data.beta_x.shape
    shared = correlate_estimates(correlations, size=e)
    if m <= e:
        raise InputError(f"a conditional F of {e} exposures needs {e + 1} variants, found {m}")
    errors = data.se_x[:, :, None] * shared * data.se_x[:, None, :]
    scale = m if divisor == "variants" else m - e + 1
    statistics = []
    for k, name in enumerate(data.exposures):
        v = np.zeros(e)
        v[k] = 1.0
        others = np.arange(e) != k
        if e > 1:
            fit = fit_weighted(data.beta_x[:, others], data.beta_x[:, k], weights=np.ones(m))
            if fit is None:
                raise InputError(f"effects on the exposures other than {name!r} are collinear")
            v[others] = -fit.coefficients
        variance = np.einsum("k,mkl,l->m", v, errors, v)
        statistics.append(float(((data.beta_x @ v) ** 2 / variance).sum() / scale))
    return tuple(statistics)


def measure_pleiotropy(data: Harmonised, /, *, correlations: F64 | None = None) -> Pleiotropy:
    r"""Heterogeneity of the variants about the multivariable regression, errors of all sides in it.

    .. math:: Q_A = \sum_j \frac{(y_j - x_j^T \hat\theta)^2}
        {s_{yj}^2 + \hat\theta^T \Sigma_j \hat\theta}

    with :math:`\hat\theta` the inverse-variance weighted estimates, on m - e - 1 degrees of
    freedom.

    Source: Sanderson et al. 2019, doi:10.1093/ije/dyy262. R: ``MVMR::pleiotropy_mvmr`` 0.4.6.

    Parameters
    ----------
    correlations : (e, e) phenotypic correlations of the exposures in their sample; None for none.

    Raises
    ------
    InputError
        Fewer than e + 2 variants, or collinear exposures.
    UsageError
        The correlations do not fit.

    Examples
    --------
    >>> import polars as pl
    >>> data = Harmonised(
    ...     exposures=("a",), outcome="y",
    ...     variants=pl.DataFrame({"variant_id": ["r1", "r2", "r3"]}),
    ...     beta_x=np.array([[0.1], [0.2], [0.1]]), se_x=np.full((3, 1), 0.01),
    ...     beta_y=np.array([0.05, 0.12, 0.07]), se_y=np.full(3, 0.01),
    ... )
    >>> round(measure_pleiotropy(data).q, 4)
    1.4706
    """
    x, y, errors, df = _prepare(data, correlations)
    fit = fit_weighted(data.beta_x, data.beta_y, weights=data.se_y**-2)
    if fit is None:
        raise InputError("effects on one exposure are a combination of those on the others")
    terms = evaluate_terms(x, y, covariances=errors, theta=fit.coefficients[None])
    q = float(terms.value.sum())
    return Pleiotropy(q, df - 1, float(neg_log10_p_chi2(q, df - 1)))


def minimise_heterogeneity(
    data: Harmonised, /, *, correlations: F64 | None = None
) -> RobustEffects:
    r"""Direct effects at which the variants agree best, under weak instruments and pleiotropy.

    .. math:: \hat\theta = \arg\min_\theta \sum_j \frac{(y_j - x_j^T \theta)^2}
        {s_{yj}^2 + \theta^T \Sigma_j \theta + \tau^2}

    with :math:`\tau^2 \ge 0` such that the least sum is its degrees of freedom, m - e; zero where
    it is less without.

    Source: Sanderson, Spiller and Bowden 2021, doi:10.1002/sim.9133. ``MVMR::qhet_mvmr`` 0.4.6 has
    the same aim but takes for :math:`\tau^2` the value of the function that it minimises, which is
    near zero; its effects are those of no pleiotropy.

    Parameters
    ----------
    correlations : (e, e) phenotypic correlations of the exposures in their sample; None for none.

    Raises
    ------
    InputError
        Fewer than e + 2 variants, collinear exposures, or a sum without a minimum.
    UsageError
        The correlations do not fit.

    Examples
    --------
    >>> import polars as pl
    >>> data = Harmonised(
    ...     exposures=("a",), outcome="y",
    ...     variants=pl.DataFrame({"variant_id": ["r1", "r2", "r3"]}),
    ...     beta_x=np.array([[0.1], [0.2], [0.1]]), se_x=np.full((3, 1), 0.01),
    ...     beta_y=np.array([0.05, 0.12, 0.07]), se_y=np.full(3, 0.01),
    ... )
    >>> fit = minimise_heterogeneity(data)
    >>> round(fit.effects[0], 4), fit.excess
    (0.6015, 0.0)
    """
    x, y, errors, df = _prepare(data, correlations)
    fit = fit_weighted(data.beta_x, data.beta_y, weights=data.se_y**-2)
    if fit is None:
        raise InputError("effects on one exposure are a combination of those on the others")
    theta, q = _minimise(x, y, errors, fit.coefficients[None], 0.0)
    if q <= df:
        return RobustEffects(tuple(theta[0].tolist()), 0.0, q, df)
    high = float((fit.residuals**2).sum() / df)
    while _minimise(x, y, errors, theta, high)[1] > df:
        high *= 2.0
    excess = halve_to_root(
        lambda tau2: np.array([_minimise(x, y, errors, theta, float(tau2[0]))[1] - df]),
        np.zeros(1),
        np.array([high]),
        tolerance=_LAST_DIGITS,
    )
    theta, q = _minimise(x, y, errors, theta, float(excess[0]))
    if not abs(q - df) <= _EXPECTED * df:
        raise InputError("no excess variance makes the heterogeneity that expected")
    return RobustEffects(tuple(theta[0].tolist()), float(excess[0]), q, df)


def _prepare(data: Harmonised, correlations: F64 | None) -> tuple[F64, F64, F64, int]:
    m, e = data.beta_x.shape
    if m < e + 2:
        raise InputError(f"heterogeneity about {e} exposures needs {e + 2} variants, found {m}")
    shared = np.eye(e + 1)
    shared[:e, :e] = correlate_estimates(correlations, size=e)
    errors = combine_errors(data.se_x, data.se_y, correlations=shared)
    return data.beta_x[None], data.beta_y[None], errors, m - e


def _minimise(x: F64, y: F64, errors: F64, start: F64, excess: float) -> tuple[F64, float]:
    theta, settled = minimise_terms(x, y, covariances=errors, start=start, excess=excess)
    if not settled.all():
        raise InputError("the heterogeneity has no minimum: instruments are too weak")
    terms = evaluate_terms(x, y, covariances=errors, theta=theta, excess=excess)
    return theta, float(terms.value.sum())
