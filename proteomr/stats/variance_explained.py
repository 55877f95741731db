"""Correlation of a variant with a trait, from what a genome-wide study reports of it."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from proteomr._typing import F64
from proteomr.errors import InputError

__all__ = [
    "LiabilityModel",
    "correlation_from_beta",
    "correlation_from_log_odds",
    "population_frequency",
]

LiabilityModel: TypeAlias = Literal["logit", "probit"]

_RESIDUAL = {"logit": np.pi**2 / 3, "probit": 1.0}  # variances of the two distributions
_ASCERTAINMENT = 0.58  # of get_r_from_lor(correction = TRUE) in TwoSampleMR


def correlation_from_beta(beta: ArrayLike, se: ArrayLike, n: ArrayLike) -> F64:
    r"""Signed correlation of a variant with a quantitative trait.

    .. math:: r = \operatorname{sign}(\beta) \sqrt{F / (n - 2 + F)}, \qquad F = (\beta / s)^2

    as ``get_r_from_bsen`` of the R package TwoSampleMR. It lies between -1 and 1; two people or
    fewer have none (NaN).

    Examples
    --------
    >>> float(correlation_from_beta(-0.1, 0.01, 1000).round(4))
    -0.3018
    """
    b, s, size = np.broadcast_arrays(*map(_as_float, (beta, se, n)))
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        t = np.minimum(np.abs(b / s), np.finfo(np.float64).max)
        free = np.where(size > 2, size - 2, np.nan)
        correlation: F64 = np.sign(b) * (t / np.hypot(np.sqrt(free), t))  # t squared may overflow
    return correlation


def population_frequency(
    frequency: ArrayLike, log_odds: ArrayLike, *, case_share: ArrayLike, prevalence: float
) -> F64:
    r"""Allele frequency in the population, from that among the people of a case-control study.

    With share :math:`\pi` of cases and odds ratio :math:`o`, the joint frequency :math:`z` of
    allele and disease solves :math:`(o - 1) z^2 - ((f + \pi)(o - 1) + 1) z + o f \pi = 0`;
    frequencies among cases and controls follow, and are weighted by the prevalence.

    Examples
    --------
    >>> round(float(population_frequency(0.3, 0.0, case_share=0.5, prevalence=0.1)), 12)
    0.3
    """
    f, log_ratio, share = np.broadcast_arrays(*map(_as_float, (frequency, log_odds, case_share)))
    if not 0 < prevalence < 1:
        raise InputError(f"prevalence {prevalence:g}: a share between 0 and 1 is needed")
    with np.errstate(over="ignore", invalid="ignore"):  # an odds ratio that is no number has none
        ratio = np.exp(log_ratio)
        a = ratio - 1
        b = -((f + share) * a + 1)
        c = ratio * f * share
        root = np.sqrt(np.maximum(b * b - 4 * a * c, 0.0))
        joint = 2 * c / (-b + root)  # the root that is a frequency, without cancellation
    among_cases = joint / share
    among_controls = (f - joint) / (1 - share)
    weighted: F64 = among_controls * (1 - prevalence) + among_cases * prevalence
    return weighted


def correlation_from_log_odds(
    log_odds: ArrayLike,
    frequency: ArrayLike,
    *,
    n_case: ArrayLike,
    n_control: ArrayLike,
    prevalence: float,
    model: LiabilityModel = "logit",
    correct_ascertainment: bool = False,
) -> F64:
    r"""Signed correlation of a variant with the liability to a disease.

    .. math:: r = \operatorname{sign}(\beta) \sqrt{v / (v + e)}, \qquad v = \beta^2 f (1 - f)

    with the allele frequency :math:`f` in the population and the residual variance :math:`e` of the
    liability, :math:`\pi^2 / 3` for logit and 1 for probit (Lee et al. 2012,
    doi:10.1002/gepi.21614; ``get_r_from_lor`` of the R package TwoSampleMR). It is NaN where the
    odds ratio is larger than numbers hold.

    Examples
    --------
    >>> r = correlation_from_log_odds(0.1, 0.3, n_case=1000, n_control=1000, prevalence=0.1)
    >>> float(r.round(5))
    0.02505
    """
    b, cases, controls = map(_as_float, (log_odds, n_case, n_control))
    share = cases / (cases + controls)
    f = population_frequency(frequency, b, case_share=share, prevalence=prevalence)
    with np.errstate(over="ignore", invalid="ignore"):
        variance = b * b * f * (1 - f)
        explained = variance / (variance + _RESIDUAL[model])
    if correct_ascertainment:
        explained = explained / _ASCERTAINMENT
    correlation: F64 = np.sign(b) * np.sqrt(explained)
    return correlation


def _as_float(values: ArrayLike) -> F64:
    return np.asarray(values, dtype=np.float64)
