"""`associate` as a job: from files or frames of people and proteins to tables of associations."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, cast

import polars as pl

from proteomr.association.attrition import describe_people
from proteomr.association.effective import count_effective_tests, set_thresholds
from proteomr.association.file_order import doubt_order
from proteomr.association.forecast import estimate_joining, keep
from proteomr.association.oddities import describe_oddities
from proteomr.association.outputs import ColumnStyle, collect_run, describe_run
from proteomr.association.plan import Plan, plan_scan
from proteomr.association.specification import ModelSpec, TestFamily, refuse_no_sets
from proteomr.errors import NothingToDo
from proteomr.execute import Executor, Shard, Threads, available_threads
from proteomr.io import find_files, read_cohort, read_protein_covariate
from proteomr.models import find_family
from proteomr.runs import (
    Account,
    Forecast,
    Ledger,
    Outcome,
    Output,
    Request,
    Results,
    Source,
    describe_request,
    open_scratch,
    run_job,
)
from proteomr.runs.notes import add_note, collect_notes
from proteomr.runs.request import Data
from proteomr.runs.timing import Spent, Stopwatch, peak_memory
from proteomr.scan import BLOCK_SIZE, count_people, estimate_cost, run_parts
from proteomr.stats.sandwich import ErrorKind
from proteomr.stats.transforms import Transform
from proteomr.tables import Cohort, ProteinCovariate, load_schema

__all__ = ["AssociateJob", "AssociateRequest", "associate", "describe_plan", "make_request"]

_VERSION = 2  # of how rows are chosen, transformed and tested; 2: certified fits
_log = logging.getLogger("proteomr")


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
    effective_tests : whether effective numbers of tests are counted.
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

    def formulas(self) -> Mapping[str, int]:
        """Return the versions of the scan, its family, its blocks and its table."""
        return {
            "associate": _VERSION,
            self.specification.family: find_family(self.specification.family).version,
            "block_size": BLOCK_SIZE,
            "associations": load_schema("associations").version,
        }


@dataclass(frozen=True, slots=True)
class AssociateJob:
    """A scan of all proteins against exposures or outcomes.

    Parameters
    ----------
    request : what is asked.
    columns : names of the columns, proteomr's own or those of the R package broom.
    shard : the share of the blocks that a plan is of.
    """

    main: ClassVar[str] = "associations"
    as_file: ClassVar[bool] = False
    people: ClassVar[tuple[str, ...]] = ()

    request: AssociateRequest
    columns: ColumnStyle = "native"
    shard: Shard | None = None

    @property
    def results(self) -> Sequence[str]:
        """Names of the results."""
        effective = ("effective_tests.tsv",) if self.request.effective_tests else ()
        return ("associations.parquet", "summary.tsv", "attrition.tsv", *effective)

    def plan(self, *, threads: int) -> Forecast:
        """Lay out the scan, work through as many blocks as are fitted at once, and join them."""
        watch, started = Stopwatch(), time.process_time()
        describe_request(self.request)  # the run digests its inputs first
        with self.open_plan() as (plan, _), open_scratch() as scratch:
            blocks = plan.blocks if self.shard is None else self.shard.select(plan.blocks)
            if not blocks:
                raise NothingToDo(f"shard {self.shard} has none of the {len(plan.blocks)} blocks")
            opened = Spent(started, started) + watch.read()
            cost = estimate_cost(
                plan,
                blocks,
                threads=threads,
                keep=lambda part: keep(part, scratch / "part.parquet"),
            )
            proteins = sum(len(block.proteins) for block in blocks)
            joining, table = estimate_joining(
                cost.parts, plan.spec, share=proteins / cost.timed, scratch=scratch
            )
            spent = opened + cost.blocks + joining
            return Forecast(
                units={"people": plan.cohort.n, "proteins": proteins, "fits": cost.fits},
                path=cost.path,
                seconds=spent.processors,
                elapsed=spent.elapsed,
                memory_bytes=peak_memory() + table,
                lines=(
                    ("complete", f"{cost.people} people for exposure and covariates"),
                    ("blocks", f"{len(blocks)}, with {plan.tests_per_protein} fits a protein"),
                    *describe_plan(plan),
                    *(("in model", said) for said in describe_people(count_people(plan))),
                    ("timed", f"{cost.timed} proteins"),
                ),
            )

    def run(self, ledger: Ledger, executor: Executor) -> Outcome:
        """Fit the blocks that the ledger lacks; of a whole run, join them and test."""
        with self.open_plan() as (plan, notes):
            for note in notes:
                add_note(note)  # the run keeps them, and tells them in its manifest
            ledger.parts.keep_facts(describe_run(plan))
            run_parts(plan, ledger.parts, executor=executor, shard=ledger.shard)
            if ledger.shard is not None:
                return Outcome()
            effective = _count_effective(plan) if self.request.effective_tests else None
        return collect_run(ledger, columns=self.columns, effective=effective)

    @contextlib.contextmanager
    def open_plan(self) -> Iterator[tuple[Plan, tuple[str, ...]]]:
        """Read the inputs and lay out the scan, with what of them looks odd, said at once.

        The files serve while this is open.
        """
        with open_scratch() as scratch:
            with collect_notes() as told:
                cohort, covariates = _read(self.request, scratch)
                plan = plan_scan(cohort, self.request.specification, covariates=covariates)
            _log.info("%s people, %s proteins", plan.cohort.n, len(plan.cohort.proteins.names))
            for label, text in describe_plan(plan):
                _log.info("%s: %s", label, text)
            notes = tuple(dict.fromkeys((*told, *describe_oddities(plan))))
            for note in notes:
                _log.warning("note: %s", note)
            yield plan, notes


def associate(
    samples: Data,
    proteins: Data | Sequence[Data] = (),
    *,
    family: str,
    exposure: str | Sequence[str] = (),
    outcome: str | Sequence[str] = (),
    adjust: Mapping[str, str] | None = None,
    transform: Transform = "rint",
    interaction: str | None = None,
    strata: str | None = None,
    weights: str | None = None,
    cluster: str | None = None,
    errors: ErrorKind = "classical",
    firth: bool = False,
    tests: TestFamily = "joint",
    level: float = 0.95,
    reference_level: str | None = None,
    effective_tests: bool = False,
    protein_covariates: Mapping[str, Data] | None = None,
    assays: Data | None = None,
    withdrawn: Data | None = None,
    id_column: str | None = None,
    sample_columns: str | Sequence[str] = (),
    out: str | Path | None = None,
    columns: ColumnStyle = "native",
    threads: int | None = None,
    resume: bool = False,
    overwrite: bool = False,
) -> Results:
    """Fit every protein to every exposure or outcome under every adjustment set.

    With ``x`` an exposure, ``P`` a protein transformed within the complete cases of the fit and
    ``Z`` the covariates: linear ``P = b x + Z c + e``; logistic ``logit P(x = 1) = b P + Z c``. An
    outcome ``y`` is the response of either: linear ``y = b P + Z c + e``. Each protein has its own
    complete cases, over target, covariates, the protein and its own covariates.

    Parameters
    ----------
    samples : path or frame, one row per person; or a store, for samples and proteins together.
    proteins : paths or frames, one column per protein, joined on the identifier; or a store.
    family : linear or logistic.
    exposure, outcome : columns of the samples; the one or the other.
    adjust : adjustment sets by label, such as ``{"simple": "age + sex"}``; none without.
    transform, interaction, strata, weights, cluster, errors, firth, level, reference_level : of the
        models, see :class:`ModelSpec`.
    tests : what multiple testing spans in each adjustment set: all targets jointly, or each.
    effective_tests : count the independent tests that the proteins amount to.
    protein_covariates : covariates with a column for each protein or panel, by name.
    assays, withdrawn, id_column : as the options of the command.
    sample_columns : columns of the protein files that are no proteins.
    out : run folder; None keeps the tables in memory.
    columns : native, or the names of the R package broom.
    threads : blocks fitted at once; None for all processors.
    resume, overwrite : go on with, or replace, an earlier run in the folder.

    Returns
    -------
    Results with the tables ``associations`` and ``summary``.

    Raises
    ------
    UsageError, FormulaError, ColumnError, InputError
        What is named is not there, or cannot serve.

    Examples
    --------
    >>> import numpy as np
    >>> import polars as pl
    >>> generator, ids = np.random.default_rng(1), [f"{i:03d}" for i in range(200)]
    >>> people = pl.DataFrame({
    ...     "ID": ids, "lonely": np.arange(200) % 2, "age": generator.normal(56, 8, 200)})
    >>> levels = pl.DataFrame({
    ...     "ID": ids, "ADM": generator.normal(size=200) + np.arange(200) % 2,
    ...     "REN": generator.normal(size=200)})
    >>> results = associate(
    ...     people, levels, family="logistic", exposure="lonely", adjust={"simple": "age"})
    >>> results.table().filter(pl.col("q_bh") < 0.05)["protein"].to_list()
    ['ADM']
    """
    refuse_no_sets({} if adjust is None else adjust)
    spec = ModelSpec(
        family,
        _names(exposure),
        dict(adjust) if adjust else {"unadjusted": "1"},
        transform=transform,
        strata=strata,
        firth=firth,
        test_family=tests,
        interaction=interaction,
        errors=errors,
        cluster=cluster,
        weights=weights,
        level=level,
        outcomes=_names(outcome),
        reference_level=reference_level,
    )
    request = make_request(
        spec,
        samples,
        proteins,
        protein_covariates=protein_covariates,
        assays=assays,
        withdrawn=withdrawn,
        id_column=id_column,
        effective_tests=effective_tests,
        sample_columns=_names(sample_columns),
    )
    workers = available_threads() if threads is None else threads
    form = {"columns": columns}
    path = None if out is None else Path(out)
    return run_job(
        AssociateJob(request, columns),
        Output(path, resume=resume, overwrite=overwrite, form=form),
        executor=Threads(workers),
        account=Account(configuration=form, threads=workers),
    )


def make_request(
    spec: ModelSpec,
    samples: Data,
    proteins: Data | Sequence[Data] = (),
    *,
    protein_covariates: Mapping[str, Data] | None = None,
    assays: Data | None = None,
    withdrawn: Data | None = None,
    id_column: str | None = None,
    effective_tests: bool = False,
    sample_columns: Sequence[str] = (),
) -> AssociateRequest:
    """Return the request for paths or frames; a glob among the proteins is resolved.

    Raises
    ------
    InputError
        A glob of proteins names no file.
    """
    several = list(proteins) if isinstance(proteins, list | tuple) else [proteins]
    opened: list[Source] = []
    for place, data in enumerate(several):
        if isinstance(data, str | Path):
            opened += [Source.of(path) for path in find_files([Path(data)])]
        else:
            opened.append(Source.of(data, name=f"proteins{place + 1}"))
    named = protein_covariates or {}
    return AssociateRequest(
        spec,
        Source.of(samples, name="samples"),
        tuple(opened),
        {name: Source.of(data, name=name) for name, data in named.items()},
        None if assays is None else Source.of(assays, name="assays"),
        Source.of_people(withdrawn, name="withdrawn"),
        id_column,
        effective_tests,
        tuple(sample_columns),
    )


def describe_plan(plan: Plan) -> list[tuple[str, str]]:
    """Return the models of a plan and the people it leaves out, as labelled lines."""
    spec = plan.spec
    drops = [drop for drop in (*plan.cohort.drops, *plan.drops) if drop.n]
    return [
        ("model", f"{spec.family}, {spec.direction}, transform {spec.transform}"),
        *((label, str(formula)) for label, formula in spec.formulas().items()),
        *(("left out", f"{drop.n}: {drop.reason} ({drop.step})") for drop in drops),
    ]


def _read(request: AssociateRequest, scratch: Path) -> tuple[Cohort, list[ProteinCovariate]]:
    sources = [request.samples, *request.proteins]
    _log.info("reading %s", ", ".join(source.name for source in sources))
    people = request.samples.on_disk(scratch)
    proteins = tuple(source.on_disk(scratch) for source in request.proteins)
    with doubt_order(people, proteins, request.specification.targets, scratch):
        cohort = read_cohort(
            people,
            proteins,
            scratch=scratch,
            id_column=request.id_column,
            assays=_on_disk(request.assays, scratch),
            withdrawn=_on_disk(request.withdrawn, scratch),
            sample_columns=request.sample_columns,
        )
    covariates = [
        read_protein_covariate(
            name,
            source.on_disk(scratch),
            cohort=cohort,
            scratch=scratch,
            id_column=request.id_column,
        )
        for name, source in request.protein_covariates.items()
    ]
    return cohort, covariates


def _on_disk(source: Source | None, scratch: Path) -> Path | None:
    return None if source is None else source.on_disk(scratch)


def _count_effective(plan: Plan) -> pl.DataFrame:
    _log.info("counting the effective tests")
    counts = count_effective_tests(plan.cohort, transform=plan.spec.transform)
    joint = plan.spec.test_family == "joint"
    return set_thresholds(counts, exposures=len(plan.targets) if joint else 1)


def _names(names: str | Sequence[str] | None) -> tuple[str, ...]:
    if isinstance(names, str):
        return (names,)
    if names is None:
        return ()
    # anything else than a list of names goes on as it is, for the specification to refuse
    return tuple(names) if isinstance(names, tuple | list) else cast("tuple[str, ...]", names)
