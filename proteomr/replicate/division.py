"""People divided into two halves, in several ways."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from proteomr._typing import Bool
from proteomr.scan import RowSets, Stratum

__all__ = ["Division", "label_half", "label_halves"]


@dataclass(frozen=True, slots=True, eq=False)
class Division:
    """People divided into two, in several ways.

    Attributes
    ----------
    names : of the splits.
    halves : of each, ``(t, n)`` for the t targets.
    whole : everybody too, ``(n,)``; None where nobody asks.
    """

    names: tuple[str, ...]
    halves: tuple[tuple[Bool, Bool], ...]
    whole: Bool | None = None

    WHOLE: ClassVar[str] = "everybody"

    def row_sets(self) -> RowSets:
        """Return the halves as sets of rows, the two of a split together."""
        units = [
            tuple(Stratum(label_half(s, h), rows) for h, rows in enumerate(pair, start=1))
            for s, pair in enumerate(self.halves)
        ]
        if self.whole is not None:
            units.insert(0, (Stratum(self.WHOLE, self.whole),))
        return RowSets(tuple(units))


def label_halves(names: Sequence[str]) -> Iterator[tuple[str, str, int]]:
    """Yield the label of each half of some splits, the name of its split and its number.

    Examples
    --------
    >>> list(label_halves(["north"]))
    [('0/1', 'north', 1), ('0/2', 'north', 2)]
    """
    for s, name in enumerate(names):
        for half in (1, 2):
            yield label_half(s, half), name, half


def label_half(split: int, half: int) -> str:
    """Return what names a half among the sets of rows.

    Examples
    --------
    >>> label_half(0, 2)
    '0/2'
    """
    return f"{split}/{half}"
