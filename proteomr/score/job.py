"""`score` as a job: weights of proteins that predict an outcome, and how well they do."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import ClassVar

from proteomr.errors import NothingToDo
from proteomr.execute import Executor, Shard
from proteomr.runs import Forecast, Ledger, Outcome, describe_request, open_scratch
from proteomr.runs.notes import add_note, collect_notes
from proteomr.runs.timing import peak_memory
from proteomr.score.fitting import FoldWork, Laid
from proteomr.score.laying_out import LaidOut, lay_out
from proteomr.score.outputs import MAIN, PEOPLE, collect_run, keep_people
from proteomr.score.request import ScoreRequest
from proteomr.score.sharing_out import count_beside, forecast_bytes, share_out

__all__ = ["ScoreJob"]

_TIMED = 5_000_000  # values: a fold of more takes minutes
_log = logging.getLogger("proteomr")


@dataclass(frozen=True, slots=True)
class ScoreJob:
    """A score learnt by nested cross-validation, and from everybody.

    Parameters
    ----------
    request : what is asked.
    shard : the share of the folds that is computed.
    """

    main: ClassVar[str] = MAIN
    as_file: ClassVar[bool] = False
    people: ClassVar[tuple[str, ...]] = PEOPLE

    request: ScoreRequest
    shard: Shard | None = None

    @property
    def results(self) -> Sequence[str]:
        """Names of the results."""
        gaps = ("gap_associations",) if self.request.options.gap_tests else ()
        tables = ("weights", "weights_ranks", "scores", "tuning", "calibration", "decision_curve")
        return tuple(f"{name}.parquet" for name in (*tables, *gaps))

    def plan(self, *, threads: int) -> Forecast:
        """Lay out the folds, and learn the first of them."""
        describe_request(self.request)  # the run digests its inputs first
        started = time.process_time()
        with self._open() as out:
            laid = out.laid
            mine = laid.units if self.shard is None else self.shard.select(laid.units)
            if not mine:
                raise NothingToDo(f"shard {self.shard} has none of the {len(laid.units)} folds")
            opened, held = time.process_time() - started, peak_memory()
            beside = count_beside(laid, mine, threads, held=held)
            columns = max(len(unit.columns) for unit in mine)
            small = laid.fold.size * len(mine[0].columns) <= _TIMED
            if small:
                FoldWork(laid)(mine[0])
            one = time.process_time() - started - opened
            return Forecast(
                units={
                    "people": laid.fold.size,
                    "proteins": len(laid.proteins.names),
                    "folds": len(mine),
                },
                seconds=opened + one * len(mine) if small else None,
                memory_bytes=forecast_bytes(laid, columns, threads, beside=beside, held=held),
                lines=(
                    *describe_folds(laid),
                    ("under way", f"{beside} folds" if beside > 1 else "one fold at a time"),
                    ("timed", "one fold" if small else "nothing: too large"),
                ),
            )

    def run(self, ledger: Ledger, executor: Executor) -> Outcome:
        """Learn the folds that the ledger lacks; of a whole run, join them."""
        with self._open() as out:
            laid = out.laid
            keep_people(ledger, out)
            mine = laid.units if ledger.shard is None else ledger.shard.select(laid.units)
            waiting = set(ledger.parts.pending(len(laid.units)))
            todo = [unit for unit in mine if unit.index in waiting]
            for share in share_out(laid, todo, executor, held=peak_memory()):
                work = share.hold_back(FoldWork(laid, share.each))
                with closing(executor.map(work, share.units)) as results:
                    for position, tables in results:
                        ledger.parts.save(share.units[position].index, tables)
        return Outcome() if ledger.shard is not None else collect_run(ledger)

    @contextlib.contextmanager
    def _open(self) -> Iterator[LaidOut]:
        """Read the inputs and deal out the people; the files serve while this is open."""
        with open_scratch() as scratch:
            with collect_notes() as told:
                out = lay_out(self.request, scratch)
            for label, text in describe_folds(out.laid):
                _log.info("%s: %s", label, text)
            for note in told:
                add_note(note)
            yield out


def describe_folds(laid: Laid) -> tuple[tuple[str, str], ...]:
    """Return what is learnt, as labelled lines."""
    options, predicted = laid.options, laid.predicted
    alphas = ", ".join(f"{alpha:g}" for alpha in options.alpha_values)
    sets = dict.fromkeys(unit.name for unit in laid.units)
    events = "" if predicted.family == "linear" else f", {int(predicted.case.sum()):,} with it"
    return (
        ("outcome", f"{predicted.name}, {predicted.family}{events}"),
        ("penalty", f"{options.penalty} (alpha {alphas}), {options.rule}"),
        (
            "proteins",
            f"transform {options.transform}, missing values at the median of the fold"
            + ("" if options.correct is None else f", corrected for {options.correct}"),
        ),
        *((("weights", "sampling"),) if predicted.weights is not None else ()),
        ("folds", f"{options.folds} x {options.inner_folds}, and everybody"),
        *((("sets", f"{len(sets)}"),) if len(sets) > 1 else ()),
        *(("adjustment", label) for label, _ in laid.designs),
    )
