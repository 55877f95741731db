"""The job of `qc`: a store, a policy, and a second store of what is left."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final, Self, cast

import polars as pl

from proteomr.errors import UsageError
from proteomr.execute import Executor
from proteomr.io import name_store, read_store, remove_withdrawn_samples
from proteomr.io.store_writing import STORE_RESULTS, estimate_writing, fill_store, store_formulas
from proteomr.qc.assess import Assessment, apply, assess
from proteomr.qc.components import check_components
from proteomr.qc.corrections import Correction, find_groups
from proteomr.qc.exclusions import count_exclusions, list_idle_rules, list_rules
from proteomr.qc.imputation import Imputation
from proteomr.qc.policy import DEFAULT_POLICY, Policy, load_policy, restore_policy
from proteomr.qc.run import change_values
from proteomr.runs import (
    Forecast,
    Ledger,
    Outcome,
    Request,
    Results,
    Source,
    TableFormat,
    call_job,
)
from proteomr.runs.parts import Parts
from proteomr.tables import Measurements, load_schema

__all__ = ["QcJob", "QcRequest", "describe_rules", "qc", "read_assessment"]

_ASSESSED: Final = (  # in the order of the fields of an assessment
    "qc_assays",
    "qc_samples",
    "qc_panels",
    "qc_plates",
    "qc_controls",
    "exclusions",
)
_COMPONENTS: Final = ("principal_components", "loadings")
_MEASURES: Final = 1  # version of assessment, correction, imputation and components together
_log = logging.getLogger(__name__)


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
    """

    command: ClassVar[str] = "qc"

    store: Source
    policy: Policy
    correction: Correction | None = None
    imputation: Imputation | None = None
    components: int | None = None
    withdrawn: Source | None = None

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
    ) -> Self:
        """Return the request for a store as a user names it.

        Parameters
        ----------
        store : its folder.
        policy : of its name, a TOML file, or itself.
        correction, imputation, components : steps that change or add values; None for none.
        withdrawn : identifiers of people who have withdrawn, one a line.

        Raises
        ------
        UsageError
            There is no such policy, or fewer components than one are asked for.
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
        return cls(
            name_store(store),
            policy if isinstance(policy, Policy) else load_policy(policy),
            correction,
            imputation,
            components,
            None if withdrawn is None else Source.of(Path(withdrawn)),
        )

    def formulas(self) -> dict[str, int]:
        """Return the versions of the measures and of the tables.

        Examples
        --------
        >>> QcRequest(Source("store"), load_policy("default")).formulas()["qc"]
        1
        """
        names = (*_ASSESSED, *(_COMPONENTS if self.components is not None else ()))
        schemas = {name: load_schema(name).version for name in names}
        return {**store_formulas(), **schemas, "qc": _MEASURES}


@dataclass(frozen=True, slots=True)
class QcJob:
    """A store to the store of what a policy leaves.

    The assessment is kept where the job is stopped after it; the steps that follow begin again.
    """

    request: QcRequest
    main: ClassVar[str] = "qc_assays"
    as_file: ClassVar[bool] = False

    @property
    def results(self) -> Sequence[str]:
        """Files that the store may have."""
        names = (*_ASSESSED, *(_COMPONENTS if self.request.components is not None else ()))
        return (*STORE_RESULTS, *(f"{name}.parquet" for name in names))

    def plan(self, *, threads: int) -> Forecast:
        """Assess the store, and say what would leave."""
        del threads
        started = time.perf_counter()
        measured = self._read()
        assessment = self._assess(measured)
        writing, memory = estimate_writing(measured)
        # components are found on the whole matrix as doubles, and on a copy of it
        whole = 2 * 8.0 * measured.n * measured.assays.height
        timed = self.request.imputation is None and self.request.components is None
        excluded = dict(assessment.exclusions["kind"].value_counts().rows())
        return Forecast(
            units={
                "samples": measured.n - excluded.get("sample", 0),
                "assays": measured.assays.height - excluded.get("assay", 0),
            },
            seconds=time.perf_counter() - started + writing if timed else None,
            memory_bytes=memory + whole,
            lines=(
                ("policy", assessment.policy.name),
                *(("leaves", rule) for rule in describe_rules(assessment)),
            ),
            parallel=False,
        )

    def run(self, ledger: Ledger, executor: Executor) -> Outcome:
        """Assess the store, and write what is left."""
        del executor
        request = self.request
        measured = self._read()
        cleaned = change_values(
            measured,
            self._take_assessment(measured, ledger.parts),
            correction=request.correction,
            imputation=request.imputation,
            components=request.components,
        )
        notes = cleaned.measured.notes[len(measured.notes) :]
        _log_result(cleaned.measured)
        described = fill_store(cleaned.measured, ledger, extra=cleaned.tables)
        resolved = {"store": described, "resolved_policy": request.policy.settings()}
        return Outcome(configuration=resolved, notes=notes)

    def _read(self) -> Measurements:
        request = self.request
        _log.info("reading %s", request.store.name)
        measured = read_store(request.store.path)
        if request.withdrawn is None:
            return measured
        return remove_withdrawn_samples(measured, request.withdrawn.path)

    def _assess(self, measured: Measurements) -> Assessment:
        """Assess, and refuse what the later steps cannot do."""
        request = self.request
        if request.correction is not None:
            find_groups(measured, by=request.correction.by)
        assessment = assess(measured, policy=request.policy)
        if request.components is not None:
            remaining = apply(measured, assessment)
            check_components(remaining, components=request.components)
        return assessment

    def _take_assessment(self, measured: Measurements, parts: Parts) -> Assessment:
        """Return the assessment, from an earlier process of this run where it came so far."""
        tables = parts.load(0)
        if tables is not None:
            _log.info("the assessment is that of the run that was stopped")
            return _join_tables(self.request.policy, tables)
        assessment = self._assess(measured)
        parts.save(0, assessment.tables)
        return assessment


def describe_rules(assessment: Assessment) -> list[str]:
    """Return what each rule of the policy takes out, as texts such as ``3 assays: missing above``.

    Rules that take nothing are named too; of those whose measure no assay has, this is said.
    """
    counted = {drop.reason: drop.n for drop in count_exclusions(assessment.exclusions)}
    idle = list_idle_rules(assessment.assays, policy=assessment.policy)
    return [
        f"{counted.get(rule, 0):,} {rule}{' (known of no assay)' if rule in idle else ''}"
        for rule in list_rules(assessment.policy)
    ]


def read_assessment(results: Results) -> Assessment:
    """Return the assessment among the results of `qc` in a folder.

    Raises
    ------
    UsageError
        The results are in memory alone.
    """
    policy = read_store(results.where).parameters["policy"]
    tables = {name: results.table(name) for name in _ASSESSED}
    return _join_tables(restore_policy(cast("dict[str, object]", policy)), tables)


def _join_tables(policy: Policy, tables: Mapping[str, pl.DataFrame]) -> Assessment:
    return Assessment(policy, *(tables[name] for name in _ASSESSED))


def _log_result(measured: Measurements) -> None:
    _log.info("%s samples and %s assays stay", measured.n, measured.assays.height)
    for drop in measured.drops:
        _log.info("left out: %s %s (%s)", drop.n, drop.reason, drop.step)


def qc(
    store: str | Path,
    *,
    policy: Policy | str | Path = DEFAULT_POLICY,
    correction: Correction | None = None,
    imputation: Imputation | None = None,
    components: int | None = None,
    withdrawn: str | Path | None = None,
    out: str | Path | None = None,
    formats: Sequence[TableFormat] = ("parquet",),
    threads: int | None = None,
    resume: bool = False,
    overwrite: bool = False,
) -> Results:
    """Return what quality control leaves of a store, with its measures and exclusions.

    Each step that changes values happens only where it is asked for, in the order of
    :func:`proteomr.clean`, which does the same on measurements in memory.

    Parameters
    ----------
    store : folder written by ingest, or by qc itself.
    policy : what makes an assay or a sample leave: default, shen2025, strict, a file that ends in
        .toml, or a policy itself.
    correction : of plates or batches; None for none.
    imputation : of missing values; None for none.
    components : principal components to find; None for none.
    withdrawn : file with identifiers of people who have withdrawn, one a line.
    out : folder of the new store; None keeps the tables in memory.
    formats : of the tables, parquet first; the others stand beside it.
    threads : to work with; None for as many as this process may use.
    resume, overwrite : go on with a run of this same request, or replace what is there.

    Returns
    -------
    results : the tables of a store, and ``qc_assays``, ``qc_samples``, ``qc_panels``,
        ``qc_plates``, ``qc_controls``, ``exclusions``; with components ``principal_components`` and
        ``loadings``.

    Raises
    ------
    RunFolderError
        There is no such store, or the output is in use or holds what is not this request's.
    InputError
        The store was altered or damaged, there are no plates to correct for, or people miss too
        many values to impute.
    NothingToDo
        No assay, or no sample, would be left.
    UsageError
        There is no such policy, or more components are asked for than there are.

    Examples
    --------
    >>> import tempfile
    >>> import polars as pl
    >>> import proteomr
    >>> frame = pl.DataFrame({"sample_id": ["A1", "A2"], "ADM": [1.5, 2.5], "REN": [None, None]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     store = proteomr.ingest(frame, out=f"{folder}/store").folder
    ...     proteomr.qc(store, policy="shen2025").table("exclusions")["name"].to_list()
    ['REN']
    """
    request = QcRequest.of(
        store,
        policy=policy,
        correction=correction,
        imputation=imputation,
        components=components,
        withdrawn=withdrawn,
    )
    return call_job(
        QcJob(request),
        out=out,
        threads=threads,
        formats=formats,
        resume=resume,
        overwrite=overwrite,
    )
