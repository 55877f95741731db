"""From a request to plans: the files of a scan, read."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from proteomr.association.file_order import doubt_order
from proteomr.association.plan import Plan, plan_scan
from proteomr.association.request import AssociateRequest
from proteomr.io import (
    OutcomeTable,
    choose_proteins,
    read_cohort,
    read_kinship,
    read_outcomes,
    read_protein_covariate,
    read_protein_instruments,
    read_spells,
    split_imputations,
)
from proteomr.runs import Source
from proteomr.stats.relatedness import Relatedness
from proteomr.tables import Cohort, ProteinCovariate, ProteinInstruments

__all__ = ["plans_of"]

_log = logging.getLogger("proteomr")


def plans_of(request: AssociateRequest, scratch: Path) -> Iterator[Callable[..., Plan]]:
    """Yield what lays out the scan, `plan_scan` with its inputs, for each imputation.

    Parameters
    ----------
    scratch : folder of what is read from while they serve.

    Raises
    ------
    InputError
        A file is absent, unreadable or not what it should be.
    """
    for cohort, covariates in _read(request, scratch):
        yield partial(
            plan_scan,
            cohort,
            request.specification,
            covariates=covariates,
            outcomes=_read_outcomes(request, cohort, scratch),
            instruments=_read_instruments(request, cohort, scratch),
            kinship=_read_kinship(request, cohort, scratch),
        )


def _read(
    request: AssociateRequest, scratch: Path
) -> Iterator[tuple[Cohort, list[ProteinCovariate]]]:
    """Return the cohort with its covariates, for each imputation of the samples."""
    sources = [request.samples, *request.proteins]
    _log.info("reading %s", ", ".join(source.name for source in sources))
    samples = request.samples.on_disk(scratch)
    proteins = tuple(source.on_disk(scratch) for source in request.proteins)
    spec = request.specification
    if spec.follow_up.person is not None:
        yield _read_spells(request, samples, proteins, scratch)
        return
    for people in split_imputations(samples, scratch=scratch, id_column=request.id_column):
        with doubt_order(people, proteins, request.specification.targets, scratch):
            cohort = read_cohort(
                people,
                proteins,
                scratch=scratch,
                id_column=request.id_column,
                assays=_on_disk(request.assays, scratch),
                withdrawn=_on_disk(request.withdrawn, scratch),
                people=request.people,
                sample_columns=request.sample_columns,
            )
        if request.chosen_proteins is not None:
            cohort = choose_proteins(cohort, request.chosen_proteins, scratch=scratch)
        yield cohort, _read_covariates(request, cohort, scratch)


def _read_spells(
    request: AssociateRequest, samples: Path, proteins: tuple[Path, ...], scratch: Path
) -> tuple[Cohort, list[ProteinCovariate]]:
    """Return the cohort of spells with its covariates, those of each person in all of theirs."""
    options = request.specification.follow_up
    outcome = options.outcomes[0]
    spells = read_spells(
        samples,
        proteins,
        person=str(options.person),
        start=str(outcome.entry),
        stop=outcome.time,
        scratch=scratch,
        assays=_on_disk(request.assays, scratch),
        withdrawn=_on_disk(request.withdrawn, scratch),
        people=request.people,
        sample_columns=request.sample_columns,
    )
    people, cohort = spells.people, spells.cohort
    if request.chosen_proteins is not None:
        people = choose_proteins(people, request.chosen_proteins, scratch=scratch)
        cohort = choose_proteins(cohort, request.chosen_proteins, scratch=scratch)
    return cohort, [spells.repeat(one) for one in _read_covariates(request, people, scratch)]


def _read_covariates(
    request: AssociateRequest, cohort: Cohort, scratch: Path
) -> list[ProteinCovariate]:
    return [
        read_protein_covariate(
            name,
            source.on_disk(scratch),
            cohort=cohort,
            scratch=scratch,
            id_column=request.id_column,
        )
        for name, source in request.protein_covariates.items()
    ]


def _read_outcomes(request: AssociateRequest, cohort: Cohort, scratch: Path) -> list[OutcomeTable]:
    formulas = request.specification.outcome_options.formulas()
    return [
        read_outcomes(
            request.outcome_files[label].on_disk(scratch),
            label=label,
            cohort=cohort,
            formula=formula,
            id_column=request.id_column,
        )
        for label, formula in formulas.items()
    ]


def _read_instruments(
    request: AssociateRequest, cohort: Cohort, scratch: Path
) -> ProteinInstruments | None:
    if request.instruments is None:
        return None
    return read_protein_instruments(
        request.instruments.on_disk(scratch),
        _on_disk(request.genotypes, scratch),
        cohort=cohort,
        scratch=scratch,
        id_column=request.id_column,
    )


def _read_kinship(request: AssociateRequest, cohort: Cohort, scratch: Path) -> Relatedness | None:
    if request.kinship is None:
        return None
    return read_kinship(request.kinship.on_disk(scratch), cohort.samples[cohort.id_column])


def _on_disk(source: Source | None, scratch: Path) -> Path | None:
    return None if source is None else source.on_disk(scratch)
