"""Numbers that stand for a missing value, such as -9 or 999, told by where they lie and how often.

A code for "not known" stays in a column of numbers as a number. It is a single value beyond one end
of all others, far out or of another sign, and many have it; what is measured or counted thins out
towards its ends. Being a usual code is not enough, nor is lying far out: a few large counts, a
lowest class, limits of detection, clipped scores and numbers of centres are none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from proteomr._typing import F64, I64

__all__ = ["describe_sentinels", "find_sentinels", "seems_code"]

_REPEATS: Final = {int(digit * n) for digit in "6789" for n in range(2, 7)}  # 99, 888, 7777
_TAILS: Final = {97, 98, 997, 998, 9997, 9998}  # refused, not known, as surveys number them
# Single digits and decimals as questionnaires and laboratories have them.
_POSITIVE: Final = frozenset(map(float, _REPEATS | _TAILS | {7, 8, 9})) | {99.9, 999.9, 99.99}
# UK Biobank's special answers are -1 to -11; the last two are the lowest integers of computers.
_NEGATIVE: Final = frozenset(map(float, _REPEATS | _TAILS | {*range(1, 12), 2**15, 2**31}))
_MOST: Final = 4  # more negative whole numbers than these are values, not codes
_REPEATED: Final = 3  # people who have it; fewer may be outliers or typing errors
_APART: Final = 1.5  # middle halves of the others between them and a code: beyond whiskers
_FAR: Final = 10.0  # ranges of the others, beyond which any repeated value is a code
_DISTINCT: Final = 10  # fewer are classes, of which an outer one may lie apart
_NEIGHBOURS: Final = 5  # values next to the end, none of which may be as frequent as a code


def seems_code(value: float) -> bool:
    """Tell whether a number is one that is used as a code for a missing value.

    Examples
    --------
    >>> seems_code(-9), seems_code(999), seems_code(42), seems_code(-0.5)
    (True, True, False, False)
    """
    return -value in _NEGATIVE if value < 0 else value in _POSITIVE


def find_sentinels(values: F64) -> list[tuple[float, int]]:
    """Return the numbers that seem to stand for a missing value, and how often each is there.

    Parameters
    ----------
    values : a column ``(n,)``; NaN is passed over.

    Examples
    --------
    >>> age = np.array([41.0, 45, 50, 52, 55, 58, 61, 63, 66, 69])
    >>> find_sentinels(np.append(age, [-9.0, -9.0, -9.0]))
    [(-9.0, 3)]
    >>> find_sentinels(age)
    []
    """
    finite = values[np.isfinite(values)]
    if not _may_hold_codes(finite):
        return []
    distinct, counts = np.unique(finite, return_counts=True)
    if distinct.size < 3:
        return []
    found = _find_negative_codes(distinct, counts)
    if not found:
        found = [place for place in (0, distinct.size - 1) if _is_apart(distinct, counts, place)]
        clipped = len(found) == 2 and distinct[0] == -distinct[-1]
        found = [] if clipped else found
    return [(float(distinct[place]), int(counts[place])) for place in found]


def describe_sentinels(codes: Sequence[tuple[float, int]]) -> str:
    """Return how often codes are there, and what to do where they are codes.

    Examples
    --------
    >>> describe_sentinels([(-9.0, 62)])
    '62 times -9: leave the cell empty if that means missing'
    >>> describe_sentinels([(-3.0, 2), (-1.0, 5)])
    '2 times -3 and 5 times -1: leave the cells empty if these mean missing'
    """
    listed = [f"{n:,} times {value:.12g}" for value, n in codes]
    if len(listed) == 1:
        return f"{listed[0]}: leave the cell empty if that means missing"
    told = f"{', '.join(listed[:-1])} and {listed[-1]}"
    return f"{told}: leave the cells empty if these mean missing"


def _may_hold_codes(finite: F64) -> bool:
    """Tell whether an end is repeated, or a negative code: else nothing needs to be sorted."""
    if not finite.size:
        return False
    low, high = float(finite.min()), float(finite.max())
    ends = max(np.count_nonzero(finite == low), np.count_nonzero(finite == high))
    return bool(ends >= _REPEATED or (low < 0 and seems_code(low)))


def _find_negative_codes(distinct: F64, counts: I64) -> list[int]:
    """Return where the negative numbers are, if they are few, repeated codes below all others."""
    n = int(np.sum(distinct < 0))
    if not 0 < n <= _MOST or distinct.size - n < 2 or not all(map(seems_code, distinct[:n])):
        return []
    if not _REPEATED <= counts[:n].sum() < counts[n:].sum():
        return []
    unbroken = np.array_equal(distinct, distinct[0] + np.arange(distinct.size))
    centred = distinct[-1] < 3 * -distinct[0]  # -1, 0, 1 and -2 to 2 are classes about a middle
    thins = n > 1 and bool(np.all(np.diff(counts[: n + 1]) >= 0))
    return [] if unbroken and (centred or thins) else list(range(n))


def _is_apart(distinct: F64, counts: I64, place: int) -> bool:
    """Tell whether the lowest or the highest number is a repeated one far from all others."""
    others, repeats = np.delete(distinct, place), np.delete(counts, place)
    if others.size < 2 or counts[place] < _REPEATED:
        return False
    value, near = distinct[place], others[0 if place == 0 else -1]
    gap, spread = abs(value - near), others[-1] - others[0]
    if _is_far(value, near, gap, spread, n=others.size):
        return True
    if not (seems_code(value) or (value == 0 and near > 0)) or counts[place] > repeats.sum():
        return False
    beside = repeats[:_NEIGHBOURS] if place == 0 else repeats[-_NEIGHBOURS:]
    if others.size < _DISTINCT:  # classes: 1, 2, 3 and 9
        return bool(value != 0 and gap > spread)
    stands_out = gap > spread or counts[place] > beside.max()
    return bool(stands_out and gap >= _APART * _middle_half(others, repeats))


def _is_far(value: float, near: float, gap: float, spread: float, *, n: int) -> bool:
    if n < _DISTINCT or gap <= _FAR * spread:
        return False
    longer = len(str(int(abs(value)))) != len(str(int(abs(near))))
    return bool(longer or (value < 0) != (near < 0))


def _middle_half(others: F64, repeats: I64) -> float:
    low, high = np.searchsorted(np.cumsum(repeats), repeats.sum() * np.array([0.25, 0.75]))
    width = float(others[high] - others[low])
    return width if width > 0 else float(others[-1] - others[0])
