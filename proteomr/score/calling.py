"""`score` as functions of the library, and the requests that they and the command make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from proteomr.io import PeopleChoice, ProteinChoice, list_proteins
from proteomr.runs import Results, Source, call_job
from proteomr.runs.request import Data
from proteomr.scan import FollowUp
from proteomr.score.applying import ApplyScoreJob
from proteomr.score.job import ScoreJob
from proteomr.score.options import Kind, ScoreOptions
from proteomr.score.request import ApplyScoreRequest, ScoreRequest

__all__ = ["apply_score", "make_apply_request", "make_score_request", "score"]


def make_score_request(
    samples: Data,
    proteins: Data | Sequence[Data] = (),
    *,
    outcome: str | FollowUp,
    family: Kind = "auto",
    adjust: Mapping[str, str] | None = None,
    options: ScoreOptions | None = None,
    sets: Data | None = None,
    weights: str | None = None,
    assays: Data | None = None,
    withdrawn: Data | None = None,
    id_column: str | None = None,
    sample_columns: Sequence[str] = (),
    people: PeopleChoice | None = None,
    chosen_proteins: ProteinChoice | None = None,
    event_code: float | None = None,
) -> ScoreRequest:
    """Return the request of a score; see :func:`score`."""
    return ScoreRequest(
        Source.of(samples, name="samples"),
        list_proteins(proteins),
        outcome if isinstance(outcome, str) else None,
        None if isinstance(outcome, str) else outcome,
        family,
        dict(adjust or {}),
        options or ScoreOptions(),
        None if sets is None else Source.of(sets, name="sets"),
        weights,
        None if assays is None else Source.of(assays, name="assays"),
        Source.of_people(withdrawn, name="withdrawn"),
        id_column,
        tuple(sample_columns),
        people or PeopleChoice(),
        chosen_proteins,
        event_code,
    )


def make_apply_request(
    weights: Data,
    proteins: Data | Sequence[Data],
    *,
    ranks: Data | None = None,
    max_absent: float = 0.1,
    withdrawn: Data | None = None,
    id_column: str | None = None,
    sample_columns: Sequence[str] = (),
) -> ApplyScoreRequest:
    """Return the request of scores by given weights; see :func:`apply_score`."""
    source = Source.of(weights, name="weights")
    beside = None if ranks is None else Source.of(ranks, name="weights_ranks")
    if beside is None and source.frame is None:
        folder = source.path if source.path.is_dir() else source.path.parent
        found = folder / "weights_ranks.parquet"
        beside = Source.of(found) if found.is_file() else None
    return ApplyScoreRequest(
        source,
        list_proteins(proteins),
        beside,
        max_absent,
        Source.of_people(withdrawn, name="withdrawn"),
        id_column,
        tuple(sample_columns),
    )


def score(
    samples: Data,
    proteins: Data | Sequence[Data] = (),
    *,
    outcome: str | FollowUp,
    event_code: float | None = None,
    family: Kind = "auto",
    adjust: Mapping[str, str] | None = None,
    options: ScoreOptions | None = None,
    sets: Data | None = None,
    weights: str | None = None,
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
    """Learn a score of proteins that predicts an outcome, and how well it does in others.

    Each outer fold is predicted by an elastic net that was learnt from the people outside of it:
    transforms, medians for missing values, scales, the penalty (by inner folds) and the weights.
    Covariate models, and both together, are fitted beside it, so that what the score adds is told.

    Parameters
    ----------
    samples, proteins : as of :func:`proteomr.associate`.
    outcome : column of numbers or of two levels; or an outcome over time: a name whose times are in
        NAME_years, or its columns by :class:`proteomr.scan.FollowUp`.
    event_code : which event is predicted where an outcome over time has several codes; who has
        another is under observation until then. Without horizons.
    family : linear, logistic or cox; auto: by what the outcome is.
    adjust : covariate models by label.
    options : penalty, folds, horizons; see :class:`proteomr.score.ScoreOptions`.
    sets : file of lists of genes, a score each (GMT).
    weights : column with the sampling weight of each person; 0 leaves a person out. Of learning and
        of all measures; transforms, medians and folds are of people.
    assays, withdrawn, id_column, sample_columns : as of `associate`.
    people, chosen_proteins : who is analysed, and which proteins.
    out : run folder; None keeps the tables in memory.
    threads : folds learnt at once; None for all processors.
    resume, overwrite : go on with, or replace, an earlier run in the folder.

    Returns
    -------
    Results with the tables ``score_performance``, ``weights``, ``weights_ranks``, ``scores``,
    ``tuning``, ``calibration`` and ``decision_curve``; with tests of a gap ``gap_associations``.

    Raises
    ------
    UsageError, FormulaError, ColumnError, InputError
        What is named is not there, or cannot serve.

    Examples
    --------
    >>> import numpy as np
    >>> import polars as pl
    >>> generator, ids = np.random.default_rng(1), [f"{i:03d}" for i in range(200)]
    >>> levels = generator.normal(size=(200, 5))
    >>> people = pl.DataFrame({"ID": ids, "bmi": 27 + levels[:, 0] + generator.normal(size=200)})
    >>> proteins = pl.DataFrame({"ID": ids, **{f"P{j}": levels[:, j] for j in range(5)}})
    >>> results = score(people, proteins, outcome="bmi",
    ...     options=ScoreOptions(folds=4, inner_folds=4))
    >>> row = results.table().row(by_predicate=(
    ...     (pl.col("fold") == "mean") & (pl.col("metric") == "r2")), named=True)
    >>> 0.3 < row["value"] < 0.6
    True
    """
    request = make_score_request(
        samples,
        proteins,
        outcome=outcome,
        event_code=event_code,
        family=family,
        adjust=adjust,
        options=options,
        sets=sets,
        weights=weights,
        assays=assays,
        withdrawn=withdrawn,
        id_column=id_column,
        sample_columns=sample_columns,
        people=people,
        chosen_proteins=chosen_proteins,
    )
    return call_job(ScoreJob(request), out=out, threads=threads, resume=resume, overwrite=overwrite)


def apply_score(
    weights: Data,
    proteins: Data | Sequence[Data],
    *,
    ranks: Data | None = None,
    max_absent: float = 0.1,
    withdrawn: Data | None = None,
    id_column: str | None = None,
    sample_columns: Sequence[str] = (),
    out: str | Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
) -> Results:
    """Score people by weights that were learnt from others, with their centres, scales and ranks.

    A protein that is not there counts as the training median for everybody, and is told with its
    share of the absolute weights.

    Parameters
    ----------
    weights : table ``weights`` of :func:`score`, or its run folder.
    proteins : paths or frames, one column per protein.
    ranks : table ``weights_ranks`` of the same run; found beside weights that are a file.
    max_absent : share of the absolute weights above which the absence of proteins is refused.
    withdrawn, id_column, sample_columns : as of :func:`proteomr.associate`.
    out : run folder; None keeps the tables in memory.
    resume, overwrite : go on with, or replace, an earlier run in the folder.

    Returns
    -------
    Results with the tables ``scores`` and ``absent``.

    Raises
    ------
    ColumnError, InputError
        The weights are no such table, or too many proteins are absent.

    Examples
    --------
    >>> import polars as pl
    >>> weights = pl.DataFrame({"set": ["all"], "protein": ["ADM"], "weight": [2.0],
    ...     "centre": [1.0], "scale": [0.5], "transform": ["none"], "fill": [1.0],
    ...     "intercept": [0.0], "outcome": ["y"], "family": ["linear"]})
    >>> people = pl.DataFrame({"ID": ["1", "2"], "ADM": [1.5, 1.0]})
    >>> apply_score(weights, people).table()["score"].to_list()
    [2.0, 0.0]
    """
    request = make_apply_request(
        weights,
        proteins,
        ranks=ranks,
        max_absent=max_absent,
        withdrawn=withdrawn,
        id_column=id_column,
        sample_columns=sample_columns,
    )
    return call_job(ApplyScoreJob(request), out=out, resume=resume, overwrite=overwrite)
