"""Biweight midcorrelation: values weighted by their distance from the median."""

from __future__ import annotations

from typing import Final

import numpy as np

from proteomr._typing import F64

__all__ = ["REACH", "weigh_biweight"]

REACH: Final = 9.0  # median absolute deviations beyond which a value has no weight: the method's


def weigh_biweight(row: F64) -> F64 | None:
    r"""Return weighted deviations of length one, whose products are biweight midcorrelations.

    .. math:: u_i = \frac{x_i - \mathrm{med}(x)}{9\,\mathrm{mad}(x)}, \quad
       w_i = (1 - u_i^2)^2\, I(|u_i| < 1), \quad
       \tilde x_i = \frac{(x_i - \mathrm{med}(x)) w_i}
       {\sqrt{\sum_j [(x_j - \mathrm{med}(x)) w_j]^2}}

    with the median absolute deviation as it is, without a constant. Wilcox 2012, Introduction to
    Robust Estimation and Hypothesis Testing, 9.3.8; Langfelder and Horvath 2012,
    doi:10.18637/jss.v046.i11; R's ``WGCNA::bicor(maxPOutliers = 1)``.

    Parameters
    ----------
    row : (n,) observed values.

    Returns
    -------
    (n,) or None where the median absolute deviation is zero: Pearson's correlation stands in then,
    for this variable alone (``pearsonFallback = "individual"``).

    Examples
    --------
    >>> weigh_biweight(np.array([1.0, 2.0, 3.0, 1000.0])).round(4).tolist()
    [-0.896, -0.314, 0.314, 0.0]
    >>> weigh_biweight(np.array([1.0, 1.0, 1.0, 2.0])) is None
    True
    """
    unit = float(np.abs(row).max(initial=0.0))
    centred = row / unit if unit > 0.0 else row.copy()
    centred = centred - float(np.median(centred)) if centred.size else centred
    mad = float(np.median(np.abs(centred))) if centred.size else 0.0
    if not mad > 0.0:
        return None
    u = centred / (REACH * mad)
    weighted = np.where(np.abs(u) < 1.0, centred * (1.0 - u * u) ** 2, 0.0)
    result: F64 = weighted / np.sqrt(weighted @ weighted)
    return result
