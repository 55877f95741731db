"""How near predictions of numbers come, with the influence of each person."""

from __future__ import annotations

import numpy as np

from proteomr._typing import F64
from proteomr.stats.discrimination import Measured

__all__ = ["find_correlation", "find_mae", "find_r2"]


def find_r2(y: F64, predicted: F64, *, mean: float) -> Measured:
    r"""Return the part of the squared errors of a constant that predictions take away.

    .. math:: 1 - \frac{\sum (y_i - \hat y_i)^2}{\sum (y_i - m)^2}

    It is below 0 where predictions are worse than the constant, and no square of a correlation.

    Parameters
    ----------
    y, predicted : (n,).
    mean : m, of the people the predictions were learnt from.

    Examples
    --------
    >>> find_r2(np.array([1.0, 3.0]), np.array([1.0, 2.0]), mean=2.0).value
    0.5
    """
    errors, spread = (y - predicted) ** 2, (y - mean) ** 2
    total = float(spread.sum())
    if not total > 0.0:
        return _nothing(y.size)
    share = float(errors.sum()) / total
    return Measured(1.0 - share, -(errors - share * spread) / total)


def find_mae(y: F64, predicted: F64) -> Measured:
    """Return the mean absolute error.

    Examples
    --------
    >>> find_mae(np.array([1.0, 3.0]), np.array([1.0, 2.0])).value
    0.5
    """
    errors = np.abs(y - predicted)
    value = float(errors.mean())
    return Measured(value, (errors - value) / y.size)


def find_correlation(y: F64, predicted: F64) -> Measured:
    r"""Return Pearson's correlation.

    The influence is :math:`(z_i w_i - r (z_i^2 + w_i^2) / 2) / n` of standardised values (Devlin,
    Gnanadesikan and Kettenring 1975, doi:10.1093/biomet/62.3.531).

    Examples
    --------
    >>> round(find_correlation(np.array([1.0, 2.0, 3.0]), np.array([1.0, 3.0, 2.0])).value, 6)
    0.5
    """
    first, second = (_standardise(one) for one in (y, predicted))
    if first is None or second is None:
        return _nothing(y.size)
    r = float(np.mean(first * second))
    return Measured(r, (first * second - r * (first**2 + second**2) / 2.0) / y.size)


def _standardise(values: F64) -> F64 | None:
    spread = float(values.std())
    if not spread > 1e-12 * float(np.abs(values).max()):
        return None
    return np.asarray((values - values.mean()) / spread)


def _nothing(n: int) -> Measured:
    return Measured(np.nan, np.full(n, np.nan))
