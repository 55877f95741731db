"""How many folds are under way at once: as many as fit into the memory of a run, at least one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from threading import BoundedSemaphore
from typing import TypeVar

from proteomr.execute import Executor, Threaded, Threads
from proteomr.score.fitting import Laid, Unit
from proteomr.stats.each import Each, in_turn

__all__ = ["Share", "count_beside", "forecast_bytes", "measure_fold", "share_out"]

_MOST = 4e9  # bytes that a run holds; a fold that needs more is alone
_COLUMNS = 64  # of proteins, that a thread makes ready at a time
_COPIES = 4  # of a block of proteins: as it is stored, as it is read, and what is made of it
_CELLS = 2.5e8  # bytes: blocks of 32 MB that a thread standardises, condenses and multiplies
_HOLES = 3e8  # bytes that small blocks leave between them in the heaps of threads
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True, eq=False)
class Share:
    """Folds, how many of them are under way at once, and how the pieces of each are worked on."""

    units: Sequence[Unit]
    beside: int
    each: Each = in_turn

    def hold_back(self, work: Callable[[_Item], _Result]) -> Callable[[_Item], _Result]:
        """Return work that waits while as many folds as may be are under way."""
        if self.beside >= len(self.units):
            return work  # which may go elsewhere, as a door cannot
        door = BoundedSemaphore(self.beside)

        def enter(item: _Item) -> _Result:
            with door:
                return work(item)

        return enter


def share_out(laid: Laid, units: Sequence[Unit], executor: Executor, *, held: float) -> list[Share]:
    """Return which folds are worked on side by side, and how the pieces of each.

    Where one thread for each fold would hold more than fits, fewer folds are under way, and several
    threads work on the pieces of each. So do all of them on a last fold that has none beside it.
    Pieces are the same whoever works on them, and so are their results.

    Parameters
    ----------
    laid : what is learnt from.
    units : folds that are to be learnt.
    executor : of the run.
    held : bytes that the run holds without a fold.
    """
    threads = executor.own_threads if isinstance(executor, Threaded) else 1
    if threads == 1 or not units:
        return [Share(units, len(units))] if units else []
    beside = count_beside(laid, units, threads, held=held)
    if beside < min(threads, len(units)):
        return [Share(units, beside, _by_threads(threads // beside))]
    rest = 1 if len(units) % threads == 1 else 0
    ways = [
        Share(units[: len(units) - rest], beside),
        Share(units[len(units) - rest :], 1, _by_threads(threads)),
    ]
    return [way for way in ways if way.units]


def _by_threads(count: int) -> Each:
    return partial(_work_together, Threads(count)) if count > 1 else in_turn


def count_beside(laid: Laid, units: Sequence[Unit], threads: int, *, held: float) -> int:
    """Return how many folds are under way at once, see :func:`share_out`."""
    most = min(threads, len(units))
    widest = max(len(unit.columns) for unit in units)
    for beside in range(most, 1, -1):
        if forecast_bytes(laid, widest, threads, beside=beside, held=held) <= _MOST:
            return beside
    return 1


def forecast_bytes(laid: Laid, columns: int, threads: int, *, beside: int, held: float) -> float:
    """Return the bytes that a run holds at the most, with so many folds of proteins under way."""
    return held + _HOLES + beside * measure_fold(laid, columns, threads=threads // beside)


def measure_fold(laid: Laid, columns: int, *, threads: int) -> float:
    """Return the bytes that a fold holds at the most while some threads work on it.

    Parameters
    ----------
    laid : what is learnt from.
    columns : of proteins.
    threads : that work on it.
    """
    n, inner = laid.fold.size, laid.options.inner_folds
    matrix, square = 8.0 * n * columns, 8.0 * columns**2
    reading = 8.0 * n * min(_COLUMNS, columns) * _COPIES
    if laid.predicted.family != "linear" or columns > n:
        # the curvature of all columns that may come in, of each inner fold and of everybody, one
        # of them being made anew; of more columns than people they are no more than these
        inside = 8.0 * min(columns, n) ** 2
        return matrix + (inner + 1.0) * inside + threads * max(reading, inside + _CELLS)
    # sums of each inner fold in double precision and of all, or correlations in their place; each
    # thread has a copy of a fold's rows, or what is left of the sums without a fold
    rows = matrix / inner
    return matrix + (inner + 2.0) * square + threads * max(reading, rows, 2.0 * square)


def _work_together(
    threads: Threads, work: Callable[[_Item], _Result], items: Iterable[_Item], /
) -> list[_Result]:
    with closing(threads.map(work, items)) as results:
        found = dict(results)
    return [found[place] for place in range(len(found))]
