"""Instruments that each protein has for itself, such as the variants near its gene."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proteomr._typing import Bool
from proteomr.errors import InputError
from proteomr.tables.proteins import Proteins

__all__ = ["ProteinInstruments"]


@dataclass(frozen=True, slots=True, eq=False)
class ProteinInstruments:
    """Columns of which each protein has some as its instruments.

    Parameters
    ----------
    values : n people by q columns, aligned to the samples of the cohort; NaN = missing.
    columns_of : positions among the q columns for each of the p proteins of the cohort; none for a
        protein that has no instrument.
    people : ``(n,)``, who is in the file at all.

    Raises
    ------
    InputError
        A position is not one of the q columns, or the people are not those of the values.

    Examples
    --------
    >>> from proteomr.tables.proteins import ArrayProteins
    >>> values = ArrayProteins(("rs1", "rs2"), np.array([[0.0, 1.0], [2.0, np.nan]]))
    >>> ProteinInstruments(values, ((0, 1), ()), np.array([True, True])).names_of(0)
    ('rs1', 'rs2')
    """

    values: Proteins
    columns_of: tuple[tuple[int, ...], ...]
    people: Bool

    def __post_init__(self) -> None:
        last = len(self.values.names) - 1
        if any(not 0 <= column <= last for columns in self.columns_of for column in columns):
            raise InputError(f"instruments: a column beyond the {last + 1} there are")
        if self.people.shape != (self.values.n,):
            raise InputError(f"instruments of {self.values.n} people, and {self.people.size} known")

    def names_of(self, protein: int) -> tuple[str, ...]:
        """Names of the instruments of a protein."""
        return tuple(self.values.names[column] for column in self.columns_of[protein])

    @property
    def count(self) -> int:
        """Proteins that have an instrument."""
        return int(np.count_nonzero([len(columns) for columns in self.columns_of]))
