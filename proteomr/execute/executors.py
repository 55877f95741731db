"""How blocks of work are run: one after another, by a pool of threads, or shared by processes.

The fits of a scan are many and alike, and nearly all their time goes into numpy and BLAS, which
release the interpreter lock. So the unit of parallelism is the block of proteins, one thread each,
and BLAS is held to a single thread inside a block: several BLAS threads on blocks of this size cost
more than they bring.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable, Collection, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from concurrent.futures import Executor as PoolExecutor
from dataclasses import dataclass
from typing import Protocol, TypeVar, runtime_checkable

from proteomr.errors import UsageError
from proteomr.execute.stopping import Stoppable

__all__ = [
    "Executor",
    "Serial",
    "Threaded",
    "Threads",
    "draw_queued",
    "one_blas_thread",
    "wait_for_any",
]

Block = TypeVar("Block")
Result = TypeVar("Result")

_ASLEEP = 0.25  # seconds that a signal may wait to be obeyed
_QUEUED_PER_WORKER = 2  # one more than runs, so that nobody waits for the next to be drawn


class Executor(Protocol):
    """Whatever can run blocks of work; `Serial` is the oracle that every other one agrees with."""

    def map(
        self, work: Callable[[Block], Result], blocks: Iterable[Block], /
    ) -> Generator[tuple[int, Result]]:
        """Yield ``(position, work(block))`` for each block, in the order in which they finish."""
        ...


@runtime_checkable
class Threaded(Protocol):
    """An executor whose blocks run by threads of this process, which may share a block's pieces.

    One that wraps another is asked, too, where a test for its class would miss what it wraps.
    """

    @property
    def own_threads(self) -> int:
        """How many of them there are."""
        ...


@dataclass(frozen=True, slots=True)
class Serial:
    """Run the blocks one after another in the calling thread.

    Examples
    --------
    >>> list(Serial().map(abs, [-3, 4]))
    [(0, 3), (1, 4)]
    """

    def map(
        self, work: Callable[[Block], Result], blocks: Iterable[Block], /
    ) -> Generator[tuple[int, Result]]:
        """Yield ``(position, work(block))`` for each block, in order, BLAS held to one thread.

        Examples
        --------
        >>> dict(Serial().map(len, ["GDF15", "ADM"]))
        {0: 5, 1: 3}
        """
        with one_blas_thread():
            for position, block in enumerate(blocks):
                yield position, work(block)


@dataclass(frozen=True, slots=True)
class Threads:
    """Run the blocks by a pool of threads, a few of them queued at a time.

    Blocks are drawn from their iterable only as threads become free, so that a lazy iterable stays
    lazy. When the consumer closes the iterator, on an interrupt, or when a block raises, the blocks
    that have not begun are cancelled, those under way are stopped where they are
    (:mod:`proteomr.execute.stopping`), and the exception propagates. A consumer that may leave
    early wraps the iterator in ``contextlib.closing``.

    Parameters
    ----------
    threads : how many blocks run at once; at least 1.

    Raises
    ------
    UsageError
        For fewer threads than one.

    Examples
    --------
    >>> sorted(Threads(2).map(abs, [-3, 4, -5]))
    [(0, 3), (1, 4), (2, 5)]
    """

    threads: int

    def __post_init__(self) -> None:
        if self.threads < 1:
            raise UsageError(f"threads is {self.threads}, and must be 1 or more")

    @property
    def own_threads(self) -> int:
        """How many blocks run at once."""
        return self.threads

    def map(
        self, work: Callable[[Block], Result], blocks: Iterable[Block], /
    ) -> Generator[tuple[int, Result]]:
        """Yield ``(position, work(block))`` as the blocks finish, BLAS held to one thread.

        Examples
        --------
        >>> sorted(Threads(2).map(len, ["GDF15", "ADM"]))
        [(0, 5), (1, 3)]
        """
        stoppable = Stoppable(work)
        with one_blas_thread(), _pool(self.threads) as pool:
            try:
                yield from draw_queued(pool, stoppable, blocks, workers=self.threads)
            except BaseException:
                stoppable.stop()
                raise


def draw_queued(
    pool: PoolExecutor,
    work: Callable[[Block], Result],
    blocks: Iterable[Block],
    *,
    workers: int,
) -> Generator[tuple[int, Result]]:
    """Yield results as they finish, blocks being drawn only as workers become free.

    Parameters
    ----------
    pool : of threads or processes.
    work : done on each block by the pool.
    blocks : drawn one by one.
    workers : how many the pool has.

    Examples
    --------
    >>> with ThreadPoolExecutor(2) as pool:
    ...     sorted(draw_queued(pool, len, ["GDF15", "ADM"], workers=2))
    [(0, 5), (1, 3)]
    """
    waiting = enumerate(blocks)
    running: dict[Future[Result], int] = {}
    while True:
        while len(running) < workers * _QUEUED_PER_WORKER:
            drawn = next(waiting, None)
            if drawn is None:
                break
            running[pool.submit(work, drawn[1])] = drawn[0]
        if not running:
            return
        finished = wait_for_any(running)
        for future in sorted(finished, key=running.__getitem__):
            yield running.pop(future), future.result()


def wait_for_any(running: Collection[Future[Result]]) -> set[Future[Result]]:
    """Return those that have ended as soon as one has; signals are obeyed meanwhile.

    Once polars has run, its handler of SIGINT leaves a wait for a lock asleep: so none is long.

    Examples
    --------
    >>> with ThreadPoolExecutor(1) as pool:
    ...     [future.result() for future in wait_for_any([pool.submit(len, "ADM")])]
    [3]
    """
    while True:
        finished, _ = wait(running, timeout=_ASLEEP, return_when=FIRST_COMPLETED)
        if finished:
            return finished


@contextlib.contextmanager
def one_blas_thread() -> Iterator[None]:
    """Hold every BLAS in the process to one thread inside the block, and restore them after.

    With more of them OpenBLAS cuts sums of over ten thousand numbers, whose last digits then hang
    on how many there are. numpy and scipy each bring a copy of it, and a copy can be held only once
    it is loaded: so scipy's is loaded first.

    Examples
    --------
    >>> with one_blas_thread():
    ...     pass
    """
    for owner in ("numpy.linalg", "scipy.linalg"):
        importlib.import_module(owner)
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1, user_api="blas"):
        yield


@contextlib.contextmanager
def _pool(threads: int) -> Iterator[ThreadPoolExecutor]:
    pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="proteomr")
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
