"""Multivariable generalised method of moments, with or without overdispersion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.random import Generator

from proteomr._typing import F64
from proteomr.mr.methods.base import Estimate
from proteomr.mr.methods.units import Powers
from proteomr.mr.multivariable.base import (
    MultivariableMethod,
    conclude_each,
    correlate_estimates,
    fit_weighted,
    refuse_each,
)
from proteomr.mr.multivariable.errors_in_variables import evaluate_terms, minimise_terms
from proteomr.stats.bracketing import halve_to_root
from proteomr.stats.distributions import neg_log10_p_chi2
from proteomr.status import Status
from proteomr.tables import Harmonised

__all__ = ["MultivariableGmm", "measure_moments"]


@dataclass(frozen=True, slots=True)
class MultivariableGmm(MultivariableMethod):
    r"""Effects that leave the variants' residual effects least, by their own variances.

    .. math:: Q(\theta) = \sum_j \frac{(y_j - x_j^T \theta)^2}
        {\sigma_{yj}^2 + \sum_{kl} \theta_k \theta_l \sigma_{jkl} + \kappa}

    the continuously updated estimator. The variances are those of regressions on all variants
    together, from :math:`1/a_{jk} = n_k s_{jk}^2 + x_{jk}^2`:

    .. math:: \sigma_{jkl} = \frac{\rho_{kl} - \sum_i \sqrt{a_{ik} a_{il}} x_{ik} x_{il}}
        {\sqrt{a_{jk} a_{jl} (n_k - m + 1)(n_l - m + 1)}}

    and alike for the outcome. :math:`\kappa`, zero unless robust, makes Q its expectation m - e at
    the estimate without it. Standard errors from :math:`(X^T W X)^{-1}` with the weights of the
    sum. Normal p value.

    Source: Patel, Lane and Burgess 2024, doi:10.48550/arXiv.2408.09868. R:
    ``MendelianRandomization::mr_mvgmm`` 0.10.0, whose minimiser is given a gradient that leaves out
    the change of the denominator and stops before the minimum; here Q is at its minimum. At the
    package's estimates, Q and standard errors are the package's.

    Assumptions: variants act through the exposures alone, or with other effects of mean zero and
    equal variance (robust). Variants are independent and the two samples do not overlap.
    Limits: with weak instruments, given the other exposures, Q may be flat or unbounded below.

    Parameters
    ----------
    robust : allow for overdispersion; Q is then no test.
    correlations : (e, e) rows of the correlations of the exposures in their sample; None for none.

    Raises
    ------
    UsageError
        From `estimate`: correlations that do not fit.

    Examples
    --------
    >>> import polars as pl
    >>> x = np.array([[0.1, 0.0], [0.0, 0.2], [0.1, 0.1], [0.3, 0.1], [0.2, 0.3]])
    >>> data = Harmonised(
    ...     exposures=("a", "b"), outcome="y",
    ...     variants=pl.DataFrame({"variant_id": ["r1", "r2", "r3", "r4", "r5"]}),
    ...     beta_x=x, se_x=np.full((5, 2), 0.01), n_x=np.full(2, 1e4), n_y=1e4,
    ...     beta_y=np.array([0.05, 0.02, 0.06, 0.16, 0.13]), se_y=np.full(5, 0.01),
    ... )
    >>> fits = MultivariableGmm(robust=False).estimate(data, random=np.random.default_rng(1))
    >>> [round(fit.estimate, 4) for fit in fits]
    [0.5, 0.1]
    """

    key: ClassVar[str] = "mv_gmm"
    label: ClassVar[str] = "Multivariable generalised method of moments"
    aliases: ClassVar[tuple[str, ...]] = ("mr_mvgmm",)
    reference: ClassVar[str] = "10.48550/arXiv.2408.09868"
    needs_sample_size: ClassVar[bool] = True
    powers: ClassVar[Powers] = {"overdispersion": (2, 0)}
    min_variants: ClassVar[int] = 2

    robust: bool = True
    correlations: tuple[tuple[float, ...], ...] | None = None

    def fit(self, data: Harmonised, /, *, random: Generator) -> tuple[Estimate, ...]:
        """Return one estimate per exposure, in order."""
        del random
        declared = None if self.correlations is None else np.array(self.correlations)
        correlations = correlate_estimates(declared, size=len(data.exposures))
        errors = measure_moments(data, correlations=correlations)
        if errors is None:
            text = "the sample sizes are not known, or not above the number of variants"
            return refuse_each(data, status=Status.needs_sample_size, message=text)
        return self._minimise(data, errors)

    def _minimise(self, data: Harmonised, errors: F64) -> tuple[Estimate, ...]:
        x, y = data.beta_x[None], data.beta_y[None]
        first = fit_weighted(data.beta_x, data.beta_y, weights=data.se_y**-2)
        start = np.zeros((1, x.shape[2])) if first is None else first.coefficients[None]
        theta, settled = minimise_terms(x, y, covariances=errors, start=start)
        df = data.m - x.shape[2]
        kappa = _disperse(data, errors, theta, df) if self.robust and settled.all() else 0.0
        if kappa > 0:
            theta, settled = minimise_terms(x, y, covariances=errors, start=theta, excess=kappa)
        if not settled.all():
            text = "the moments have no minimum near the weighted regression"
            return refuse_each(data, status=Status.not_converged, message=text)
        terms = evaluate_terms(x, y, covariances=errors, theta=theta, excess=kappa)
        scaled = data.beta_x / np.sqrt(terms.variance[0])[:, None]
        se = np.sqrt(np.diagonal(np.linalg.inv(scaled.T @ scaled)))
        q = float(terms.value.sum())
        details = {"q": q, "q_df": float(df)}
        if self.robust:
            details["overdispersion"] = kappa
        else:
            details["q_neg_log10_p"] = float(neg_log10_p_chi2(q, df))
        return conclude_each(theta[0], se, nsnp=data.m, details=details)


def measure_moments(data: Harmonised, /, *, correlations: F64) -> F64 | None:
    """Covariances of each variant's moments, exposures first; None without the sample sizes.

    Parameters
    ----------
    correlations : (e, e) of the exposures.

    Returns
    -------
    (m, e + 1, e + 1).
    """
    m, e = data.beta_x.shape
    n = np.append(np.full(e, np.nan) if data.n_x is None else data.n_x, data.n_y)
    if not (np.isfinite(n).all() and (n >= m).all()):
        return None
    beta = np.column_stack([data.beta_x, data.beta_y])
    se = np.column_stack([data.se_x, data.se_y])
    spread = np.sqrt(n * se**2 + beta**2)
    shared = (beta / spread).T @ (beta / spread)
    remainder = np.zeros((e + 1, e + 1))
    remainder[:e, :e] = correlations - shared[:e, :e]
    remainder[e, e] = 1.0 - shared[e, e]
    if not (np.diagonal(remainder) > 0).all():
        return None
    scale = spread / np.sqrt(n - m + 1.0)
    return np.asarray(scale[:, :, None] * remainder * scale[:, None, :])


def _disperse(data: Harmonised, errors: F64, theta: F64, df: int) -> float:
    """The excess variance at which Q is its degrees of freedom; zero where Q is less without."""
    residual = data.beta_y - data.beta_x @ theta[0]
    variance = evaluate_terms(
        data.beta_x[None], data.beta_y[None], covariances=errors, theta=theta
    ).variance[0]
    if not (residual**2 / variance).sum() > df:
        return 0.0
    top = np.array([(residual**2).sum() / df])
    excess = halve_to_root(
        lambda kappa: np.array([(residual**2 / (variance + kappa[0])).sum() - df]),
        np.zeros(1),
        top,
    )
    return float(excess[0])
