"""`mediate` as a job: from people, exposures, proteins and outcomes to mediated effects."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from proteomr.association.attrition import describe_people
from proteomr.errors import NothingToDo
from proteomr.execute import Executor, Shard
from proteomr.files import replace_file
from proteomr.mediation.outputs import collect_run, count_pairs, describe_run
from proteomr.mediation.plan import Plan, number_blocks, plan_mediation
from proteomr.mediation.reading import read_people
from proteomr.mediation.request import MediateRequest
from proteomr.runs import Forecast, Ledger, Outcome, describe_request, open_scratch
from proteomr.runs.encoding import write_encoded
from proteomr.runs.notes import add_note, collect_notes
from proteomr.runs.timing import Spent, Stopwatch, peak_memory
from proteomr.scan import estimate_cost, run_parts

__all__ = ["MediateJob", "describe_plan"]

_log = logging.getLogger("proteomr")


@dataclass(frozen=True, slots=True)
class MediateJob:
    """Mediated effects of exposures on outcomes through all proteins.

    Parameters
    ----------
    request : what is asked.
    shard : the share of the blocks that a plan is of.
    """

    main: ClassVar[str] = "mediation"
    as_file: ClassVar[bool] = False
    people: ClassVar[tuple[str, ...]] = ()

    request: MediateRequest
    shard: Shard | None = None

    @property
    def results(self) -> Sequence[str]:
        """Names of the results."""
        return ("mediation.parquet", "paths.parquet", "composite_null.parquet", "attrition.tsv")

    def plan(self, *, threads: int) -> Forecast:
        """Lay out the analysis and work through as many blocks as are done at once."""
        watch, started = Stopwatch(), time.process_time()
        describe_request(self.request)  # the run digests its inputs first
        with self._open() as (plans, _), open_scratch() as scratch:
            plan = plans[0]
            every = [block for one in plans for block in one.blocks]
            mine = every if self.shard is None else self.shard.select(every)
            if not mine:
                raise NothingToDo(f"shard {self.shard} has none of the {len(every)} blocks")
            # those of other imputations take as long
            blocks = [block for block in mine if block.index < len(plan.blocks)] or plan.blocks[:1]
            rounds = len(mine) / len(blocks)
            opened = Spent(started, started) + watch.read()
            cost = estimate_cost(
                plan,
                blocks,
                threads=threads,
                keep=lambda part: replace_file(
                    scratch / "part.parquet",
                    lambda path: write_encoded(part, path, format="parquet"),
                ),
            )
            spent = opened + cost.blocks.times(rounds)
            return Forecast(
                units={
                    "people": plan.cohort.n,
                    "proteins": len({p for block in mine for p in block.proteins.tolist()}),
                    "fits": round(cost.fits * rounds),
                },
                path=cost.path,
                seconds=spent.processors,
                elapsed=spent.elapsed,
                memory_bytes=peak_memory(),
                lines=(
                    ("complete", f"{cost.people} people for exposure, outcome and covariates"),
                    ("blocks", f"{len(mine)}, with {plan.tests_per_protein} fits a protein"),
                    *((("imputations", f"{len(plans)}, pooled"),) if len(plans) > 1 else ()),
                    *describe_plan(plan),
                    *(("in model", said) for said in describe_people(count_pairs(plan))),
                    ("timed", f"{cost.timed} proteins"),
                ),
            )

    def run(self, ledger: Ledger, executor: Executor) -> Outcome:
        """Analyse the blocks that the ledger lacks; of a whole run, join them and test."""
        with self._open() as (plans, notes):
            for note in notes:
                add_note(note)  # the run keeps them, and tells them in its manifest
            ledger.parts.keep_facts(describe_run(plans))
            blocks = sum(len(plan.blocks) for plan in plans)
            for plan in plans:
                run_parts(plan, ledger.parts, executor=executor, shard=ledger.shard, blocks=blocks)
        return Outcome() if ledger.shard is not None else collect_run(ledger)

    @contextlib.contextmanager
    def _open(self) -> Iterator[tuple[tuple[Plan, ...], tuple[str, ...]]]:
        """Read the inputs and lay out the analysis, with what is to be said of them.

        There is a plan for each imputation of the samples.
        """
        with open_scratch() as scratch:
            with collect_notes() as told:
                spec = self.request.specification
                plans = number_blocks(
                    [
                        plan_mediation(cohort, spec, covariates=covariates)
                        for cohort, covariates in read_people(self.request, scratch)
                    ]
                )
            plan = plans[0]
            _log.info("%s people, %s proteins", plan.cohort.n, len(plan.cohort.proteins.names))
            for label, text in describe_plan(plan):
                _log.info("%s: %s", label, text)
            notes = tuple(dict.fromkeys(told))
            for note in notes:
                _log.warning("note: %s", note)
            yield plans, notes


def describe_plan(plan: Plan) -> list[tuple[str, str]]:
    """Return the models of a plan and the people it leaves out, as labelled lines."""
    spec = plan.spec
    drops = [drop for drop in (*plan.cohort.drops, *plan.drops) if drop.n]
    lines = [("method", f"{spec.method}, {spec.family} outcome, transform {spec.transform}")]
    if spec.bootstrap is not None:
        lines.append(("limits", f"{spec.draws:,} draws by {spec.bootstrap}, seed {spec.seed}"))
    if spec.cluster is not None:
        lines.append(("clusters", f"of {spec.cluster}: errors are robust over them"))
    if spec.weights is not None:
        lines.append(("weights", f"of {spec.weights}, sampling: errors are robust"))
    for label, (outcome, mediator) in spec.formulas().items():
        lines.append((label, str(outcome)))
        if label in spec.adjust_mediator:
            lines.append((f"{label}, protein", str(mediator)))
    return lines + [("left out", f"{drop.n}: {drop.reason} ({drop.step})") for drop in drops]
