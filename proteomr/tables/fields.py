"""Answers and records of participants, by UK Biobank field, whatever their columns were called."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

import polars as pl

from proteomr.errors import ColumnError, nearest
from proteomr.tables.cohort import Drop, check_ids
from proteomr.tables.dictionary import load_dictionary

__all__ = ["Fields", "NameStyle", "name_field"]

NameStyle: TypeAlias = Literal[
    "rap", "ukb", "r", "r_underscored", "phesant", "mangled", "stata", "title"
]

_FIELD = re.compile(r"p(?P<field>[0-9]+)_i(?P<instance>[0-9]+)")
_SPELLINGS: Final[Mapping[NameStyle, str]] = {
    "rap": "p{field}_i{instance}",
    "ukb": "{field}-{instance}.0",
    "r": "f.{field}.{instance}.0",
    "r_underscored": "f_{field}_{instance}_0",
    "phesant": "x{field}_{instance}_0",
    "mangled": "X{field}.{instance}.0",
    "stata": "{kind}_{field}_{instance}_0",
    "title": "{title} | Instance {instance}",
}
_STATA_KINDS: Final = {"text": "s", "date": "ts"}


def name_field(field: int, instance: int = 0) -> str:
    """Return the one name that a field and instance have here, in the style of RAP exports.

    Examples
    --------
    >>> name_field(2020)
    'p2020_i0'
    """
    return f"p{field}_i{instance}"


@dataclass(frozen=True, slots=True, eq=False)
class Fields:
    """One row per participant and one column per field and instance.

    Parameters
    ----------
    frame : the identifier and columns named by `name_field`; fields without instances stand as
        instance 0. Whole numbers and codes are Int64, measurements Float64, dates Date, other
        codes and words String; a field with an array, or with several answers, is a List of these:
        empty where nothing was recorded, never null. Codes are those of UK Biobank, special
        ones (-1, -3, -7) included. Columns of no field keep their own name and type.
    id_column : name of the identifier: text, sorted, none repeated.
    drops : who was left out on reading, with reasons.
    notes : what a user should know of the source, one sentence each.
    withdrawn : how many of a list of withdrawals are listed, found and unknown; empty without.
    style : how the export spelt the names of its columns, for messages.

    Raises
    ------
    IdentifierError
        Identifiers are absent, not text, repeated or not sorted.

    Examples
    --------
    >>> answers = Fields(pl.DataFrame({"eid": ["1", "2"], "p2020_i0": [1, -3]}))
    >>> answers.get(2020).to_list()
    [1, -3]
    """

    frame: pl.DataFrame
    id_column: str = "eid"
    drops: tuple[Drop, ...] = ()
    notes: tuple[str, ...] = ()
    withdrawn: Mapping[str, int] = field(default_factory=dict[str, int])
    style: NameStyle = "rap"

    def __post_init__(self) -> None:
        check_ids(self.frame, self.id_column, among="participants")

    @property
    def n(self) -> int:
        """Number of participants."""
        return self.frame.height

    @property
    def numbers(self) -> frozenset[int]:
        """Numbers of the fields that are there."""
        named = map(_FIELD.fullmatch, self.frame.columns)
        return frozenset(int(match["field"]) for match in named if match is not None)

    def has(self, field: int, instance: int = 0) -> bool:
        """Tell whether a field and instance is there.

        Examples
        --------
        >>> Fields(pl.DataFrame({"eid": ["1"], "p31_i0": [0]})).has(31)
        True
        """
        return name_field(field, instance) in self.frame.columns

    def spell(self, name: str) -> str:
        """Return the name that the export gives, or would give, to a column named here.

        Parameters
        ----------
        name : of a field, by `name_field`; any other name is its own.

        Examples
        --------
        >>> answers = Fields(pl.DataFrame({"eid": ["1"]}), style="ukb")
        >>> answers.spell("p131298_i0"), Fields(answers.frame).spell("p131298_i0")
        ('131298-0.0', 'p131298')
        """
        match = _FIELD.fullmatch(name)
        if match is None:
            return name
        number, instance = int(match["field"]), int(match["instance"])
        dictionary = load_dictionary()
        info = dictionary.field(number) if dictionary.knows(number) else None
        pattern = _SPELLINGS["rap" if self.style == "title" and info is None else self.style]
        if info is not None and not info.instances:  # no visit in the names of the platform
            pattern = pattern.removesuffix("_i{instance}").removesuffix(" | Instance {instance}")
        kind = "n" if info is None else _STATA_KINDS.get(info.kind, "n")
        title = "" if info is None else info.title
        return pattern.format(field=number, instance=instance, kind=kind, title=title)

    def get(self, field: int, instance: int = 0) -> pl.Series:
        """Return the column of a field.

        Raises
        ------
        ColumnError
            The field is not there.

        Examples
        --------
        >>> Fields(pl.DataFrame({"eid": ["1"], "p31_i0": [0]})).get(31).to_list()
        [0]
        """
        return self.column(name_field(field, instance))

    def column(self, name: str) -> pl.Series:
        """Return a column by its name.

        Raises
        ------
        ColumnError
            There is no column of that name.

        Examples
        --------
        >>> Fields(pl.DataFrame({"eid": ["1"], "age": [61]})).column("age").to_list()
        [61]
        """
        if name not in self.frame.columns:
            raise ColumnError(f"no column {name!r}{nearest(name, self.frame.columns)}")
        return self.frame[name]
