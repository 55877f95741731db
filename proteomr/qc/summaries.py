"""Moments and quantiles of many rows at once, missing values left out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, I64

__all__ = ["Summaries", "summarise_rows"]


@dataclass(frozen=True, slots=True)
class Summaries:
    """One number per row in each array; NaN where a row has too few values for it.

    Parameters
    ----------
    n : values that are there.
    mean, sd : sd with n - 1.
    median, iqr : quantiles as R's ``quantile``, type 7.
    """

    n: I64
    mean: F64
    sd: F64
    median: F64
    iqr: F64


def summarise_rows(values: F64) -> Summaries:
    """Return counts, means, standard deviations, medians and interquartile ranges of rows.

    Parameters
    ----------
    values : (b, m), NaN = missing.

    Examples
    --------
    >>> summary = summarise_rows(np.array([[4.0, 1.0, np.nan, 2.0, 3.0]]))
    >>> summary.n.tolist(), summary.median.tolist(), summary.iqr.tolist()
    ([4], [2.5], [1.5])
    """
    ordered = np.sort(values, axis=1)  # missing values last
    there = ~np.isnan(ordered)
    n: I64 = there.sum(axis=1).astype(np.int64)
    some = n > 0
    mean = np.full(n.size, np.nan)
    np.divide(ordered.sum(axis=1, where=there), n, out=mean, where=some)
    squares = np.square(ordered - mean[:, None]).sum(axis=1, where=there)
    sd = np.full(n.size, np.nan)
    np.divide(squares, n - 1, out=sd, where=n > 1)
    low, median, high = (_quantile(ordered, n, level) for level in (0.25, 0.5, 0.75))
    return Summaries(n, mean, np.sqrt(sd), median, high - low)


def _quantile(ordered: F64, n: I64, level: float) -> F64:
    place = np.maximum(n - 1, 0) * level
    below = np.floor(place).astype(np.int64)
    above = np.minimum(below + 1, np.maximum(n - 1, 0))
    rows = np.arange(n.size)
    if not ordered.shape[1]:
        return np.full(n.size, np.nan)
    lower = ordered[rows, below]
    quantile: F64 = lower + (place - below) * (ordered[rows, above] - lower)
    return quantile
