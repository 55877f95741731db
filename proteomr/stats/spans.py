"""Rows that are each there from one place of a line to another, summed without a difference.

A sum over those who are there at a place is often had as all who have come less all who have gone,
which loses the digits of a few among many. Here a span ``low..last`` is cut in two at the multiple
of the highest power of two that lies within: the first part counts from there down to ``low``, the
second up to ``last``. Spans that are cut at one power are summed together, forwards to each cut and
backwards to it, so that n spans over K places cost ``2 n + K log2 K`` additions and nothing is ever
taken away (a disjoint sparse table).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from proteomr._typing import F64, I64

__all__ = ["Spans", "lay_out_spans"]


class Spans(NamedTuple):
    """Spans of n rows over K places.

    Attributes
    ----------
    low, last : ``(n,)``, the first place and the last.
    level : ``(n,)``, the power of two that each is cut at; 0 for one place, -1 for none.
    levels : one more than the highest.
    """

    low: I64
    last: I64
    level: I64
    levels: int

    def make_room(self, places: int) -> F64:
        """Return what compiled sums need to work in."""
        return np.empty((2, self.levels, places))


def lay_out_spans(low: I64, high: I64) -> Spans:
    """Return the spans of rows that are there at places ``low <= k < high``.

    Examples
    --------
    >>> spans = lay_out_spans(np.array([0, 2, 1, 3]), np.array([1, 4, 3, 3]))
    >>> spans.level.tolist(), spans.levels
    ([0, 1, 2, -1], 3)
    """
    last = np.maximum(high - 1, 0)
    # The exponent of frexp is the number of binary digits.
    level = np.frexp((low ^ last).astype(np.float64))[1].astype(np.int64)
    level[high <= low] = -1
    return Spans(low, last, level, int(level.max(initial=-1)) + 1)
