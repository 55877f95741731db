"""One distribution mapped on another through values that both have of the same samples."""

from __future__ import annotations

from typing import Final

import numpy as np

from proteomr._typing import F64

__all__ = ["FEWEST_VALUES", "KNOT_QUANTILES", "map_quantiles"]

KNOT_QUANTILES: Final = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
"""Of the source, where the curve may change its third derivative; those of OlinkAnalyze."""
FEWEST_VALUES: Final = len(KNOT_QUANTILES) + 3
"""Distinct values of the source: with fewer the spline goes through all of them."""


def map_quantiles(values: F64, *, source: F64, target: F64) -> F64:
    r"""Return values of one scale on another, by a smooth curve through matched quantiles.

    With :math:`x_1 < \dots < x_u` the distinct values of the source and F its empirical
    distribution, the pairs :math:`(x_i, Q_{target}(F(x_i)))`, with quantiles of type 7, are fitted
    by least squares with a natural cubic spline of x; its inner knots are the quantiles 5, 10, 25,
    50, 75, 90 and 95 % of the distinct values, its boundary knots their range, beyond which it is a
    straight line. This is the quantile smoothing of OlinkAnalyze 4.2 (``olink_normalization_qs``):
    ``lm(quantile(target, ecdf(source)) ~ ns(x, knots))``. As there, F is 1 at the largest value and
    above 0 at the smallest, so that equal distributions are mapped on themselves up to the distance
    of neighbouring values.

    Parameters
    ----------
    values : (m,) to map; NaN stays NaN.
    source, target : (k,) of the samples that both scales measured, none missing; they need not
        stand in one order.

    Raises
    ------
    ValueError
        The source has fewer than ten distinct values: a spline of eight functions and a constant
        would go through all of them.

    Examples
    --------
    >>> source = np.linspace(-1.0, 1.0, 401)
    >>> map_quantiles(np.array([0.0, np.nan]), source=source, target=np.exp(source)).round(2)
    array([ 1., nan])
    """
    distinct, counts = np.unique(source, return_counts=True)
    if distinct.size < FEWEST_VALUES:
        message = (
            f"{distinct.size} distinct values; a curve through quantiles needs {FEWEST_VALUES}"
        )
        raise ValueError(message)
    matched = np.quantile(target, np.cumsum(counts) / source.size)
    knots = np.concatenate([distinct[:1], np.quantile(distinct, KNOT_QUANTILES), distinct[-1:]])
    centre, width = distinct[0], distinct[-1] - distinct[0]
    design = _natural_spline((distinct - centre) / width, (knots - centre) / width)
    coefficients = np.linalg.lstsq(design, matched, rcond=None)[0]
    there = ~np.isnan(values)
    mapped: F64 = np.full(values.shape, np.nan)
    scaled = (values[there] - centre) / width
    mapped[there] = _natural_spline(scaled, (knots - centre) / width) @ coefficients
    return mapped


def _natural_spline(x: F64, knots: F64) -> F64:
    r"""Return a basis of the natural cubic splines with K knots, (n, K).

    :math:`1, x, d_1(x) - d_{K-1}(x), \dots` with
    :math:`d_k(x) = ((x - t_k)_+^3 - (x - t_K)_+^3) / (t_K - t_k)` (Hastie, Tibshirani, Friedman
    2009, 10.1007/978-0-387-84858-7, equation 5.4): the space of R's ``ns`` with an intercept.
    """
    last = knots[-1]
    beyond = np.clip(x - last, 0.0, None) ** 3
    slopes = [(np.clip(x - knot, 0.0, None) ** 3 - beyond) / (last - knot) for knot in knots[:-1]]
    columns = [np.ones_like(x), x, *(slope - slopes[-1] for slope in slopes[:-1])]
    return np.stack(columns, axis=1)
