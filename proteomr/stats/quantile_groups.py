"""Groups of people by the quantiles of a number, or by its values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, I64

__all__ = ["ValueGroups", "group_values"]


@dataclass(frozen=True, slots=True)
class ValueGroups:
    """People in ascending groups of a number.

    Attributes
    ----------
    codes : ``(n,)``, from 0.
    low, high : ``(K,)``, the borders: a group has values above the low and up to the high one, the
        first its low one too. Where each value is a group, both are the value.
    at_high : ``(K,)``, people whose value is the upper border itself.
    by_value : whether each value is a group.
    """

    codes: I64
    low: F64
    high: F64
    at_high: I64
    by_value: bool

    @property
    def count(self) -> int:
        """Number of groups."""
        return int(self.low.size)


def group_values(values: F64, *, quantiles: int) -> ValueGroups:
    """Group people by quantiles of type 7 of their values, or by the values where they are few.

    With no more distinct values than quantiles, each is a group. Else the borders are the
    quantiles of type 7 (Hyndman and Fan 1996, doi:10.1080/00031305.1996.10473566; R's default), and
    who stands at a border is in the lower group: ``cut(x, quantile(x), include.lowest = TRUE)``.
    Borders that heavy ties make one part nobody, and groups of nobody are none: there are fewer.

    Parameters
    ----------
    values : ``(n,)``, finite.
    quantiles : number of groups.

    Examples
    --------
    >>> groups = group_values(np.arange(1.0, 9.0), quantiles=4)
    >>> groups.codes.tolist(), groups.high.tolist()
    ([0, 0, 1, 1, 2, 2, 3, 3], [2.75, 4.5, 6.25, 8.0])
    >>> group_values(np.array([2.0, 0.0, 2.0]), quantiles=4).codes.tolist()
    [1, 0, 1]
    """
    ordered = np.sort(values)
    few = (
        ordered[np.concatenate([[True], ordered[1:] != ordered[:-1]])] if ordered.size else ordered
    )
    if few.size <= quantiles:
        codes = np.searchsorted(few, values)
        at = np.bincount(codes, minlength=few.size)
        return ValueGroups(codes, few, few, at, by_value=True)
    borders = np.unique(np.quantile(ordered, np.linspace(0.0, 1.0, quantiles + 1)))
    codes = np.maximum(np.searchsorted(borders, values, side="left") - 1, 0)
    upper = borders[1:]
    at = np.searchsorted(ordered, upper, side="right") - np.searchsorted(ordered, upper)
    there = np.bincount(codes, minlength=upper.size) > 0
    codes = (np.cumsum(there) - 1)[codes]
    return ValueGroups(codes, borders[:-1][there], upper[there], at[there], by_value=False)
