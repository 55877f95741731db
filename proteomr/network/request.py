"""All that determines the modules of a set of proteins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Self

from proteomr.errors import UsageError
from proteomr.io import PeopleChoice, ProteinChoice, list_proteins
from proteomr.network.options import NetworkOptions
from proteomr.runs import Data, Request, Source
from proteomr.tables import load_schema

__all__ = ["NetworkRequest"]

_VERSION = 2  # of how networks are made, cut and described
_TABLES = (
    *("modules", "eigenproteins", "module_summary", "power"),
    *("tree", "hubs", "edges", "preservation"),
)


@dataclass(frozen=True, slots=True)
class NetworkRequest(Request):
    """The proteins, and how their modules are found.

    Attributes
    ----------
    proteins : wide protein files, or a store.
    options : how.
    samples : a row per person, whose columns a condition may name; None for a store's own, or none.
    preserve_in : proteins of another cohort, in which modules are sought again.
    withdrawn : identifiers of people who have withdrawn.
    id_column, sample_columns : as of `associate`.
    people : who is taken.
    chosen_proteins : which proteins; None for all.

    Raises
    ------
    UsageError
        No proteins are named.
    """

    command: ClassVar[str] = "network"

    proteins: tuple[Source, ...]
    options: NetworkOptions = field(default_factory=NetworkOptions)
    samples: Source | None = None
    preserve_in: tuple[Source, ...] = ()
    withdrawn: Source | None = None
    id_column: str | None = None
    sample_columns: tuple[str, ...] = ()
    people: PeopleChoice = field(default_factory=PeopleChoice)
    chosen_proteins: ProteinChoice | None = None

    def __post_init__(self) -> None:
        if not self.proteins:
            raise UsageError("no protein file is named: proteomr network PROTEINS -o DIR")

    @classmethod
    def of(
        cls,
        proteins: Data | Sequence[Data],
        *,
        options: NetworkOptions | None = None,
        samples: Data | None = None,
        preserve_in: Data | Sequence[Data] = (),
        withdrawn: Data | None = None,
        id_column: str | None = None,
        sample_columns: Sequence[str] = (),
        people: PeopleChoice | None = None,
        chosen_proteins: ProteinChoice | None = None,
    ) -> Self:
        """Return the request for files or frames as a user names them.

        Examples
        --------
        >>> NetworkRequest.of("olink.parquet").options.min_size
        20
        """
        return cls(
            list_proteins(proteins),
            options or NetworkOptions(),
            None if samples is None else Source.of(samples, name="samples"),
            list_proteins(preserve_in),
            Source.of_people(withdrawn, name="withdrawn"),
            id_column,
            tuple(sample_columns),
            people or PeopleChoice(),
            chosen_proteins,
        )

    def formulas(self) -> Mapping[str, int]:
        """Return the versions of the method and of its tables.

        Examples
        --------
        >>> "network" in NetworkRequest.of("olink.parquet").formulas()
        True
        """
        return {"network": _VERSION, **{name: load_schema(name).version for name in _TABLES}}
