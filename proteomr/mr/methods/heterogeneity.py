"""Cochran's Q of an estimate as details, for one pair or for many."""

from __future__ import annotations

import numpy as np

from proteomr._typing import F64
from proteomr.stats.distributions import neg_log10_p_chi2

__all__ = ["describe_columns", "describe_heterogeneity"]


def describe_heterogeneity(q: float, df: float) -> dict[str, float]:
    """Return Cochran's Q, its degrees of freedom, -log10 p and I2, by name; nothing without df.

    Examples
    --------
    >>> describe_heterogeneity(8.0, 4.0)["i2"]
    0.5
    """
    if not df > 0:
        return {}
    columns = describe_columns(np.array([q]), np.array([float(df)]))
    return {name: float(values[0]) for name, values in columns.items()}


def describe_columns(q: F64, df: F64) -> dict[str, F64]:
    """Return Cochran's Q of k pairs, degrees of freedom, -log10 p and I2, by name, (k,) each.

    Parameters
    ----------
    q, df : (k,).

    Examples
    --------
    >>> describe_columns(np.array([8.0, 0.0]), np.array([4.0, 2.0]))["i2"].tolist()
    [0.5, nan]
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        i2 = np.where(q > 0, np.maximum(0.0, (q - df) / q), np.nan)
    return {"q": q, "q_df": df, "q_neg_log10_p": neg_log10_p_chi2(q, df), "i2": i2}
