"""What a scan of all proteins is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from proteomr.association.specification import ModelSpec
from proteomr.io import PeopleChoice, ProteinChoice
from proteomr.models import find_family
from proteomr.runs import Request, Source
from proteomr.scan import BLOCK_SIZE
from proteomr.tables import load_schema

__all__ = ["AssociateRequest"]

_PERMUTATIONS = 2  # of their scores; 2: as long in the draws as in the data
_VERSION = 3  # of how rows are chosen, transformed and tested; 3: p values of a fit's own


@dataclass(frozen=True, slots=True)
class AssociateRequest(Request):
    """All that determines the numbers of a scan.

    Attributes
    ----------
    specification : the models.
    samples : one row per person; or a store, for samples and proteins together.
    proteins : wide protein files, or a store.
    protein_covariates : those with a column for each protein or panel, by the name that the
        adjustment sets use.
    assays : table of the assays; None for that of a store.
    withdrawn : identifiers of people who have withdrawn.
    id_column : of every file; None for the usual names.
    sample_columns : columns of the protein files that are no proteins.
    people : who of the samples is analysed.
    chosen_proteins : which proteins are fitted; None for all.
    outcome_files : outcomes in files of their own, by the labels that the specification has.
    effective_tests : whether effective numbers of tests are counted.
    instruments : list of each protein's own instruments.
    genotypes : those that the list names; None where they are columns of the samples.
    kinship : of the people, pairs or a square matrix.
    """

    command: ClassVar[str] = "associate"

    specification: ModelSpec
    samples: Source
    proteins: tuple[Source, ...] = ()
    protein_covariates: Mapping[str, Source] = field(default_factory=dict[str, Source])
    assays: Source | None = None
    withdrawn: Source | None = None
    id_column: str | None = None
    effective_tests: bool = False
    sample_columns: tuple[str, ...] = ()
    people: PeopleChoice = field(default_factory=PeopleChoice)
    chosen_proteins: ProteinChoice | None = None
    outcome_files: Mapping[str, Source] = field(default_factory=dict[str, Source])
    instruments: Source | None = None
    genotypes: Source | None = None
    kinship: Source | None = None

    def formulas(self) -> Mapping[str, int]:
        """Return the versions of the scan, its family, its blocks and its table."""
        permuted = self.specification.permutations.draws > 0
        return {
            "associate": _VERSION,
            self.specification.family: find_family(self.specification.family).version,
            "block_size": BLOCK_SIZE,
            "associations": load_schema("associations").version,
            **({"permutations": _PERMUTATIONS} if permuted else {}),
        }
