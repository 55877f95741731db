"""`associate` as a job: from files or frames of people and proteins to tables of associations."""

from __future__ import annotations

import contextlib
import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

import polars as pl

from proteomr.association.attrition import describe_people
from proteomr.association.block_correlation import assume_independence, settle_blocks
from proteomr.association.effective import count_effective_tests, set_thresholds
from proteomr.association.forecast import estimate_disk, estimate_joining, keep
from proteomr.association.oddities import describe_oddities
from proteomr.association.opening import plans_of
from proteomr.association.outcome_options import OutcomeOptions
from proteomr.association.outputs import ColumnStyle, collect_run, describe_run
from proteomr.association.plan import Plan, number_blocks
from proteomr.association.request import AssociateRequest
from proteomr.errors import NothingToDo, UsageError
from proteomr.execute import Executor, Shard
from proteomr.models import ModerationOptions
from proteomr.runs import (
    Forecast,
    Ledger,
    Outcome,
    Request,
    describe_request,
    open_scratch,
)
from proteomr.runs.notes import add_note, collect_notes
from proteomr.runs.timing import Spent, Stopwatch, peak_memory
from proteomr.scan import count_people, estimate_cost, run_parts

__all__ = ["AssociateJob", "ScanJob", "describe_plan"]

_log = logging.getLogger("proteomr")


RequestType = TypeVar("RequestType", bound=Request)


@dataclass(frozen=True, slots=True)
class ScanJob(ABC, Generic[RequestType]):
    """One or several scans of all proteins, whose results become one set of tables.

    Parameters
    ----------
    request : what is asked.
    columns : names of the columns, proteomr's own or those of the R package broom.
    shard : the share of the blocks that a plan is of.
    """

    main: ClassVar[str] = "associations"
    as_file: ClassVar[bool] = False
    people: ClassVar[tuple[str, ...]] = ()

    request: RequestType
    columns: ColumnStyle = "native"
    shard: Shard | None = None

    @property
    @abstractmethod
    def scans(self) -> Sequence[AssociateRequest]:
        """What is scanned, one after another, of the same people, proteins and sets."""

    @property
    def results(self) -> Sequence[str]:
        """Names of the results."""
        scan = self.scans[0]
        effective = ("effective_tests.tsv",) if scan.effective_tests else ()
        tables = (f"{n}.parquet" for n in scan.specification.build_family().tables)
        return ("associations.parquet", "summary.tsv", "attrition.tsv", *tables, *effective)

    def plan(self, *, threads: int) -> Forecast:
        """Lay out the scan, work through as many blocks as are fitted at once, and join them."""
        watch, started = Stopwatch(), time.process_time()
        describe_request(self.request)  # the run digests its inputs first
        with self.open_plans() as (plans, _), open_scratch() as scratch:
            plan = assume_independence(plans[0])  # those of other imputations take as long
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
            proteins = len({p for block in blocks for p in block.proteins.tolist()})
            joining, table = estimate_joining(
                cost.parts, plan.spec, share=cost.share, scratch=scratch
            )
            # blocks whose correlation is to be found are gone through once more for it
            rounds = len(plans) * (1 if plan.spec.moderation.block is None else 2)
            spent = opened + cost.blocks.times(rounds) + joining.times(len(plans))
            return Forecast(
                units={
                    "people": plan.cohort.n,
                    "proteins": proteins,
                    "fits": cost.fits * len(plans),
                },
                path=cost.path,
                seconds=spent.processors,
                elapsed=spent.elapsed,
                memory_bytes=peak_memory() + table * len(plans),
                disk_bytes=len(plans)
                * estimate_disk(cost.parts, share=cost.share, blocks=len(blocks)),
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
        with self.open_plans() as (plans, notes):
            for note in notes:
                add_note(note)  # the run keeps them, and tells them in its manifest
            ledger.parts.keep_facts(describe_run(plans, scans=len(self.scans)))
            blocks = sum(len(plan.blocks) for plan in plans)
            for laid_out in plans:
                plan = settle_blocks(laid_out, executor=executor)
                run_parts(plan, ledger.parts, executor=executor, shard=ledger.shard, blocks=blocks)
            if ledger.shard is not None:
                return Outcome()
            effective = _count_effective(plans[0]) if self.scans[0].effective_tests else None
        return collect_run(ledger, columns=self.columns, effective=effective)

    @contextlib.contextmanager
    def open_plans(self) -> Iterator[tuple[tuple[Plan, ...], tuple[str, ...]]]:
        """Read the inputs and lay out the scan, with what of them looks odd, said at once.

        There is a plan for each imputation of the samples, whose blocks go on with the numbers of
        those before. The files serve while this is open.
        """
        with open_scratch() as scratch:
            with collect_notes() as told:
                plans = [lay() for scan in self.scans for lay in plans_of(scan, scratch)]
            if (
                len(plans) > len(self.scans)
                and self.scans[0].specification.moderation != ModerationOptions()
            ):
                raise UsageError(
                    "samples are multiply imputed: their estimates are pooled, their residual "
                    "variances are not; leave --moderate, --block and --contrast out"
                )
            plan = plans[0]
            _log.info("%s people, %s proteins", plan.cohort.n, len(plan.cohort.proteins.names))
            for label, text in describe_plan(plan):
                _log.info("%s: %s", label, text)
            notes = tuple(dict.fromkeys((*told, *describe_oddities(plan))))
            for note in notes:
                _log.warning("note: %s", note)
            yield number_blocks(plans), notes


@dataclass(frozen=True, slots=True)
class AssociateJob(ScanJob[AssociateRequest]):
    """A scan of all proteins against exposures or outcomes."""

    people: ClassVar[tuple[str, ...]] = ()

    @property
    def scans(self) -> Sequence[AssociateRequest]:
        """The one that is asked for."""
        return (self.request,)


def describe_plan(plan: Plan) -> list[tuple[str, str]]:
    """Return the models of a plan and the people it leaves out, as labelled lines."""
    spec = plan.spec
    drops = [drop for drop in (*plan.cohort.drops, *plan.drops) if drop.n]
    return [
        ("model", f"{spec.family}, {spec.direction}, transform {spec.transform}"),
        *((label, str(formula)) for label, formula in spec.formulas().items()),
        *_describe_outcomes(spec.outcome_options),
        *(("left out", f"{drop.n}: {drop.reason} ({drop.step})") for drop in drops),
    ]


def _describe_outcomes(options: OutcomeOptions) -> Iterator[tuple[str, str]]:
    if options.transform != "none":
        yield "outcomes", f"transform {options.transform} of those that are continuous"
    for label, formula in options.formulas().items():
        yield f"outcomes {label}", f"beside the adjustment set: {formula}"


def _count_effective(plan: Plan) -> pl.DataFrame:
    _log.info("counting the effective tests")
    counts = count_effective_tests(plan.cohort, transform=plan.spec.transform)
    joint = plan.spec.test_family == "joint"
    return set_thresholds(counts, exposures=len(plan.targets) if joint else 1)
