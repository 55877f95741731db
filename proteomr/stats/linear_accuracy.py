r"""How near predictions of numbers come, with the influence of each person.

Of people with sampling weights :math:`w_i` a mean is :math:`\sum w_i x_i / \sum w_i`, and an
influence that of the person times the weight.
"""

from __future__ import annotations

import numpy as np

from proteomr._typing import F64
from proteomr.stats.discrimination import Measured

__all__ = ["find_correlation", "find_mae", "find_r2"]


def find_r2(y: F64, predicted: F64, *, mean: float, weights: F64 | None = None) -> Measured:
    r"""Return the part of the squared errors of a constant that predictions take away.

    .. math:: 1 - \frac{\sum (y_i - \hat y_i)^2}{\sum (y_i - m)^2}

    It is below 0 where predictions are worse than the constant, and no square of a correlation.

    Parameters
    ----------
    y, predicted : (n,).
    mean : m, of the people the predictions were learnt from.
    weights : (n,) of the people; None for equal ones.

    Examples
    --------
    >>> find_r2(np.array([1.0, 3.0]), np.array([1.0, 2.0]), mean=2.0).value
    0.5
    """
    w = 1.0 if weights is None else weights
    errors, spread = w * (y - predicted) ** 2, w * (y - mean) ** 2
    total = float(spread.sum())
    if not total > 0.0:
        return _nothing(y.size)
    share = float(errors.sum()) / total
    return Measured(1.0 - share, -(errors - share * spread) / total)


def find_mae(y: F64, predicted: F64, *, weights: F64 | None = None) -> Measured:
    """Return the mean absolute error.

    Parameters
    ----------
    y, predicted : (n,).
    weights : (n,) of the people; None for equal ones.

    Examples
    --------
    >>> find_mae(np.array([1.0, 3.0]), np.array([1.0, 2.0])).value
    0.5
    """
    share = _share(y.size, weights)
    errors = np.abs(y - predicted)
    value = float(share @ errors)
    return Measured(value, share * (errors - value))


def find_correlation(y: F64, predicted: F64, *, weights: F64 | None = None) -> Measured:
    r"""Return Pearson's correlation.

    The influence is :math:`(z_i w_i - r (z_i^2 + w_i^2) / 2) / n` of standardised values (Devlin,
    Gnanadesikan and Kettenring 1975, doi:10.1093/biomet/62.3.531).

    Parameters
    ----------
    y, predicted : (n,).
    weights : (n,) of the people; None for equal ones.

    Examples
    --------
    >>> round(find_correlation(np.array([1.0, 2.0, 3.0]), np.array([1.0, 3.0, 2.0])).value, 6)
    0.5
    """
    share = _share(y.size, weights)
    first, second = (_standardise(one, share) for one in (y, predicted))
    if first is None or second is None:
        return _nothing(y.size)
    r = float(share @ (first * second))
    return Measured(r, share * (first * second - r * (first**2 + second**2) / 2.0))


def _share(n: int, weights: F64 | None) -> F64:
    """Return what each person counts for in a mean."""
    return np.full(n, 1.0 / n) if weights is None else weights / weights.sum()


def _standardise(values: F64, share: F64) -> F64 | None:
    middle = float(share @ values)
    spread = float(np.sqrt(share @ (values - middle) ** 2))
    if not spread > 1e-12 * float(np.abs(values).max()):
        return None
    return np.asarray((values - middle) / spread)


def _nothing(n: int) -> Measured:
    return Measured(np.nan, np.full(n, np.nan))
