"""The people or clusters that carry an estimate, where its robust error needs more of them."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri, stdtr, stdtrit

from proteomr.stats.sandwich import CLUSTERED, ErrorKind

__all__ = ["count_rejections", "remark_on_carriers"]

# CR2 corrects the error and its degrees of freedom for few clusters, but not for a single one.
_CARRIERS_CR2 = 1.5
# More rejections at 0.001 than three times as many as there should be are said: 20 people with HC3.
_NOMINAL, _TOO_OFTEN = 1e-3, 3.0
# From so many on no error rejects three times too often, whatever the kind and its distribution.
_PLENTY = 40.0


def remark_on_carriers(carriers: float, kind: ErrorKind, df: float) -> str:
    """Say how few people or clusters carry an estimate, where a robust error needs more.

    The error of c of them is that of a mean of c values: it has c - 1 degrees of freedom whatever
    the distribution that it is referred to. That tells how often a true null hypothesis is
    rejected.

    Parameters
    ----------
    df : degrees of freedom of that distribution; infinite for the normal one.

    Examples
    --------
    >>> remark_on_carriers(4.0, "CR1", 19.0).partition(", which ")[2]
    'rejects about 30 times too often at p 0.001'
    >>> remark_on_carriers(20.0, "CR1", 19.0), remark_on_carriers(2.0, "CR2", 1.4)
    ('', '')
    """
    what = "clusters" if kind in CLUSTERED else "people"
    said = f"rests on about {carriers:.1f} {what}: too few for its robust standard error"
    if kind == "CR2":
        return said if carriers < _CARRIERS_CR2 else ""
    if not carriers < _PLENTY:
        return ""
    often = count_rejections(carriers, kind, df) / _NOMINAL
    if not often > _TOO_OFTEN:
        return ""
    return f"{said}, which rejects about {often:.0f} times too often at p {_NOMINAL:g}"


def count_rejections(carriers: float, kind: ErrorKind, df: float) -> float:
    """Return the share of true null hypotheses rejected at 0.001 where c people carry an estimate.

    Under HC3 the variance of a mean of c is too large by ``c / (c - 1)``, under HC0 and CR0 too
    small by that.

    Examples
    --------
    >>> round(count_rejections(10.0, "HC3", 1990.0), 4)
    0.007
    """
    free = max(carriers - 1.0, 1e-3)
    ratio = {"HC3": carriers / free, "HC2": 1.0, "CR1": 1.0}.get(kind, free / carriers)
    limit = stdtrit(df, 1.0 - _NOMINAL / 2.0) if np.isfinite(df) else ndtri(1.0 - _NOMINAL / 2.0)
    return float(2.0 * stdtr(free, -limit * np.sqrt(ratio)))
