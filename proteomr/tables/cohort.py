"""People, their proteins, and who was left out on the way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import polars as pl

from proteomr.errors import IdentifierError, InputError
from proteomr.tables import columns as c
from proteomr.tables.names import refuse_names
from proteomr.tables.proteins import Proteins

__all__ = [
    "CHOSEN_PEOPLE",
    "WITHDRAWN",
    "WITHOUT_PROTEINS",
    "Cohort",
    "Drop",
    "ProteinCovariate",
    "check_ids",
    "tabulate_drops",
]

WITHDRAWN: Final = "withdrawn"
WITHOUT_PROTEINS: Final = "in the samples, without proteins"
"""Reasons of drops that count people of the samples."""
CHOSEN_PEOPLE: Final = "people"
"""Step of drops that count people of the samples who were not asked for."""


@dataclass(frozen=True, slots=True)
class Drop:
    """A count of people or columns left out.

    Parameters
    ----------
    step : stage that left them out.
    reason : why.
    n : how many.

    Examples
    --------
    >>> Drop("load", "in the samples, without proteins", 3).n
    3
    """

    step: str
    reason: str
    n: int


def tabulate_drops(drops: Iterable[Drop]) -> pl.DataFrame:
    """Return drops as a frame of step, reason and n.

    Examples
    --------
    >>> tabulate_drops([Drop("load", "withdrawn", 3)]).rows()
    [('load', 'withdrawn', 3)]
    """
    rows = [(drop.step, drop.reason, drop.n) for drop in drops]
    kinds = {c.STEP: pl.String, c.REASON: pl.String, c.N: pl.Int64}
    return pl.DataFrame(rows, schema=kinds, orient="row")


def check_ids(frame: pl.DataFrame, id_column: str, *, among: str) -> None:
    """Refuse a frame whose identifiers are not text, sorted, each there once.

    Parameters
    ----------
    frame : one row per person or sample.
    id_column : name of the identifier.
    among : what the rows are, for the message.

    Raises
    ------
    IdentifierError
        Identifiers are absent, not text, missing, repeated or not sorted.

    Examples
    --------
    >>> check_ids(pl.DataFrame({"eid": ["1", "2"]}), "eid", among="samples")
    """
    if id_column not in frame.columns:
        raise IdentifierError(f"no identifier column {id_column!r} among the {among}")
    ids = frame[id_column]
    if not ids.len() and ids.dtype != pl.String:
        raise IdentifierError(f"there is nobody among the {among}")
    if ids.dtype != pl.String or ids.null_count():
        raise IdentifierError(f"identifiers {id_column!r} of the {among} are text, none missing")
    if not bool((ids[1:] > ids[:-1]).all()):
        raise IdentifierError(f"identifiers {id_column!r} of the {among} are not sorted and unique")


@dataclass(frozen=True, slots=True, eq=False)
class Cohort:
    """One row per person, with the proteins of the same people in the same order.

    Parameters
    ----------
    samples : one row per person, sorted by the text of the identifier.
    id_column : name of the identifier among the columns of the samples, stored as text.
    proteins : n people by p proteins, aligned to the samples.
    assays : one row per protein, in the order of the proteins; at least the column ``protein``.
    drops : who was left out while loading, with reasons.
    provenance : where the rows come from (digests and counts, never an identifier).
    notes : what a user should know of the files, one sentence each.

    Raises
    ------
    IdentifierError
        Identifiers are absent, not text, repeated or not sorted.
    InputError
        Samples, proteins and assays differ in length or order, or a name cannot stand in a table.
    """

    samples: pl.DataFrame
    id_column: str
    proteins: Proteins
    assays: pl.DataFrame
    drops: tuple[Drop, ...] = ()
    provenance: Mapping[str, object] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_ids(self.samples, self.id_column, among="samples")
        refuse_names(self.proteins.names, what="a protein")
        refuse_names(self.samples.columns, what="a column of the samples")
        if self.proteins.n != self.samples.height:
            raise InputError(
                f"{self.proteins.n} people in the proteins, {self.samples.height} in the samples"
            )
        if self.assays[c.PROTEIN].to_list() != list(self.proteins.names):
            raise InputError("the assays do not stand in the order of the proteins")

    @property
    def n(self) -> int:
        """Number of people."""
        return self.samples.height

    @property
    def drops_table(self) -> pl.DataFrame:
        """The drops as a frame of step, reason and n."""
        return tabulate_drops(self.drops)


@dataclass(frozen=True, slots=True, eq=False)
class ProteinCovariate:
    """A covariate with its own values for each protein, or for each panel of proteins.

    Parameters
    ----------
    name : name of the covariate in a formula.
    values : n people by q columns, aligned to the samples of the cohort.
    column_of : position among the q columns for each of the p proteins of the cohort.

    Raises
    ------
    InputError
        A position is not one of the q columns.

    Examples
    --------
    >>> import numpy as np
    >>> from proteomr.tables.proteins import ArrayProteins
    >>> values = ArrayProteins(("Oncology",), np.array([[0.5], [0.7]]))
    >>> ProteinCovariate("timegap", values, (0, 0)).distinct
    False
    """

    name: str
    values: Proteins
    column_of: tuple[int, ...]

    def __post_init__(self) -> None:
        last = len(self.values.names) - 1
        if any(not 0 <= column <= last for column in self.column_of):
            raise InputError(f"covariate {self.name!r}: a column beyond the {last + 1} there are")

    @property
    def distinct(self) -> bool:
        """True where no two proteins share a column."""
        return len(set(self.column_of)) == len(self.column_of)
