"""How effect, error and p may have been written: the statistic that each reading of them gives."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product
from typing import Final

import numpy as np

from proteomr._typing import F64, Bool
from proteomr.stats.distributions import z_from_neg_log10

__all__ = ["Interval", "Numbers", "Reading", "other_readings"]

_LOG10: Final = math.log(10.0)
_SLIGHT: Final = 1e-9  # of -log10 p below 0, that rounding of p = 1 gives
_ALIVE: Final = 0.3
_FACTORS: Final = 5  # rows that may show a factor
_SPREAD: Final = math.log(
    2.0
)  # of the statistics: p of Student's t has no factor over such a range
_SAME: Final = 0.03
_MOST: Final = 0.9
_LEAST: Final = 1e-300  # of a ratio that rounding lets be zero
_WIDTH: Final = 1.959963984540054  # standard errors from the estimate to its limit of 95 %

# By conversion: what a column holds that is to be read so, and how a user says it to `--map`.
_EFFECTS: Final = {
    "number": ("effects or log odds ratios, no ratios", "beta"),
    "log": ("odds ratios", "odds_ratio"),
    "percent": ("effects in per cent", "effect_percent"),
    "z": ("z statistics", "z"),
}
_ERRORS: Final = {
    "number": ("standard errors", "se"),
    "ratio": ("standard errors of the ratio, not of its logarithm", "se_of_ratio"),
    "variance": ("variances", "variance"),
    "half_width": ("half widths of 95 % limits", "half_width"),
    "weight": ("weights, 1 / SE squared", "weight"),
    "statistic": ("statistics, effect / SE", "statistic"),
}
_PS: Final = {
    "p_text": ("p", "p_value"),
    "neg_log10": ("-log10 p", "neg_log10_p"),
    "log10": ("log10 p", "log10_p"),
    "ln": ("ln p", "ln_p"),
    "neg_ln": ("-ln p", "neg_ln_p"),
    "one_sided": ("one-sided p", "one_sided_p"),
}


@dataclass(frozen=True, slots=True)
class Interval:
    """Numbers known up to rounding: (r,) the least and the largest that each may be."""

    low: F64
    high: F64


@dataclass(frozen=True, slots=True, eq=False)
class Numbers:
    """Numbers of r rows as they are printed.

    Parameters
    ----------
    effect, error, p : the columns; no error where the effect is a statistic.
    as_p : -log10 of the column of p, which is told also where no double holds p.
    """

    effect: Interval
    error: Interval | None
    p: Interval
    as_p: Interval


@dataclass(frozen=True, slots=True)
class Reading:
    """How three columns are taken.

    Parameters
    ----------
    effect, error, p : conversions, as books of formats name them.
    """

    effect: str
    error: str
    p: str

    def misfit(self, numbers: Numbers, *, guess: bool = True) -> F64:
        r"""Return by which share of z, or of 1 where that is more, effect and p are apart.

        Zero where rounding explains the difference, infinite where a number cannot be read so.

        Parameters
        ----------
        numbers : as they are printed.
        guess : the reading is none that the file names: it is infinite everywhere where p is then
            near 1 in most rows, since next to nothing all readings agree.

        Examples
        --------
        >>> def one(value: float) -> Interval:
        ...     return Interval(np.array([value]), np.array([value]))
        >>> numbers = Numbers(one(1.5), one(0.1), one(5e-5), one(4.30103))
        >>> reading = Reading("log", "number", "p_text")
        >>> round(float(reading.misfit(numbers)[0]), 4)
        0.0002
        """
        with np.errstate(all="ignore"):
            ours, theirs = self._of_effect(numbers), self._of_p(numbers)
            gap = np.maximum(theirs.low - ours.high, ours.low - theirs.high)
            middle = 0.5 * (theirs.low + theirs.high)
            share = np.maximum(gap, 0.0) / np.maximum(middle, 1.0)
        share = np.where(np.isfinite(share), share, math.inf)
        return np.full(share.shape, math.inf) if guess and not _is_alive(middle) else share

    def find_factor(self, numbers: Numbers) -> float | None:
        """Return by which factor z of p exceeds that of effect and error, None where it varies.

        Examples
        --------
        >>> many = lambda *values: Interval(np.array(values), np.array(values))
        >>> numbers = Numbers(many(0.3, 0.4), many(0.1, 0.1), many(), many(2.0, 3.0))
        >>> Reading("number", "number", "p_text").find_factor(numbers) is None
        True
        """
        with np.errstate(all="ignore"):
            ours, theirs = self._of_effect(numbers), self._of_p(numbers)
            ratio = (theirs.low + theirs.high) / (ours.low + ours.high)
        rows = (ours.low > 1.0) & (theirs.low > 0.5) & np.isfinite(ratio)
        told = ratio[rows]
        if told.size < _FACTORS or np.ptp(np.log(ours.low[rows])) < _SPREAD:
            return None
        middle = float(np.median(told))
        return middle if bool(np.mean(np.abs(told / middle - 1.0) < _SAME) > _MOST) else None

    def changes(self, other: Reading) -> list[tuple[str, str, str]]:
        """Return what this reading says otherwise: canonical column, words, name for ``--map``."""
        tables = (("beta", _EFFECTS), ("se", _ERRORS), ("neg_log10_p", _PS))
        mine, theirs = (self.effect, self.error, self.p), (other.effect, other.error, other.p)
        return [
            (to, *table[here])
            for (to, table), here, there in zip(tables, mine, theirs, strict=True)
            if here != there
        ]

    def _of_effect(self, numbers: Numbers) -> Interval:
        x = numbers.effect
        if self.effect == "log":
            low = np.where(x.low + x.high > 0, np.maximum(x.low, _LEAST), math.nan)
            x = Interval(np.log(low), np.log(x.high))
        elif self.effect == "percent":
            x = Interval(x.low / 100.0, x.high / 100.0)
        size = _absolute(x)
        if numbers.error is None or self.effect == "z":
            return size
        if self.error == "statistic":
            return _absolute(numbers.error)
        s = self._error(numbers.error, numbers.effect)
        z = Interval(size.low / s.high, size.high / np.maximum(s.low, 0.0))
        return Interval(np.where(s.high > 0, z.low, math.nan), z.high)

    def _error(self, error: Interval, effect: Interval) -> Interval:
        if self.error == "ratio":
            return Interval(error.low / effect.high, error.high / effect.low)
        if self.error == "variance":
            return Interval(np.sqrt(np.maximum(error.low, 0.0)), np.sqrt(error.high))
        if self.error == "weight":
            return Interval(1.0 / np.sqrt(error.high), 1.0 / np.sqrt(np.maximum(error.low, 0.0)))
        if self.error == "half_width":
            return Interval(error.low / _WIDTH, error.high / _WIDTH)
        return error

    def _of_p(self, numbers: Numbers) -> Interval:
        if self.p == "p_text":
            ends = [numbers.as_p.low, numbers.as_p.high]
        else:
            ends = [self._neg_log10(end) for end in (numbers.p.low, numbers.p.high)]
        low, high = np.fmin(*ends), np.fmax(*ends)
        low = np.where(low < 0, np.where(high < -_SLIGHT, math.nan, 0.0), low)
        return Interval(z_from_neg_log10(low), z_from_neg_log10(np.maximum(high, 0.0)))

    def _neg_log10(self, cells: F64) -> F64:
        if self.p == "one_sided":
            return -np.log10(2.0 * np.minimum(cells, 1.0 - cells))
        scale = {"neg_log10": 1.0, "log10": -1.0, "ln": -1.0 / _LOG10, "neg_ln": 1.0 / _LOG10}
        return scale[self.p] * cells


def _is_alive(z: F64) -> bool:
    """Tell whether statistics are as large as chance alone makes them, 0.67 in the median."""
    told = z[np.isfinite(z)]
    return bool(told.size) and float(np.median(told)) > _ALIVE


def other_readings(given: Reading) -> list[Reading]:
    """Return the readings beside one, those that change less first.

    One column changes, or effect and error, or a ratio for its logarithm and -log10 p for p: more
    would explain any numbers. A statistic that has no column of errors stays one, and errors that
    limits make stay these.

    Parameters
    ----------
    given : as the columns are taken; ``none`` and ``limits`` are errors without a column.

    Examples
    --------
    >>> other_readings(Reading("z", "none", "p_text"))[0]
    Reading(effect='z', error='none', p='neg_log10')
    """
    effects = [given.effect] if given.error == "none" else list(_EFFECTS)
    errors = list(_ERRORS) if given.error in _ERRORS else [given.error]
    made = [
        Reading(*parts)
        for parts in product(effects, errors, _PS)
        if not (parts[1] == "ratio" and parts[0] != "log")
    ]
    counted = [(len(reading.changes(given)), reading) for reading in made]
    return [
        reading
        for n, reading in sorted(counted, key=lambda entry: entry[0])
        if n == 1 or (n == 2 and _is_likely(reading, given))
    ]


def _is_likely(reading: Reading, given: Reading) -> bool:
    """Tell whether two columns may be taken wrongly together."""
    ratio = {reading.effect, given.effect} <= {"number", "log"}
    if reading.error == given.error:
        return ratio and reading.p in (given.p, "neg_log10")
    return ratio and reading.p == given.p and reading.error not in ("weight", "statistic")


def _absolute(x: Interval) -> Interval:
    across: Bool = (x.low <= 0) & (x.high >= 0)
    ends = np.abs(x.low), np.abs(x.high)
    return Interval(np.where(across, 0.0, np.minimum(*ends)), np.maximum(*ends))
