"""P values of tests that stand without their degrees of freedom: whether they tell the people.

The p value of an F test, and of a t test, is a function of its statistic and of degrees of freedom
that grow with the people. Where a table has no column of these (tests of several coefficients,
tables held against one another), whoever has statistic and p value solves for them. Here the same
is done, with the digits that leave.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import polars as pl

from proteomr._typing import F64, Bool
from proteomr.stats.distributions import neg_log10_p_chi2
from proteomr.stats.f_tail import neg_log10_p_f
from proteomr.tables import columns as c

__all__ = ["keep_open", "tell_people"]

_SAME: Final = 1e-7  # as for tests with degrees of freedom, see `recomputing`
_GRID: Final = np.geomspace(0.5, 1e9, 80)
_STEPS: Final = 50  # of bisection: 80 points of a grid of 9 decades, halved to 1e-16
_ENDS: Final = ("_a", "_b", "_discovery", "")


def keep_open(
    exact: pl.DataFrame, names: list[str], *, digits: int, k: int
) -> dict[str, pl.Series]:
    """Return p values of tests without their degrees of freedom, empty where they tell the people.

    A row keeps them where its p value is that of a normal or chi-squared test, which knows no
    people; or where every number of degrees of freedom up to k from the true one agrees with
    statistic and p value as they leave. So whoever solves all rows of one model together still
    finds all of these numbers possible.

    Parameters
    ----------
    exact : the table: ``statistic`` with ``df`` (or ``df1``), or ``estimate`` and ``se``, whose
        names may end as those of the p values do (``_a``).
    names : columns of p values, or -log10 of them.
    digits : significant ones that leave.
    k : fewest people that a count may tell of.
    """
    told: dict[str, Bool] = {}
    for name in names:
        end = _end_of(name)
        if end not in told:
            told[end] = _tell(exact, end, names, digits=digits, k=k)
    return {
        name: exact[name].set(pl.Series(told[_end_of(name)], dtype=pl.Boolean), None)
        for name in names
    }


def tell_people(
    f: tuple[F64, F64, F64], df1: F64, minus_log: tuple[F64, F64, F64], *, k: int
) -> Bool:
    """Tell of which F statistics the p value gives the denominator's degrees of freedom away.

    Parameters
    ----------
    f : (m,) each: the exact statistic, and between which it lies by the digits that leave.
    df1 : (m,) of the numerator.
    minus_log : (m,) each: the exact -log10 p, and between which it lies.
    k : how far from the true number every other has to be possible.

    Returns
    -------
    told : (m,) true where a number nearer than k is ruled out, or where no degrees of freedom give
        the p value.

    Examples
    --------
    >>> f, one = np.array([9.0, 9.0]), np.ones(2)
    >>> y = neg_log10_p_f(f, one, np.array([20.0, 40_000.0]))
    >>> about = 1e-4
    >>> bounds = [(v, v * (1 - about), v * (1 + about)) for v in (f, y)]
    >>> tell_people(bounds[0], one, bounds[1], k=5).tolist()
    [True, False]
    """
    df = _solve(f[0], df1, minus_log[0])
    told = np.isnan(df)
    known = np.flatnonzero(~told)
    for step in (-k, -k / 2, k / 2, k):
        near = np.maximum(df[known] + step, 0.1)
        smallest = neg_log10_p_f(f[1][known], df1[known], near)
        largest = neg_log10_p_f(f[2][known], df1[known], near)
        told[known] |= ~((smallest <= minus_log[2][known]) & (largest >= minus_log[1][known]))
    return told


def _tell(exact: pl.DataFrame, end: str, names: list[str], *, digits: int, k: int) -> Bool:
    """Return (m,) whether the p values whose names have an ending tell the people of their row."""
    minus_log = _read_minus_log(exact, end, names, digits=digits)
    told = np.isfinite(minus_log[0])
    for f, df1 in _list_statistics(exact, end, digits=digits):
        rows = np.flatnonzero(told & np.isfinite(f[0]) & (f[0] > 0.0) & (df1 > 0.0))
        own = minus_log[0][rows]
        plain = np.zeros(rows.size, dtype=np.bool_)
        for chi2 in (f[0][rows] * df1[rows], f[0][rows]):  # itself, where nothing divides it
            again = neg_log10_p_chi2(chi2, df1[rows])
            plain |= np.abs(again - own) <= _SAME * (1.0 + again)
        told[rows[plain]] = False
        rows = rows[~plain]
        bounds = [(v[0][rows], v[1][rows], v[2][rows]) for v in (f, minus_log)]
        told[rows] = tell_people(bounds[0], df1[rows], bounds[1], k=k)
    return told


def _list_statistics(
    exact: pl.DataFrame, end: str, *, digits: int
) -> Iterator[tuple[tuple[F64, F64, F64], F64]]:
    """Yield what the F statistic of each row may be with its bounds, and the numerator's df."""
    one = np.ones(exact.height)
    estimate, se = f"{c.ESTIMATE}{end}", f"{c.SE}{end}"
    if {estimate, se} <= set(exact.columns):
        above, below = (np.abs(_numbers(exact, name)) for name in (estimate, se))
        (low, high), (least, most) = _bounds(above, digits), _bounds(below, digits)
        with np.errstate(divide="ignore", invalid="ignore"):
            yield ((above / below) ** 2, (low / most) ** 2, (high / least) ** 2), one
        return
    if c.STATISTIC in exact.columns:
        name = next((n for n in ("df1", c.DF) if n in exact.columns), None)
        power = 2 if name is None else 1  # t, or F
        value = np.abs(_numbers(exact, c.STATISTIC))
        low, high = _bounds(value, digits)
        df1 = one if name is None else _numbers(exact, name)
        yield (value**power, low**power, high**power), df1


def _solve(f: F64, df1: F64, minus_log: F64) -> F64:
    """Return the fewest degrees of freedom that give a p value; NaN where none do."""
    on_grid = np.stack([neg_log10_p_f(f, df1, np.full(f.shape, at)) for at in _GRID])
    below = on_grid < minus_log
    crosses = below[:-1] != below[1:]
    first = np.argmax(crosses, axis=0)
    low, high = _GRID[first], _GRID[first + 1]
    rising = below[first, np.arange(f.size)]
    for _ in range(_STEPS):
        middle = np.sqrt(low * high)
        under = (neg_log10_p_f(f, df1, middle) < minus_log) == rising
        low, high = np.where(under, middle, low), np.where(under, high, middle)
    return np.where(crosses.any(axis=0), np.sqrt(low * high), np.nan)


def _read_minus_log(
    exact: pl.DataFrame, end: str, names: list[str], *, digits: int
) -> tuple[F64, F64, F64]:
    """Return -log10 p, and its bounds as the columns tell them that leave."""
    parts = []
    for name in names:
        if _end_of(name) != end:
            continue
        values = _numbers(exact, name)
        low, high = _bounds(values, digits)
        if c.P_VALUE in name:
            with np.errstate(divide="ignore", invalid="ignore"):
                values, low, high = -np.log10(values), -np.log10(high), -np.log10(low)
        parts.append((values, low, high))
    first = parts[0][0]
    return (
        first,
        np.max([part[1] for part in parts], axis=0),
        np.min([part[2] for part in parts], axis=0),
    )


def _bounds(values: F64, digits: int) -> tuple[F64, F64]:
    """Return between which numbers those lie that are rounded alike."""
    with np.errstate(divide="ignore", invalid="ignore"):
        place = np.floor(np.log10(np.abs(values)))
        step = 10.0 ** (place - digits + 1)
        rounded = np.round(values / step) * step
    return rounded - step / 2, rounded + step / 2


def _end_of(name: str) -> str:
    return next(end for end in _ENDS if name.endswith(end))


def _numbers(frame: pl.DataFrame, name: str) -> F64:
    return frame[name].cast(pl.Float64).fill_null(np.nan).to_numpy()
