"""How blocks of work are run: one after another, by a pool of threads, or shared by processes.

The fits of a scan are many and alike, and nearly all their time goes into numpy and BLAS, which
release the interpreter lock. So the unit of parallelism is the block of proteins, one thread each,
and BLAS is held to a single thread inside a block: several BLAS threads on blocks of this size cost
more than they bring.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import re
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from proteomr.errors import UsageError

__all__ = ["Executor", "Serial", "Shard", "Workers", "available_threads", "one_blas_thread"]

Block = TypeVar("Block")
Result = TypeVar("Result")

_CGROUPS = Path("/sys/fs/cgroup")
_MEMBERSHIP = Path("/proc/self/cgroup")
_QUEUED_PER_THREAD = 2


class Executor(Protocol):
    """Whatever can run blocks of work; `Serial` is the oracle that every other one agrees with."""

    def map(
        self, work: Callable[[Block], Result], blocks: Iterable[Block], /
    ) -> Generator[tuple[int, Result]]:
        """Yield ``(position, work(block))`` for each block, in the order in which they finish."""
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
class Workers:
    """Run the blocks by a pool of threads, a few of them queued at a time.

    Blocks are drawn from their iterable only as threads become free, so that a lazy iterable stays
    lazy. When the consumer closes the iterator, on an interrupt, or when a block raises, the blocks
    that have not begun are cancelled, those under way are awaited, and the exception propagates. A
    consumer that may leave early wraps the iterator in ``contextlib.closing``.

    Parameters
    ----------
    threads : how many blocks run at once; at least 1.

    Raises
    ------
    UsageError
        For fewer threads than one.

    Examples
    --------
    >>> sorted(Workers(2).map(abs, [-3, 4, -5]))
    [(0, 3), (1, 4), (2, 5)]
    """

    threads: int

    def __post_init__(self) -> None:
        if self.threads < 1:
            raise UsageError(f"threads is {self.threads}, and must be 1 or more")

    def map(
        self, work: Callable[[Block], Result], blocks: Iterable[Block], /
    ) -> Generator[tuple[int, Result]]:
        """Yield ``(position, work(block))`` as the blocks finish, BLAS held to one thread.

        Examples
        --------
        >>> sorted(Workers(2).map(len, ["GDF15", "ADM"]))
        [(0, 5), (1, 3)]
        """
        waiting = enumerate(blocks)
        running: dict[Future[Result], int] = {}
        with one_blas_thread(), _pool(self.threads) as pool:
            while True:
                while len(running) < self.threads * _QUEUED_PER_THREAD:
                    drawn = next(waiting, None)
                    if drawn is None:
                        break
                    running[pool.submit(work, drawn[1])] = drawn[0]
                if not running:
                    return
                finished, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in sorted(finished, key=running.__getitem__):
                    yield running.pop(future), future.result()


@dataclass(frozen=True, slots=True)
class Shard:
    """One of several processes that share a run: the ``index``-th of ``count``, counted from 1.

    Parameters
    ----------
    index : which shard this is, from 1 to ``count``.
    count : how many shards there are.

    Raises
    ------
    UsageError
        When ``index`` is not between 1 and ``count``.

    Examples
    --------
    >>> str(Shard(2, 4)), Shard(2, 4).label
    ('2/4', '2-of-4')
    """

    index: int
    count: int

    def __post_init__(self) -> None:
        if not 1 <= self.index <= self.count:
            raise UsageError(
                f"shard {self.index}/{self.count} does not exist: shards are numbered from 1,"
                f" so the first of {max(self.count, 1)} is 1/{max(self.count, 1)}"
            )

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Read a shard written as ``i/n``.

        Raises
        ------
        UsageError
            When the text is not of that form, or names a shard that does not exist.

        Examples
        --------
        >>> Shard.parse("2/4")
        Shard(index=2, count=4)
        """
        found = re.fullmatch(r"\s*([0-9]{1,9})\s*/\s*([0-9]{1,9})\s*", text)
        if found is None:
            raise UsageError(
                f"shard {text!r} is not of the form i/n, such as 1/8 for the first of 8"
            )
        return cls(int(found[1]), int(found[2]))

    @property
    def label(self) -> str:
        """The shard as part of a file name."""
        return f"{self.index}-of-{self.count}"

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"

    def select(self, blocks: Sequence[Block], /) -> Sequence[Block]:
        """Take this shard's blocks: every ``count``-th, interleaved, so that all shards cost alike.

        Examples
        --------
        >>> list(Shard(2, 3).select(range(8)))
        [1, 4, 7]
        """
        return blocks[self.index - 1 :: self.count]


def available_threads() -> int:
    """Count the processors that this process may use, at least 1.

    The scheduler's word (``SLURM_CPUS_PER_TASK``) comes first; without one it is the processor
    affinity, bounded by the quota of the control group (containers), rounded up.

    Raises
    ------
    UsageError
        When ``SLURM_CPUS_PER_TASK`` is not a positive whole number.

    Examples
    --------
    >>> available_threads() >= 1
    True
    """
    allotted = os.environ.get("SLURM_CPUS_PER_TASK", "").strip()
    if allotted:
        if not allotted.isascii() or not allotted.isdigit() or int(allotted) < 1:
            raise UsageError(
                f"SLURM_CPUS_PER_TASK is {allotted!r}, not a positive whole number:"
                " correct it, or unset it"
            )
        return int(allotted)
    if hasattr(os, "sched_getaffinity"):
        usable = len(os.sched_getaffinity(0))
    else:
        usable = os.cpu_count() or 1
    quota = _cgroup_quota()
    return usable if quota is None else max(1, min(usable, quota))


@contextlib.contextmanager
def one_blas_thread() -> Iterator[None]:
    """Hold every BLAS in the process to one thread inside the block, and restore them after it.

    numpy and scipy each bring a copy of OpenBLAS, and a copy can be held only once it is loaded: so
    scipy's is loaded first.

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


def _cgroup_quota() -> int | None:
    """Return how many processors the control groups grant, rounded up; None without a bound."""
    shares = [share for folder in _cgroup_folders() for share in _shares_of(folder)]
    return None if not shares else max(1, -int(-min(shares) // 1))


def _cgroup_folders() -> Iterator[Path]:
    try:
        lines = _MEMBERSHIP.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, group = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        root = _CGROUPS / controllers if controllers else _CGROUPS
        inside = root / group.strip("/")
        yield from (folder for folder in (inside, *inside.parents) if folder.is_relative_to(root))


def _shares_of(folder: Path) -> Iterator[float]:
    with contextlib.suppress(OSError, ValueError):
        quota, period = (folder / "cpu.max").read_text().split()
        yield int(quota) / int(period)
    with contextlib.suppress(OSError, ValueError):
        granted = int((folder / "cpu.cfs_quota_us").read_text())
        if granted > 0:
            yield granted / int((folder / "cpu.cfs_period_us").read_text())
