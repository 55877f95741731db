"""How strong an unmeasured confounder has to be to explain an association away: E-values."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np

from proteomr._typing import F64

__all__ = ["Measure", "approximate_risk_ratio", "e_value", "e_values_of"]

Measure: TypeAlias = Literal["RR", "OR", "OR, common", "HR", "HR, common", "difference"]

# VanderWeele and Ding: log risk ratio of a standardised difference where the outcome is cut at its
# median.
_PER_DIFFERENCE = 0.91
# Of the standard error, for limits of 95 %: 1.96 times 0.91, rounded as they print it.
_PER_ERROR = 1.78


def e_value(ratio: F64) -> F64:
    r"""Return the E-values of risk ratios.

    .. math:: E = RR + \sqrt{RR (RR - 1)}

    of ratios above 1, of the inverse for others: the least that both the risk ratio of exposure and
    confounder and that of confounder and outcome must be to explain the ratio away. VanderWeele and
    Ding 2017, doi:10.7326/M16-2607. R: ``EValue::evalues.RR``.

    Examples
    --------
    >>> e_value(np.array([3.9, 1.0, 0.5])).round(4).tolist()
    [7.263, 1.0, 3.4142]
    """
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        above = np.maximum(ratio, 1.0 / ratio)  # infinite where a ratio has underflown to 0
        found: F64 = above + np.sqrt(above) * np.sqrt(above - 1.0)
    return found


def approximate_risk_ratio(estimate: F64, measure: Measure) -> F64:
    r"""Return the risk ratio that a logarithm of a ratio amounts to.

    The ratio itself where the outcome is rare; the root of an odds ratio of a common outcome, and
    :math:`(1 - 0.5^{\sqrt{HR}}) / (1 - 0.5^{\sqrt{1/HR}})` for a hazard ratio (VanderWeele 2020,
    doi:10.1111/biom.13197).

    Parameters
    ----------
    estimate : logarithms of ratios; for a ``difference`` those of a standardised one.

    Examples
    --------
    >>> approximate_risk_ratio(np.log([4.0]), "OR, common").round(6).tolist()
    [2.0]
    """
    half = 0.5 if measure == "OR, common" else 1.0
    times = _PER_DIFFERENCE if measure == "difference" else half
    with np.errstate(over="ignore", under="ignore", divide="ignore"):
        ratio: F64 = np.exp(times * estimate)
        if measure == "HR, common":
            root = np.sqrt(ratio)
            ratio = np.expm1(-np.log(2.0) * root) / np.expm1(-np.log(2.0) / root)
    return ratio


def e_values_of(
    estimate: F64, se: F64, low: F64, high: F64, measure: Measure
) -> tuple[F64, F64, F64]:
    """Return risk ratios, their E-values, and those of the limits nearer to no association.

    Parameters
    ----------
    estimate, se, low, high : logarithms of ratios with their limits; for a ``difference``
        standardised ones, whose limits are taken of ``se``.

    Examples
    --------
    >>> of = np.array([[0.5], [0.1], [0.304], [0.696]])
    >>> [part.round(3).tolist() for part in e_values_of(*of, "OR")]
    [[1.649], [2.683], [2.049]]
    """
    if measure == "difference":
        reach = _PER_ERROR / _PER_DIFFERENCE * se
        low, high = estimate - reach, estimate + reach
    ratio = approximate_risk_ratio(estimate, measure)
    near = np.where(estimate >= 0.0, low, high)
    crosses = (low <= 0.0) & (high >= 0.0)
    limit = np.where(crosses, 1.0, e_value(approximate_risk_ratio(near, measure)))
    limit = np.where(np.isnan(near), np.nan, limit)
    return ratio, e_value(ratio), limit
