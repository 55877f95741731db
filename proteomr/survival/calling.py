"""`survive` as a function of the library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from proteomr.association import ModelSpec, make_request
from proteomr.io import PeopleChoice, ProteinChoice
from proteomr.runs import Results, call_job
from proteomr.runs.request import Data
from proteomr.scan import FollowUp
from proteomr.survival.job import SurviveJob
from proteomr.survival.request import SurviveRequest

__all__ = ["survive"]


def survive(
    samples: Data,
    proteins: Data | Sequence[Data] = (),
    *,
    models: ModelSpec,
    outcomes: str | Sequence[str | FollowUp] = (),
    lags: float | Sequence[float] = 0.0,
    protein_covariates: Mapping[str, Data] | None = None,
    assays: Data | None = None,
    withdrawn: Data | None = None,
    id_column: str | None = None,
    sample_columns: Sequence[str] = (),
    people: PeopleChoice | None = None,
    chosen_proteins: ProteinChoice | None = None,
    out: str | Path | None = None,
    threads: int | None = None,
    resume: bool = False,
    overwrite: bool = False,
) -> Results:
    """Fit what every protein says of when outcomes happen.

    With ``P`` a protein transformed within the complete cases of the fit and ``Z`` the covariates,
    the Cox model is ``hazard(t) = baseline(t) exp(b P + Z c)``; see the families for the others.

    Parameters
    ----------
    samples, proteins : as of :func:`proteomr.associate`.
    models : family, adjustment sets and options; of a family of times.
    outcomes : names of outcomes, whose times are in columns NAME_years, or columns by
        :class:`proteomr.scan.FollowUp`; none where the models have them.
    lags : time from the beginning in which events do not count; several are a scan each.
    protein_covariates, assays, withdrawn, id_column, sample_columns : as of `associate`.
    people, chosen_proteins : who is analysed, and which proteins.
    out : run folder; None keeps the tables in memory.
    threads : blocks fitted at once; None for all processors.
    resume, overwrite : go on with, or replace, an earlier run in the folder.

    Returns
    -------
    Results with the tables ``associations``, ``attrition`` and ``summary``, and those that the
    models are asked for.

    Raises
    ------
    UsageError, FormulaError, ColumnError, InputError
        What is named is not there, or cannot serve.

    Examples
    --------
    >>> import numpy as np
    >>> import polars as pl
    >>> generator, ids = np.random.default_rng(1), [f"{i:03d}" for i in range(300)]
    >>> level = generator.normal(size=300)
    >>> years = generator.exponential(10 * np.exp(-level))
    >>> people = pl.DataFrame(
    ...     {"ID": ids, "death": years < 14, "death_years": np.minimum(years, 14.0)})
    >>> results = survive(
    ...     people, pl.DataFrame({"ID": ids, "GDF15": level}), models=ModelSpec("cox"),
    ...     outcomes="death")
    >>> bool(results.table()["ratio"][0] > 2)
    True
    """
    named = (outcomes,) if isinstance(outcomes, str) else tuple(outcomes)
    if named:
        follow_up = replace(
            models.follow_up,
            outcomes=tuple(o if isinstance(o, FollowUp) else FollowUp.named(o) for o in named),
        )
        models = replace(models, follow_up=follow_up)
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
    )
    each = (lags,) if isinstance(lags, int | float) else tuple(lags)
    request = SurviveRequest(scan, tuple(map(float, each)))
    return call_job(
        SurviveJob(request), out=out, threads=threads, resume=resume, overwrite=overwrite
    )
