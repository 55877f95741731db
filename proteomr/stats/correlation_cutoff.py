"""From which size on a correlation is told from none."""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr, stdtrit

from proteomr._typing import F64

__all__ = ["find_cutoffs", "spearman_p_value"]

_EDGEWORTH_BELOW: Final = 1290  # people: from here on R's cor.test takes Student's t
_EDGEWORTH_FROM: Final = 10  # below, only the exact distribution is near enough
# Best and Roberts 1975, algorithm AS 89.
_C: Final = (
    *(0.2274, 0.2531, 0.1745, 0.0758, 0.1033, 0.3932),
    *(0.0879, 0.0151, 0.0072, 0.0831, 0.0131, 4.6e-4),
)


def spearman_p_value(rho: float, n: int) -> float:
    """Return the two-sided p value of a rank correlation without ties, by an Edgeworth series.

    Best and Roberts 1975, algorithm AS 89, doi:10.2307/2347111, as R's ``cor.test`` from 10 to
    1,289 people.

    Parameters
    ----------
    rho : from -1 to 1.
    n : people, at least 10.

    Examples
    --------
    >>> round(spearman_p_value(0.5, 21), 4)
    0.0224
    """
    b = 1.0 / n
    # Differences of ranks have an even sum of squares: the upper tail begins at the next even one.
    squares = 2.0 * np.ceil((n**3 - n) / 6.0 * (1.0 + abs(rho)) / 2.0 - 1e-9)
    x = (6.0 * (squares - 1.0) * b / (n**2 - 1.0) - 1.0) * np.sqrt(n - 1.0)
    y = x * x
    c = _C
    inner = c[8] - c[9] * b + y * b * (c[10] - c[11] * y)
    series = (
        c[0]
        + b * (c[1] + c[2] * b)
        + y * (-c[3] + b * (c[4] + c[5] * b) - y * b * (c[6] + c[7] * b - y * inner))
    )
    upper = x * b * series / np.exp(y / 2.0) + ndtr(-x)
    return float(min(2.0 * min(max(upper, 0.0), 1.0), 1.0))


def find_cutoffs(counts: F64, *, p_value: float, ranks: bool) -> F64:
    """Return the least size of correlations of a p value below one given, by their people.

    Parameters
    ----------
    counts : people of each correlation, any shape.
    p_value : two-sided.
    ranks : whether the correlations are of ranks without ties; else Student's t.

    Returns
    -------
    the shape of the counts; above 1 for fewer than four people.

    Examples
    --------
    >>> find_cutoffs(np.array([20.0]), p_value=0.05, ranks=False).round(4).tolist()
    [0.4438]
    """
    found = np.full(counts.shape, 2.0)
    for n in np.unique(counts):
        if n < 4:
            continue
        if ranks and _EDGEWORTH_FROM <= n < _EDGEWORTH_BELOW:
            cutoff = _bisect(int(n), p_value)
        else:
            quantile = -float(stdtrit(n - 2.0, p_value / 2.0))
            root = np.sqrt(n - 2.0 + quantile**2)
            cutoff = quantile / root if np.isfinite(root) else 1.0
        found[counts == n] = cutoff
    return found


def _bisect(n: int, p_value: float) -> float:
    """Return where the p value, a step function of the correlation, falls below one given.

    1, which no correlation exceeds, where so few people cannot give one as small.
    """
    if spearman_p_value(1.0, n) >= p_value:
        return 1.0
    return float(brentq(lambda rho: spearman_p_value(rho, n) - p_value, 0.0, 1.0, xtol=1e-12))
