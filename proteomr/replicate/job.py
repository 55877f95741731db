"""`replicate` as a job: what is found in some people held against what is found in others."""

from __future__ import annotations

import contextlib
import logging
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import polars as pl

from proteomr.association import Plan
from proteomr.association.attrition import describe_people
from proteomr.association.block_correlation import assume_independence, settle_blocks
from proteomr.association.forecast import estimate_joining, keep
from proteomr.association.job import describe_plan
from proteomr.association.moderation import moderate_parts
from proteomr.association.oddities import describe_oddities
from proteomr.association.opening import plans_of
from proteomr.errors import UsageError
from proteomr.execute import Executor
from proteomr.replicate.agreement import summarise_splits
from proteomr.replicate.discovery import compare_cohorts, read_discovery, refuse_mismatch
from proteomr.replicate.division import Division
from proteomr.replicate.halves import collect_halves
from proteomr.replicate.leaving_out import compare_left_out, find_influence, test_heterogeneity
from proteomr.replicate.request import ReplicateRequest
from proteomr.replicate.schemes import (
    Against,
    Asked,
    Folds,
    LeaveOut,
    RandomHalves,
)
from proteomr.runs import (
    Forecast,
    Ledger,
    Outcome,
    describe_request,
    open_scratch,
)
from proteomr.runs.notes import add_note, collect_notes
from proteomr.runs.timing import Spent, Stopwatch, peak_memory
from proteomr.scan import count_people, estimate_cost, run_parts
from proteomr.tables import Drop

__all__ = ["ReplicateJob"]

_GROUP = re.compile(r"[^\s/:`|]+")
_log = logging.getLogger("proteomr")


@dataclass(frozen=True, slots=True)
class _Laid:
    """What a run does: the plan of everybody, that of the halves, and how people are divided."""

    everybody: Plan
    plan: Plan
    division: Division | None = None
    discovery: pl.DataFrame | None = None
    drops: tuple[Drop, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReplicateJob:
    """A scan of halves of a cohort, or of all of it against another.

    Parameters
    ----------
    request : what is asked.
    """

    main: ClassVar[str] = "replication"
    as_file: ClassVar[bool] = False
    people: ClassVar[tuple[str, ...]] = ()

    request: ReplicateRequest

    @property
    def results(self) -> Sequence[str]:
        """Names of the results."""
        kept = ("replication_fits.parquet",) if self.request.keep_fits else ()
        if isinstance(self.request.scheme, Against):
            return ("replication.parquet", "against.parquet", "associations.parquet")
        if isinstance(self.request.scheme, LeaveOut):
            kept = (*kept, "leave_out.parquet", "influence.parquet", "joint_tests.parquet")
        return ("replication.parquet", "summary.tsv", *kept)

    def plan(self, *, threads: int) -> Forecast:
        """Lay out the scan, work through as many blocks as are fitted at once, and join them."""
        watch, started = Stopwatch(), time.process_time()
        describe_request(self.request)  # the run digests its inputs first
        with self._open() as laid, open_scratch() as scratch:
            plan = assume_independence(laid.plan)
            opened = Spent(started, started) + watch.read()
            cost = estimate_cost(
                plan,
                plan.blocks,
                threads=threads,
                keep=lambda part: keep(part, scratch / "part.parquet"),
            )
            joining, table = estimate_joining(
                cost.parts, plan.spec, share=cost.share, scratch=scratch
            )
            # blocks whose correlation is to be found are gone through once more for it
            rounds = 1 if plan.spec.moderation.block is None else 2
            spent = opened + cost.blocks.times(rounds) + joining
            sets = len(plan.strata)
            return Forecast(
                units={
                    "people": plan.cohort.n,
                    "proteins": len(plan.cohort.proteins.names),
                    "fits": cost.fits,
                },
                path=cost.path,
                seconds=spent.processors,
                elapsed=spent.elapsed,
                # without the fits, chunks of halves are joined one by one
                memory_bytes=peak_memory() + (table if self.request.keep_fits else table / sets),
                lines=(
                    *_describe_division(laid.division),
                    ("complete", f"{cost.people} people for exposure and covariates"),
                    ("blocks", f"{len(plan.blocks)}, with {plan.tests_per_protein} fits a protein"),
                    *describe_plan(laid.everybody),
                    *(("in model", said) for said in describe_people(count_people(laid.everybody))),
                    ("timed", f"{cost.timed} proteins"),
                ),
            )

    def run(self, ledger: Ledger, executor: Executor) -> Outcome:
        """Fit the blocks that the ledger lacks; measure the agreement."""
        with self._open() as laid:
            for note in laid.notes:
                add_note(note)  # the run keeps them, and tells them in its manifest
            plan = settle_blocks(laid.plan, executor=executor)
            run_parts(plan, ledger.parts, executor=executor)
            ledger.count_drops((*laid.plan.cohort.drops, *laid.plan.drops, *laid.drops))
            if laid.division is not None:
                return self._compare_halves(ledger, laid.plan, laid.division)
            return self._compare_cohorts(ledger, laid.plan, laid.discovery)

    def _compare_halves(self, ledger: Ledger, plan: Plan, division: Division) -> Outcome:
        left_out = isinstance(self.request.scheme, LeaveOut)
        found = collect_halves(
            plan, division, _loader(ledger), keep_fits=self.request.keep_fits or left_out
        )
        ledger.write_table("replication", found.replication)
        ledger.write_table("summary", summarise_splits(found.replication), formats=("tsv",))
        if left_out and found.fits is not None:
            without = compare_left_out(found.fits)
            ledger.write_table("leave_out", without)
            ledger.write_table("influence", find_influence(found.fits, without))
            parts = _loader(ledger)(range(len(plan.blocks)))
            ledger.write_table("joint_tests", test_heterogeneity(moderate_parts(parts, plan.spec)))
        if self.request.keep_fits and found.fits is not None:
            ledger.write_table("replication_fits", found.fits)
        return Outcome(
            units=found.units,
            failed=found.failed,
            family_of_tests="Bonferroni over the tests of each half, "
            + ("all targets jointly" if plan.spec.test_family == "joint" else "each target"),
            configuration={"specification": plan.spec.to_dict()},
        )

    def _compare_cohorts(
        self, ledger: Ledger, plan: Plan, discovery: pl.DataFrame | None
    ) -> Outcome:
        scheme = self.request.scheme
        if discovery is None or not isinstance(scheme, Against):
            raise TypeError(f"{scheme} divides people")
        parts = _loader(ledger)(range(len(plan.blocks)))
        compared = compare_cohorts(plan, parts, discovery, name=scheme.associations.name)
        ledger.write_table("replication", compared.replication)
        ledger.write_table("against", compared.against)
        ledger.write_table("associations", compared.associations)
        return Outcome(
            units=compared.units,
            failed=compared.failed,
            family_of_tests=compared.family_of_tests,
            configuration={"specification": plan.spec.to_dict()},
            notes=compared.notes,
        )

    @contextlib.contextmanager
    def _open(self) -> Iterator[_Laid]:
        """Read the inputs and divide the people; the files serve while this is open."""
        with open_scratch() as scratch:
            with collect_notes() as told:
                laid = _lay_out(self.request, scratch)
            _log.info(
                "%s people, %s proteins",
                laid.plan.cohort.n,
                len(laid.plan.cohort.proteins.names),
            )
            models = describe_plan(laid.everybody)
            for label, text in (*_describe_division(laid.division), *models):
                _log.info("%s: %s", label, text)
            odd = (*describe_oddities(laid.everybody), *_describe_clusters(self.request))
            notes = tuple(dict.fromkeys((*told, *odd)))
            for note in notes:
                _log.warning("note: %s", note)
            yield replace(laid, notes=notes)


def _lay_out(request: ReplicateRequest, scratch: Path) -> _Laid:
    """Read the inputs, and plan the scans of everybody and of the halves."""
    scan, scheme = request.scan, request.scheme
    plan_of, *others = plans_of(scan, scratch)
    if others:
        raise UsageError(
            f"{scan.samples.name}: holds {1 + len(others)} imputations, and halves are made of one "
            "table: give what was observed, or one imputation"
        )
    everybody = plan_of()
    if isinstance(scheme, Against):
        discovery = read_discovery(scheme.associations.on_disk(scratch))
        refuse_mismatch(everybody, discovery, name=scheme.associations.name)
        return _Laid(everybody, everybody, discovery=discovery)
    asked = Asked(everybody.reading, everybody.targets, scan.id_column, scratch)
    division, drops = scheme.divide(asked)
    plan = plan_of(divide=lambda *_: division.row_sets())
    return _Laid(everybody, plan, division, drops=drops)


def _describe_division(division: Division | None) -> list[tuple[str, str]]:
    if division is None:
        return []
    names = division.names
    shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
    whole = "" if division.whole is None else ", and everybody"
    return [("splits", f"{len(names)} ({shown}), two halves each{whole}")]


def _describe_clusters(request: ReplicateRequest) -> tuple[str, ...]:
    """Say that halves drawn row by row are not independent where rows are in clusters."""
    spec = request.scan.specification
    if not isinstance(request.scheme, RandomHalves | Folds):
        return ()
    groups = [name for text in spec.mixed.random for name in _GROUP.findall(text.partition("|")[2])]
    names = dict.fromkeys([*([] if spec.cluster is None else [spec.cluster]), *groups])
    return tuple(
        f"rows of one {name!r} come into both halves, which are then not independent: give splits "
        "of whole groups with --split-file"
        for name in names
    )


def _loader(ledger: Ledger) -> Callable[[Sequence[int]], list[pl.DataFrame]]:
    def load(blocks: Sequence[int]) -> list[pl.DataFrame]:
        return [part["fits"] for part in ledger.parts.load_some(blocks)]

    return load
