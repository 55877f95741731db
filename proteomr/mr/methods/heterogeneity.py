"""Cochran's Q of an estimate as details, for one pair or for many."""

from __future__ import annotations

import numpy as np

from proteomr._typing import F64
from proteomr.stats.distributions import neg_log10_p_chi2

__all__ = ["describe_heterogeneity", "describe_rows"]


def describe_heterogeneity(q: float, df: float) -> dict[str, float]:
    """Return Cochran's Q, its degrees of freedom, -log10 p and I2, by name.

    Examples
    --------
    >>> describe_heterogeneity(8.0, 4.0)["i2"]
    0.5
    """
    return describe_rows({}, q=np.array([q]), df=np.array([float(df)]))[0]


def describe_rows(columns: dict[str, F64], *, q: F64, df: F64) -> list[dict[str, float]]:
    """Return the details of each of k pairs: the columns given, and those of heterogeneity.

    A pair without a degree of freedom has no heterogeneity.

    Parameters
    ----------
    columns : by name, (k,) each.
    q, df : (k,) Cochran's Q and its degrees of freedom.

    Examples
    --------
    >>> rows = describe_rows({"scale": np.ones(2)}, q=np.array([8.0, 0.0]), df=np.array([4.0, 0.0]))
    >>> sorted(rows[0]), sorted(rows[1])
    (['i2', 'q', 'q_df', 'q_neg_log10_p', 'scale'], ['scale'])
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        i2 = np.where(q > 0, np.maximum(0.0, (q - df) / q), np.nan)
    tests = {"q": q, "q_df": df, "q_neg_log10_p": neg_log10_p_chi2(q, df), "i2": i2}
    whole = {name: values.tolist() for name, values in (columns | tests).items()}
    return [
        {name: values[k] for name, values in whole.items() if tested or name in columns}
        for k, tested in enumerate((df > 0).tolist())
    ]
