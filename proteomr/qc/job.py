"""The job of `qc`: a store, a policy, and a second store of what is left."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, cast

import polars as pl

from proteomr.execute import Executor
from proteomr.io import (
    PeopleChoice,
    choose_samples,
    read_people_list,
    read_store,
    remove_withdrawn_samples,
)
from proteomr.io.store_writing import STORE_RESULTS, estimate_disk, estimate_writing, fill_store
from proteomr.qc.assess import Assessment, apply, assess
from proteomr.qc.bridging import Bridged, bridge
from proteomr.qc.components import check_components
from proteomr.qc.corrections import Correction, find_groups
from proteomr.qc.detection import find_limits_of_controls, read_limits, set_limits
from proteomr.qc.exclusions import count_exclusions, list_idle_rules, list_rules
from proteomr.qc.imputation import Imputation
from proteomr.qc.masking import Masking, mask
from proteomr.qc.policy import DEFAULT_POLICY, Policy, restore_policy
from proteomr.qc.request import ASSESSED, BRIDGING, CONTROLS, MASKED, QcRequest
from proteomr.qc.run import change_values
from proteomr.runs import (
    EVERYTHING,
    Forecast,
    Ledger,
    Outcome,
    Results,
    Source,
    TableFormat,
    call_job,
    open_scratch,
)
from proteomr.runs.parts import Parts
from proteomr.tables import Measurements

__all__ = ["QcJob", "describe_rules", "qc", "read_assessment"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What is assessed, tables of how it came about, and the notes that stores had before."""

    measured: Measurements
    tables: Mapping[str, pl.DataFrame]
    notes: frozenset[str]


@dataclass(frozen=True, slots=True)
class QcJob:
    """A store to the store of what a policy leaves.

    The assessment is kept where the job is stopped after it; the steps that follow begin again.
    """

    request: QcRequest
    main: ClassVar[str] = "qc_assays"
    as_file: ClassVar[bool] = False
    people: ClassVar[tuple[str, ...]] = (EVERYTHING,)

    @property
    def results(self) -> Sequence[str]:
        """Files that the store may have."""
        names = (*ASSESSED, *self.request.list_further_tables())
        return (*STORE_RESULTS, *(f"{name}.parquet" for name in names))

    def plan(self, *, threads: int) -> Forecast:
        """Assess the store, and say what would leave."""
        del threads
        started = time.perf_counter()
        measured = self._prepare().measured
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
            disk_bytes=estimate_disk(measured),
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
        prepared = self._prepare()
        cleaned = change_values(
            prepared.measured,
            self._take_assessment(prepared.measured, ledger.parts),
            correction=request.correction,
            imputation=request.imputation,
            components=request.components,
        )
        _log_result(cleaned.measured)
        notes = tuple(note for note in cleaned.measured.notes if note not in prepared.notes)
        extra = {**cleaned.tables, **prepared.tables}
        described = fill_store(cleaned.measured, ledger, extra=extra)
        resolved = {"store": described, "resolved_policy": request.policy.settings()}
        return Outcome(configuration=resolved, notes=notes)

    def _prepare(self) -> _Prepared:
        """Return what is assessed: bridged, with limits and without masked values as asked."""
        request = self.request
        tables: dict[str, pl.DataFrame] = {}
        measured = self._read_store(request.store)
        notes = list(measured.notes)
        if request.reference is not None:
            reference = self._read_store(request.reference)
            notes += reference.notes
            bridged = self._bridge(measured, reference)
            measured, tables[BRIDGING] = bridged.measured, bridged.assays
        if request.limits == CONTROLS:
            limits = find_limits_of_controls(measured)
            measured = set_limits(measured, limits, source="the negative controls")
        elif request.limits is not None:
            limits = read_limits(request.limits.path, measured=measured)
            measured = set_limits(measured, limits, source=f"the file {request.limits.name}")
        if request.masking is not None:
            masked = mask(measured, masking=request.masking, policy=request.policy)
            measured, tables[MASKED] = masked
        return _Prepared(measured, tables, frozenset(notes))

    def _read_store(self, store: Source) -> Measurements:
        _log.info("reading %s", store.name)
        measured = read_store(store.path)
        if self.request.withdrawn is not None:
            measured = remove_withdrawn_samples(measured, self.request.withdrawn.path)
        with open_scratch() as scratch:
            return choose_samples(measured, self.request.people, scratch=scratch)

    def _bridge(self, measured: Measurements, reference: Measurements) -> Bridged:
        stores = self.request.store, self.request.reference
        names = tuple(Path(store.name).name for store in stores if store is not None)
        if len(names) < 2 or names[0] == names[1]:
            names = ("project", "reference")
        listed = self.request.bridges
        bridges = None if listed is None else read_people_list(listed.path).ids.to_list()
        return bridge(measured, reference, names=(names[0], names[1]), bridges=bridges)

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
    tables = {name: results.table(name) for name in ASSESSED}
    return _join_tables(restore_policy(cast("dict[str, object]", policy)), tables)


def _join_tables(policy: Policy, tables: Mapping[str, pl.DataFrame]) -> Assessment:
    return Assessment(policy, *(tables[name] for name in ASSESSED))


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
    reference: str | Path | None = None,
    bridges: str | Path | None = None,
    limits: str | Path | None = None,
    masking: Masking | None = None,
    where: str | None = None,
    keep: str | Path | None = None,
    remove: str | Path | None = None,
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
    reference : store of another project, to whose scale this one is brought, see
        :func:`proteomr.qc.bridge`; the result holds the samples of both.
    bridges : file with names of the samples that both measured, one a line; None for all names that
        they share.
    limits : of detection: ``controls`` for those of negative controls, or a file; None for those of
        the store.
    masking : of values that the laboratory's checks failed; None for none.
    where, keep, remove : which samples are asked for, see :class:`proteomr.io.PeopleChoice`.
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
        The store was altered or damaged, there are no plates to correct for, no bridge samples, no
        negative controls or no flags, or people miss too many values to impute.
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
        reference=reference,
        bridges=bridges,
        limits=limits,
        masking=masking,
        people=PeopleChoice.of(where=where, keep=keep, remove=remove),
    )
    return call_job(
        QcJob(request),
        out=out,
        threads=threads,
        formats=formats,
        resume=resume,
        overwrite=overwrite,
    )
