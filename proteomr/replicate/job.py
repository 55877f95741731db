"""`replicate` as a job: what is found in some people held against what is found in others."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from proteomr.association.attrition import describe_people
from proteomr.association.block_correlation import assume_independence, settle_blocks
from proteomr.association.forecast import estimate_joining, keep
from proteomr.association.job import describe_plan
from proteomr.association.oddities import describe_oddities
from proteomr.errors import NothingToDo
from proteomr.execute import Executor, Shard
from proteomr.replicate.laying_out import LaidOut, lay_out
from proteomr.replicate.outputs import collect_run, describe_run
from proteomr.replicate.request import ReplicateRequest
from proteomr.replicate.schemes import Against, LeaveOut
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

__all__ = ["ReplicateJob"]

_log = logging.getLogger("proteomr")


@dataclass(frozen=True, slots=True)
class ReplicateJob:
    """A scan of halves of a cohort, or of all of it against another.

    Parameters
    ----------
    request : what is asked.
    shard : the share of the blocks that a plan is of.
    """

    main: ClassVar[str] = "replication"
    as_file: ClassVar[bool] = False
    people: ClassVar[tuple[str, ...]] = ()

    request: ReplicateRequest
    shard: Shard | None = None

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
        with self._open() as (laid, _), open_scratch() as scratch:
            plan = assume_independence(laid.plan)  # those of other imputations take as long
            mine = plan.blocks if self.shard is None else self.shard.select(plan.blocks)
            if not mine:
                raise NothingToDo(f"shard {self.shard} has none of the {len(plan.blocks)} blocks")
            opened = Spent(started, started) + watch.read()
            cost = estimate_cost(
                plan,
                mine,
                threads=threads,
                keep=lambda part: keep(part, scratch / "part.parquet"),
            )
            joining, table = estimate_joining(
                cost.parts, plan.spec, share=cost.share, scratch=scratch
            )
            # blocks whose correlation is to be found are gone through once more for it
            m = laid.imputations
            rounds = m * (1 if plan.spec.moderation.block is None else 2)
            spent = opened + cost.blocks.times(rounds) + joining.times(m)
            sets = len(plan.strata)
            return Forecast(
                units={
                    "people": plan.cohort.n,
                    "proteins": len({p for block in mine for p in block.proteins.tolist()}),
                    "fits": cost.fits * m,
                },
                path=cost.path,
                seconds=spent.processors,
                elapsed=spent.elapsed,
                # without the fits, chunks of halves are joined one by one
                memory_bytes=peak_memory() + (table if self.request.keep_fits else table / sets),
                lines=(
                    *_describe_division(laid),
                    ("complete", f"{cost.people} people for exposure and covariates"),
                    ("blocks", f"{len(mine)}, with {plan.tests_per_protein} fits a protein"),
                    *describe_plan(laid.everybody),
                    *(("in model", said) for said in describe_people(count_people(laid.everybody))),
                    ("timed", f"{cost.timed} proteins"),
                ),
            )

    def run(self, ledger: Ledger, executor: Executor) -> Outcome:
        """Fit the blocks that the ledger lacks; of a whole run, measure the agreement."""
        with self._open() as (laid, notes):
            for note in notes:
                add_note(note)  # the run keeps them, and tells them in its manifest
            ledger.parts.keep_facts(describe_run(self.request, laid))
            blocks = laid.imputations * len(laid.plan.blocks)
            for imputation in range(laid.imputations):
                plan = settle_blocks(laid.plan_of(imputation), executor=executor)
                run_parts(plan, ledger.parts, executor=executor, shard=ledger.shard, blocks=blocks)
        return Outcome() if ledger.shard is not None else collect_run(ledger)

    @contextlib.contextmanager
    def _open(self) -> Iterator[tuple[LaidOut, tuple[str, ...]]]:
        """Read the inputs and divide the people; the files serve while this is open."""
        with open_scratch() as scratch:
            with collect_notes() as told:
                laid = lay_out(self.request, scratch)
            _log.info(
                "%s people, %s proteins",
                laid.plan.cohort.n,
                len(laid.plan.cohort.proteins.names),
            )
            models = describe_plan(laid.everybody)
            for label, text in (*_describe_division(laid), *models):
                _log.info("%s: %s", label, text)
            notes = tuple(dict.fromkeys((*told, *describe_oddities(laid.everybody))))
            for note in notes:
                _log.warning("note: %s", note)
            yield laid, notes


def _describe_division(laid: LaidOut) -> list[tuple[str, str]]:
    if laid.division is None:
        return []
    names = laid.division.names
    shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
    everybody = "" if laid.division.whole is None else ", and everybody"
    groups = f", groups of {' and '.join(map(repr, laid.whole))} whole" if laid.whole else ""
    return [("splits", f"{len(names)} ({shown}), two halves each{everybody}{groups}")]
