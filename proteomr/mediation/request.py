"""All that determines the numbers of a mediation analysis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from proteomr.io import PeopleChoice, ProteinChoice
from proteomr.mediation.specification import MediationSpec
from proteomr.runs import Request, Source
from proteomr.tables import load_schema

__all__ = ["MediateRequest"]

_VERSION = 7  # of how rows are chosen, effects estimated and tests combined; 7: ties of times


@dataclass(frozen=True, slots=True)
class MediateRequest(Request):
    """What is asked, and the files that it is asked of.

    Attributes
    ----------
    specification : exposures, outcomes, models and intervals.
    samples : one row per person; or a store, for samples and proteins together.
    proteins : wide protein files, or a store.
    protein_covariates : those with a column for each protein or panel, by the name that the
        adjustment sets use.
    assays : table of the assays; None for that of a store.
    withdrawn : identifiers of people who have withdrawn.
    id_column : of every file; None for the usual names.
    sample_columns : columns of the protein files that are no proteins.
    people : who of the samples is analysed.
    chosen_proteins : which proteins are analysed; None for all.
    """

    command: ClassVar[str] = "mediate"

    specification: MediationSpec
    samples: Source
    proteins: tuple[Source, ...] = ()
    protein_covariates: Mapping[str, Source] = field(default_factory=dict[str, Source])
    assays: Source | None = None
    withdrawn: Source | None = None
    id_column: str | None = None
    sample_columns: tuple[str, ...] = ()
    people: PeopleChoice = field(default_factory=PeopleChoice)
    chosen_proteins: ProteinChoice | None = None

    def formulas(self) -> Mapping[str, int]:
        """Return the versions of the analysis and of its tables."""
        tables = ("mediation", "paths", "composite_null")
        return {"mediate": _VERSION, **{name: load_schema(name).version for name in tables}}
