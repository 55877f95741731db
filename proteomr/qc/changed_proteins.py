"""Proteins of a store that are changed when they are read."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np

from proteomr._typing import F64, I64
from proteomr.tables import Proteins, find_columns

__all__ = ["ChangedProteins"]


@dataclass(frozen=True, slots=True, eq=False)
class ChangedProteins(abc.ABC):
    """Proteins of which values change when they are read, as all m samples of the base need it.

    Parameters
    ----------
    base : the proteins as measured, of all m samples.
    rows : positions of the n samples that are wanted, after the change of all; -1 for nobody; None
        for all.
    """

    base: Proteins
    rows: I64 | None = field(default=None, kw_only=True)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the p proteins, in order."""
        return self.base.names

    @property
    def n(self) -> int:
        """Number of samples."""
        return self.base.n if self.rows is None else int(self.rows.size)

    def read(self, columns: slice, /) -> F64:
        """Return the changed proteins of a slice, (n, b), Fortran-ordered."""
        block = self.base.read(columns).T
        self.change(block, columns)
        if self.rows is None:
            return block.T
        taken = block[:, self.rows]
        taken[:, self.rows < 0] = np.nan
        return taken.T

    @abc.abstractmethod
    def change(self, block: F64, columns: slice) -> None:
        """Change the values of a slice, (b, m), in place."""

    @abc.abstractmethod
    def choose(self, places: Sequence[int]) -> Self:
        """Return what is told of each protein for those at some places, the base as it is."""

    def select_rows(self, rows: I64) -> Self:
        """Return the same proteins for chosen samples; the change stays that of all of them."""
        before = np.arange(self.base.n) if self.rows is None else self.rows
        chosen: I64 = np.where(rows < 0, -1, before[rows]).astype(np.int64)
        return replace(self, rows=chosen)

    def select_columns(self, names: Sequence[str]) -> Self:
        """Return chosen proteins, in the order given."""
        places = find_columns(self.names, names)
        return replace(self.choose(places), base=self.base.select_columns(names))
