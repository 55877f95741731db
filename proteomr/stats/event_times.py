"""Times that are equal but for rounding, made one."""

from __future__ import annotations

import math

import numpy as np

from proteomr._typing import F64
from proteomr.errors import InputError

__all__ = ["TIE_TOLERANCE", "tie_times"]

TIE_TOLERANCE = math.sqrt(float(np.finfo(np.float64).eps))
"""Times nearer than this, absolutely or to the mean of all, are one: 1.5e-8."""


def tie_times(entry: F64, left: F64) -> tuple[F64, F64]:
    r"""Return entries and exits in which times that differ by rounding alone are one.

    Ages made of dates (``age + days / 365.25``) tie on paper and not in floating point. Of the
    sorted distinct finite times, entries and exits together, one that follows the one before by no
    more than :data:`TIE_TOLERANCE`, or than that share of the mean of their sizes, becomes it, and
    so does what follows in the same way.

    R: what ``survival`` does under ``timefix = TRUE`` (3.5-3).

    Parameters
    ----------
    entry : ``(n,)``, -inf where there is none.
    left : ``(n,)``, times of exit, finite.

    Raises
    ------
    InputError
        Somebody leaves within rounding of the entry, so that nothing is left of the time between.

    Examples
    --------
    >>> tie_times(np.full(3, -np.inf), np.array([0.3, 0.1 + 0.2, 1.0]))[1].tolist()
    [0.3, 0.3, 1.0]
    """
    there = np.isfinite(entry)
    times = np.unique(np.concatenate([left, entry[there]]))
    if times.size < 2:
        return entry, left
    steps = np.diff(times)
    largest = float(np.max(np.abs(times)))
    mean = largest * float(np.mean(np.abs(times) / largest))  # no sum overflows
    tied = (steps <= TIE_TOLERANCE) | (steps <= TIE_TOLERANCE * mean)
    if not np.any(tied):
        return entry, left
    kept = times[np.concatenate([[True], ~tied])]
    gone = kept[np.searchsorted(kept, left, side="right") - 1]
    entered = entry.copy()
    entered[there] = kept[np.searchsorted(kept, entry[there], side="right") - 1]
    lost = int(np.count_nonzero((entered >= gone) & (entry < left)))
    if lost:
        raise InputError(
            f"{lost} entries are within {TIE_TOLERANCE:.1e} of the exit: what lies between is "
            "rounding and not follow-up; leave these rows out"
        )
    return entered, gone
