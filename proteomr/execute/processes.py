"""Blocks of work shared by processes of this machine, each an interpreter of its own."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any, TypeVar

from proteomr.errors import ProteomrError, UsageError
from proteomr.execute.executors import draw_queued, one_blas_thread

__all__ = ["Processes"]

Block = TypeVar("Block")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Processes:
    """Run the blocks in new interpreters; each is handed the work once.

    For work between whose numpy calls much Python runs, which threads of one interpreter would do
    in turn. Every process prepares for itself what blocks share: memory grows with their number.
    Blocks are drawn from their iterable only as processes become free. When the consumer closes the
    iterator, on an interrupt, or when a block raises, the blocks that have not begun are cancelled,
    those under way are ended, and the exception propagates. Processes are started anew (spawn):
    a script that uses them has its work under ``if __name__ == "__main__"``.

    Parameters
    ----------
    processes : how many run at once; at least 1.

    Raises
    ------
    UsageError
        For fewer processes than one.

    Examples
    --------
    >>> Processes(2)
    Processes(processes=2)
    """

    processes: int

    def __post_init__(self) -> None:
        if self.processes < 1:
            raise UsageError(f"processes is {self.processes}, and must be 1 or more")

    def map(
        self, work: Callable[[Block], Result], blocks: Iterable[Block], /
    ) -> Generator[tuple[int, Result]]:
        """Yield ``(position, work(block))`` as the blocks finish, BLAS held to one thread in each.

        Raises
        ------
        ProteomrError
            A process ended before it finished its block.

        Examples
        --------
        >>> list(Processes(2).map(len, []))
        []
        """
        with _one_polars_thread(), _pool(self.processes, work) as pool:
            try:
                yield from draw_queued(pool, _run_block, blocks, workers=self.processes)
            except BrokenProcessPool as fault:
                raise ProteomrError(
                    "a worker process ended before it finished its block, often for want of "
                    "memory: use fewer at once (--threads), or give them more"
                ) from fault


@contextlib.contextmanager
def _pool(processes: int, work: Callable[[Any], Any]) -> Iterator[ProcessPoolExecutor]:
    pool = ProcessPoolExecutor(
        max_workers=processes,
        mp_context=multiprocessing.get_context("spawn"),  # a fork would copy locks that are held
        initializer=_receive_work,
        initargs=(work,),
    )
    try:
        yield pool
    except BaseException:
        # nobody waits for the blocks under way, and what they write is whole or not there
        for process in list((pool._processes or {}).values()):  # noqa: SLF001 - public from 3.14 on
            process.terminate()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@contextlib.contextmanager
def _one_polars_thread() -> Iterator[None]:
    """Let the processes that start meanwhile read with one thread each."""
    before = os.environ.get("POLARS_MAX_THREADS")
    os.environ["POLARS_MAX_THREADS"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["POLARS_MAX_THREADS"]
        else:
            os.environ["POLARS_MAX_THREADS"] = before


class _Worker:
    """What a worker process holds between blocks."""

    work: Callable[[Any], Any] | None = None
    blas = contextlib.ExitStack()


def _receive_work(work: Callable[[Any], Any]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt means
    _Worker.blas.enter_context(one_blas_thread())
    _Worker.work = work


def _run_block(block: Any) -> Any:
    if _Worker.work is None:
        raise RuntimeError("the process has received no work")
    return _Worker.work(block)
