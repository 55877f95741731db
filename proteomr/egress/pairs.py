"""Shares of pairs of a case and another person, which tell how many there are of each.

An area under the curve is a number of pairs over cases times others: of ten cases and four hundred
others there are 4,001 areas, and four digits of one leave few other numbers of people possible.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import polars as pl

from proteomr._typing import F64
from proteomr.tables import columns as c

__all__ = ["round_pairs"]

_METRICS: Final = ("auc", "c_harrell", "c_uno", "nri")
_SHARES: Final = ("value", "concordance")
_ERRORS: Final = ("se", c.CONF_LOW, c.CONF_HIGH, "low", "high")
_BEYOND: Final = "at_risk"
_FEWEST: Final = 1  # decimals: a share of tenths is the least that says something


def round_pairs(
    exact: pl.DataFrame, counts: Mapping[str, pl.Series], *, digits: int, k: int
) -> dict[str, pl.Series]:
    """Return shares of pairs with as many decimals as every number of people agrees with.

    Cases and others are at least as many as the counts that leave say. So pairs are at least their
    product, shares of them lie no further apart than one over it, and any decimal that is no finer
    has a share of every possible number of people. How many decimals there are is told by what
    leaves, and so tells nothing more. Errors leave with as many significant digits.

    Parameters
    ----------
    exact : the table, with ``n`` and ``n_case``, at horizons ``at_risk``; of rows with a
        ``metric`` those of ranks.
    counts : these as they leave.
    digits : most decimals.
    k : counts that leave are rounded down to multiples of it.

    Examples
    --------
    >>> table = pl.DataFrame({"metric": ["auc"], "value": [0.71234], "n": [412], "n_case": [12]})
    >>> counts = {"n": pl.Series([410]), "n_case": pl.Series([10])}
    >>> round_pairs(table, counts, digits=4, k=5)["value"].to_list()
    [0.712]
    """
    shares = [name for name in _SHARES if name in exact.columns]
    if not shares or not {c.N, c.N_CASE} <= set(counts):
        return {}
    ranks = np.ones(exact.height, dtype=np.bool_)
    if "metric" in exact.columns:
        ranks = exact["metric"].is_in(_METRICS).to_numpy()
    decimals = _count_decimals(exact, counts, digits=digits, k=k)
    coarse = ranks & ~(decimals >= digits)
    made = {}
    for name in (*shares, *(n for n in _ERRORS if n in exact.columns)):
        values = exact[name].cast(pl.Float64).fill_null(np.nan).to_numpy().copy()
        for row in np.flatnonzero(coarse & np.isfinite(values)).tolist():
            values[row] = _round(values[row], decimals[row], share=name in shares)
        made[name] = pl.Series(name, values, dtype=pl.Float64).fill_nan(None)
    return made if coarse.any() else {}


def _count_decimals(
    exact: pl.DataFrame, counts: Mapping[str, pl.Series], *, digits: int, k: int
) -> F64:
    """Return how many decimals a share of pairs has; NaN where no count says how many pairs.

    The others of an area at a horizon are those who are seen beyond it.
    """
    n, cases = (
        counts[name].cast(pl.Float64).fill_null(np.nan).to_numpy() for name in (c.N, c.N_CASE)
    )
    others = n - (cases + k - 1)
    if _BEYOND in counts:
        beyond = counts[_BEYOND].cast(pl.Float64).fill_null(np.nan).to_numpy()
        others = np.where(exact[_BEYOND].is_not_null().to_numpy(), beyond, others)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.floor(np.log10(np.where(others > 0, cases * others, np.nan)))
    return np.minimum(found, digits)


def _round(value: float, decimals: float, *, share: bool) -> float:
    if not decimals >= _FEWEST:
        return float("nan")
    if share:
        return round(value, int(decimals))
    return float(f"{value:.{int(decimals)}g}")
