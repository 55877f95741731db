"""The people, proteins and covariates of a mediation analysis, read from its files."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

from proteomr.io import (
    choose_proteins,
    read_cohort,
    read_protein_covariate,
    split_imputations,
)
from proteomr.mediation.request import MediateRequest
from proteomr.runs import Source
from proteomr.tables import Cohort, ProteinCovariate

__all__ = ["read_people"]

_log = logging.getLogger("proteomr")


def read_people(
    request: MediateRequest, scratch: Path
) -> Iterator[tuple[Cohort, tuple[ProteinCovariate, ...]]]:
    """Yield the cohort and the covariates that its proteins have for themselves.

    Of samples with several imputations once for each.

    Parameters
    ----------
    scratch : folder of what is read from while they serve.

    Raises
    ------
    InputError
        A file is absent, unreadable or not what it should be.
    """
    sources = [request.samples, *request.proteins]
    _log.info("reading %s", ", ".join(source.name for source in sources))
    samples = request.samples.on_disk(scratch)
    proteins = tuple(source.on_disk(scratch) for source in request.proteins)
    for people in split_imputations(samples, scratch=scratch, id_column=request.id_column):
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
        covariates = tuple(
            read_protein_covariate(
                name,
                source.on_disk(scratch),
                cohort=cohort,
                scratch=scratch,
                id_column=request.id_column,
            )
            for name, source in request.protein_covariates.items()
        )
        yield cohort, covariates


def _on_disk(source: Source | None, scratch: Path) -> Path | None:
    return None if source is None else source.on_disk(scratch)
