"""All that determines what `qc` leaves of a store."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Final, Literal, Self

from proteomr.errors import UsageError
from proteomr.io import PeopleChoice, name_store
from proteomr.io.store_writing import store_formulas
from proteomr.qc.corrections import Correction
from proteomr.qc.imputation import Imputation
from proteomr.qc.masking import Masking
from proteomr.qc.policy import DEFAULT_POLICY, Policy, load_policy
from proteomr.runs import Request, Source
from proteomr.tables import load_schema

__all__ = ["ASSESSED", "BRIDGING", "CONTROLS", "MASKED", "QcRequest"]

ASSESSED: Final = (  # in the order of the fields of an assessment
    "qc_assays",
    "qc_samples",
    "qc_panels",
    "qc_plates",
    "qc_controls",
    "exclusions",
)
COMPONENTS: Final = ("principal_components", "loadings")
BRIDGING: Final = "bridging"
MASKED: Final = "masked"
CONTROLS: Final = "controls"
"""Limits of detection from the negative controls of the store."""
_MEASURES: Final = 2  # version of all that measures or changes values here, together


@dataclass(frozen=True, slots=True)
class QcRequest(Request):
    """All that determines what is left of a store.

    Attributes
    ----------
    store : folder written by ingest, or by qc itself.
    policy : what makes an assay or a sample leave.
    correction : of plates or batches; None for none.
    imputation : of missing values; None for none.
    components : principal components to find; None for none.
    withdrawn : identifiers of people who have withdrawn.
    reference : store of another project, to whose scale this one is brought; None for none.
    bridges : names of the samples that both measured; None for all that they share.
    limits : of detection: None for those of the store, ``controls``, or a file.
    masking : of values that the laboratory's checks failed; None for none.
    people : which samples of the stores are asked for.
    """

    command: ClassVar[str] = "qc"

    store: Source
    policy: Policy
    correction: Correction | None = None
    imputation: Imputation | None = None
    components: int | None = None
    withdrawn: Source | None = None
    reference: Source | None = None
    bridges: Source | None = None
    limits: Source | Literal["controls"] | None = None
    masking: Masking | None = None
    people: PeopleChoice = field(default_factory=PeopleChoice)

    @classmethod
    def of(
        cls,
        store: str | Path,
        *,
        policy: Policy | str | Path = DEFAULT_POLICY,
        correction: Correction | None = None,
        imputation: Imputation | None = None,
        components: int | None = None,
        withdrawn: str | Path | None = None,
        reference: str | Path | None = None,
        bridges: str | Path | None = None,
        limits: str | Path | None = None,
        masking: Masking | None = None,
        people: PeopleChoice | None = None,
    ) -> Self:
        """Return the request for a store as a user names it.

        Parameters
        ----------
        store : its folder.
        policy : of its name, a TOML file, or itself.
        correction, imputation, components : steps that change or add values; None for none.
        withdrawn : identifiers of people who have withdrawn, one a line.
        reference : store of another project, to whose scale this one is brought.
        bridges : file with names of the samples that both measured, one a line.
        limits : ``controls`` for limits of detection from negative controls, or a file of them.
        masking : of values that the laboratory's checks failed.
        people : which samples of the stores are asked for; None for all.

        Raises
        ------
        UsageError
            There is no such policy, fewer components than one are asked for, or bridge samples
            without a project to bridge to.
        RunFolderError
            There is no such store.

        Examples
        --------
        >>> QcRequest.of("nowhere", policy="shen2025")
        Traceback (most recent call last):
        ...
        proteomr.errors.RunFolderError: nowhere: is no store; make one with proteomr ingest
        """
        if components is not None and components < 1:
            raise UsageError(f"{components} principal components; at least 1 is needed")
        if bridges is not None and reference is None:
            raise UsageError("bridge samples need the project that they lead to (--bridge STORE)")
        chosen = None if limits is None or limits == CONTROLS else Source.of(Path(limits))
        return cls(
            name_store(store),
            policy if isinstance(policy, Policy) else load_policy(policy),
            correction,
            imputation,
            components,
            Source.of_people(withdrawn, name="withdrawn"),
            None if reference is None else name_store(reference),
            Source.of_people(bridges, name="bridges"),
            CONTROLS if limits == CONTROLS else chosen,
            masking,
            people or PeopleChoice(),
        )

    def formulas(self) -> dict[str, int]:
        """Return the versions of the measures and of the tables.

        Examples
        --------
        >>> QcRequest(Source("store"), load_policy("default")).formulas()["qc"]
        2
        """
        names = (*ASSESSED, *self.list_further_tables())
        schemas = {name: load_schema(name).version for name in names}
        return {**store_formulas(), **schemas, "qc": _MEASURES}

    def list_further_tables(self) -> tuple[str, ...]:
        """Return the tables that are there only where they are asked for.

        Examples
        --------
        >>> QcRequest(Source("store"), load_policy("default"), components=2).list_further_tables()
        ('principal_components', 'loadings')
        """
        return (
            *(COMPONENTS if self.components is not None else ()),
            *((BRIDGING,) if self.reference is not None else ()),
            *((MASKED,) if self.masking is not None else ()),
        )
