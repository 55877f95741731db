r"""Accelerated failure times: ``log T = x'beta + sigma W``, as R's ``survival::survreg`` has them.

W is of the standard extreme-value distribution (Weibull; exponential with sigma = 1), the logistic
(log-logistic) or the normal one (log-normal): Kalbfleisch and Prentice 2002, chapter 3. They are
the models of :mod:`proteomr.stats.parametric_survival` whose s is a line, ``eta = (log t - x'beta)
/ sigma``, in which the likelihood is concave. Coefficients are of log time: above 0 is longer
survival, and their exponential a ratio of times. The last is the logarithm of sigma.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

import numpy as np

from proteomr._typing import F64
from proteomr.stats.parametric_limit import LimitedFit, fit_limited
from proteomr.stats.parametric_survival import TimeColumns
from proteomr.stats.royston_parmar import lay_out_times, start_line
from proteomr.stats.survival_links import SCALES, ScaleName

__all__ = ["DISTRIBUTIONS", "DistributionName", "fit_accelerated", "lay_out_accelerated"]

DistributionName: TypeAlias = Literal["weibull", "exponential", "lognormal", "loglogistic"]
DISTRIBUTIONS: Final[Mapping[DistributionName, ScaleName]] = MappingProxyType(
    {
        "weibull": "hazard",
        "exponential": "hazard",
        "lognormal": "normal",
        "loglogistic": "odds",
    }
)


def fit_accelerated(
    X: F64, outcome: F64, *, distribution: DistributionName, weights: F64 | None = None
) -> LimitedFit | None:
    """Fit a model of accelerated failure times.

    Mirrors ``survreg(Surv(t, d) ~ x, dist, weights)`` at full convergence; late entries, which that
    does not take, by the survival to them.

    Parameters
    ----------
    X : ``(n, p)``, without an intercept.
    outcome : ``(n, 3)``: entry (-inf or 0 for none), exit, and 1 for the event or 0.
    weights : ``(n,)``, above 0.

    Returns
    -------
    The fit, of the intercept, the columns, and log sigma (but for the exponential distribution);
    None without events.

    Examples
    --------
    >>> t = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 7.0])
    >>> outcome = np.column_stack([0 * t, t, [1.0, 1.0, 0.0, 1.0, 1.0, 1.0]])
    >>> x = np.array([[1.0, 0, 1, 0, 1, 0]]).T
    >>> fit_accelerated(x, outcome, distribution="weibull").coefficients.round(4).tolist()
    [1.5697, -0.1386, -0.7041]
    """
    scale = DISTRIBUTIONS[distribution]
    times = lay_out_accelerated(outcome, distribution=distribution)
    if times is None:
        return None
    start = start_line(outcome, scale=scale)[: times.q]
    fit = fit_limited(X, times, scale=SCALES[scale], start=start, weights=weights)
    return _turn(fit) if distribution == "exponential" else _turn_with_slope(fit)


def lay_out_accelerated(outcome: F64, *, distribution: DistributionName) -> TimeColumns | None:
    """Return the columns of people's times: a line in log time; None without events.

    Examples
    --------
    >>> outcome = np.array([[0.0, 1.0, 1.0], [0.0, np.e, 1.0]])
    >>> times = lay_out_accelerated(outcome, distribution="exponential")
    >>> times.at_exit.tolist(), times.offset.tolist()
    ([[1.0], [1.0]], [0.0, 1.0])
    """
    laid_out = lay_out_times(outcome, inner=0)
    if laid_out is None or distribution != "exponential":
        return None if laid_out is None else laid_out[0]
    return _fix_slope(laid_out[0])


def _fix_slope(times: TimeColumns) -> TimeColumns:
    """Give the line in log time the slope of 1."""
    entry = times.at_entry
    return replace(
        times,
        at_exit=times.at_exit[:, :1],
        slopes=times.slopes[:, :1],
        at_entry=None if entry is None else entry[:, :1],
        offset=times.at_exit[:, 1],
        offset_entry=None if entry is None else entry[:, 1],
        offset_slope=1.0,
    )


def _turn(fit: LimitedFit) -> LimitedFit:
    """Turn effects on the hazard into those on log time."""
    return replace(fit, coefficients=-fit.coefficients, influence=-fit.influence)


def _turn_with_slope(fit: LimitedFit) -> LimitedFit:
    """Turn ``(a, b, theta)`` of ``eta = a + b log t + x'theta`` into ``(-a/b, -theta/b, -log b)``.

    At the maximum the observed information of either is that of the other.
    """
    theta = fit.coefficients
    slope, rest = theta[1], np.delete(theta, 1)
    k = theta.size
    J = np.zeros((k, k))
    J[np.arange(k - 1), np.delete(np.arange(k), 1)] = -1.0 / slope
    J[:-1, 1] = rest / slope**2
    J[-1, 1] = -1.0 / slope
    known = np.isfinite(theta)
    inside = np.nan_to_num(J)
    unknown = np.append(np.delete(~known, 1), ~known[1])
    with np.errstate(all="ignore"):  # variances beyond the range of numbers
        covariance = inside @ np.where(np.outer(known, known), fit.covariance, 0.0) @ inside.T
        influence = np.where(known, fit.influence, 0.0) @ inside.T
    covariance[unknown], covariance[:, unknown] = np.nan, np.nan
    influence[:, unknown] = np.nan
    return replace(
        fit,
        coefficients=np.append(-rest / slope, -np.log(slope)),
        covariance=covariance,
        influence=influence,
    )
