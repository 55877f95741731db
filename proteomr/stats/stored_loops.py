"""Numbers as they lie in memory, with a bit beside each that says whether it is one."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from proteomr._typing import F64, I64

__all__ = ["take_numbers"]


def take_numbers(
    numbers: npt.NDArray[np.floating],
    bits: npt.NDArray[np.uint8],
    first: int,
    rows: I64,
    target: F64,
) -> None:
    """Fill a target ``(m,)`` with the numbers of some rows, NaN where there is none.

    Parameters
    ----------
    numbers : of the rows.
    bits : from the lowest of the first byte on, whether there is a number: that of row 0 is the
        bit ``first``; empty where every row has one.
    rows : ``(m,)``, positions of the rows; -1 for none.

    Examples
    --------
    >>> target = np.empty(3)
    >>> bits = np.array([0b10], dtype=np.uint8)
    >>> take_numbers(np.array([5.0, 7.0]), bits, 0, np.array([1, 0, -1]), target)
    >>> target.tolist()
    [7.0, nan, nan]
    """
    column: F64 = np.full(numbers.size + 1, np.nan)  # the last row is nobody's
    column[:-1] = numbers
    if bits.size:
        there = np.unpackbits(bits, count=first + numbers.size, bitorder="little")[first:]
        np.putmask(column[:-1], there == 0, np.nan)
    np.take(column, rows, out=target, mode="wrap")
