"""How far two lists of effects of the same things agree, each with its errors."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, Bool
from proteomr.stats.distributions import quantile_normal

__all__ = [
    "Line",
    "allowed_correlation",
    "correlate",
    "count_effective",
    "fit_line_through_errors",
    "limits_of_correlation",
]

_LEAST = 3  # two points are always on a line
_PASSES = 200  # far more than points that lie near a line take; others have none
# Of the slope: York's iteration gains a digit or more in a pass where the errors are not all.
_SETTLED = 1e-13


def correlate(a: F64, b: F64) -> float:
    """Return Pearson's r; NaN for fewer than three pairs, or where one list does not vary.

    Examples
    --------
    >>> round(correlate(np.array([1.0, 2.0, 4.0]), np.array([1.0, 3.0, 4.0])), 4)
    0.9286
    """
    if a.size < _LEAST or np.ptp(a) == 0.0 or np.ptp(b) == 0.0:
        return math.nan
    a, b = a / np.abs(a).max(), b / np.abs(b).max()  # units that are not squared
    a, b = a - a.mean(), b - b.mean()
    lengths = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(np.clip(a @ b / lengths, -1.0, 1.0)) if lengths > 0.0 else math.nan


def allowed_correlation(*lists: tuple[F64, F64]) -> float:
    """Return the r that errors leave to effects that are the same; NaN where they are noise.

    The root of the product of the reliabilities ``1 - mean(se^2) / var(estimate)`` (Spearman 1904,
    doi:10.2307/1412159).

    Parameters
    ----------
    lists : estimates and standard errors of each.

    Examples
    --------
    >>> effects = np.array([-1.0, 0.0, 1.0]), np.array([0.5, 0.5, 0.5])
    >>> allowed_correlation(effects, effects)
    0.75
    """
    product = 1.0
    for estimate, se in lists:
        if estimate.size < _LEAST or not np.any(estimate):
            return math.nan
        unit = np.abs(estimate).max()
        spread = float(np.var(estimate / unit, ddof=1))
        reliability = 1.0 - float(np.mean(np.square(se / unit))) / spread if spread > 0.0 else 0.0
        if reliability <= 0.0:
            return math.nan
        product *= reliability
    return math.sqrt(product)


def limits_of_correlation(r: float, n: float, *, level: float = 0.95) -> tuple[float, float]:
    """Return Fisher's interval of a correlation over n independent pairs; NaN for n of 3 or less.

    Examples
    --------
    >>> [round(limit, 3) for limit in limits_of_correlation(0.6, 50.0)]
    [0.386, 0.753]
    """
    if not n > _LEAST or math.isnan(r):
        return math.nan, math.nan
    if abs(r) == 1.0:
        return r, r
    reach = float(quantile_normal([0.5 + level / 2.0])[0]) / math.sqrt(n - 3.0)
    z = math.atanh(r)
    return math.tanh(z - reach), math.tanh(z + reach)


def count_effective(values: F64, observed: Bool) -> float:
    r"""Return to how many independent pairs the effects of correlated variables amount.

    .. math:: n = 1 + m^2 / \sum_{ij} \rho_{ij}^2

    of m variables with correlations rho, as the effects of one scan are correlated as the variables
    are, and those of the other, too (Clifford, Richardson and Hemon 1989, doi:10.2307/2532039;
    Dutilleul 1993, doi:10.2307/2532625). Each squared correlation is lessened by what chance gives
    to that of as many people.

    Parameters
    ----------
    values : ``(m, n)``, any number where not observed.
    observed : ``(m, n)``.

    Examples
    --------
    >>> twins = np.array([[1.0, 2.0, 4.0, 3.0], [2.0, 4.0, 8.0, 6.0]])
    >>> count_effective(twins, np.ones((2, 4), dtype=bool))
    2.0
    """
    m = values.shape[0]
    counts = observed.sum(axis=1)
    centred = np.where(observed, values, 0.0)
    centred -= (centred.sum(axis=1) / np.maximum(counts, 1))[:, None]
    centred *= observed
    lengths = np.sqrt(np.einsum("ij,ij->i", centred, centred))
    centred /= np.where(lengths > 0.0, lengths, np.inf)[:, None]
    r = centred @ centred.T
    seen = observed.astype(np.float64)
    both = seen @ seen.T
    squares = np.square(r)
    with np.errstate(divide="ignore"):
        squares -= np.where(both > _LEAST, (1.0 - squares) / (both - 2.0), 0.0)
    total = float(m) + max(float(squares.sum()) - float(np.trace(squares)), 0.0)
    return 1.0 + float(m) ** 2 / total


@dataclass(frozen=True, slots=True)
class Line:
    """A line ``b = intercept + slope a`` through points with errors in both.

    Attributes
    ----------
    slope, slope_se, intercept, intercept_se : errors are those that the points' errors give, times
        ``scatter`` where this is above 1.
    scatter : root mean square of the distances in errors, n - 2 in the denominator.
    """

    slope: float
    slope_se: float
    intercept: float
    intercept_se: float
    scatter: float


def fit_line_through_errors(a: F64, se_a: F64, b: F64, se_b: F64) -> Line | None:
    """Fit a line by least squares of distances in units of both errors, which are independent.

    York, Evensen, Martinez and De Basabe Delgado 2004, doi:10.1119/1.1632486, without correlation
    of the errors of a point.

    Returns
    -------
    None for fewer than three points, or where the points determine no line.

    Examples
    --------
    >>> x = np.array([0.0, 1.0, 2.0, 3.0])
    >>> line = fit_line_through_errors(x, np.full(4, 0.1), 2.0 * x + 1.0, np.full(4, 0.1))
    >>> round(line.slope, 6), round(line.intercept, 6)
    (2.0, 1.0)
    """
    if a.size < _LEAST or np.ptp(a) == 0.0:
        return None
    weight_a, weight_b = se_a**-2.0, se_b**-2.0
    # from the line of the larger axis, on the side of the correlation
    slope = math.copysign(float(np.std(b) / np.std(a)), correlate(a, b) or 1.0)
    for _ in range(_PASSES):
        w = weight_a * weight_b / (weight_a + slope**2 * weight_b)
        mean_a, mean_b = float(w @ a / w.sum()), float(w @ b / w.sum())
        u, v = a - mean_a, b - mean_b
        beta = w * (u / weight_b + slope * v / weight_a)
        bottom = float(w * beta @ u)
        if bottom == 0.0 or not math.isfinite(bottom):
            return None
        before, slope = slope, float(w * beta @ v) / bottom
        if abs(slope - before) <= _SETTLED * abs(slope):
            break
    else:
        return None
    return _describe_line(a, b, w, beta, slope)


def _describe_line(a: F64, b: F64, w: F64, beta: F64, slope: float) -> Line:
    total = float(w.sum())
    mean_a, mean_b = float(w @ a) / total, float(w @ b) / total
    intercept = mean_b - slope * mean_a
    adjusted = mean_a + beta
    centre = float(w @ adjusted) / total
    slope_se = float(w @ np.square(adjusted - centre)) ** -0.5
    rest = b - slope * a - intercept
    scatter = math.sqrt(float(w @ np.square(rest)) / (a.size - 2))
    times = max(scatter, 1.0)
    intercept_se = math.sqrt(1.0 / total + centre**2 * slope_se**2)
    return Line(slope, times * slope_se, intercept, times * intercept_se, scatter)
