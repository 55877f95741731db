"""Medians of weighted values, by linear interpolation of their cumulative weights."""

from __future__ import annotations

import numpy as np

from proteomr._typing import F64

__all__ = ["weighted_median"]

_MANY = 16  # rows from which compiled code is quicker than its call


def weighted_median(values: F64, *, weights: F64) -> F64:
    r"""Weighted median of each row.

    With values sorted, weights summing to one and :math:`s_j = \sum_{k \le j} w_k - w_j / 2`, it is
    the value at :math:`s = 1/2`, interpolated between the last value below and the next.

    Source: Bowden et al. 2016, doi:10.1002/gepi.21965, appendix.

    Parameters
    ----------
    values : (..., m).
    weights : (m,), not negative, of positive sum; the same for every row.

    Returns
    -------
    (...) medians; NaN in a row with a value that is NaN.

    Examples
    --------
    >>> weighted_median(np.array([3.0, 1.0, 2.0]), weights=np.array([1.0, 1.0, 2.0])).tolist()
    2.0
    """
    rows = values.reshape(-1, values.shape[-1])
    positive = weights > 0
    if not positive.all():
        rows, weights = rows[:, positive], weights[positive]
    medians = _search_keys(rows, weights) if rows.shape[0] >= _MANY else np.full(len(rows), np.nan)
    left = np.flatnonzero(np.isnan(medians))
    if left.size:
        medians[left] = _sort_all(rows[left], weights)
    return np.asarray(medians.reshape(values.shape[:-1]))


def _search_keys(rows: F64, weights: F64) -> F64:
    """Medians of many rows; NaN where keys that are positions in their last bits do not tell."""
    from proteomr.stats.compiled_median_loops import find_medians

    m = weights.size
    out = np.full(rows.shape[0], np.nan)
    if m < 2 or not np.isfinite(rows).all():
        return out
    last_bits = (1 << (m - 1).bit_length()) - 1
    keys = rows + 0.0  # a copy, in which zero has no sign
    bits = keys.view(np.int64)
    bits &= ~last_bits
    bits |= np.arange(m)
    keys.sort(axis=1)
    find_medians(keys, np.ascontiguousarray(rows), weights, 0.5 * weights.sum(), last_bits, out)
    return out


def _sort_all(rows: F64, weights: F64) -> F64:
    order = np.argsort(rows, axis=1)
    sorted_weights = weights.take(order)
    middle = np.cumsum(sorted_weights, axis=1)
    half = 0.5 * middle[:, -1]
    middle -= 0.5 * sorted_weights
    below = np.count_nonzero(middle < half[:, None], axis=1) - 1
    low = np.maximum(below, 0)
    high = np.minimum(below + 1, rows.shape[1] - 1)
    index = np.arange(rows.shape[0])
    s_low, s_high = middle[index, low], middle[index, high]
    v_low, v_high = rows[index, order[index, low]], rows[index, order[index, high]]
    gap = s_high - s_low
    share = np.divide(half - s_low, gap, out=np.zeros_like(gap), where=gap > 0)
    medians = v_low + (v_high - v_low) * share
    medians[np.isnan(rows).any(axis=1)] = np.nan
    return np.asarray(medians)
