"""What `phenotype` is asked: all that determines what it derives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Final

from proteomr.errors import UsageError
from proteomr.io import PeopleChoice
from proteomr.phenotype.choosing import DeriveOptions
from proteomr.phenotype.imputing import ImputeOptions
from proteomr.runs import Request, Source
from proteomr.tables.table import load_schema

__all__ = ["SCHEMAS", "PhenotypeRequest"]

_FORMULA: Final = 1
SCHEMAS: Final = {
    "counts": "phenotype_counts",
    "flow": "phenotype_flow",
    "comparison": "outcomes_comparison",
    "imputation": "imputation",
}
"""Schemas of the tables that stand beside the phenotypes, by name."""


@dataclass(frozen=True, slots=True)
class PhenotypeRequest(Request):
    """What phenotypes are derived from and by; made by `make_phenotype_job`.

    Parameters
    ----------
    samples : exports of participants.
    definition : digest of the rules and outcomes in force.
    definition_files : those of the definition that are not shipped.
    instance, allow_partial, only : see `DeriveOptions`.
    id_column : name of the identifier in every file; None for the usual names.
    withdrawn : list of people who have withdrawn.
    complete : whether only people with every exposure and covariate are written.
    people : who is asked for; a condition names columns that are made, or fields as p31_i0.
    impute : how missing values are filled in; None for not at all.
    """

    command: ClassVar[str] = "phenotype"

    samples: tuple[Source, ...]
    definition: str
    definition_files: tuple[Source, ...] = ()
    instance: int = 0
    allow_partial: bool = False
    only: tuple[str, ...] = ()
    id_column: str | None = None
    withdrawn: Source | None = None
    complete: bool = False
    people: PeopleChoice = field(default_factory=PeopleChoice)
    impute: ImputeOptions | None = None

    def __post_init__(self) -> None:
        if self.complete and self.impute is not None:
            raise UsageError(
                "--complete leaves out who lacks a covariate, and --impute fills it in: choose "
                "one; associate leaves out who lacks an exposure"
            )

    def formulas(self) -> Mapping[str, int]:
        """Return the versions of the engine and of the tables."""
        versions = {schema: load_schema(schema).version for schema in SCHEMAS.values()}
        return {"phenotype": _FORMULA, **versions}

    @property
    def options(self) -> DeriveOptions:
        """How the definition is applied."""
        return DeriveOptions(self.instance, self.allow_partial, self.only)
