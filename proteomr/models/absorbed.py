"""Effects of many levels, taken out of the columns of a fit on the rows of each protein."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.stats.absorbing import AbsorbedEffects
from proteomr.stats.linalg import find_powers

__all__ = ["Absorbed", "share_left", "vanishes"]

# What is left of a column, as a share of it, below which it is rounding: columns are means of up to
# a million rows, so that 1e-16 grows to 1e-12 or so.
_VANISHED = 1e-9


def vanishes(rest: F64, columns: F64) -> Bool:
    """Return which columns ``(n, k)`` have nothing left but rounding beside their spread.

    Examples
    --------
    >>> vanishes(np.array([[1e-17], [0.0]]), np.array([[1.0], [2.0]])).tolist()
    [True]
    """
    gone = share_left(rest, columns) <= _VANISHED
    return np.asarray(gone | np.all(columns == columns[:1], axis=0))


def share_left(rest: F64, columns: F64) -> F64:
    """Return the lengths of what is left of columns ``(n, k)``, as shares of their spread ``(k,)``.

    Whatever the units; 0 of columns without a spread.

    Examples
    --------
    >>> share_left(np.array([[5e-301], [-5e-301]]), np.array([[1e-300], [-1e-300]])).tolist()
    [0.5]
    """
    powers = find_powers(np.abs(columns).max(axis=0, initial=0.0))  # squares stay numbers
    scaled = columns / powers
    spread = np.linalg.norm(scaled - scaled.mean(axis=0), axis=0)
    left = np.linalg.norm(rest / powers, axis=0)
    return np.asarray(np.where(spread > 0.0, left / np.where(spread > 0.0, spread, 1.0), 0.0))


@dataclass(frozen=True, slots=True, eq=False)
class Absorbed:
    """The effects of a problem that are absorbed.

    Attributes
    ----------
    names : of their columns.
    codes : ``(n, a)``, the level of each row in each of them.

    Examples
    --------
    >>> Absorbed(("household",), np.array([[0], [0], [1]])).describe()
    'constant within the levels of household, which is absorbed'
    """

    names: tuple[str, ...]
    codes: I64
    _last: threading.local = field(default_factory=threading.local, repr=False)

    def on(self, rows: Bool, weights: F64 | None) -> AbsorbedEffects:
        """Return the effects on some rows ``(n,)``; those of the last rows asked for are kept.

        Parameters
        ----------
        weights : of the rows of the problem.
        """
        key = rows.tobytes()
        if getattr(self._last, "key", None) != key:
            of_rows = None if weights is None else weights[rows]
            self._last.effects = AbsorbedEffects(self.codes[rows], of_rows)
            self._last.key = key
        effects: AbsorbedEffects = self._last.effects
        return effects

    def take(self, rows: I64) -> Absorbed:
        """Return the effects on some rows by position."""
        return Absorbed(self.names, self.codes[rows])

    def describe(self) -> str:
        """Say what a column is of which they leave nothing."""
        if len(self.names) == 1:
            return f"constant within the levels of {self.names[0]}, which is absorbed"
        return f"a combination of the absorbed effects of {' and '.join(self.names)}"

    def __reduce__(self) -> tuple[type[Absorbed], tuple[tuple[str, ...], I64]]:
        return Absorbed, (self.names, self.codes)
