"""How exactly printed numbers are known: half a unit of their last digit."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import polars as pl

from proteomr._typing import F64

__all__ = ["half_units"]

_NUMBER: Final = r"^\s*[+-]?([0-9]*)\.?([0-9]*)(?:[eEdD]([+-]?[0-9]+))?\s*$"
_EXACT: Final = 1e-7  # of a number that was never printed: single precision, the coarsest held


def half_units(cells: pl.Series, values: F64) -> F64:
    """Return half a unit of the last digit that each cell of a column was printed with.

    Programs print a column with a fixed number of decimals or of digits, and some drop zeros at
    the end; so the longest cell says how the others were rounded, and of both readings the coarser
    is taken.

    Parameters
    ----------
    cells : (r,) a column as a file holds it; a column of numbers is exact but for its own type.
    values : (r,) the numbers in it, NaN where there is none.

    Examples
    --------
    >>> cells = pl.Series(["0.0012", "0.13", "1.2e-9"])
    >>> half_units(cells, np.array([0.0012, 0.13, 1.2e-9]))
    array([5.e-05, 5.e-03, 5.e-11])
    """
    size = np.abs(np.where(np.isfinite(values), values, 0.0))
    if cells.dtype != pl.String:
        return np.asarray(_EXACT * size)
    parts = cells.str.extract_groups(_NUMBER).struct.unnest()
    whole, fraction = parts["1"].fill_null(""), parts["2"].fill_null("")
    power = parts["3"].cast(pl.Float64, strict=False).to_numpy()
    digits = (whole + fraction).str.strip_chars_start("0").str.len_bytes()
    plain = fraction.filter(pl.Series(np.isnan(power))).str.len_bytes()
    decimals = _largest(plain)
    significant = max(_largest(digits), 1)
    with np.errstate(divide="ignore", over="ignore"):
        leading = np.where(size > 0, np.floor(np.log10(np.maximum(size, 1e-320))), 0.0)
    by_digits = 0.5 * np.power(10.0, np.maximum(leading - significant + 1, -320.0))
    by_decimals = np.where(np.isnan(power), 0.5 * 10.0**-decimals, 0.0)
    return np.asarray(np.maximum(by_digits, by_decimals))


def _largest(lengths: pl.Series) -> int:
    largest = lengths.max()
    return int(largest) if isinstance(largest, int | float) and not math.isnan(largest) else 0
