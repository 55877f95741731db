"""Wakefield's approximate Bayes factors of single variants, and what they need."""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
from scipy.special import logsumexp

from proteomr._typing import F64

__all__ = [
    "error_unit",
    "estimate_outcome_sd",
    "log_bayes_factors",
    "posteriors_of_one",
    "prior_variance_of",
    "variance_from_frequency",
]

_SD_QUANT: Final = 0.15  # of the effect per standard deviation of a trait: Wakefield 2009, coloc
_SD_CASES: Final = 0.2  # of the log odds ratio


def error_unit(errors: F64) -> float:
    """Return a power of two as large as standard errors are in the median; 1 without any.

    In units of it their squares are doubles whatever the scale of the trait, and no digit changes.

    Parameters
    ----------
    errors : (p,); what is not finite and above 0 is passed over.

    Examples
    --------
    >>> error_unit(np.array([0.02, np.nan, 0.03])), error_unit(np.array([3e-300])) > 0.0
    (0.015625, True)
    """
    told = errors[np.isfinite(errors) & (errors > 0.0)]
    return float(np.ldexp(1.0, int(np.frexp(np.median(told))[1]) - 1)) if told.size else 1.0


def prior_variance_of(
    kind: Literal["quant", "cc"], *, sdy: float = 1.0, unit: float = 1.0
) -> float:
    r"""Return the prior variance W of an effect as coloc sets it.

    .. math:: W = (0.15\,\mathrm{sd}_Y)^2 \text{ of a quantitative trait}, \quad
        W = 0.2^2 \text{ of a log odds ratio}

    (Giambartolomei and others 2014, doi:10.1371/journal.pgen.1004383).

    Parameters
    ----------
    kind : ``quant`` or ``cc``.
    sdy : standard deviation of a quantitative trait.
    unit : of the effects, see `error_unit`.

    Examples
    --------
    >>> prior_variance_of("quant", sdy=2.0)
    0.09
    """
    size = (_SD_QUANT * sdy if kind == "quant" else _SD_CASES) / unit
    return size * size  # endless beyond numbers, where a power would raise


def log_bayes_factors(z: F64, variance: F64, *, prior_variance: float) -> F64:
    r"""Return the logarithms of Wakefield's approximate Bayes factors, effect against none.

    .. math:: \ln \mathrm{ABF} = \tfrac12 \left[ \ln (1 - r) + r z^2 \right], \qquad
        r = \frac{W}{W + V}

    (Wakefield 2009, doi:10.1002/gepi.20359); 1 - r is V / (W + V), which keeps its digits.

    Parameters
    ----------
    z : (p,) effect over standard error.
    variance : (p,) V, squared standard errors, above 0.
    prior_variance : W.

    Returns
    -------
    log_factors : (p,), not finite where a double holds none.

    Examples
    --------
    >>> log_bayes_factors(np.array([5.0]), np.array([0.01]), prior_variance=0.04).round(3).tolist()
    [9.195]
    """
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        total = prior_variance + variance
        logs, evidence = np.asarray(variance / total), np.asarray(prior_variance / total)
        np.log(logs, out=logs)
        evidence *= z
        evidence *= z
        logs += evidence
        logs *= 0.5
    return logs


def variance_from_frequency(maf: F64, n: F64 | float, *, case_share: float | None = None) -> F64:
    r"""Return variances of effects on a trait of variance 1, or of log odds ratios.

    .. math:: V = \frac{1}{2 N f (1 - f)}, \quad V = \frac{1}{2 N f (1 - f) s (1 - s)}

    Parameters
    ----------
    maf : (p,) f, frequencies of an allele.
    n : N, people.
    case_share : s, the share of cases; None of a quantitative trait.

    Examples
    --------
    >>> variance_from_frequency(np.array([0.5]), 200.0).tolist()
    [0.01]
    """
    s = 1.0 if case_share is None else case_share * (1.0 - case_share)
    return np.asarray(1.0 / (2.0 * n * maf * (1.0 - maf) * s))


def estimate_outcome_sd(variance: F64, maf: F64, n: F64 | float) -> float:
    r"""Return the standard deviation of a quantitative trait from variances and frequencies.

    Through the origin, :math:`2 N f (1 - f) = \mathrm{sd}_Y^2 / V` is fitted by least squares, as
    coloc does. NaN where the fit gives no positive variance.

    Parameters
    ----------
    variance : (p,) V, squared standard errors of effects per allele.
    maf : (p,) f.
    n : N.

    Examples
    --------
    >>> f = np.array([0.1, 0.4])
    >>> round(estimate_outcome_sd(4.0 * variance_from_frequency(f, 100.0), f, 100.0), 12)
    2.0
    """
    spread = 2.0 * n * maf * (1.0 - maf)
    scale = float(np.max(1.0 / variance))  # of 1 / V, whose square need not be a double
    inverse = 1.0 / variance / scale
    slope = float(inverse @ spread) / float(inverse @ inverse) / scale
    return float(np.sqrt(slope)) if slope > 0 and np.isfinite(slope) else float("nan")


def posteriors_of_one(log_factors: F64, *, prior: float) -> tuple[F64, float]:
    r"""Return the probability that each variant is the one causal, and that none is.

    .. math:: P_j = \frac{p_1 \mathrm{ABF}_j}{(1 - m p_1) + p_1 \sum_k \mathrm{ABF}_k}

    Parameters
    ----------
    log_factors : (m,) logarithms of Bayes factors.
    prior : p_1, that a variant is causal; m p_1 < 1.

    Returns
    -------
    posteriors : (m,).
    null : of the model without a causal variant.

    Examples
    --------
    >>> posteriors, null = posteriors_of_one(np.array([10.0, 0.0]), prior=1e-4)
    >>> posteriors.round(4).tolist(), round(null, 4)
    ([0.6878, 0.0], 0.3122)
    """
    m = log_factors.size
    terms = np.append(log_factors + np.log(prior), np.log1p(-m * prior))
    shares = np.exp(terms - logsumexp(terms))
    return shares[:-1], float(shares[-1])
