"""`replicate` as a function of the library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from proteomr.association import ModelSpec, make_request
from proteomr.io import PeopleChoice, ProteinChoice
from proteomr.replicate.job import ReplicateJob
from proteomr.replicate.request import ReplicateRequest
from proteomr.replicate.schemes import RandomHalves, Scheme
from proteomr.runs import Results, call_job
from proteomr.runs.request import Data

__all__ = ["replicate"]


def replicate(
    samples: Data,
    proteins: Data | Sequence[Data] = (),
    *,
    models: ModelSpec,
    scheme: Scheme | None = None,
    keep_fits: bool = False,
    protein_covariates: Mapping[str, Data] | None = None,
    assays: Data | None = None,
    withdrawn: Data | None = None,
    id_column: str | None = None,
    sample_columns: Sequence[str] = (),
    people: PeopleChoice | None = None,
    chosen_proteins: ProteinChoice | None = None,
    outcome_files: Mapping[str, Data] | None = None,
    instruments: Data | None = None,
    genotypes: Data | None = None,
    kinship: Data | None = None,
    out: str | Path | None = None,
    threads: int | None = None,
    resume: bool = False,
    overwrite: bool = False,
) -> Results:
    """Fit a scan in halves of a cohort, or hold it against another cohort's, and say what agrees.

    In each half everything is done anew: complete cases, transform, levels of factors, fit.

    Parameters
    ----------
    samples, proteins : as of :func:`proteomr.associate`.
    models : what is fitted.
    scheme : :class:`RandomHalves` (100 of them by default), :class:`Folds`, :class:`GivenSplits`,
        :class:`LeaveOut` or :class:`Against`.
    keep_fits : also the fits of all halves, as the table ``replication_fits``.
    protein_covariates, assays, withdrawn, id_column, sample_columns : as of `associate`.
    people, chosen_proteins : who is analysed, and which proteins.
    outcome_files : files of outcomes, by the labels that the models have.
    instruments, genotypes, kinship : as of `associate`.
    out : run folder; None keeps the tables in memory.
    threads : blocks fitted at once; None for all processors.
    resume, overwrite : go on with, or replace, an earlier run in the folder.

    Returns
    -------
    Results with the tables ``replication`` and ``summary``.

    Raises
    ------
    UsageError, FormulaError, ColumnError, InputError
        What is named is not there, or cannot serve.

    Examples
    --------
    >>> import numpy as np
    >>> import polars as pl
    >>> generator, ids = np.random.default_rng(1), [f"{i:03d}" for i in range(200)]
    >>> people = pl.DataFrame({"ID": ids, "age": generator.normal(56, 8, 200)})
    >>> drift = np.outer(people["age"] - 56, [0.3, 0.1, 0.0, -0.2])
    >>> levels = pl.DataFrame(
    ...     generator.normal(size=(200, 4)) + drift, schema=["ADM", "REN", "LEP", "GDF15"]
    ... ).with_columns(ID=pl.Series(ids))
    >>> results = replicate(
    ...     people, levels, models=ModelSpec("linear", ("age",)), scheme=RandomHalves(5))
    >>> bool(results.table()["r_effects"].min() > 0.9)
    True
    """
    scan = make_request(
        models,
        samples,
        proteins,
        protein_covariates=protein_covariates,
        assays=assays,
        withdrawn=withdrawn,
        id_column=id_column,
        sample_columns=tuple(sample_columns),
        people=people,
        chosen_proteins=chosen_proteins,
        outcome_files=outcome_files,
        instruments=instruments,
        genotypes=genotypes,
        kinship=kinship,
    )
    request = ReplicateRequest(scan, RandomHalves() if scheme is None else scheme, keep_fits)
    return call_job(
        ReplicateJob(request), out=out, threads=threads, resume=resume, overwrite=overwrite
    )
